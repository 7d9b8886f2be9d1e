"""Tests with real clusters and servers, in a network of their own: what they start listens on every interface."""

import os

import pytest

from tests.scale import milvus_server, milvus_shops

ALONE = "LOOKALIKE_NETWORK_OF_ITS_OWN"


def pytest_collection_modifyitems(items):
    """Skip what could be reached from outside, with the reason."""
    if not os.environ.get(ALONE):
        reason = "needs a network of its own: this machine does not allow unshare -n, or tests/scale/run was not used"
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def milvus(tmp_path_factory):
    """A real Milvus server that answers: the operator's own in MILVUS_URI, or one that is started here."""
    pytest.importorskip("pymilvus", reason="needs pymilvus: make test-scale installs it")
    if os.environ.get(milvus_server.URI):
        server = milvus_server.OperatorsServer(os.environ[milvus_server.URI])
        yield server
        return server.clear(milvus_shops.PREFIX)
    if not os.path.isfile(os.environ.get(milvus_server.BINARY, "")):
        pytest.skip("needs a Milvus server: MILVUS_SERVER names its program, or MILVUS_URI one that runs")
    server = milvus_server.Server(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.kill()
