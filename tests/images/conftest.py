import pytest

from tests.support.web_server import servers


@pytest.fixture
def web_server():
    """web_server(bytes or function(connection, stopped), TLS context, IP) starts a real server of the test's own."""
    yield from servers()
