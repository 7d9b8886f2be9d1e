import gc

from lookalike.serving.photo_budget import PhotoBudget
from lookalike.web.look_up.session import Photo


def test_the_photos_that_came_first_make_room():
    budget, photos = PhotoBudget(100), [Photo(bytes([65 + place]) * 40, str(place)) for place in range(4)]
    for photo in photos:
        budget.add(photo)
    assert [len(photo.content) for photo in photos] == [0, 0, 40, 40]


def test_photos_that_are_gone_do_not_count():
    budget, kept = PhotoBudget(100), Photo(b"a" * 50, "a")
    budget.add(kept)
    for _ in range(20):
        budget.add(Photo(b"b" * 50, "b"))
        gc.collect()
    assert kept.content


def test_a_photo_larger_than_the_limit_is_held_alone():
    budget, photos = PhotoBudget(100), [Photo(b"a" * 50, "a"), Photo(b"b" * 200, "b")]
    for photo in photos:
        budget.add(photo)
    assert [len(photo.content) for photo in photos] == [0, 200]
