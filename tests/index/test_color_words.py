"""Which words of a catalogue are right for a color as a person calls it."""

from lookalike.index.color_words import SAME_COLORS, accepted_colors


def test_a_color_is_itself_and_what_means_the_same():
    assert accepted_colors(["Grey"]) == ("Grey", "Grey Melange", "Charcoal", "Silver")
    assert accepted_colors(["Maroon", "Red"]) == ("Maroon", "Burgundy", "Red")
    assert accepted_colors(["Black"]) == ("Black",) and accepted_colors([]) == ()


def test_no_word_is_listed_twice():
    assert accepted_colors(["Cream", "Beige"]) == ("Cream", "Off White", "Beige", "Nude", "Skin", "Khaki")
    assert all(color not in same for color, same in SAME_COLORS.items())
