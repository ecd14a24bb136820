"""Which addresses are fetched from."""

from __future__ import annotations

import pytest

from vo_service.uploads.addresses import is_public, resolve_host


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "193.0.6.139",
        "2001:4860:4860::8888",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2001:0:53aa:64c:0:fbff:52e6:61c3",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "localhost",
        "",
    ],
)
def test_other_addresses_are_not(address):
    assert not is_public(address)


def test_a_host_written_as_a_number_is_resolved_to_its_address():
    # Without this, http://2130706433/ and http://0x7f000001/ would go around the check.
    for host in ("127.0.0.1", "127.1", "2130706433", "0x7f000001"):
        assert not any(is_public(address) for address in resolve_host(host, 80))
