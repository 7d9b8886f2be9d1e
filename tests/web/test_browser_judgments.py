"""Likes and dislikes in a real browser: they change what is shown, can be taken back, and stand in the address."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from lookalike.web import texts
from tests.support.browser import (
    SIZES,
    button,
    cards,
    expect_answer,
    expect_names,
    expect_other_names,
    names,
    product_path,
)


@pytest.mark.parametrize("size", SIZES)
def test_judgments_move_the_results_and_can_be_taken_back(visit, size):
    page = visit(size, product_path())
    first, judged = names(page), page.locator(".st-key-judged [class*=st-key-judged-]")
    cards(page).first.get_by_role("button", name=texts.DISLIKE, exact=True).click()
    page.wait_for_url(re.compile("disliked="))
    second = expect_other_names(page, first)
    assert first[0] not in second
    expect(judged).to_contain_text(first[:1])
    cards(page).nth(1).get_by_role("button", name=texts.LIKE, exact=True).click()
    page.wait_for_url(re.compile("[?&]liked="))
    expect(judged).to_contain_text([second[1], first[0]])
    third = names(page)
    assert first[0] not in third
    parts = urlsplit(page.url)
    other = visit(size, f"/?{parts.query}")
    expect_names(other, third)
    for left in (1, 0):
        judged.last.locator(".stButton button").click()
        expect(judged).to_have_count(left)
    expect_names(page, first)
    page.go_back()
    expect(judged).to_have_count(1)


def test_more_like_this_starts_without_judgments(visit):
    page = visit("phone", product_path())
    expect_answer(page)
    cards(page).nth(2).get_by_role("button", name=texts.LIKE, exact=True).click()
    page.wait_for_url(re.compile("[?&]liked="))
    expect_answer(page)
    button(page, texts.MORE_LIKE_THIS).first.click()
    page.wait_for_url(lambda url: "liked=" not in url)
    expect(page.locator(".st-key-judged")).to_have_count(0)


@pytest.mark.parametrize("judged", ["liked=nobody", "disliked=nobody", "liked=" + "x" * 500, "liked=&disliked="])
def test_an_address_may_name_anything(visit, judged):
    page = visit("desktop", product_path() + "&" + judged)
    expect_answer(page)
    expect(page.locator(".st-key-judged")).to_have_count(0)
