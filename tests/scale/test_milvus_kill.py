"""The server is killed halfway through publishing: no reader sees half an index, and in the end it is complete."""

import threading
import time

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from lookalike.errors import ServerError
from lookalike.index.vector_search import join_spaces
from lookalike.milvus import publishing
from lookalike.milvus.loading import load_published
from lookalike.milvus.server import parse_address
from lookalike.search.recommender import Ranking, Recommender
from lookalike.serving.live_index import LiveRecommender
from tests.scale.milvus_server import OperatorsServer
from tests.scale.milvus_shops import address_of, published, queries, random_index


class Reader:
    """A shopper who searches again and again, as the app would, and records the answers."""

    def __init__(self, address, query):
        self._live = LiveRecommender(address, lambda place, like=None: Ranking(load_published(place)))
        self._query, self._over = query, threading.Event()
        self.answers, self.sentences, self.faults = [], [], []
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        while not (self.answers or self.faults):
            time.sleep(0.05)

    def _ask(self):
        while not self._over.wait(0.02):
            try:
                shop, (version,) = self._live.current()
                rows, distances = shop.nearest(self._query, 10)
                self.answers.append((version, tuple(rows[0]), tuple(distances[0])))
            except ServerError as error:
                self.sentences.append(str(error))
            except Exception as error:
                self.faults.append(error)

    def stop(self):
        self._over.set()
        self._thread.join()


def killing(server, at):
    """Return a Progress that kills the server before that block and starts it again 2 s later."""

    def progress(blocks, total):
        for place, block in enumerate(blocks):
            if place == at:
                server.kill()
                threading.Timer(2, server.start).start()
            yield block

    return progress


def expected(index, query):
    rows, distances = Ranking(index).nearest(query, 10)
    return tuple(rows[0]), tuple(distances[0])


def test_a_server_killed_halfway_shows_readers_at_most_a_sentence(milvus, monkeypatch):
    if isinstance(milvus, OperatorsServer):
        pytest.skip("MILVUS_URI names an operator's server, which is not killed")
    monkeypatch.setattr(publishing, "MAX_PRODUCTS", 300)
    old, new = random_index(3000, seed=10), random_index(3000, seed=11)
    query = queries(old, 1)
    before = published(old, milvus, "killed").index.version
    reader = Reader(address_of(milvus, "killed"), query)
    address = parse_address(address_of(milvus, "killed"))
    try:
        version = publishing.publish_index(new, address, progress=killing(milvus, 5))
        time.sleep(3)
    finally:
        reader.stop()
    assert version != before and not reader.faults
    # The whole old index until the switch, then the whole new one; between them, at worst, a sentence.
    expectations = {(before, *expected(old, query)), (version, *expected(new, query))}
    versions = [answer[0] for answer in reader.answers]
    assert set(reader.answers) == expectations and versions == sorted(versions, key=[before, version].index)
    assert reader.sentences and all("After a crash it needs about a minute" in said for said in reader.sentences)
    found = Recommender(load_published(address_of(milvus, "killed")), None)
    assert list(found.index.names) == list(new.names)
    asked, filters = queries(new, 200), {"gender": ("Women", "Boys")}
    for chosen in ({}, filters):
        mask = np.flatnonzero(found.facets.mask(chosen))
        fitted = NearestNeighbors(algorithm="brute").fit(join_spaces(new.spaces, found.rule.weights)[mask])
        distances, places = fitted.kneighbors(join_spaces(asked, found.rule.weights), n_neighbors=5)
        rows, measured = found.nearest(asked, 5, found.rule.weights, filters=chosen)
        np.testing.assert_array_equal(rows, mask[places])
        np.testing.assert_allclose(measured, distances, atol=2e-7)
