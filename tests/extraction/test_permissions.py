"""Folders that may not be written or listed: one sentence says so, and the index stays."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from PIL import Image

from tests.support.data import ROOT

FILES = ("embeddings.pkl", "filenames.pkl", "index.json")


def content(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


AS_ANOTHER_USER = """
import os, sys
sys.path.insert(0, {root!r})
from lookalike.errors import LookalikeError
from lookalike.extraction.build import build_index
from lookalike.images.discovery import image_suffixes
from tests.support.toy import toy_embedder
image_suffixes()  # loads plugins that another user may not be allowed to read
toy = toy_embedder()
os.setgroups([]), os.setgid(10001), os.setuid(10001)
try:
    build_index(sys.argv[1] + "/images", sys.argv[1], toy)
except LookalikeError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("parts", [[], [".lookalike"], [".lookalike", "skipped.csv"]])
def test_a_folder_that_another_user_owns_is_reported_and_stays(toy_index, parts):
    """Nothing may be written, only the checkpoint, or everything except the index itself."""
    with TemporaryDirectory() as folder:  # pytest's own is closed to others
        other = Path(folder, "shop")
        shutil.copytree(toy_index, other)
        before = content(other)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        for part in parts:
            subprocess.run(["chmod", "-R", "a+rwX", str(other / part)], check=True)
        Image.new("RGB", (40, 60), "white").save(other / "images" / "5.png")
        command = [sys.executable, "-c", AS_ANOTHER_USER.format(root=str(ROOT)), str(other)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert "be written" in done.stdout and "another folder" in done.stdout and done.stdout.count("\n") == 1, done
        assert not done.stderr and content(other) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_that_may_not_be_listed_is_reported_and_loses_no_product(toy_index):
    with TemporaryDirectory() as folder:
        shop = Path(folder, "shop")
        shutil.copytree(toy_index, shop)
        (shop / "images" / "closed").mkdir()
        subprocess.run(["chmod", "-R", "a+rwX", folder], check=True)
        (shop / "images" / "closed").chmod(0o700)
        before = content(shop)
        command = [sys.executable, "-c", AS_ANOTHER_USER.format(root=str(ROOT)), str(shop)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert "closed cannot be listed (Permission denied)" in done.stdout and not done.stderr
        assert content(shop) == before
