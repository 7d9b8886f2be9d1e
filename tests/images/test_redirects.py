from dataclasses import replace

import pytest

from lookalike.images.web_fetch import fetch_image
from tests.support.web_server import answer, picture, refused


def redirect(location, status="302 Found"):
    return answer(b"", f"Location: {location}", status=status)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_followed(web_server, status):
    replies = [redirect("../caf%C3%A9 é.png?x=1", status), answer(picture())]
    server = web_server(lambda connection, stopped: connection.sendall(replies.pop(0)))
    assert fetch_image(server.url("/a/b/c"), server.policy) == picture()
    assert server.requests[1].startswith("GET /a/caf%C3%A9%20%E9.png?x=1 HTTP/1.1\r\n")


@pytest.mark.parametrize("count, sentence", [(3, None), (4, "more than 3 times"), (1000, "more than 3 times")])
def test_three_redirects_are_followed_and_no_more(web_server, count, sentence):
    replies = [redirect(f"/{number}") for number in range(count)] + [answer(picture())]
    server = web_server(lambda connection, stopped: connection.sendall(replies.pop(0)))
    if sentence:
        refused(server.url(), sentence, server.policy)
    else:
        assert fetch_image(server.url(), server.policy) == picture()
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "location, sentence",
    [
        ("http://169.254.169.254/latest/meta-data/", "Could not reach a public web site"),
        ("http://[::1]/", "Could not reach a public web site"),
        ("http://10.0.0.1/", "Could not reach a public web site"),
        ("//2130706433/", "Could not reach a public web site"),
        ("https://localhost/", "Could not reach a public web site"),
        ("http://127.0.0.1/", "Could not reach a public web site"),
        ("http://127.0.0.1:22/", "names port 22"),
        ("file:///etc/passwd", "does not begin with https://"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "does not begin with https://"),
        ("http://user:word@127.0.0.1/", "user name"),
        ("http://[::1", "not a complete web address"),
        ("http://a" + "a" * 3000, "the limit is 2,000"),
    ],
)
def test_a_redirect_goes_through_the_same_checks(web_server, location, sentence):
    server = web_server(redirect(location))
    refused(server.url(), sentence, server.policy)
    assert len(server.requests) == 1


def test_a_redirect_to_another_service_of_this_machine_is_refused(web_server):
    other = web_server(answer(b"secret"))
    for host in ("127.0.0.1", "localhost", "2130706433", "127.1"):
        server = web_server(redirect(other.url("/", host)))
        refused(server.url(), f"names port {other.port}", server.policy)
        refused(
            server.url(), "Could not reach a public web site", replace(server.policy, ports=frozenset({other.port}))
        )
    assert not other.requests


def test_a_redirect_without_a_location_gets_a_sentence(web_server):
    server = web_server(answer(b"", status="302 Found"))
    refused(server.url(), "more than 3 times", server.policy)
