"""Where a request comes from."""

import pytest

from transcriber.web.address import SEEN, Proxies, neighbourhood

OURS = Proxies(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "origin"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "192.0.2.1", "198.51.100.7"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "203.0.113.9, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("fe80::1%eth0", "192.0.2.1", "fe80::1%eth0"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "somebody", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1, unknown", "10.0.0.1"),
        ("", "192.0.2.1", "192.0.2.1"),
        ("", "", ""),
    ],
)
def test_only_trusted_proxies_say_who_asks(peer: str, forwarded: str, origin: str) -> None:
    assert OURS.origin(peer, forwarded) == origin


def test_a_long_chain_is_not_followed_for_ever() -> None:
    chain = ", ".join(["192.0.2.1"] + ["10.0.0.2"] * SEEN)
    assert OURS.origin("10.0.0.1", chain) == "10.0.0.2"


def test_without_proxies_nobody_is_believed() -> None:
    assert Proxies().origin("10.0.0.1", "192.0.2.1") == "10.0.0.1"
    with pytest.raises(ValueError, match="proxy"):
        Proxies(["proxy"])


@pytest.mark.parametrize(
    ("address", "subscriber"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::7", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_subscriber_is_one_however_many_addresses_they_have(
    address: str, subscriber: str
) -> None:
    assert neighbourhood(address) == subscriber
