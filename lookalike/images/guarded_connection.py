"""Connections that a visitor may cause: only to public addresses, to the very one that was checked, in time."""

import functools
import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lookalike.images.web_address import ADVICE, FetchError, WebAddress

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# IANA's special-purpose registries: nothing here is a web site that is open to everybody. Python's own is_global
# admits multicast and the relays of 6to4 and NAT64, and changes from version to version.
_CLOSED_4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # looks public, but is Azure's own service to its virtual machines
    )
]  # fmt: skip
# Most of IPv6 is reserved, so here the open part is listed, with its closed parts.
_OPEN_6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_6 = [
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# More addresses than any site has. With more, each one's share of the time would be too short to connect.
_MAX_TRIED = 4


def is_public(ip: IpAddress) -> bool:
    """Return whether everybody on the internet can reach an address. Tunnels into IPv4 do not count as public."""
    if (
        isinstance(ip, ipaddress.IPv6Address) and ip in _NAT64
    ):  # how a machine with IPv6 alone reaches the IPv4 address inside
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not any(ip in network for network in _CLOSED_4)
    return ip in _OPEN_6 and ip.is_global and not any(ip in network for network in _CLOSED_6)


def resolve(host: str, port: int) -> list[str]:
    """Return every IP address of a host name, as the operating system finds them; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@functools.cache
def tls() -> ssl.SSLContext:
    """Return the TLS settings of every fetch: the system's authorities, with certificates and names checked."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass(frozen=True)
class Policy:
    """Where a fetch may lead, who resolves names, and how many seconds it may take in all.

    exceptions are pairs (IP address, port) that are allowed whatever the rest says.
    """

    is_public: Callable[[IpAddress], bool] = is_public
    ports: frozenset[int] = frozenset({80, 443})
    exceptions: frozenset[tuple[str, int]] = frozenset()
    resolve: Callable[[str, int], list[str]] = resolve
    tls: Callable[[], ssl.SSLContext] = tls
    seconds: float = 10.0


STRICT = Policy()


class TimedStream(io.RawIOBase):
    """A socket that can be read until a deadline (time.monotonic), and for as many bytes as are granted.

    Raises TimeoutError after the deadline and HTTPException beyond those bytes, however slowly they drip in.
    """

    def __init__(self, sock: socket.socket, deadline: float, granted: int) -> None:
        super().__init__()
        self._sock, self._deadline, self._granted = sock, deadline, granted

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._sock.settimeout(time_left(self._deadline))
        count = self._sock.recv_into(buffer)
        self.grant(-count)
        return count

    def grant(self, count: int) -> None:
        """Allow count more bytes; raises HTTPException if more than all granted ones have been read."""
        self._granted += count
        if self._granted < 0:
            raise http.client.HTTPException("more bytes than were granted")

    def sendall(self, content: bytes) -> None:
        self._sock.settimeout(time_left(self._deadline))
        self._sock.sendall(content)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return the file that http.client reads a response from."""
        return io.BufferedReader(self)


def time_left(deadline: float) -> float:
    """Return the seconds until a deadline (time.monotonic), more than 0; raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is up")
    return left


@contextmanager
def connect(address: WebAddress, policy: Policy, deadline: float, granted: int) -> Iterator[TimedStream]:
    """Connect to the host of an address, with TLS for https, and give a TimedStream; raises FetchError or OSError.

    The name is resolved once, and the connection goes to an IP address that was checked. A proxy in the environment
    is not used, because it would resolve the name itself.
    """
    with _connect_to_first(_allowed_ips(address, policy, deadline), address, policy, deadline) as sock:
        if address.scheme == "http":
            yield TimedStream(sock, deadline, granted)
            return
        sock.settimeout(time_left(deadline))
        with policy.tls().wrap_socket(sock, server_hostname=address.host) as secured:
            yield TimedStream(secured, deadline, granted)


def unreachable(host: str) -> FetchError:
    """Return the error for a host that does not exist and for one that is not public: visitors learn no more."""
    return FetchError(
        f"Could not reach a public web site at {host}.", f"Check the address. Or: {ADVICE}", is_temporary=True
    )


def _allowed_ips(address: WebAddress, policy: Policy, deadline: float) -> list[IpAddress]:
    """Return the IP addresses of a host; raises FetchError unless all of them are allowed."""
    if address.port not in policy.ports | {port for _, port in policy.exceptions}:
        raise FetchError(f"The address names port {address.port}; only the web's own, 80 and 443, are used.")
    found = [ipaddress.ip_address(text) for text in _resolve_in_time(address, policy, deadline)]
    for ip in found:
        admitted = address.port in policy.ports and policy.is_public(ip)
        if not admitted and (str(ip), address.port) not in policy.exceptions:
            raise unreachable(address.host)
    return found[:_MAX_TRIED]


def _resolve_in_time(address: WebAddress, policy: Policy, deadline: float) -> list[str]:
    """Return the resolver's answer; raises TimeoutError. It runs in a thread: the system's own has no time limit."""
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(policy.resolve(address.host, address.port))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return answer.result(timeout=time_left(deadline))


def _connect_to_first(ips: list[IpAddress], address: WebAddress, policy: Policy, deadline: float) -> socket.socket:
    """Return a socket connected to the first IP address that answers within its share of the time."""
    for tried, ip in enumerate(ips):
        sock = socket.socket(socket.AF_INET6 if ip.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(time_left(deadline) / (len(ips) - tried))
            sock.connect((str(ip), address.port))
            _refuse_this_machine(sock, address, policy)
            return sock
        except OSError:
            sock.close()
        except BaseException:
            sock.close()
            raise
    raise unreachable(address.host)


def _refuse_this_machine(sock: socket.socket, address: WebAddress, policy: Policy) -> None:
    """Raise FetchError for this machine's own public address: other things may listen behind its firewall."""
    here, there = sock.getsockname()[0], sock.getpeername()[0]
    if here == there and (there, address.port) not in policy.exceptions:
        raise unreachable(address.host)
