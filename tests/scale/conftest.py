"""Tests with real clusters and servers. They run in a separate network because these listen on every interface."""

import os

import pytest

from tests.scale import milvus_server, milvus_shops

SEPARATE = "LOOKALIKE_NETWORK_OF_ITS_OWN"


def pytest_collection_modifyitems(items):
    """Skip all tests whose servers could be reached from outside."""
    if not os.environ.get(SEPARATE):
        reason = "needs a separate network: this machine does not allow unshare -n, or tests/scale/run was not used"
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def milvus(tmp_path_factory):
    """A real Milvus server: the operator's own in MILVUS_URI, or one that is started here."""
    pytest.importorskip("pymilvus", reason="needs pymilvus: make test-scale installs it")
    if os.environ.get(milvus_server.URI):
        server = milvus_server.OperatorsServer(os.environ[milvus_server.URI])
        yield server
        return server.clear(milvus_shops.PREFIX)
    if not os.path.isfile(os.environ.get(milvus_server.BINARY, "")):
        pytest.skip("needs a Milvus server: name its program in MILVUS_SERVER, or a running one in MILVUS_URI")
    server = milvus_server.Server(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.kill()
