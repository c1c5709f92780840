"""Which destinations are refused, whatever clothes they wear."""

import pytest

from apifold.core.errors import AppError
from apifold.core.requests.destination import (
    ALLOW_PRIVATE,
    GLOBAL_ONLY,
    Allowed,
    DestinationPolicy,
    Reason,
    Refused,
    canonical_host,
    check,
    check_addresses,
    check_host,
    split_url,
)
from apifold.core.requests.model import Origin

NOT_GLOBAL = [
    ("127.0.0.1", Reason.LOOPBACK),
    ("127.255.255.254", Reason.LOOPBACK),
    ("10.1.2.3", Reason.PRIVATE),
    ("172.16.0.1", Reason.PRIVATE),
    ("172.31.255.255", Reason.PRIVATE),
    ("192.168.0.1", Reason.PRIVATE),
    ("100.64.0.1", Reason.PRIVATE),
    ("100.127.255.255", Reason.PRIVATE),
    ("0.0.0.0", Reason.NOT_GLOBAL),
    ("0.1.2.3", Reason.NOT_GLOBAL),
    ("169.254.0.1", Reason.NOT_GLOBAL),
    ("192.0.0.1", Reason.NOT_GLOBAL),
    ("192.0.2.1", Reason.NOT_GLOBAL),
    ("192.88.99.1", Reason.NOT_GLOBAL),
    ("198.18.0.1", Reason.NOT_GLOBAL),
    ("198.51.100.1", Reason.NOT_GLOBAL),
    ("203.0.113.1", Reason.NOT_GLOBAL),
    ("224.0.0.1", Reason.NOT_GLOBAL),
    ("239.255.255.250", Reason.NOT_GLOBAL),
    ("240.0.0.1", Reason.NOT_GLOBAL),
    ("255.255.255.255", Reason.NOT_GLOBAL),
    ("169.254.169.254", Reason.METADATA),
    ("169.254.170.2", Reason.METADATA),
    ("100.100.100.200", Reason.METADATA),
    ("168.63.129.16", Reason.METADATA),
    ("fd00:ec2::254", Reason.METADATA),
    ("::1", Reason.LOOPBACK),
    ("::", Reason.NOT_GLOBAL),
    ("fc00::1", Reason.PRIVATE),
    ("fdff::1", Reason.PRIVATE),
    ("fe80::1", Reason.NOT_GLOBAL),
    ("fec0::1", Reason.NOT_GLOBAL),
    ("ff02::1", Reason.NOT_GLOBAL),
    ("2001:db8::1", Reason.NOT_GLOBAL),
    ("3fff::1", Reason.NOT_GLOBAL),
    ("5f00::1", Reason.NOT_GLOBAL),
    ("100::1", Reason.NOT_GLOBAL),
    ("64:ff9b:1::1", Reason.NOT_GLOBAL),
    ("2001:2::1", Reason.NOT_GLOBAL),
    ("4000::1", Reason.NOT_GLOBAL),
]

WRAPPED = [
    ("::ffff:127.0.0.1", Reason.LOOPBACK),
    ("::ffff:7f00:1", Reason.LOOPBACK),
    ("::ffff:169.254.169.254", Reason.METADATA),
    ("::127.0.0.1", Reason.LOOPBACK),
    ("::ffff:0:127.0.0.1", Reason.LOOPBACK),
    ("::ffff:8.8.8.8", Reason.NOT_GLOBAL),
    ("::8.8.8.8", Reason.NOT_GLOBAL),
    ("64:ff9b::127.0.0.1", Reason.LOOPBACK),
    ("64:ff9b::10.0.0.1", Reason.PRIVATE),
    ("64:ff9b::169.254.169.254", Reason.METADATA),
    ("2002:7f00:1::", Reason.LOOPBACK),
    ("2002:808:808::1", Reason.NOT_GLOBAL),
    ("2001:0:808:808:0:0:80ff:fffe", Reason.LOOPBACK),
    ("2001:0:808:808:0:0:f7f7:f7f7", Reason.NOT_GLOBAL),
    ("2a00:1450::5efe:10.0.0.1", Reason.PRIVATE),
    ("2a00:1450::200:5efe:127.0.0.1", Reason.LOOPBACK),
    ("fe80::1%eth0", Reason.NOT_GLOBAL),
]

GLOBAL = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "64:ff9b::808:808",
]


def refusal(
    address: str, policy: DestinationPolicy = GLOBAL_ONLY, host: str = "api.example", port: int = 443
) -> Reason | None:
    verdict = check(address, host=host, port=port, policy=policy)
    return verdict.reason if isinstance(verdict, Refused) else None


@pytest.mark.parametrize(("address", "reason"), NOT_GLOBAL + WRAPPED)
def test_address_that_is_not_globally_routable_is_refused_with_its_reason(address: str, reason: Reason) -> None:
    assert refusal(address) is reason


@pytest.mark.parametrize("address", GLOBAL)
def test_globally_routable_address_is_allowed_as_it_is(address: str) -> None:
    assert check(address, host="api.example", port=443, policy=GLOBAL_ONLY) == Allowed(address)


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "0x7f.0.0.1", "1.2.3.4 ", "010.0.0.1"])
def test_what_is_not_a_canonical_address_is_no_address(address: str) -> None:
    assert refusal(address) is Reason.BAD_HOST


def test_private_policy_opens_loopback_and_private_networks_and_nothing_else() -> None:
    opened = {address for address, _ in NOT_GLOBAL if refusal(address, ALLOW_PRIVATE) is None}
    assert opened == {address for address, reason in NOT_GLOBAL if reason in {Reason.LOOPBACK, Reason.PRIVATE}}
    assert refusal("::ffff:127.0.0.1", ALLOW_PRIVATE) is None
    assert refusal("::ffff:169.254.169.254", ALLOW_PRIVATE) is Reason.METADATA


def test_listed_network_is_allowed_and_its_neighbour_is_not() -> None:
    policy = DestinationPolicy.allowing(["10.1.0.0/16", "fd00:1::/32", "192.168.1.7"])
    assert refusal("10.1.2.3", policy) is None
    assert refusal("::ffff:10.1.2.3", policy) is None
    assert refusal("fd00:1::5", policy) is None
    assert refusal("192.168.1.7", policy) is None
    assert refusal("10.2.0.1", policy) is Reason.PRIVATE
    assert refusal("192.168.1.8", policy) is Reason.PRIVATE
    assert refusal("127.0.0.1", policy) is Reason.LOOPBACK


def test_listed_endpoint_is_allowed_at_its_port_and_under_its_name_only() -> None:
    policy = DestinationPolicy.allowing(["DB.internal.:8080", "[::1]:9000"])
    assert refusal("10.0.0.1", policy, "db.internal", 8080) is None
    assert refusal("10.0.0.1", policy, "db.internal", 8081) is Reason.PRIVATE
    assert refusal("10.0.0.1", policy, "other.internal", 8080) is Reason.PRIVATE
    assert check_host("::1", 9000, policy) == "::1"
    assert check_host("::1", 9001, policy) == Refused(Reason.LOOPBACK, "::1 is this machine itself.")


@pytest.mark.parametrize("entry", ["", "host", "10.0.0.1/8", "host:0", "host:port", "a b:80", "http://host:80"])
def test_policy_entry_that_is_neither_network_nor_endpoint_is_an_error(entry: str) -> None:
    with pytest.raises(AppError) as caught:
        DestinationPolicy.allowing([entry])
    assert caught.value.code == "destination.bad_entry"


def test_name_with_one_refused_address_is_refused_as_a_whole() -> None:
    mixed = ("1.1.1.1", "2606:4700::1111", "127.0.0.1")
    assert check_addresses(mixed[:2], host="api.example", port=443, policy=GLOBAL_ONLY) == mixed[:2]
    verdict = check_addresses(mixed, host="api.example", port=443, policy=GLOBAL_ONLY)
    assert verdict == Refused(Reason.LOOPBACK, "api.example (127.0.0.1) is this machine itself.")


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("localhost", Reason.LOOPBACK),
        ("LOCALHOST", Reason.LOOPBACK),
        ("localhost.", Reason.LOOPBACK),
        ("api.localhost", Reason.LOOPBACK),
        ("localhost.localdomain", Reason.LOOPBACK),
        ("ip6-localhost", Reason.LOOPBACK),
        ("ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", Reason.LOOPBACK),
        ("127.0.0.1", Reason.LOOPBACK),
        ("127.0.0.1.", Reason.LOOPBACK),
        ("１２７.0.0.1", Reason.LOOPBACK),
        ("127。0。0。1", Reason.LOOPBACK),
        ("[::1]", Reason.LOOPBACK),
        ("0:0:0:0:0:0:0:1", Reason.LOOPBACK),
        ("::FFFF:127.0.0.1", Reason.LOOPBACK),
        ("metadata.google.internal", Reason.METADATA),
        ("Metadata.Google.Internal.", Reason.METADATA),
        ("instance-data", Reason.METADATA),
        ("169.254.169.254", Reason.METADATA),
        ("2130706433", Reason.BAD_HOST),
        ("017700000001", Reason.BAD_HOST),
        ("0x7f000001", Reason.BAD_HOST),
        ("0X7F.1", Reason.BAD_HOST),
        ("127.1", Reason.BAD_HOST),
        ("127.0.1", Reason.BAD_HOST),
        ("0177.0.0.1", Reason.BAD_HOST),
        ("127.0.0.0x1", Reason.BAD_HOST),
        ("127.0.0.01", Reason.BAD_HOST),
        ("256.0.0.1", Reason.BAD_HOST),
        ("1.2.3.4.5", Reason.BAD_HOST),
        ("8.8.2056", Reason.BAD_HOST),
        ("0x", Reason.BAD_HOST),
        ("fe80::1%eth0", Reason.BAD_HOST),
        ("fe80::1%25eth0", Reason.BAD_HOST),
        ("::1::", Reason.BAD_HOST),
        ("", Reason.BAD_HOST),
        (".", Reason.BAD_HOST),
        ("api..example", Reason.BAD_HOST),
        ("api.example..", Reason.BAD_HOST),
        ("api example", Reason.BAD_HOST),
        ("api%2eexample", Reason.BAD_HOST),
        ("api.example\r\nx", Reason.BAD_HOST),
        ("api.example\x00", Reason.BAD_HOST),
        ("-api.example", Reason.BAD_HOST),
        ("a" * 64 + ".example", Reason.BAD_HOST),
        (".".join(["a" * 60] * 5), Reason.BAD_HOST),
    ],
)
def test_host_that_must_not_be_resolved_is_refused_by_its_spelling(host: str, reason: Reason) -> None:
    verdict = check_host(host, 443, GLOBAL_ONLY)
    assert isinstance(verdict, Refused)
    assert verdict.reason is reason


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        ("API.Example.", "api.example"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("_dmarc.example", "_dmarc.example"),
        ("1.1.1.1", "1.1.1.1"),
        ("[2606:4700:0:0::1111]", "2606:4700::1111"),
        ("localhost.example", "localhost.example"),
        ("127.0.0.1.nip.example", "127.0.0.1.nip.example"),
        ("3com", "3com"),
    ],
)
def test_host_has_one_canonical_spelling(host: str, canonical: str) -> None:
    assert canonical_host(host) == canonical
    assert check_host(host, 443, GLOBAL_ONLY) == canonical


def test_private_policy_admits_local_names_but_not_metadata_names() -> None:
    assert check_host("localhost", 80, ALLOW_PRIVATE) == "localhost"
    assert check_host("metadata", 80, ALLOW_PRIVATE) == Refused(
        Reason.METADATA, "metadata is the metadata service of a cloud."
    )
    assert check_host("metadata", 80, DestinationPolicy.allowing(["metadata:80"])) == "metadata"


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://api.example", Origin("https", "api.example", 443), "/"),
        ("HTTP://API.Example:8080/a/../b?c=%2F#frag", Origin("http", "api.example", 8080), "/a/../b?c=%2F"),
        ("https://api.example?x=1", Origin("https", "api.example", 443), "/?x=1"),
        ("http://[2606:4700::1111]:81/x", Origin("http", "2606:4700::1111", 81), "/x"),
        ("https://api.example/a b/ü\\?é", Origin("https", "api.example", 443), "/a%20b/%C3%BC\\?%C3%A9"),
        ("https://api.example:/", Origin("https", "api.example", 443), "/"),
        ("http://127.0.0.1:1/", Origin("http", "127.0.0.1", 1), "/"),
    ],
)
def test_url_is_split_into_where_to_connect_and_what_to_ask(url: str, origin: Origin, target: str) -> None:
    assert split_url(url) == (origin, target)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", Reason.BAD_URL),
        ("/relative", Reason.BAD_URL),
        ("//api.example/x", Reason.BAD_URL),
        ("https:api.example", Reason.BAD_URL),
        ("ftp://api.example/", Reason.SCHEME),
        ("file:///etc/passwd", Reason.SCHEME),
        ("gopher://127.0.0.1:6379/_x", Reason.SCHEME),
        ("https://user@api.example/", Reason.USER_INFO),
        ("https://user:secret@api.example/", Reason.USER_INFO),
        ("https://api.example:80@127.0.0.1/", Reason.USER_INFO),
        ("https://api.example\\@127.0.0.1/", Reason.BAD_URL),
        ("https://api.example\t/", Reason.BAD_URL),
        ("https://api.exam\nple/", Reason.BAD_URL),
        ("https://api.example/\ud800", Reason.BAD_URL),
        ("https://api.example:0/", Reason.BAD_URL),
        ("https://api.example:65536/", Reason.BAD_URL),
        ("https://api.example:8o/", Reason.BAD_URL),
        ("https://api.example:٣/", Reason.BAD_URL),
        ("https://[::1/", Reason.BAD_URL),
        ("https://[::1]x/", Reason.BAD_URL),
        ("https://[v1.a:b]/", Reason.BAD_HOST),
        ("https://[1.2.3.4]/", Reason.BAD_HOST),
        ("https://::1/", Reason.BAD_URL),
        ("https:///x", Reason.BAD_HOST),
        ("https://0x7f000001/", Reason.BAD_HOST),
        ("https://a%2fb/", Reason.BAD_HOST),
    ],
)
def test_url_that_is_not_plain_http_is_refused(url: str, reason: Reason) -> None:
    verdict = split_url(url)
    assert isinstance(verdict, Refused)
    assert verdict.reason is reason


def test_refusal_of_user_info_does_not_repeat_the_secret() -> None:
    verdict = split_url("https://user:hunter2@api.example/")
    assert isinstance(verdict, Refused)
    assert "hunter2" not in verdict.message
