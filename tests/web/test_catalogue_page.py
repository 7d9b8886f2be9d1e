"""The page Catalogue: through Streamlit's AppTest on small indexes, and in a real Chromium."""

import codecs
import csv
import io
import shutil
import subprocess
import sys
import threading
import time

import pytest
from PIL import Image
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from lookalike.extraction.build import build_index
from lookalike.serving.admission import FairQueue
from lookalike.serving.state import server_state
from lookalike.web.catalogue import page as catalogue_page
from lookalike.web.catalogue import texts
from lookalike.web.texts import MORE_LIKE_THIS
from tests.support.browser import SIZES, open_catalogue
from tests.support.data import ROOT

PICTURES = "[...document.querySelectorAll('[class*=st-key-tile] img')]"


def script(folder):
    from types import SimpleNamespace

    from lookalike.index.reading import load_index
    from lookalike.search.loading import index_version
    from lookalike.web.catalogue import page

    page.show(SimpleNamespace(index=load_index(folder)), folder, index_version(folder))


def open_tab(folder, tab=texts.OVERVIEW):
    app = AppTest.from_function(script, args=(str(folder),), default_timeout=120)
    app.session_state["tab"] = tab
    app.run()
    assert not app.exception and not app.error
    return app


def said(app):
    elements = (app.markdown, app.caption, app.info, app.text)
    return "\n".join(element.value for kind in elements for element in kind)


def charts(app):
    return app.get("arrow_vega_lite_chart") + app.get("vega_lite_chart")


@pytest.fixture
def twins(catalogue, toy):
    """The toy shop with a fifth picture, as red as the first but called black, and a broken file."""
    Image.new("RGB", (40, 60), "red").save(catalogue / "5.png")
    (catalogue / "6.png").write_bytes(b"broken")
    with open(catalogue.parent / "styles.csv", "a") as table:
        table.write('\n5,Women,Black,"=HYPERLINK(1)"')
    build_index(catalogue, catalogue.parent, toy, catalogue.parent / "styles.csv")
    return catalogue.parent


def test_the_first_tab_counts_products_and_lists_skipped_files(twins):
    app = open_tab(twins)
    assert [metric.value for metric in app.metric[:2]] == ["5", "1"]
    assert "toy" in said(app) and "look (3 numbers)" in said(app) and "5 of 5 products have attributes" in said(app)
    assert app.dataframe[0].value["path"].tolist() == ["images/6.png"]
    assert app.selectbox[0].options == ["baseColour", "productDisplayName"]


def test_every_tab_works_without_attributes(catalogue, toy):
    build_index(catalogue, catalogue.parent, toy)
    assert texts.NO_ATTRIBUTES in said(open_tab(catalogue.parent))
    assert "4 products" in said(open_tab(catalogue.parent, texts.MAP))
    assert texts.NO_SAME in said(open_tab(catalogue.parent, texts.SAME))
    assert texts.NO_ATTRIBUTES in said(open_tab(catalogue.parent, texts.DOUBTS))


def test_the_map_is_drawn_and_narrowed(twins):
    app = open_tab(twins, texts.MAP)
    assert len(charts(app)) == 1 and "5 products" in said(app)
    app.selectbox[1].select("Black").run()
    assert not app.exception and "1 product." in said(app)


def test_products_with_the_same_picture_are_shown_with_the_attributes_that_differ(twins):
    app = open_tab(twins, texts.SAME)
    text = said(app)
    assert "1 picture, shared by 2 products" in text and "identical picture" in text
    assert "baseColour: Red" in text and "baseColour: Black" in text
    app.toggle[0].set_value(True).run()
    assert "1 picture, shared by 2 products" in said(app)


def test_doubtful_attributes_are_shown_column_by_column(demo_index):
    app = open_tab(demo_index, texts.DOUBTS)
    assert [control.label for control in app.get("button_group")] == [texts.COLUMN]
    assert "neighbors say so" in said(app) or "disagrees with" in said(app)


def test_a_columns_name_is_shown_unchanged_to_choose_it(tmp_path, toy):
    (tmp_path / "images").mkdir()
    rows = ["id,*size*"]
    for number in range(8):
        Image.new("RGB", (40, 60), (250 - number, number, 0)).save(tmp_path / "images" / f"{number}.png")
        rows.append(f"{number},{'S' if number % 2 else 'L'}")
    (tmp_path / "styles.csv").write_text("\n".join(rows))
    build_index(tmp_path / "images", tmp_path, toy, tmp_path / "styles.csv")
    app = open_tab(tmp_path, texts.DOUBTS)
    assert app.segmented_control[0].options == [r"\*size\*"]


def test_only_the_open_tab_is_computed(twins, monkeypatch):
    from lookalike.analysis import audit, catalogue_map

    def never(*args):
        raise AssertionError("computed although its tab is closed")

    monkeypatch.setattr(audit, "find_duplicates", never)
    monkeypatch.setattr(audit, "nearest_products", never)
    monkeypatch.setattr(catalogue_map, "place_products", never)
    open_tab(twins)


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")], ids="-".join)
def page(request, visit):
    """The page, reached as a visitor reaches it, at both sizes and in both themes."""
    size, scheme = request.param
    page = open_catalogue(visit(size, color_scheme=scheme))
    expect(page.get_by_text(texts.LEAD)).to_be_in_viewport()
    return page


def wait_until_drawn(page):
    """Wait until the open tab is complete, pictures included: one that disappears while loading counts as missing."""
    open_tab = page.locator("[role=tabpanel]:visible")
    expect(open_tab.locator("[data-testid=stElementContainer]:visible").first).to_be_visible()
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState == 'notRunning'")
    expect(page.get_by_test_id("stSpinner")).to_have_count(0)
    page.wait_for_function(f"{PICTURES}.every(picture => picture.complete && picture.naturalWidth > 0)")


def test_every_tab_fits_the_screen(page):
    for tab in texts.TABS:
        page.get_by_role("tab", name=tab).click()
        wait_until_drawn(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), tab
        assert page.evaluate(f"{PICTURES}.every(picture => picture.alt)"), tab


def test_a_dot_shows_its_product_and_leads_to_products_like_it(page):
    page.get_by_role("tab", name=texts.MAP).click()
    expect(page.get_by_text(texts.CHOOSE)).to_be_visible()
    dot = page.locator("[data-testid=stVegaLiteChart] .mark-symbol path").first
    dot.scroll_into_view_if_needed()
    (dot.tap if page.viewport_size["width"] < 600 else dot.click)(force=True)
    card = page.locator(".st-key-tile-chosen")
    expect(card).to_be_visible()
    card.get_by_text(MORE_LIKE_THIS).click()
    page.wait_for_url("**/?product=*")


@pytest.fixture(scope="module")
def twin_shop(serve, tmp_path_factory):
    """The address of a shop of four products, two of them with one picture."""
    folder = tmp_path_factory.mktemp("twins")
    (folder / "images").mkdir()
    for name, path in zip("abc", sorted((ROOT / "images").glob("*.jpg"))):
        shutil.copy(path, folder / "images" / f"{name}.jpg")
    shutil.copy(folder / "images" / "a.jpg", folder / "images" / "d.jpg")
    command = [sys.executable, "extract_features.py", "--backbone", "efficientnet-lite0"]
    command += ["--images", str(folder / "images"), "--output", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return serve(folder, LOOKALIKE_STAFF_PAGE="1")


def test_findings_can_be_downloaded(visit, twin_shop):
    page = visit(address=twin_shop)
    page.get_by_test_id("stFileUploader").first.wait_for()
    page.get_by_role("link", name=texts.TITLE).click()
    page.get_by_role("tab", name=texts.SAME).click()
    with page.expect_download() as download:
        page.get_by_text(texts.DOWNLOAD).click()
    content = download.value.path().read_bytes()
    assert content.startswith(codecs.BOM_UTF8), "without it, Excel misreads letters"
    header, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert header == ["group", "distance", "id", "path"] and [line[2] for line in lines] == ["a", "d"]


def test_what_the_pictures_show_can_be_downloaded(visit, twin_shop):
    page = visit(address=twin_shop)
    page.get_by_test_id("stFileUploader").first.wait_for()
    page.get_by_role("link", name=texts.TITLE).click()
    expect(page.get_by_text(texts.TAGS_TITLE)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_text(texts.DOWNLOAD).first.click()
    header, *lines = csv.reader(io.StringIO(download.value.path().read_bytes().decode("utf-8-sig")))
    assert header[:2] == ["id", "gender"] and "articleType sure" in header
    assert [line[0] for line in lines] == ["a", "b", "c", "d"] and lines[0][1:] == lines[3][1:]
    assert download.value.suggested_filename == "tags.csv"


def test_the_pages_address_works_as_the_first_request_to_a_server(serve, demo_index, browser):
    page = browser.new_page()
    page.goto(serve(demo_index, LOOKALIKE_STAFF_PAGE="1") + "/catalogue")
    expect(page.get_by_text(texts.LEAD)).to_be_visible(timeout=20_000)


def test_of_a_large_catalogue_in_memory_a_sample_is_compared_and_the_page_says_so(twins, monkeypatch):
    monkeypatch.setattr(catalogue_page, "MAX_COMPARED", 3)
    for tab in (texts.MAP, texts.SAME, texts.DOUBTS):
        assert texts.sample_note(3, 5) in said(open_tab(twins, tab))
    monkeypatch.setattr(catalogue_page, "MAX_COMPARED", 5)
    assert "random sample" not in said(open_tab(twins, texts.SAME))


def test_comparisons_take_turns_with_everybodys_questions(twins, monkeypatch):
    monkeypatch.setattr(server_state(), "queue", FairQueue(1))
    opened = threading.Thread(target=open_tab, args=(twins, texts.SAME), daemon=True)
    with server_state().queue.slot("somebody else"):
        opened.start()
        end = time.monotonic() + 60
        while not server_state().queue.waiting and time.monotonic() < end:
            time.sleep(0.05)
        assert server_state().queue.waiting == 1
    opened.join(60)
    assert not opened.is_alive() and server_state().queue.waiting == 0
