"""Processes that tests start: servers of files, commands that a test stops by Ctrl-C, and what they cost."""

import contextlib
import os
import re
import signal
import subprocess
import sys


@contextlib.contextmanager
def serving_files(folder):
    """Serve a folder's files on this machine and give the port."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        yield int(re.search(r"port (\d+)", server.stdout.readline())[1])
        server.terminate()


def heed_ctrl_c():
    """Let Ctrl-C stop a process (a preexec_fn): jobs that a shell starts in the background ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def child_seconds():
    """Return the processor time in seconds of the processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system
