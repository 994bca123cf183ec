"""Every address that must not be reached, and the tricks by which one might be."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.addresses import Addresses, check_url
from webhooks.errors import BadUrl

FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fe80::1%25eth0",
    "fec0::1",
    "ff02::1",
    "ff05::2",
    "4000::1",
    "2606:4700::1111%eth0",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "191.255.255.255",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_refuses(address: str) -> None:
    assert not Addresses().permits(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_permits(address: str) -> None:
    assert Addresses().permits(address)


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0x7f000001", "127.1", "1.2.3"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    assert not Addresses().permits(text)


@given(st.integers(0, 2**32 - 1))
def test_an_address_means_the_same_inside_an_ipv6_address(number: int) -> None:
    judge = Addresses()
    plain, mapped = IPv4Address(number), IPv6Address(0xFFFF << 32 | number)
    assert judge.permits(str(plain)) == judge.permits(str(mapped))


@given(st.integers(0, 2**32 - 1))
def test_no_private_address_is_permitted(number: int) -> None:
    address = IPv4Address(number)
    if address.is_private or address.is_multicast or address.is_reserved:
        assert not Addresses().permits(str(address))


def test_an_administrator_can_permit_networks() -> None:
    judge = Addresses(["192.168.7.0/24", "fd00:7::/32"])
    assert judge.permits("192.168.7.1")
    assert judge.permits("::ffff:192.168.7.1")
    assert judge.permits("fd00:7::1")
    assert not judge.permits("192.168.8.1")
    assert not judge.permits("fe80::1%eth0")


def test_a_malformed_network_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        Addresses(["10.0.0.1/8"])


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/path?query=1",
        "http://hooks.example:8080/",
        "https://93.184.216.34/",
        "https://[2606:4700::1111]:8443/x",
        "https://xn--bcher-kva.example/",
    ],
)
def test_a_url_of_a_webhook(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://hooks.example/", "begin with"),
        ("file:///etc/passwd", "begin with"),
        ("gopher://hooks.example/", "begin with"),
        ("//hooks.example/", "begin with"),
        ("hooks.example", "begin with"),
        ("https://", "needs a host"),
        ("https:///path", "needs a host"),
        ("https://hooks.example:0/", "needs a host"),
        ("https://hooks.example:99999/", "malformed"),
        ("https://hooks.example:x/", "malformed"),
        ("https://[::1/", "malformed"),
        ("https://user@hooks.example/", "password"),
        ("https://hooks.example@127.0.0.1/", "password"),
        ("https://hooks.example:443@127.0.0.1/", "password"),
        ("https://@127.0.0.1/", "password"),
        ("https://hooks.example\\@127.0.0.1/", "encoded"),
        ("https://hooks.example\t.evil/", "encoded"),
        ("https://hooks.example/\r\nHost: x", "encoded"),
        ("https://ⓔxample.com/", "encoded"),
        ("https://127。0。0。1/", "encoded"),
        ("https://[fe80::1%25eth0]/", "zone"),
        ("https://127%2e0%2e0%2e1/", "zone"),
        ("https://hooks.example/#part", "fragment"),
        ("https://hooks.example/" + "x" * 2048, "longer"),
    ],
)
def test_no_url_of_a_webhook(url: str, problem: str) -> None:
    with pytest.raises(BadUrl, match=problem):
        check_url(url)
