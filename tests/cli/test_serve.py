import os
import socket
import subprocess
import sys
import time
import tomllib

import pytest

from lookalike.cli.serve import streamlit_variables, web_folder
from tests.support.data import ROOT
from tests.support.server import wait_until_healthy

PACKAGED = web_folder() / "streamlit.toml"


def test_the_checkout_and_the_package_have_the_same_settings():
    assert (ROOT / ".streamlit" / "config.toml").read_bytes() == PACKAGED.read_bytes()


def test_every_setting_becomes_the_variable_that_streamlit_reads():
    from streamlit import config

    variables = streamlit_variables(PACKAGED)
    options = {option.env_var: option for option in config.get_config_options().values()}
    for section, settings in tomllib.loads(PACKAGED.read_text()).items():
        assert settings, section
    assert variables.keys() <= options.keys()
    assert variables["STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION"] == "true"
    assert variables["STREAMLIT_SERVER_MAX_UPLOAD_SIZE"] == "20"
    assert variables["STREAMLIT_THEME_LIGHT_PRIMARY_COLOR"].startswith("#")


@pytest.fixture
def served(demo_index, tmp_path):
    """The address of `lookalike serve`, started in an empty folder, its process and the file of its log."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "lookalike", "serve", "--headless", "--port", str(port), "--index", demo_index]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
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
    page.set_input_files("input[type=file]", sorted((ROOT / "images").glob("*.jpg"))[0])
    page.locator("[class*=st-key-card-] img").first.wait_for(timeout=60_000)
    process.terminate()
    process.wait(timeout=30)
    assert log.read_text().count('"event": "index"') == 1
