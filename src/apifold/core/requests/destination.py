"""Which places on the network may be reached, and why not: one answer for every outgoing request.

A host is judged in two steps by whoever connects: its spelling before it is resolved (`check_host`), and every address
it resolves to before any of them is connected to (`check_addresses`). The tables are the IANA special-purpose address
registries; Python's `is_global` is not used, for it differs between the versions we run on.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import quote

import msgspec

from apifold.core.errors import AppError, ErrorCategory
from apifold.core.requests.model import Origin

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


class Reason(StrEnum):
    """Why a destination is refused. The first four are about an address, the rest about how it is written."""

    LOOPBACK = "loopback"
    PRIVATE = "private"
    METADATA = "metadata"
    """Where clouds hand out credentials to whoever asks from inside."""
    NOT_GLOBAL = "not_global"
    """Link-local, multicast, unspecified, reserved, documentation, or another address wrapped into this one."""
    BAD_HOST = "bad_host"
    BAD_URL = "bad_url"
    USER_INFO = "user_info"
    SCHEME = "scheme"


class Refused(msgspec.Struct, frozen=True):
    reason: Reason
    message: str
    """For a person; names the host or the address and what is wrong with it."""


class Allowed(msgspec.Struct, frozen=True):
    address: str
    """Canonical text of the address that was checked: the one, and the only one, to connect to."""


class DestinationPolicy(msgspec.Struct, frozen=True):
    """What an operator allows beyond what is globally routable. The default allows nothing."""

    private: bool = False
    """Loopback, private-use, shared and unique-local addresses. Link-local and metadata stay refused."""
    networks: tuple[Network, ...] = ()
    endpoints: frozenset[tuple[str, int]] = frozenset()
    """Canonical host (name or address) and port: reachable at whatever address the name has."""

    @classmethod
    def allowing(cls, entries: Iterable[str], *, private: bool = False) -> "DestinationPolicy":
        """A policy from an operator's list: `10.0.0.0/8`, `192.168.1.7`, `fd00::/8`, `host:port`, `[::1]:8080`.

        Raises `AppError` `destination.bad_entry`.
        """
        networks: list[Network] = []
        endpoints: set[tuple[str, int]] = set()
        for entry in entries:
            network = _network(entry)
            if network is not None:
                networks.append(network)
            else:
                endpoints.add(_endpoint(entry))
        return cls(private, tuple(networks), frozenset(endpoints))


GLOBAL_ONLY = DestinationPolicy()
ALLOW_PRIVATE = DestinationPolicy(private=True)
"""For a server that only this machine can call: whoever calls it can reach these addresses anyway."""


# The first network that holds an address decides. IANA registries "IPv4/IPv6 Special-Purpose Address Space",
# rows whose "globally reachable" is not true, and the places where clouds keep their metadata services.
_SPECIAL: tuple[tuple[Network, Reason, str], ...] = tuple(
    (ip_network(network), reason, what)
    for network, reason, what in (
        ("169.254.169.254/32", Reason.METADATA, "the metadata service of most clouds"),
        ("169.254.170.2/32", Reason.METADATA, "the credential service of AWS containers"),
        ("169.254.170.23/32", Reason.METADATA, "the credential service of AWS containers"),
        ("100.100.100.200/32", Reason.METADATA, "the metadata service of Alibaba Cloud"),
        ("168.63.129.16/32", Reason.METADATA, "the host service of Azure"),
        ("192.0.0.192/32", Reason.METADATA, "the metadata service of Oracle Cloud"),
        ("fd00:ec2::254/128", Reason.METADATA, "the metadata service of AWS"),
        ("fd00:ec2::23/128", Reason.METADATA, "the credential service of AWS containers"),
        ("fd20:ce::254/128", Reason.METADATA, "the metadata service of Google Cloud"),
        ("0.0.0.0/8", Reason.NOT_GLOBAL, "an unspecified address"),
        ("10.0.0.0/8", Reason.PRIVATE, "a private address"),
        ("100.64.0.0/10", Reason.PRIVATE, "a shared address"),
        ("127.0.0.0/8", Reason.LOOPBACK, "this machine itself"),
        ("169.254.0.0/16", Reason.NOT_GLOBAL, "a link-local address"),
        ("172.16.0.0/12", Reason.PRIVATE, "a private address"),
        ("192.0.0.0/24", Reason.NOT_GLOBAL, "a reserved address"),
        ("192.0.2.0/24", Reason.NOT_GLOBAL, "a documentation address"),
        ("192.88.99.0/24", Reason.NOT_GLOBAL, "a 6to4 relay address"),
        ("192.168.0.0/16", Reason.PRIVATE, "a private address"),
        ("198.18.0.0/15", Reason.NOT_GLOBAL, "a benchmarking address"),
        ("198.51.100.0/24", Reason.NOT_GLOBAL, "a documentation address"),
        ("203.0.113.0/24", Reason.NOT_GLOBAL, "a documentation address"),
        ("224.0.0.0/4", Reason.NOT_GLOBAL, "a multicast address"),
        ("240.0.0.0/4", Reason.NOT_GLOBAL, "a reserved address"),
        ("::/128", Reason.NOT_GLOBAL, "an unspecified address"),
        ("::1/128", Reason.LOOPBACK, "this machine itself"),
        ("2001::/23", Reason.NOT_GLOBAL, "a protocol-assignment address"),  # Teredo is in here
        ("2001:db8::/32", Reason.NOT_GLOBAL, "a documentation address"),
        ("2002::/16", Reason.NOT_GLOBAL, "a 6to4 address"),
        ("3fff::/20", Reason.NOT_GLOBAL, "a documentation address"),
        ("fc00::/7", Reason.PRIVATE, "a unique-local address"),
        ("fe80::/10", Reason.NOT_GLOBAL, "a link-local address"),
        ("ff00::/8", Reason.NOT_GLOBAL, "a multicast address"),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
# IPv4-compatible, IPv4-mapped, and the "translated" form of SIIT: IPv4 in other clothes for the local stack.
_WRAPPED_V4 = tuple(IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96"))

_LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})
_METADATA_NAMES = frozenset(
    {"metadata", "metadata.goog", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DOTTED = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}")
_URL = re.compile(r"(?i:(https?)://)([^/?#\\]*)([^#]*)(?:#.*)?", re.DOTALL)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


def canonical_host(host: str) -> str | Refused:
    """One spelling for one host: lower case, no final dot, no brackets, IDNA in its ASCII form, IPv6 compressed.

    Numbers that some resolvers read as an IPv4 address (`127.1`, `0x7f000001`, `017700000001`, `2130706433`) are refused,
    as are zone ids, empty labels and characters that no host name has.
    """
    text = host.strip("[]") if ":" in host else host
    if ":" in text:
        return _canonical_v6(text)
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return Refused(Reason.BAD_HOST, f"{host!r} is not a host name.")
    text = text.lower().removesuffix(".")
    labels = text.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        if _DOTTED.fullmatch(text):
            return text
        return Refused(Reason.BAD_HOST, f"{host!r} is a number in disguise: write an IPv4 address as four decimals.")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return Refused(Reason.BAD_HOST, f"{host!r} is not a host name.")
    return text


def check_host(host: str, port: int, policy: DestinationPolicy) -> str | Refused:
    """The canonical host when its spelling may be resolved. A literal address is fully checked here."""
    name = canonical_host(host)
    if isinstance(name, Refused) or (name, port) in policy.endpoints:
        return name
    if name in _METADATA_NAMES:
        return Refused(Reason.METADATA, f"{name} is the metadata service of a cloud.")
    if not policy.private and (name in _LOCAL_NAMES or name.endswith(".localhost")):
        return Refused(Reason.LOOPBACK, f"{name} is this machine itself.")
    if is_address(name):
        verdict = check(name, host=name, port=port, policy=policy)
        return verdict if isinstance(verdict, Refused) else name
    return name


def check(address: str, *, host: str, port: int, policy: DestinationPolicy) -> Allowed | Refused:
    """Whether a connection for canonical `host` and `port` may go to this address, which may stand as a resolver gave it."""
    try:
        found = ip_address(address)
    except ValueError:
        return Refused(Reason.BAD_HOST, f"{address!r} is not an address.")
    if isinstance(found, IPv6Address) and found.scope_id is not None:
        return Refused(Reason.NOT_GLOBAL, f"{address} is bound to one network interface.")
    if (host, port) in policy.endpoints:
        return Allowed(str(found))
    inner = _unwrapped(found)
    if any(inner in network or found in network for network in policy.networks):
        return Allowed(str(found))
    reason, what = _classify(found, inner)
    if reason is None or (policy.private and reason in {Reason.LOOPBACK, Reason.PRIVATE}):
        return Allowed(str(found))
    shown = str(found) if host == str(found) else f"{host} ({found})"
    return Refused(reason, f"{shown} is {what}.")


def check_addresses(
    addresses: Sequence[str], *, host: str, port: int, policy: DestinationPolicy
) -> tuple[str, ...] | Refused:
    """All addresses of a name, in order, when every one of them is allowed; one that is not refuses the whole name.

    Connecting to the good ones only would let an attacker test which of its answers we take.
    """
    good: list[str] = []
    for address in addresses:
        verdict = check(address, host=host, port=port, policy=policy)
        if isinstance(verdict, Refused):
            return verdict
        good.append(verdict.address)
    return tuple(good)


def split_url(url: str) -> tuple[Origin, str] | Refused:
    """An absolute http(s) URL to where to connect and the request target (path and query, ASCII); a fragment is dropped.

    Refused: other schemes, user info, control characters, backslashes in the authority, ports out of range, and host
    spellings that `canonical_host` refuses. Spaces and non-ASCII characters of the target are percent-encoded (UTF-8).
    """
    if _FORBIDDEN.search(url):
        return Refused(Reason.BAD_URL, "The URL has control characters in it.")
    parts = _URL.fullmatch(url.strip(" "))
    if parts is None:
        scheme, found, _ = url.partition(":")
        if found and scheme.isalpha() and scheme.lower() not in {"http", "https"}:
            return Refused(Reason.SCHEME, f"Only http and https are reached, not {scheme.lower()}.")
        return Refused(Reason.BAD_URL, "This is not an absolute http or https URL.")
    scheme, authority, target = parts[1].lower(), parts[2], parts[3]
    if "@" in authority:
        return Refused(
            Reason.USER_INFO, "A URL with a user name or password in it is refused: give them as credentials."
        )
    if target.startswith("\\"):
        return Refused(Reason.BAD_URL, "The URL has a backslash after its host.")
    split = _split_authority(authority, 443 if scheme == "https" else 80)
    if isinstance(split, Refused):
        return split
    if not target.startswith("/"):
        target = f"/{target}"
    return Origin(scheme, *split), quote(target, safe=_PRINTABLE)


def is_address(host: str) -> bool:
    """Whether a canonical host is a literal address."""
    return ":" in host or _DOTTED.fullmatch(host) is not None


def _canonical_v6(text: str) -> str | Refused:
    try:
        found = IPv6Address(text)
    except ValueError:
        return Refused(Reason.BAD_HOST, f"{text!r} is not an IPv6 address.")
    if found.scope_id is not None:
        return Refused(Reason.BAD_HOST, f"{text!r} is bound to one network interface.")
    return str(found)


def _split_authority(authority: str, default: int) -> tuple[str, int] | Refused:
    host, port = authority, ""
    if authority.startswith("["):
        host, closed, rest = authority.partition("]")
        if not closed or (rest and not rest.startswith(":")):
            return Refused(Reason.BAD_URL, f"{authority!r} is not a host.")
        host, port = host[1:], rest[1:]
        if ":" not in host:
            return Refused(Reason.BAD_HOST, f"{host!r} is not an IPv6 address.")
    elif ":" in authority:
        host, _, port = authority.partition(":")
    if port and not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        return Refused(Reason.BAD_URL, f"{port!r} is not a port.")
    name = canonical_host(host)
    return name if isinstance(name, Refused) else (name, int(port) if port else default)


def _classify(found: Address, inner: Address) -> tuple[Reason | None, str]:
    """Why an address is not globally routable; `None` when it is. What is wrapped decides, when it is the worse."""
    reason, what = _special(inner)
    if inner is found:
        return reason, what
    if reason is not None:
        return reason, f"{what} ({inner}) in an IPv6 address"
    if any(found in network for network in _WRAPPED_V4):
        return Reason.NOT_GLOBAL, "an IPv4 address written as IPv6"
    return (None, "") if found in _NAT64 else _special(found)


def _special(found: Address) -> tuple[Reason | None, str]:
    for network, reason, what in _SPECIAL:
        if found in network:
            return reason, what
    if isinstance(found, IPv6Address) and found not in _GLOBAL_V6:
        return Reason.NOT_GLOBAL, "not a globally routable address"
    return None, ""


def _unwrapped(found: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where a translator or tunnel would take it out (RFC 4291 2.5.5,
    6052, 3056, 4380, 5214); otherwise the address itself.
    """
    if isinstance(found, IPv4Address):
        return found
    value = int(found)
    low = value & 0xFFFFFFFF
    if value > 1 and any(found in network for network in (*_WRAPPED_V4, _NAT64)):
        return IPv4Address(low)
    if value >> 112 == 0x2002:  # 6to4
        return IPv4Address((value >> 80) & 0xFFFFFFFF)
    if value >> 96 == 0x20010000:  # Teredo: the client's address, inverted
        return IPv4Address(low ^ 0xFFFFFFFF)
    if (value >> 32) & 0xFDFFFFFF == 0x00005EFE:  # ISATAP
        return IPv4Address(low)
    return found


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry.strip())
    except ValueError:
        return None


def _endpoint(entry: str) -> tuple[str, int]:
    split = _split_authority(entry.strip(), 0)
    if isinstance(split, Refused) or split[1] == 0:
        raise AppError(
            "destination.bad_entry",
            f"{entry!r} is neither a network (10.0.0.0/8) nor a host and port (db.internal:8080).",
            category=ErrorCategory.INVALID,
        )
    return split
