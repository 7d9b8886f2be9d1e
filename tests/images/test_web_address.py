import pytest

from lookalike.images.guarded_connection import Policy
from lookalike.images.web_address import parse_address
from tests.support.web_server import refused


@pytest.mark.parametrize(
    "address, sentence",
    [
        ("file:///etc/passwd", "does not begin with https://"),
        ("ftp://example.com/a.png", "does not begin with https://"),
        ("gopher://example.com/", "does not begin with https://"),
        ("data:image/png;base64,iVBOR", "does not begin with https://"),
        ("javascript:alert(1)", "does not begin with https://"),
        ("example.com/a.png", "does not begin with https://"),
        ("/etc/passwd", "does not begin with https://"),
        ("", "does not begin with https://"),
        ("http://", "not a complete"),
        ("http:///a.png", "not a complete"),
        ("http:a.png", "not a complete"),
        ("http://:80/", "not a complete"),
        ("http://exa mple.com/", "not a complete"),
        ("http://example.com/a\r\nX-Evil: 1", "not a complete"),
        ("http://example.com\r\nX-Evil: 1/", "not a complete"),
        ("http://exam\tple.com/", "not a complete"),
        ("http://example.com/\x00", "not a complete"),
        ("http://example.com\\@127.0.0.1/", "not a complete"),
        ("http://example.com%00/", "not a complete"),
        ("http://example.com%2f@127.0.0.1/", "user name"),
        ("http://user@example.com/", "user name"),
        ("http://user:word@example.com/", "user name"),
        ("http://:@example.com/", "user name"),
        ("http://example.com:99999/", "not a complete"),
        ("http://example.com:x/", "not a complete"),
        ("http://example.com:-80/", "not a complete"),
        ("http://example.com:0/", "names port 0"),
        ("http://example.com:22/", "names port 22; only the web's own, 80 and 443"),
        ("https://example.com:8443/", "names port 8443"),
        ("http://[::1", "not a complete"),
        ("http://[::1%25lo]/", "not a complete"),
        ("http://[v1.fe80::1]/", "not a complete"),
        ("http://a..b/", "not a complete"),
        ("http://-/", "not a complete"),
        ("http://exa／mple.com/", "not a complete"),
        ("http://exa℀mple.com/", "not a complete"),
        ("http://" + "ö" * 100 + ".com/", "not a complete"),
        ("http://" + "a" * 64 + ".com/", "not a complete"),
        ("http://" + "a." * 200 + "com/", "not a complete"),
        ("http://example.com/\ud800", "not a complete"),
        ("http://example.com/" + "a" * 2000, "has 2,019 characters; the limit is 2,000"),
        ("x" * 10_000_000, "the limit is 2,000"),
    ],
)
def test_an_invalid_address_gets_its_sentence_and_is_not_looked_up(address, sentence):
    def resolve(host, port):
        raise AssertionError(f"{host} was looked up")

    refused(address, sentence, Policy(resolve=resolve))


@pytest.mark.parametrize(
    "address, host_header, path",
    [
        ("HTTP://Example.COM", "example.com", "/"),
        ("https://example.com:443/a?b=c&d=%20#e", "example.com", "/a?b=c&d=%20"),
        ("https://example.com:80/", "example.com:80", "/"),
        ("http://[2606:4700:0:0::1]:80/é", "[2606:4700::1]", "/%C3%A9"),
        ("http://a_b.example.com./?q", "a_b.example.com", "/?q"),
        ("http://example.com//evil.test/", "example.com", "//evil.test/"),
        ("http://example.com?x=<>\"'", "example.com", "/?x=%3C%3E%22'"),
    ],
)
def test_an_address_is_parsed(address, host_header, path):
    found = parse_address(address)
    assert (found.host_header, found.path) == (host_header, path)
