"""The disk fails under the running app, through AppTest: answers still come, and the page says what is missing."""

import shutil
import subprocess
import sys

import pytest
from PIL import Image

from lookalike.serving.uploads import keep
from lookalike.web import texts
from lookalike.web.catalogue import texts as catalogue_texts
from tests.support.app_page import button, open_product, photo, results, upload
from tests.support.data import ROOT


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small shop whose index, made by the real script, names its pictures by relative paths."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "images").mkdir()
    for path in sorted((ROOT / "images").glob("*.jpg"))[:12]:
        shutil.copy(path, folder / "images")
    command = [sys.executable, "extract_features.py", "--backbone", "efficientnet-lite0", "--output", str(folder)]
    subprocess.run([*command, "--images", str(folder / "images")], cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture
def shop(made, tmp_path):
    """A copy of it, which a test may destroy."""
    return shutil.copytree(made, tmp_path / "shop")


def results_without_errors(app):
    """Return the identities of the products shown, on a page without an error."""
    assert not app.exception and not app.error
    return results(app)


def count_missing(app):
    """Return how many pictures the page says are not available."""
    return sum(caption.value == texts.IMAGE_MISSING for caption in app.caption)


def move_away(images):
    images.rename(images.with_name("away"))


def unmount(images):
    """Leave what remains when a disk is unmounted: an empty folder."""
    move_away(images)
    images.mkdir()


@pytest.mark.parametrize("lose", [move_away, unmount])
def test_pictures_that_disappear_are_reported_and_come_back(open_app, shop, lose):
    images = shop / "images"
    app = upload(open_app(shop), photo(20).read_bytes())
    before = results_without_errors(app)
    assert len(before) == 5 and count_missing(app) == 0
    lose(images)
    assert results_without_errors(app.run()) == before and count_missing(app) == 5
    new = upload(open_app(shop), photo(21).read_bytes())
    assert len(results_without_errors(new)) == 5 and count_missing(new) == 5
    shutil.rmtree(images, ignore_errors=True)
    images.with_name("away").rename(images)
    assert results_without_errors(app.run()) == before and count_missing(app) == 0


def test_a_product_without_its_picture_is_still_a_query(open_app, shop):
    """Its vectors are in the index. Only “Why?” and a region of it need the picture, and say so."""
    move_away(shop / "images")
    app = open_app(shop)
    assert not app.exception
    first = results_without_errors(open_product(app, photo().stem))[0]
    assert count_missing(app) == 6
    button(app, f"why-{first}").click().run()
    assert not app.exception and texts.WHY_MISSING in [caption.value for caption in app.caption]
    app.query_params["part"] = "3334"
    assert not app.run().exception


def test_the_catalogue_page_opens_without_pictures(shop):
    from tests.web.test_catalogue_page import open_tab

    move_away(shop / "images")
    for tab in catalogue_texts.TABS:
        open_tab(shop, tab)


def test_an_index_whose_disk_disappears_is_answered_from_memory(open_app, shop):
    app = upload(open_app(shop), photo(20).read_bytes())
    before = results_without_errors(app)
    shop.rename(shop.with_name("gone"))
    assert results_without_errors(app.run()) == before and count_missing(app) == 5
    new = upload(open_app(shop), photo(21).read_bytes())
    assert len(results_without_errors(new)) == 5
    shop.with_name("gone").rename(shop)
    assert results_without_errors(app.run()) == before and count_missing(app) == 0


@pytest.fixture(params=["in a file", "read-only", "full"])
def refusing_folder(request, tmp_path):
    """A folder that accepts no photo: its parent is a file, or a real file system refuses."""
    if request.param == "in a file":
        (tmp_path / "file").touch()
        yield tmp_path / "file" / "uploads"
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro" if request.param == "read-only" else "size=4k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine lets no test mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_photo_that_cannot_be_kept_is_still_answered(open_app, shop, refusing_folder):
    app = upload(open_app(shop, LOOKALIKE_KEEP_UPLOADS=refusing_folder), photo(20).read_bytes())
    assert len(results_without_errors(app)) == 5
    assert not refusing_folder.exists() or not list(refusing_folder.iterdir())


def test_a_half_written_photo_is_removed(tmp_path, refusing_folder):
    """What a full disk accepted of it is removed, so that the photo can be kept once there is room."""
    with Image.open(photo(20)) as image:
        assert keep(image, "0" * 64, refusing_folder) is None
        assert keep(image, "0" * 64, tmp_path / "room").stat().st_size > 4096
