"""What decides the version that an index is published as, without a server."""

from dataclasses import replace

from lookalike.index.reading import load_index
from lookalike.milvus.publishing import index_identity


def test_other_vectors_of_the_same_names_are_another_version(toy_index):
    """A classic pair of pickles has no manifest whose digests would differ."""
    index = replace(load_index(toy_index), manifest={})
    same, other = (replace(index, spaces={"look": look}) for look in (index.look.copy(), index.look[::-1].copy()))
    assert index_identity(index, "/shop") == index_identity(same, "/shop") != index_identity(other, "/shop")


def test_another_folder_of_pictures_is_another_version(toy_index):
    index = load_index(toy_index)
    assert index_identity(index, "/shop") == index_identity(index, "/shop") != index_identity(index, "/other")


def test_an_index_in_memory_has_what_is_published(toy_index):
    index = load_index(toy_index)
    assert index.widths == {name: matrix.shape[1] for name, matrix in index.spaces.items()}
    assert index.is_in_memory and index.row("3") == 2 and index.size > 0 and index.written_at > 1.6e9
    assert index.sample(4) is index and len(index.sample(2).names) == len(index.sample(2).look) == 2
