"""Serves Agent Sandbox's python runtime on every address of a Pod network at once: one process is all Pods' runtime.

Before: the runtime's folder, a network of this machine as 127.16.4.0/22, a port. After: it answers there,
in an environment of its own; the listening sockets are ours because uvicorn's command line takes one address only, and
0.0.0.0 would let no second plane have the port.
"""

import importlib
import resource
import socket
import sys
from ipaddress import ip_network

import uvicorn

folder, network, port = sys.argv[1:]
sys.path.insert(0, folder)
application = importlib.import_module("main").app
_, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # a socket an address, and those of clients
sockets = [socket.create_server((str(address), int(port))) for address in ip_network(network).hosts()]
uvicorn.Server(uvicorn.Config(application, log_level="warning")).run(sockets=sockets)
