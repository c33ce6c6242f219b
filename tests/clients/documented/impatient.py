"""A program that waits two seconds for a sandbox of a pool, and no longer. Then the SDK deletes the claim it made."""

import sys

from k8s_agent_sandbox import SandboxClient

try:
    SandboxClient().create_sandbox(sys.argv[1], sandbox_ready_timeout=2)
except TimeoutError as error:
    print(error)
