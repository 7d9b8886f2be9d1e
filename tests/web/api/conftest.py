"""A real server of the API, shared by the tests of a file."""

import os
import socket
import subprocess
import sys

import pytest

from tests.support.data import ROOT
from tests.support.server import wait_until_healthy


@pytest.fixture(scope="module")
def start(demo_index):
    """Start the API alone: start(**environment) returns its address; index is another index than the demo's."""
    servers = []

    def run(index=demo_index, **environment):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "lookalike", "serve", "--api", "--index", str(index), "--port", str(port)]
        variables = {**os.environ, "LOOKALIKE_QUERIES_PER_MINUTE": "0", **environment}
        servers.append(subprocess.Popen(command, cwd=ROOT, env=variables))
        address = f"http://127.0.0.1:{port}"
        wait_until_healthy(address, "/healthz")
        return address

    run.servers = servers
    yield run
    for server in servers:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def api(start):
    return start()
