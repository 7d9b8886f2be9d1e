"""Lookalike: a photo in, the products of a catalogue that look most like it out."""
