"""`lookalike serve`: the app, with the settings that make it fit for strangers wherever it is started."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from lookalike.cli.options import NAME, Command

# Not imported: the terminal does not depend on Streamlit, it starts it.
WEB = "lookalike.web"
# A websocket's request has all cookies in one line. Those of a login with many claims do not fit into the 8 kB that
# websockets takes by default; 64 kB is what uvicorn takes of a request's head.
COOKIE_LINE = {"WEBSOCKETS_MAX_LINE_LENGTH": "65536"}


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.option(
    "--index", type=NAME, metavar="DIR", help="Folder of the index, or milvus://…; LOOKALIKE_INDEX or here if absent."
)
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="Port of the app; 8501 if absent.")
@click.option(
    "--address", type=NAME, metavar="HOST", help="Address to listen on; this machine alone, 127.0.0.1, if absent."
)
@click.option("--headless", is_flag=True, help="Do not open a browser.")
@click.option("--api", is_flag=True, help="Serve the HTTP API alone, without the page; see /docs there.")
def serve(index: str | None, port: int | None, address: str | None, headless: bool, api: bool) -> int:
    """Serve the app, with its index loaded before the first visitor.

    With LOOKALIKE_API=1 the app's server answers the HTTP API too. Every setting of Streamlit may be given in a
    STREAMLIT_… variable, which counts more than the app's own.
    """
    chosen = {"LOOKALIKE_INDEX": index, "STREAMLIT_SERVER_PORT": port, "STREAMLIT_SERVER_ADDRESS": address}
    if headless:
        chosen["STREAMLIT_SERVER_HEADLESS"] = "true"
    environment = COOKIE_LINE | os.environ | {name: str(value) for name, value in chosen.items() if value is not None}
    command = [sys.executable, "-m", "streamlit", "run", str(web_folder() / "server.py")]
    if api:
        command = [sys.executable, "-m", "uvicorn", f"{WEB}.api.server:create", "--factory", "--no-access-log"]
        command += ["--host", address or "127.0.0.1", "--port", str(port or 8501), "--no-server-header"]
    if os.name == "posix":
        # The server takes this process's place, so that a signal to it reaches the server.
        sys.stdout.flush()
        os.execve(sys.executable, command, environment)  # noqa: S606 # nosec B606 - our own server, no shell
    return subprocess.call(command, env=environment)  # noqa: S603 # nosec B603 - our own server, no shell


def web_folder() -> Path:
    """Return the folder of the package's web pages."""
    spec = find_spec(WEB)
    if spec is None or not spec.origin:
        raise click.ClickException("The package lookalike.web is missing. Install lookalike again.")
    return Path(spec.origin).parent
