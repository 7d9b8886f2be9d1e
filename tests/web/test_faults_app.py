"""The disk fails under the running app: the answer still comes, and what is missing is said to be."""

import shutil
import subprocess
import sys

import pytest

from lookalike.serving.uploads import keep
from lookalike.web import texts
from lookalike.web.catalogue import texts as catalogue_texts
from tests.support.app_page import button, photo, results, upload
from tests.support.data import ROOT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small shop whose index, made by the real script, names its pictures relative to itself."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "images").mkdir()
    for path in sorted((ROOT / "images").iterdir())[:12]:
        shutil.copy(path, folder / "images")
    command = [sys.executable, "extract_features.py", "--backbone", "efficientnet-lite0", "--output", str(folder)]
    subprocess.run([*command, "--images", str(folder / "images")], cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture
def shop(made, tmp_path):
    """A copy of it, which a test may take apart."""
    return shutil.copytree(made, tmp_path / "shop")


def sound(app):
    """The ids of the products shown, on a page without a fault."""
    assert not app.exception and not app.error
    return results(app)


def missing(app):
    """How many pictures the page says are not available."""
    return sum(caption.value == texts.IMAGE_MISSING for caption in app.caption)


def move_away(images):
    images.rename(images.with_name("away"))


def unmount(images):
    """What is left where a disk was mounted: an empty folder."""
    move_away(images)
    images.mkdir()


@pytest.mark.parametrize("lose", [move_away, unmount])
def test_pictures_that_go_under_the_running_app_are_said_to_and_come_back(open_app, shop, lose):
    images = shop / "images"
    app = upload(open_app(shop), photo(20).read_bytes())
    before = sound(app)
    assert len(before) == 5 and missing(app) == 0
    lose(images)
    assert sound(app.run()) == before and missing(app) == 5
    new = upload(open_app(shop), photo(21).read_bytes())
    assert len(sound(new)) == 5 and missing(new) == 5
    shutil.rmtree(images, ignore_errors=True)
    images.with_name("away").rename(images)
    assert sound(app.run()) == before and missing(app) == 0


def test_without_its_picture_a_product_is_still_a_query(open_app, shop):
    """Its vectors are in the index; why it is alike, and a region of it, need the picture and say so."""
    move_away(shop / "images")
    app = open_app(shop)
    assert not app.exception
    app.query_params["product"] = photo().stem
    first = sound(app.run())[0]
    assert missing(app) == 6
    button(app, f"why-{first}").click().run()
    assert not app.exception and texts.WHY_MISSING in [caption.value for caption in app.caption]
    app.query_params["part"] = "3334"
    assert not app.run().exception


def test_the_catalogue_page_opens_without_pictures(shop):
    from test_catalogue_page import open_tab

    move_away(shop / "images")
    for tab in catalogue_texts.TABS:
        open_tab(shop, tab)


def test_an_index_that_goes_with_its_disk_is_answered_from_memory(open_app, shop):
    app = upload(open_app(shop), photo(20).read_bytes())
    before = sound(app)
    shop.rename(shop.with_name("gone"))
    assert sound(app.run()) == before and missing(app) == 5
    new = upload(open_app(shop), photo(21).read_bytes())
    assert len(sound(new)) == 5
    shop.with_name("gone").rename(shop)
    assert sound(app.run()) == before and missing(app) == 0


@pytest.fixture(params=["in a file", "read-only", "full"])
def refusing(request, tmp_path):
    """A folder that takes no photo: its parent is a file, or a real file system refuses."""
    if request.param == "in a file":
        (tmp_path / "file").touch()
        yield tmp_path / "file" / "uploads"
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro" if request.param == "read-only" else "size=4k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_photo_that_cannot_be_kept_is_answered_all_the_same(open_app, shop, refusing):
    app = upload(open_app(shop, LOOKALIKE_KEEP_UPLOADS=refusing), photo(20).read_bytes())
    assert len(sound(app)) == 5
    assert not refusing.exists() or not list(refusing.iterdir())


def test_half_a_photo_never_stands_for_the_whole_one(tmp_path, refusing):
    """What a full disk took of it is removed, so that the photo is kept once there is room."""
    assert keep(photo(20).read_bytes(), refusing) is None
    assert keep(photo(20).read_bytes(), tmp_path / "room").stat().st_size > 4096
