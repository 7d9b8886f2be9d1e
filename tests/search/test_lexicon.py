"""A shopper's words, as they come: plurals, slips, British and American names, the trade's synonyms."""

import pytest

from lookalike.embedding.fashion import describe_fashion
from lookalike.search.lexicon import COLORS, GENDERS, PATTERNS, TYPES, USAGES, Lexicon

NAMED = ("articleType", "baseColour", "gender", "usage", "pattern")


@pytest.fixture(scope="module")
def lexicon():
    vocabularies = describe_fashion().vocabularies
    return Lexicon({column: vocabularies[column] for column in NAMED} | {"season": ("Summer", "Fall")})


@pytest.mark.parametrize(
    "text, column, word",
    [
        ("tee", "articleType", "Tshirts"),
        ("T-Shirts", "articleType", "Tshirts"),
        ("t shirt", "articleType", "Tshirts"),
        ("sneakers", "articleType", "Casual Shoes"),
        ("trainers", "articleType", "Sports Shoes"),
        ("snekers", "articleType", "Casual Shoes"),
        ("pumps", "articleType", "Heels"),
        ("jumper", "articleType", "Sweaters"),
        ("dresses", "articleType", "Dresses"),
        ("scarves", "articleType", "Scarves"),
        ("a pair of running shoes", "articleType", "Sports Shoes"),
        ("burgundy", "baseColour", "Maroon"),
        ("burgandy", "baseColour", "Burgundy"),
        ("grey", "baseColour", "Grey Melange"),
        ("GRAY", "baseColour", "Grey"),
        ("navy", "baseColour", "Navy Blue"),
        ("dark blue", "baseColour", "Navy Blue"),
        ("colourful", "baseColour", "Multi"),
        ("for men", "gender", "Men"),
        ("women's", "gender", "Women"),
        ("ladies", "gender", "Women"),
        ("kids", "gender", "Girls"),
        ("office", "usage", "Formal"),
        ("gym", "usage", "Sports"),
        ("stripes", "pattern", "striped"),
        ("polka dots", "pattern", "dotted"),
        ("summer", "season", "Summer"),
    ],
)
def test_a_word_means_what_shops_call_it(lexicon, text, column, word):
    understood = lexicon.understand(text)
    assert word in understood.words[column] and not understood.unknown


def test_a_whole_question_is_understood_in_columns(lexicon):
    understood = lexicon.understand("Navy sneakers, for men – with stripes!")
    assert understood.words == {
        "baseColour": ("Navy Blue",),
        "articleType": ("Casual Shoes", "Sports Shoes"),
        "gender": ("Men", "Unisex"),
        "pattern": ("striped",),
    }
    assert understood.known == ("navy", "sneakers", "men", "stripes")


def test_the_last_noun_says_what_it_is_unless_two_are_joined(lexicon):
    assert lexicon.understand("denim skirt").words["articleType"] == ("Skirts",)
    assert set(lexicon.understand("jeans or skirts").words["articleType"]) == {"Jeans", "Skirts"}


def test_what_is_not_understood_is_told_apart_from_what_says_nothing(lexicon):
    understood = lexicon.understand("I want a really nice frobnicator in red, please")
    assert understood.unknown == ("frobnicator",) and understood.words == {"baseColour": ("Red",)}
    assert lexicon.understand("").words == {} and lexicon.understand("  !?  ").unknown == ()


@pytest.mark.parametrize("text", ["x" * 100_000, "a " * 10_000, "\u0000\ud800", "<script>", "'" * 300, "ﬁt", "١٢"])
def test_any_text_gets_an_answer_at_once(lexicon, text):
    lexicon.understand(text)


def test_words_of_the_shop_alone_are_known():
    lexicon = Lexicon({"articleType": ("Hauberks",), "brand": ("Höhle & Fuchs",)})
    assert lexicon.understand("hauberk").words == {"articleType": ("Hauberks",)}
    assert lexicon.understand("hohle fuchs").words == {"brand": ("Höhle & Fuchs",)}
    assert lexicon.understand("tee").unknown == ("tee",), "nothing there is one"


def test_no_phrase_stands_in_a_table_twice():
    for table in (TYPES, COLORS, GENDERS, USAGES, PATTERNS):
        phrases = [phrase for phrases in table for phrase in phrases.split(", ")]
        assert len(phrases) == len(set(phrases)) and all(phrase == phrase.strip() for phrase in phrases)
