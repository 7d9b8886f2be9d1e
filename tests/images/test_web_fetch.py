import contextlib
import gzip
import random
import time
from dataclasses import replace

import pytest

from lookalike.errors import ImageError
from lookalike.images.decoding import MAX_PHOTO_BYTES, decode
from lookalike.images.web_fetch import fetch_image
from tests.support.web_server import answer, endless, only_numbers, picture, refused

OK = b"HTTP/1.1 200 OK\r\n"


def test_a_picture_arrives_unchanged_and_opens(web_server):
    server = web_server(answer(picture(), "Content-Type: text/plain", f"Content-Length: {len(picture())}"))
    content = fetch_image(f"  {server.url()}\n", server.policy)
    assert content == picture()
    assert decode(content, 32).size == (40, 60)


def test_the_request_is_plain_and_reveals_nothing_about_the_visitor(web_server):
    server = web_server(answer(picture()))
    fetch_image(server.url("/a b/ö.png?q=ü&r=%20#part"), server.policy)
    lines = server.requests[0].split("\r\n")
    assert lines[0] == "GET /a%20b/%C3%B6.png?q=%C3%BC&r=%20 HTTP/1.1"
    assert {line.partition(":")[0] for line in lines[1:] if line} == {
        "Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"
    }  # fmt: skip
    assert f"Host: 127.0.0.1:{server.port}" in lines and "Accept-Encoding: identity" in lines


def test_a_body_may_come_in_chunks(web_server):
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (picture()[:50], picture()[50:])) + b"0\r\n\r\n"
    server = web_server(answer(body, "Transfer-Encoding: chunked"))
    assert fetch_image(server.url(), server.policy) == picture()


def test_the_proxies_of_the_environment_are_not_used(web_server, monkeypatch):
    server, proxy = web_server(answer(picture())), web_server(answer(b"from the proxy"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    assert fetch_image(server.url(), server.policy) == picture()
    assert not proxy.requests


@pytest.mark.parametrize(
    "response, sentence",
    [
        (answer(b"<!DOCTYPE html><title>Shop</title>"), "a page, not of a picture.*copy its address"),
        (answer(b"\xef\xbb\xbf\n <!-- x --><HTML lang=en>", "Content-Type: image/png"), "a page, not of a picture"),
        (answer(b""), "sent nothing"),
        (answer(b"", status="404 Not Found"), "nothing at that address"),
        (answer(b"", status="403 Forbidden"), "does not give this picture"),
        (answer(b"", status="503 Busy"), "answered with the error 503"),
        (answer(b"x", status="206 Partial Content"), "answered with the error 206"),
        (answer(picture(), f"Content-Length: {len(picture()) + 1}"), "stopped before"),
        (answer(b"ff\r\nshort", "Transfer-Encoding: chunked"), "stopped before"),
        (answer(b"zz\r\nshort", "Transfer-Encoding: chunked"), "stopped before"),
        (answer(b"-5\r\nshort", "Transfer-Encoding: chunked"), "did not answer as a web server does"),
        (b"", "stopped before"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "did not answer as a web server does"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "did not answer as a web server does"),
        (b"HTTP/9 200 OK\r\n\r\n", "did not answer as a web server does"),
        (bytes(range(256)) * 300, "did not answer as a web server does"),
    ],
)
def test_an_answer_without_a_picture_gets_its_sentence(web_server, response, sentence):
    server = web_server(response)
    refused(server.url(), sentence, server.policy)


def test_any_response_gives_bytes_or_a_sentence(web_server):
    dice = random.Random(5)
    seed = answer(b"5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length: 9", "Location: http://x/")
    said = []
    server = web_server(lambda connection, stopped: connection.sendall(said[-1]))
    for _ in range(300):
        mutant = bytearray(seed)
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(mutant))
            mutant[at : at + dice.randint(0, 3)] = dice.randbytes(dice.randint(0, 3))
        said.append(bytes(mutant))
        with contextlib.suppress(ImageError):
            fetch_image(server.url(), replace(server.policy, resolve=only_numbers))


def test_a_body_that_announces_too_much_is_not_read(web_server):
    server = web_server(endless(answer(b"", "Content-Length: 10000000000"), b"x", 0.05))
    started = time.monotonic()
    refused(server.url(), "more than 20 MB, the limit", server.policy)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "start, piece",
    [
        (answer(b""), b"\xff" * 65536),
        (answer(b"", "Content-Length: none"), b"\xff" * 65536),
        (answer(b"", "Content-Length: 10", "Transfer-Encoding: chunked"), b"10000\r\n" + b"\xff" * 65536 + b"\r\n"),
    ],
)
def test_an_endless_body_is_stopped_at_the_limit(web_server, start, piece):
    server = web_server(endless(start, piece))
    refused(server.url(), "more than 20 MB, the limit", server.policy)


def test_a_body_at_the_limit_is_accepted_and_one_byte_more_is_not(web_server):
    server = web_server(answer(b"\xff" * MAX_PHOTO_BYTES))
    assert len(fetch_image(server.url(), server.policy)) == MAX_PHOTO_BYTES
    server = web_server(answer(b"\xff" * (MAX_PHOTO_BYTES + 1)))
    refused(server.url(), "more than 20 MB", server.policy)


@pytest.mark.parametrize(
    "start, piece",
    [
        (OK, b"X-Header: " + b"a" * 1000 + b"\r\n"),  # many headers
        (OK + b"X-Header: ", b"a" * 5000),  # one endless header
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),  # never the real answer
        (b"", b"a" * 5000),  # one endless status line
        (answer(b"1;", "Transfer-Encoding: chunked"), b"a" * 5000),  # an endless chunk's head
        (answer(b"1\r\nx\r\n0\r\n", "Transfer-Encoding: chunked"), b"X: y\r\n" * 1000),  # endless trailers
    ],
)
def test_endless_heads_are_stopped(web_server, start, piece):
    server = web_server(endless(start, piece))
    refused(server.url(), "did not answer as a web server does", server.policy)


def test_chunks_of_one_byte_are_stopped(web_server):
    server = web_server(endless(answer(b"", "Transfer-Encoding: chunked"), b"1\r\nx\r\n" * 10_000))
    started = time.monotonic()
    refused(server.url(), "did not answer as a web server does", server.policy)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "start",
    [b"", OK, OK + b"X: ", answer(b""), answer(b"", "Content-Length: 900"), answer(b"", "Transfer-Encoding: chunked")],
)
def test_a_slow_drip_of_bytes_is_given_up_in_time(web_server, start):
    server = web_server(endless(start, b"1", 0.02))
    started = time.monotonic()
    refused(server.url(), "127.0.0.1 took longer than 0.3 seconds", replace(server.policy, seconds=0.3))
    assert time.monotonic() - started < 2


def test_the_time_limit_covers_all_redirects_together(web_server):
    def respond(connection, stopped):
        stopped.wait(0.2)
        connection.sendall(answer(b"", "Location: /on", status="302 Found"))

    server = web_server(respond)
    refused(server.url(), "longer than 0.5 seconds", replace(server.policy, seconds=0.5))


def test_a_compressed_body_is_refused_and_not_decompressed(web_server):
    bomb = gzip.compress(bytes(1_000_000))
    server = web_server(answer(bomb, "Content-Encoding: gzip"))
    refused(server.url(), "sends the picture compressed", server.policy)
