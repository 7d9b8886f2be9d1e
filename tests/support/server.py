"""Real app servers: start one over an index, wait until it answers."""

import hashlib
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.support.data import ROOT


def searched_index(folder: Path) -> str:
    """The folder of an index; where tests/scale names a Milvus server, the address the index is published to there."""
    server = os.environ.get("LOOKALIKE_TEST_MILVUS")
    if not server or not Path(folder, "index.json").is_file():
        return str(folder)
    address = f"{server}/lookalike_test_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    command = [sys.executable, "-m", "lookalike", "publish", "--index", str(folder), "--to", address]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return address


def wait_until_healthy(address: str, path: str = "/_stcore/health", seconds: float = 60) -> None:
    """Return once the server at address answers its health check; raise TimeoutError after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}{path}", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"{address} did not answer within {seconds} s")
