"""Serves Agent Sandbox's python runtime on every address of a Pod network at once: one process is all Pods' runtime.

Before: the runtime's folder, the first three numbers of a /24 network of this machine, a port. After: it answers there,
in an environment of its own; the listening sockets are ours because uvicorn's command line takes one address only, and
0.0.0.0 would let no second plane have the port.
"""

import importlib
import socket
import sys

import uvicorn

folder, network, port = sys.argv[1:]
sys.path.insert(0, folder)
application = importlib.import_module("main").app
addresses = [(f"{network}.{host}", int(port)) for host in range(1, 255)]
sockets = [socket.create_server(address) for address in addresses]
uvicorn.Server(uvicorn.Config(application, log_level="warning")).run(sockets=sockets)
