"""Addresses of indexes in Milvus, and the client that retries, over a stand-in for pymilvus."""

import sys
from types import SimpleNamespace

import pytest

from lookalike.errors import IndexFileError, ServerError
from lookalike.milvus.server import (
    COLLECTION_NOT_FOUND,
    INVALID_PARAMETER,
    Address,
    Milvus,
    Refused,
    close_shared_servers,
    is_address,
    parse_address,
    shared_server,
)

ADDRESS = "milvus://127.0.0.1/demo"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("milvus://db.shop:19531/fashion_2", Address("http://db.shop:19531", "fashion_2")),
        ("milvus://127.0.0.1/demo/", Address("http://127.0.0.1:19530", "demo")),
        ("milvus+tls://[::1]:443/_x", Address("https://[::1]:443", "_x")),
    ],
)
def test_an_address_names_a_server_and_an_index(text, expected):
    assert is_address(text) and parse_address(text) == expected
    assert not is_address("/srv/milvus") and not is_address("https://db.shop/fashion")


@pytest.mark.parametrize(
    "text",
    ["milvus://", "milvus://h", "milvus://h/", "milvus:///n", "milvus://h:x/n", "milvus://h:99999/n", "milvus://h/a/b",
     "milvus://h/1a", "milvus://h/a b", "milvus://h/" + "a" * 201, "milvus://u:p@h/n", "milvus://h/n?x=1", "folder"],
)  # fmt: skip
def test_a_wrong_address_gets_a_sentence_with_the_right_form(text):
    with pytest.raises(IndexFileError, match="milvus://HOST:PORT/NAME"):
        parse_address(text)


def test_without_the_package_one_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(ServerError, match='pip install "pymilvus'):
        Milvus(parse_address(ADDRESS))


class MilvusException(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


class MilvusClient:
    """Answers count() after as many errors as failures lists, and remembers its instances."""

    made, failures = [], []

    def __init__(self, uri, token, timeout, dedicated):
        self.uri, self.token, self.closed = uri, token, False
        self.made.append(self)

    def count(self, collection, timeout):
        if self.failures:
            raise self.failures.pop(0)
        return len(collection)

    def close(self):
        self.closed = True


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(MilvusClient, "made", [])
    monkeypatch.setattr(MilvusClient, "failures", [])
    pymilvus = SimpleNamespace(MilvusClient=MilvusClient, MilvusException=MilvusException)
    monkeypatch.setitem(sys.modules, "pymilvus", pymilvus)
    monkeypatch.setitem(sys.modules, "grpc", SimpleNamespace(RpcError=ConnectionError))
    yield MilvusClient
    close_shared_servers()


def test_a_call_is_retried_until_the_server_answers(client):
    client.failures += [MilvusException(1, "not ready"), ConnectionError()]
    assert Milvus(parse_address(ADDRESS)).call("count", "four") == 4 and not client.failures


@pytest.mark.parametrize("code", [COLLECTION_NOT_FOUND, INVALID_PARAMETER])
def test_an_error_that_another_attempt_cannot_change_is_raised_at_once(client, code):
    client.failures += [MilvusException(code, "this is\nwrong"), MilvusException(1, "never raised")]
    with pytest.raises(Refused, match="^Milvus at 127.0.0.1:19530 refuses: this is wrong.$") as refused:
        Milvus(parse_address(ADDRESS)).call("count", "four")
    assert refused.value.code == code and len(client.failures) == 1


def test_a_call_gives_up_when_the_patience_runs_out(client):
    client.failures += [ConnectionError()] * 9
    with pytest.raises(ServerError, match="gave no answer for 0 s .ConnectionError.*check the address"):
        Milvus(parse_address(ADDRESS), patience=0.3).call("count", "four")


def test_the_token_comes_from_the_settings(client, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_MILVUS_TOKEN", "user:secret")
    Milvus(parse_address(ADDRESS)).call("count", "four")
    Milvus(parse_address(ADDRESS), token="other").call("count", "four")
    assert [one.token for one in client.made] == ["user:secret", "other"]


def test_a_process_shares_one_connection_and_can_close_it(client):
    first = shared_server(ADDRESS)
    assert shared_server(ADDRESS) is first and shared_server(ADDRESS, 2.0) is not first
    first.call("count", "four")
    close_shared_servers()
    assert [one.closed for one in client.made] == [True] and shared_server(ADDRESS) is not first
    # Someone who still holds the old connection gets a new client.
    assert first.call("count", "four") == 4 and len(client.made) == 2
