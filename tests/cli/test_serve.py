import os
import socket
import subprocess
import sys
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
    """The address of `lookalike serve`, started in an empty folder, and the process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "lookalike", "serve", "--headless", "--port", str(port), "--index", demo_index]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    wait_until_healthy(f"http://127.0.0.1:{port}")
    yield f"http://127.0.0.1:{port}", process
    process.terminate()
    process.communicate(timeout=30)


def test_it_serves_from_an_empty_folder_and_ends_with_its_signal(served, browser, demo_index):
    address, process = served
    page = browser.new_page()
    page.goto(address)
    page.get_by_test_id("stFileUploader").first.wait_for(timeout=60_000)
    page.set_input_files("input[type=file]", sorted((ROOT / "images").glob("*.jpg"))[0])
    page.locator("[class*=st-key-card-] img").first.wait_for(timeout=60_000)
    process.terminate()
    assert '"event": "index"' in process.communicate(timeout=30)[1], "the index was not loaded by the server itself"
