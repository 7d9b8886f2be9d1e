"""Which versions of an index are dropped when a new one is published, on a server of a few collections in memory."""

import time

import pytest

from lookalike.milvus import versions
from lookalike.milvus.server import ALIAS_NOT_FOUND, COLLECTION_NOT_FOUND, Address, Refused

HOUR, DAY = 3600, 86_400
A, B, C, D = (f"shop_{digit * 16}" for digit in "abcd")


class CollectionsInMemory:
    """A server's collections: ages is name → seconds since its creation, whole has those that are described."""

    def __init__(self, ages, whole, current):
        self.address = Address("http://server", "shop")
        self.ages, self.whole, self.current = dict(ages), set(whole), current

    def call(self, method, *arguments, **options):
        return getattr(self, method)(*arguments, **options)

    def list_collections(self):
        return [*self.ages, "shop_versions", "another"]

    def describe_collection(self, name):
        if name not in self.ages:
            raise Refused("no such collection", COLLECTION_NOT_FOUND)
        return {"created_timestamp": int((time.time() - self.ages[name]) * 1000) << 18}

    def describe_alias(self, name):
        if self.current is None:
            raise Refused("no such alias", ALIAS_NOT_FOUND)
        return {"collection_name": self.current}

    def alter_alias(self, version, name):
        self.current = version

    create_alias = alter_alias

    def query(self, collection, **options):
        return [{versions.VERSION: version} for version in sorted(self.whole)]

    def drop_collection(self, name):
        del self.ages[name]

    def delete(self, collection, filter):
        self.whole = {version for version in self.whole if version not in filter}


def published(ages, whole, before):
    """Publish the version A over the version before and return the server."""
    server = CollectionsInMemory({A: 0, **ages}, {A, *whole}, before)
    replaced = versions.switch_to(server, A)
    assert replaced == before and server.current == A
    versions.drop_versions(server, A, keep={replaced} if replaced else set())
    return server


def test_the_version_before_stays_for_its_readers_and_older_ones_go():
    server = published({B: HOUR, C: 2 * HOUR, D: 2 * DAY}, {B, C, D}, before=B)
    assert set(server.ages) == server.whole == {A, B}


@pytest.mark.parametrize("whole", [{B, C}, {B}])
def test_a_version_that_another_publisher_is_about_to_switch_to_stays(whole):
    server = CollectionsInMemory({A: 10, B: HOUR, C: 5}, {A, *whole}, B)
    versions.switch_to(server, A)
    versions.drop_versions(server, A, keep={B})
    assert set(server.ages) == {A, B, C} and server.whole == {A, *whole}
    assert versions.switch_to(server, C) == A


def test_what_was_not_finished_within_a_day_goes():
    server = published({B: HOUR, C: DAY + 60, D: DAY - 60}, {B}, before=B)
    assert set(server.ages) == {A, B, D} and server.whole == {A, B}


def test_a_description_without_its_collection_goes():
    assert published({}, {C}, before=None).whole == {A}
