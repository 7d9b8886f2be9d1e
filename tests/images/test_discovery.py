"""Which files of a folder are the catalogue's: not what systems keep there, and images without a suffix are told."""

import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from PIL import Image

from lookalike.cli.indexing import summary
from lookalike.errors import CatalogueError
from lookalike.extraction.build import build_index
from lookalike.extraction.storage import Storage
from lookalike.images.discovery import find_images, find_unsuffixed_images
from lookalike.index.skipped import read_skipped
from tests.hostile.builders import bmp, encoded, halves
from tests.support.data import ROOT

SYSTEM_FOLDERS = [
    "@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", ".@__thumb", "$RECYCLE.BIN", "$Recycle.Bin",
    "RECYCLER", "System Volume Information", "lost+found", "__MACOSX", "Network Trash Folder", "found.000",
]  # fmt: skip
PRODUCTS = ["1.jpg", "shoes/2.jpg", "@home/3.jpg", "#1 hits/4.jpg", "$5/5.jpg", "recycled denim/6.jpg"]


def write(folder, names, content=b"x"):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def shop(tmp_path):
    """The folder of a shop's images, on a disk of network storage, Windows and macOS."""
    write(tmp_path, PRODUCTS)
    write(tmp_path, [f"{folder}/deep/er/thumb.jpg" for folder in SYSTEM_FOLDERS])
    write(tmp_path, [f"shoes/{folder}/thumb.jpg" for folder in SYSTEM_FOLDERS])
    return tmp_path


def test_what_systems_keep_in_folders_is_no_product(shop):
    assert [path.relative_to(shop).as_posix() for path in find_images(shop)] == sorted(PRODUCTS)


def test_what_systems_keep_is_no_product_in_an_archive_either(shop, tmp_path_factory):
    pytest.importorskip("fsspec")
    archive = tmp_path_factory.mktemp("zip") / "shop.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for parent, _, names in os.walk(shop):
            for name in names:
                path = os.path.join(parent, name)
                file.write(path, os.path.relpath(path, shop))
    found = Storage(f"zip:///::file://{archive}").find(archive.parent)
    assert [file.name for file in found] == sorted(PRODUCTS)


AS_ANOTHER_USER = """
import os, sys
sys.path.insert(0, {root!r})
from lookalike.errors import LookalikeError
from lookalike.images.discovery import find_images, image_suffixes
image_suffixes()  # loads plugins that another user may not be allowed to read
os.setgroups([]), os.setgid(10001), os.setuid(10001)
try:
    print(len(find_images(sys.argv[1])))
except LookalikeError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_a_system_folder_that_cannot_be_read_stops_nothing():
    """Nobody may read lost+found, and nobody can move it. The folder of a product is another matter."""

    def find_as_another_user():
        command = [sys.executable, "-c", AS_ANOTHER_USER.format(root=str(ROOT)), folder]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    with TemporaryDirectory() as folder:  # pytest's own is closed to others
        write(Path(folder), ["1.jpg", "lost+found/2.jpg", "shoes/System Volume Information/3.jpg", "shoes/4.jpg"])
        os.chmod(folder, 0o755)  # noqa: S103
        for closed in ("lost+found", "shoes/System Volume Information"):
            Path(folder, closed).chmod(0o700)
        assert find_as_another_user() == "2\n"
        Path(folder, "shoes").chmod(0o700)
        assert "shoes cannot be listed (Permission denied). Allow it, or move it away" in find_as_another_user()


IMAGES = {kind: encoded(halves(), kind) for kind in ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")}
OTHERS = {
    "notes.txt": b"BMW, and more of it, as a text that begins like a bitmap",
    "clip.mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(99),
    "clip.mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(99),
    "table.csv": b"id,title\n1,x\n",
    "empty": b"",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "short": b"\xff",
    ".hidden": IMAGES["PNG"],
    "@eaDir/thumb": IMAGES["PNG"],
    "raw.NEF": IMAGES["TIFF"],
    "raw.dng": IMAGES["TIFF"],
}


def test_images_without_an_image_suffix_are_found_by_their_first_bytes(tmp_path):
    for number, (kind, content) in enumerate(IMAGES.items()):
        write(tmp_path, [f"{number} {kind}", f"more/{number}.{kind}_large", f"{number}.jpg"], content)
    for name, content in OTHERS.items():
        write(tmp_path, [name], content)
    os.mkfifo(tmp_path / "pipe")
    found = {path.relative_to(tmp_path).as_posix() for path in find_unsuffixed_images(tmp_path)}
    expected = {f"{number} {kind}" for number, kind in enumerate(IMAGES)}
    assert found == expected | {f"more/{number}.{kind}_large" for number, kind in enumerate(IMAGES)}
    assert len(find_images(tmp_path)) == len(IMAGES)


@pytest.mark.parametrize("size", [12, 40, 108, 124])
def test_every_version_of_a_bitmap_is_told(tmp_path, size):
    content = bmp(8, 8, bytes(192))
    write(tmp_path, ["picture"], content[:14] + struct.pack("<L", size) + content[18:])
    assert len(find_unsuffixed_images(tmp_path)) == 1


def test_a_run_tells_how_many_images_without_a_suffix_it_left_out(tmp_path, toy):
    write(tmp_path / "images", ["1.jpg"], IMAGES["JPEG"])
    write(tmp_path / "images", ["2", "3.jpg.part"], IMAGES["JPEG"])
    report = build_index(tmp_path / "images", tmp_path, toy)
    assert (report.found, report.indexed, report.unsuffixed) == (3, 1, 2)
    assert summary(report, str(tmp_path)).endswith("2 files without an image suffix were left out.")
    reasons = dict(read_skipped(tmp_path))
    assert reasons.keys() == {"images/2", "images/3.jpg.part"}
    assert all("has no image suffix. Rename it" in reason for reason in reasons.values())


def test_a_folder_of_nothing_but_images_without_a_suffix_gets_a_sentence(tmp_path):
    write(tmp_path, ["1", "2"], encoded(Image.new("RGB", (8, 8)), "PNG"))
    with pytest.raises(CatalogueError, match="There is no image in .*2 files there are images without an image suffix"):
        find_images(tmp_path)


def test_a_file_that_cannot_be_read_is_not_told(tmp_path):
    write(tmp_path, ["1.jpg"])
    os.symlink(tmp_path / "gone", tmp_path / "link")
    assert find_unsuffixed_images(tmp_path) == []
