"""Connections that a stranger may cause: to public addresses only, to the very one that was checked, in time."""

import functools
import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from lookalike.errors import ImageError
from lookalike.serving.web_address import ADVICE

# IANA's special-purpose registries: nothing here is a web site that is open to everybody. Python's own
# is_global admits multicast, the relays of 6to4 and NAT64, and changes from version to version.
_CLOSED_4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # looks public, but is Azure's own service to its virtual machines
    )
]  # fmt: skip

# IPv6 the other way round, since most of it is reserved: this is open, but for the parts below.
_OPEN_6 = ipaddress.IPv6Network("2000::/3")

_CLOSED_6 = [
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

# More than any site answers with; beyond it the fair share of the time would be too short to connect.
_MAX_TRIED = 4


def is_public(ip):
    """Whether an ipaddress object is one that everybody on the internet reaches; tunnels into IPv4 are not."""
    if ip.version == 6 and ip in _NAT64:  # how a machine with IPv6 alone reaches the IPv4 it carries
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.version == 4:
        return ip.is_global and not any(ip in network for network in _CLOSED_4)
    return ip in _OPEN_6 and ip.is_global and not any(ip in network for network in _CLOSED_6)


def resolve(host, port):
    """Every IP address (str) of a host name, as the operating system finds them; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(entry[4][0] for entry in found))


@functools.cache
def tls():
    """The TLS settings of every fetch: the system's authorities, certificates and names checked."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(frozen=True)
class Policy:
    """Where a fetch may lead, who resolves names, and how many seconds it may take in all.

    exceptions are pairs (IP address as str, port) that are admitted whatever the rest says.
    """

    is_public: Callable = is_public
    ports: frozenset = frozenset({80, 443})
    exceptions: frozenset = frozenset()
    resolve: Callable = resolve
    tls: Callable = tls
    seconds: float = 10.0


STRICT = Policy()


class TimedStream(io.RawIOBase):
    """A socket to read from until the time (time.monotonic) ends, and for as many bytes as are granted.

    Raises TimeoutError after the first and HTTPException beyond the second, however slowly bytes drip in.
    """

    def __init__(self, sock, ends, granted):
        super().__init__()
        self._sock, self._ends, self._granted = sock, ends, granted

    def readable(self):
        return True

    def readinto(self, buffer):
        self._sock.settimeout(time_left(self._ends))
        count = self._sock.recv_into(buffer)
        self.grant(-count)
        return count

    def grant(self, count):
        """Allow count more bytes."""
        self._granted += count
        if self._granted < 0:
            raise http.client.HTTPException("more bytes than were granted")

    def sendall(self, content):
        self._sock.settimeout(time_left(self._ends))
        self._sock.sendall(content)

    def makefile(self, mode):
        """What http.client reads a response from."""
        return io.BufferedReader(self)


def time_left(ends):
    """Seconds until ends (time.monotonic), more than 0; raises TimeoutError."""
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is up")
    return left


@contextmanager
def connect(address, policy, ends, granted):
    """A TimedStream to the host of a WebAddress, with TLS where it says https.

    The name is resolved once, and the connection goes to an address that was checked. No proxy is used,
    whatever the environment says, because it would resolve the name itself. Raises ImageError or OSError.
    """
    with _first_to_answer(_checked(address, policy, ends), address, policy, ends) as sock:
        if address.scheme == "http":
            yield TimedStream(sock, ends, granted)
            return
        sock.settimeout(time_left(ends))
        with policy.tls().wrap_socket(sock, server_hostname=address.host) as secured:
            yield TimedStream(secured, ends, granted)


def unreachable(host):
    """The ImageError for a host that is not there, and for one that is not public: a stranger learns no more."""
    return ImageError(f"No public web site was reached at {host}. Check the address. Or: {ADVICE}")


def _checked(address, policy, ends):
    """The IP addresses of a host, all of which are admitted; raises ImageError."""
    if address.port not in policy.ports | {port for _, port in policy.exceptions}:
        raise ImageError(f"The address names port {address.port}; only the web's own, 80 and 443, are used. {ADVICE}")
    found = [ipaddress.ip_address(text) for text in _resolved(address, policy, ends)]
    for ip in found:
        admitted = address.port in policy.ports and policy.is_public(ip)
        if not admitted and (str(ip), address.port) not in policy.exceptions:
            raise unreachable(address.host)
    return found[:_MAX_TRIED]


def _resolved(address, policy, ends):
    """What the policy's resolver answers, waited for in a thread because the system's own knows no time limit."""
    answer = Future()

    def ask():
        try:
            answer.set_result(policy.resolve(address.host, address.port))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return answer.result(timeout=time_left(ends))


def _first_to_answer(ips, address, policy, ends):
    """A socket connected to the first of the addresses that answers within its share of the time."""
    for tried, ip in enumerate(ips):
        sock = socket.socket(socket.AF_INET6 if ip.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(time_left(ends) / (len(ips) - tried))
            sock.connect((str(ip), address.port))
            _refuse_this_machine(sock, address, policy)
            return sock
        except OSError:
            sock.close()
        except BaseException:
            sock.close()
            raise
    raise unreachable(address.host)


def _refuse_this_machine(sock, address, policy):
    """A public address may be this machine's own, behind whose firewall other things listen."""
    here, there = sock.getsockname()[0], sock.getpeername()[0]
    if here == there and (there, address.port) not in policy.exceptions:
        raise unreachable(address.host)
