"""What refines the results: filters, the neighbors' words, the balance, and a result as the next query."""

from playwright.sync_api import expect

from lookalike.web import texts
from tests.support.browser import button, cards, expect_answer, expect_other_names, names


def test_a_filter_shows_its_count_and_still_gives_five_results(page):
    before = names(page)
    button(page, texts.FILTERS).click()
    boys = page.locator(".st-key-facet-gender").get_by_text("Boys (")
    boys.click()
    expect_other_names(page, before)
    page.keyboard.press("Escape")
    assert all("Boys" in card.inner_text() for card in cards(page).all()) and "only.gender=Boys" in page.url
    page.locator("[class*=st-key-chip-gender-Boys] button").click()
    expect(page.locator("[class*=st-key-chip-gender-Boys]")).to_have_count(0)
    assert expect_other_names(page, ["none"]) == before


def test_a_long_list_of_words_can_be_searched(page):
    before = names(page)
    button(page, texts.FILTERS).click()
    kinds = page.locator(".st-key-facet-articleType input")
    kinds.click()
    kinds.fill("jean")
    page.get_by_role("option").first.click()
    expect_other_names(page, before)
    assert all("Jeans" in card.inner_text() for card in cards(page).all())


def test_a_word_that_neighbors_share_becomes_a_filter(page):
    chip = page.locator("[class*=st-key-chip-] button").first
    word = chip.inner_text().splitlines()[-1]
    chip.click()
    expect(button(page, texts.filters_label(1))).to_be_visible()
    expect_answer(page)
    assert all(word in card.inner_text() for card in cards(page).all())


def test_the_balance_moves_from_the_same_look_to_the_same_color(page):
    before = names(page)
    button(page, texts.BALANCE).click()
    expect(page.get_by_test_id("stSliderThumbValue")).to_have_text(texts.BALANCES[0.5])
    page.get_by_role("slider").focus()
    for balance in ("0.75", "1.0"):
        # One at a time: Streamlit's slider forgets a second key pressed while the first is answered.
        page.keyboard.press("ArrowRight")
        page.wait_for_url(lambda url, balance=balance: f"balance={balance}" in url)
        expect_answer(page)
    expect_other_names(page, before)
    expect(page.get_by_test_id("stSliderThumbValue")).to_have_text(texts.BALANCES[1.0])


def test_more_like_this_and_the_browsers_back(page):
    before, address = names(page), page.url
    button(page, texts.MORE_LIKE_THIS).last.click()
    page.wait_for_url(lambda url: url != address)
    other = expect_other_names(page, before)
    expect(page.get_by_role("heading", name=texts.YOUR_PRODUCT)).to_be_in_viewport()
    page.go_back()
    assert expect_other_names(page, other) == before
    page.wait_for_url(lambda url: url == address)
