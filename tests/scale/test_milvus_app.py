"""The app's own browser tests, unchanged, over an index in Milvus."""

import os
import re
import subprocess
import sys

from tests.scale.milvus_server import ROOT
from tests.support.data import NO_REAL_DATA

# What the browser does with restarts, sizes, fingers and headers does not depend on where the index lies.
ELSEWHERE = ("test_browser_visit.py", "test_browser_phone.py", "test_browser_layout.py", "test_browser_policy.py")
IN_PARALLEL = ["-n", "2", "--dist", "loadfile", "--max-worker-restart", "0"]
FILES = [path for path in sorted(ROOT.glob("tests/web/test_browser*.py")) if path.name not in ELSEWHERE]


def test_the_browser_tests_pass_with_the_index_in_milvus(milvus, chromium):
    """Their fixtures publish each index that they serve; see searched_index in tests/support/server.py."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rfEs", *IN_PARALLEL, *map(str, FILES)]
    # Without the options of this run: the list of the slowest tests would push the failures out of the message.
    environment = {**os.environ, "LOOKALIKE_TEST_MILVUS": milvus.uri, "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-20_000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 30
    skipped = re.findall(r"^SKIPPED .*", done.stdout, re.MULTILINE)
    assert all(NO_REAL_DATA in line for line in skipped), skipped
