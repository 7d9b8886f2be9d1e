"""A real Milvus server that tests start, kill and start again: one process group in a separate network."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
BINARY, URI = "MILVUS_SERVER", "MILVUS_URI"
HOST, PORT = "127.0.0.1", 19530
SECONDS_TO_START = 180
# The system keeps the port of a killed server for a minute if clients were connected to it.
SECONDS_TO_FREE = 90


def wait_for_port(seconds):
    """Wait until the port is free. Otherwise the launcher silently takes another one, where no test would look."""
    ends = time.monotonic() + seconds
    while True:
        try:
            with socket.socket() as probe:
                return probe.bind((HOST, PORT))
        except OSError:
            if time.monotonic() > ends:
                raise TimeoutError(f"{HOST}:{PORT} is still in use after {seconds} s") from None
        time.sleep(0.2)


class Server:
    """A server that keeps its data in a folder."""

    uri = f"milvus://{HOST}:{PORT}"

    def __init__(self, folder):
        self._folder, self._process = folder, None

    def start(self):
        """Start it and wait until it listens; it may not be ready for requests yet."""
        wait_for_port(SECONDS_TO_FREE)
        command = [os.environ[BINARY], "--data", str(self._folder), "--proxy-port", str(PORT)]
        with open(self._folder / "server.log", "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        ends = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < ends:
            try:
                return socket.create_connection((HOST, PORT), 1).close()
            except OSError:
                time.sleep(0.2)
        raise TimeoutError(f"Milvus does not listen after {SECONDS_TO_START} s; see {self._folder / 'server.log'}")

    def kill(self):
        """End the launcher and the server as a power cut would."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class OperatorsServer:
    """An operator's own cluster, which no test may kill."""

    def __init__(self, uri):
        self.uri = uri.rstrip("/")

    def clear(self, prefix):
        """Delete what tests published."""
        from pymilvus import MilvusClient

        from lookalike.milvus.server import parse_address
        from lookalike.settings import Settings

        token = Settings.from_environment().milvus_token
        client = MilvusClient(parse_address(f"{self.uri}/any").uri, token=token)
        for collection in client.list_collections():
            if collection.startswith(prefix):
                for alias in client.list_aliases(collection)["aliases"]:
                    client.drop_alias(alias)
                client.drop_collection(collection)
