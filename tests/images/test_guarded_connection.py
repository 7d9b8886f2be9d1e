import gc
import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading
import time
import warnings
from dataclasses import replace

import pytest

from lookalike.errors import ImageError
from lookalike.images.guarded_connection import STRICT, Policy, is_public
from lookalike.images.web_fetch import fetch_image
from tests.support.web_server import answer, endless, only_numbers, picture, refused

CLOSED = """0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1
    172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1
    239.255.255.250 240.0.0.1 255.255.255.255 168.63.129.16 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8
    ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378::1
    2001:2::1 2001:db8::1 2002:7f00:1::1 2002:808:808::1 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1
    fe80::1%1 fec0::1 ff02::1 ff0e::1"""
OPEN = "8.8.8.8 1.1.1.1 172.32.0.1 100.128.0.1 2606:4700::1111 2001:4860::1 64:ff9b::808:808"
# Every spelling of this machine, of its neighbors and of a cloud's own service.
HOSTS = """localhost LOCALHOST localhost. 127.0.0.1 127.1 2130706433 0x7f000001 0x7f.1 017700000001 0177.0.0.1
    0 0.0.0.0 ①②⑦.⓪.⓪.① １２７.0.0.1 127。0。0。1 [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1]
    [64:ff9b::7f00:1] [2002:7f00:1::] [fe80::1] [fd00:ec2::254] 169.254.169.254 2852039166 0xa9fea9fe 10.0.0.1
    192.168.0.1 172.16.0.1 100.64.0.1 224.0.0.1 255.255.255.255"""


@pytest.mark.parametrize("ip", CLOSED.split())
def test_closed_addresses_are_not_public(ip):
    assert not is_public(ipaddress.ip_address(ip))


def test_the_default_policy_is_strict():
    assert (STRICT.is_public, STRICT.ports, STRICT.exceptions) == (is_public, {80, 443}, frozenset())


@pytest.mark.parametrize("ip", OPEN.split())
def test_open_addresses_are_public(ip):
    assert is_public(ipaddress.ip_address(ip))


@pytest.mark.parametrize("host", HOSTS.split())
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_private_hosts_are_not_connected_to(host, scheme):
    refused(f"{scheme}://{host}/photo.png", "Could not reach a public web site")


def test_a_private_host_and_a_missing_host_get_the_same_sentence():
    def at(host, ips):
        with pytest.raises(ImageError) as caught:
            fetch_image(f"http://{host}/", Policy(resolve=lambda host, port: ips(host)))
        return str(caught.value).replace(host, "HOST")

    def nowhere(host):
        return only_numbers(host, 80)

    assert at("inside.test", lambda host: ["10.0.0.1"]) == at("nowhere.test", nowhere)
    assert at("inside.test", lambda host: ["::1"]) == at("empty.test", lambda host: [])


def test_a_resolver_that_does_not_answer_is_not_waited_for():
    forever = threading.Event()
    slow = Policy(resolve=lambda host, port: forever.wait(20), seconds=0.2)
    started = time.monotonic()
    refused("http://slow.test/", "slow.test took longer than 0.2 seconds", slow)
    assert time.monotonic() - started < 2
    forever.set()


def test_one_private_address_among_a_hosts_is_enough_to_refuse_it(web_server):
    server = web_server(answer(picture()))
    for others in (["10.0.0.1"], ["::1"], ["fe80::1%1"], ["::ffff:10.0.0.1"]):
        policy = replace(server.policy, resolve=lambda host, port, others=others: ["127.0.0.1", *others])
        refused(server.url(host="shop.test"), "Could not reach a public web site", policy)
    assert not server.requests


def test_the_name_is_resolved_once_and_the_checked_address_is_used(web_server):
    server, asked = web_server(answer(picture())), []

    def rebinding(host, port):
        asked.append((host, port))
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    policy = replace(server.policy, resolve=rebinding)
    assert fetch_image(server.url(host="Shop.Test"), policy) == picture()
    assert asked == [("shop.test", server.port)]
    assert f"Host: shop.test:{server.port}\r\n" in server.requests[0]
    refused(server.url(host="shop.test"), "Could not reach a public web site", policy)
    assert len(server.requests) == 1


def test_a_name_in_another_script_is_resolved_in_ascii(web_server):
    server, asked = web_server(answer(picture())), []
    policy = replace(server.policy, resolve=lambda host, port: asked.append(host) or ["127.0.0.1"])
    fetch_image(server.url(host="bücher.test"), policy)
    assert asked == ["xn--bcher-kva.test"]


def test_ipv6_works(web_server):
    try:
        server = web_server(answer(picture()), None, "::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert fetch_image(server.url(host="[::1]"), server.policy) == picture()
    assert f"Host: [::1]:{server.port}\r\n" in server.requests[0]
    refused("http://[::1]/", "Could not reach a public web site", server.policy)


def test_a_public_address_of_this_machine_is_refused_before_anything_is_sent(web_server):
    server = web_server(answer(picture()))
    policy = Policy(is_public=lambda ip: True, ports=frozenset({server.port}))
    refused(server.url(), "Could not reach a public web site", policy)
    assert not server.requests


def test_the_next_address_is_tried_if_the_first_does_not_answer(web_server):
    server = web_server(answer(picture()))
    dead = ("127.0.0.2", server.port)  # nobody listens there
    policy = replace(server.policy, exceptions=frozenset({dead, ("127.0.0.1", server.port)}))
    both = replace(policy, resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert fetch_image(server.url(host="shop.test"), both) == picture()
    refused(server.url(host="127.0.0.2"), "Could not reach a public web site", policy)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate and key for shop.test, in one file."""
    if not shutil.which("openssl"):
        pytest.skip("making a certificate needs openssl")
    path = tmp_path_factory.mktemp("tls") / "shop.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=shop.test"
    options = ["-addext", "subjectAltName=DNS:shop.test", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run([*command.split(), *options], check=True, capture_output=True)
    path.write_text(path.read_text() + path.with_name("shop.pem.crt").read_text())
    return path


@pytest.fixture
def secured(certificate, web_server):
    """A TLS server on 127.0.0.1, the names it was asked for, and a policy that resolves every name to it."""
    context, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(certificate)
    context.sni_callback = lambda sock, name, context: names.append(name)
    server = web_server(answer(picture()), context)
    return server, names, replace(server.policy, resolve=lambda host, port: ["127.0.0.1"])


def test_a_self_signed_certificate_is_refused(secured):
    server, names, policy = secured
    refused(server.url(host="shop.test", scheme="https"), "shop.test cannot prove .* certificate", policy)
    assert names == ["shop.test"] and not server.requests


def test_a_certificate_is_checked_against_the_name_not_the_ip(secured, certificate):
    server, names, policy = secured
    trusting = replace(policy, tls=lambda: ssl.create_default_context(cafile=str(certificate)))
    assert fetch_image(server.url(host="shop.test", scheme="https"), trusting) == picture()
    assert names == ["shop.test"] and f"Host: shop.test:{server.port}\r\n" in server.requests[0]
    for host in ("other.test", "127.0.0.1"):
        refused(server.url(host=host, scheme="https"), "cannot prove", trusting)
    assert len(server.requests) == 1


def test_a_tls_handshake_that_never_ends_is_given_up_in_time(web_server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        policy = replace(STRICT, exceptions=frozenset({("127.0.0.1", port)}), seconds=0.3)
        refused(f"https://127.0.0.1:{port}/", "longer than 0.3 seconds", policy)
    plain = web_server(lambda connection, stopped: None)
    policy = replace(plain.policy, seconds=0.3)
    refused(plain.url(scheme="https"), "did not answer as a web server does|stopped before|longer than 0.3", policy)


def test_no_socket_is_left_open(web_server):
    server = web_server(endless(answer(b"")))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        for _ in range(3):
            refused(server.url(), "more than 20 MB", server.policy)
            refused("http://127.0.0.1/", "Could not reach a public web site")
        gc.collect()
    assert not warned
