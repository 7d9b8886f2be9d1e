"""A password's digest: the documented command makes it, and nothing but the password fits it."""

import re
import shlex
import subprocess
import sys

import pytest

from lookalike.serving.passwords import MAX_LETTERS, is_digest, is_password
from tests.support.data import ROOT


@pytest.fixture(scope="module")
def made():
    """The password and the digest that the command in deploy/README.md prints."""
    command = re.search(r'^python -c ".*scrypt.*"$', (ROOT / "deploy" / "README.md").read_text(), re.M)[0]
    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:]], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.split()


def test_the_documented_command_makes_a_strong_password_and_its_digest(made):
    password, digest = made
    assert len(password) >= 20 and is_digest(digest) and password not in digest
    assert is_password(password, digest)


def test_nothing_else_fits(made):
    password, digest = made
    for other in ("", password[:-1], password + " ", password.swapcase(), digest, "x" * (MAX_LETTERS + 1), "\ud800"):
        assert not is_password(other, digest)


SALT, HASH = "0" * 32, "0" * 128


@pytest.mark.parametrize(
    "digest",
    ["", "secret", "scrypt:", "scrypt:00:00", f"scrypt:{SALT}:{HASH[:64]}", f"sha256:{SALT}:{HASH}", "a" * 64,
     f"scrypt:{'g' * 32}:{HASH}", f"scrypt:{SALT}:{HASH}:1", f"{SALT}:{HASH}"],
)  # fmt: skip
def test_what_is_no_digest_lets_nobody_in(digest):
    assert not is_digest(digest) and not is_password("secret", digest) and not is_password(digest, digest)
