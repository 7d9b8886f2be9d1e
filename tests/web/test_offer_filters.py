"""Filtering by price, size and stock on the page and in the API's service, over a shop whose table has them."""

import csv
import shutil
from dataclasses import replace

import pytest

from lookalike.extraction.build import build_index
from lookalike.serving.state import ServerState
from lookalike.settings import Settings
from lookalike.web import texts
from lookalike.web.api.problems import Problem
from lookalike.web.api.service import Service
from tests.support.app_page import open_product, results
from tests.support.data import ROOT

COUNT = 20


@pytest.fixture(scope="module")
def shop(embedder, tmp_path_factory):
    """The folder of an index of products 0 to 19 that cost 10, 20, … EUR, each fourth sold out, in sizes S, M and L."""
    folder = tmp_path_factory.mktemp("priced")
    (folder / "images").mkdir()
    with open(folder / "styles.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "title", "price", "availability", "size"))
        for number, path in enumerate(sorted((ROOT / "images").glob("*.jpg"))[:COUNT]):
            shutil.copy(path, folder / "images" / f"{number}.jpg")
            stock = "out_of_stock" if number % 4 == 0 else "in_stock"
            writer.writerow((number, f"Thing {number}", f"{10 * number + 10},00 €", stock, "SML"[number % 3]))
    build_index(folder / "images", folder, embedder, styles=folder / "styles.csv")
    return folder


def test_a_shopper_filters_by_price_size_and_stock(open_app, shop):
    app = open_product(open_app(shop), "0", count="50")
    pills = {pills.label: pills for pills in app.get("button_group")}
    assert {"Price", "Size", "Availability"} <= pills.keys()
    assert (pills["Price"].options[0], pills["Price"].options[-1]) == ("up to €50 (5)", "€150 and more (6)")
    assert "in stock (15)" in pills["Availability"].options
    everything = set(results(app))
    app.query_params.update({"only.price": "50..80", "only.availability": "in stock", "only.size": ["S", "M"]})
    app.run()
    assert not app.exception
    expected = {str(n) for n in range(1, COUNT) if 50 <= 10 * n + 10 <= 80 and n % 4 and n % 3 < 2}
    assert set(results(app)) == expected & everything and expected
    assert any(button.label == texts.escape_markdown("€50–€80") for button in app.button)


def test_programs_filter_by_any_range(shop):
    service = Service(ServerState(replace(Settings.from_environment(), index=str(shop))))
    recommender = service.recommender()
    vectors, ranges = recommender.product_vectors(recommender.row("0")), ["35..61.5", "199.."]
    found = recommender.distinct_matches(vectors, 50, filters={"price": ranges})
    assert {match.product.id for match in found} == {"3", "4", "5", "19"}
    assert list(service.facets({})["price"])[0].startswith("..")
    with pytest.raises(Problem, match="cheap is no range of prices"):
        service.similar("anybody", product="0", filters={"price": ["cheap"]})
