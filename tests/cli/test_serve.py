import json
import os
import socket
import subprocess
import sys
import time

import pytest

from lookalike.cli.serve import web_folder
from tests.support.data import ROOT
from tests.support.server import wait_until_healthy

PACKAGED = web_folder() / ".streamlit" / "config.toml"


def test_the_checkout_and_the_package_have_the_same_settings():
    assert (ROOT / ".streamlit" / "config.toml").read_bytes() == PACKAGED.read_bytes()


def test_the_settings_hold_wherever_the_server_is_started(tmp_path):
    """Streamlit itself says which settings are in force in an empty folder."""
    asked = ("server.maxUploadSize", "client.showErrorDetails", "server.address", "server.xsrfCookieSameSite")
    script = (
        "import json, sys; from streamlit import config; config._main_script_path = sys.argv[1];"
        "print(json.dumps([config.get_option(name) for name in sys.argv[2:]]))"
    )
    command = [sys.executable, "-c", script, web_folder() / "server.py", *asked]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(found.stdout) == [20, "none", "127.0.0.1", "strict"]


COMMANDS = {
    "lookalike serve": [sys.executable, "-m", "lookalike", "serve", "--headless", "--port"],
    "streamlit run": [sys.executable, "-m", "streamlit", "run", web_folder() / "server.py", "--server.port"],
}


@pytest.fixture(params=COMMANDS)
def served(request, demo_index, tmp_path):
    """The address of a server that either command started in an empty folder, its process and its log."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [*COMMANDS[request.param], str(port)]
    environment = {**os.environ, "LOOKALIKE_INDEX": str(demo_index), "STREAMLIT_SERVER_HEADLESS": "true"}
    if "serve" in command:
        environment["PYTHONPATH"] = str(ROOT)
    log = tmp_path / "log"
    with open(log, "w") as stderr:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=stderr)
    wait_until_healthy(f"http://127.0.0.1:{port}")
    yield f"http://127.0.0.1:{port}", process, log
    process.terminate()
    process.wait(timeout=30)


def test_it_serves_from_an_empty_folder_with_its_index_loaded_before_the_first_visitor(served, browser):
    address, process, log = served
    end = time.monotonic() + 60
    while '"event": "index"' not in log.read_text() and time.monotonic() < end:
        time.sleep(0.1)
    assert '"event": "index"' in log.read_text()
    page = browser.new_page()
    page.goto(address)
    page.get_by_test_id("stFileUploader").first.wait_for(timeout=60_000)
    assert "20MB per file" in page.get_by_test_id("stFileUploader").inner_text()
    page.set_input_files("input[type=file]", sorted((ROOT / "images").glob("*.jpg"))[0])
    page.locator("[class*=st-key-card-] img").first.wait_for(timeout=60_000)
    process.terminate()
    process.wait(timeout=30)
    assert log.read_text().count('"event": "index"') == 1
