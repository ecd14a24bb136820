"""Who a visitor is, and what only a proxy of the site may say."""

from __future__ import annotations

import pytest

from vo_service.http.visitors import ForwardedHeaders, TrustedProxies, address_visitor


@pytest.mark.parametrize(
    ("address", "visitor"),
    [
        ("192.0.2.7", "address 192.0.2.7"),
        ("::ffff:192.0.2.7", "address 192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "address 2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "address 2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "address 2001:db8:1:3::/64"),
        ("fe80::1%eth0", "address fe80::/64"),
        ("unix", "address unix"),
        ("x" * 100, f"address {'x' * 64}"),
    ],
)
def test_visitors_without_an_account_are_told_by_their_network(address, visitor):
    assert address_visitor(address) == visitor


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "203.0.113.5, 198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "198.51.100.9, 10.0.0.2", "198.51.100.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.1"),
        ("10.0.0.1", " , ", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.9:1234", "198.51.100.9"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.9", "198.51.100.9"),
    ],
)
def test_an_address_counts_as_a_trusted_proxy_saw_it(peer, forwarded_for, address):
    assert TrustedProxies(["10.0.0.0/8"]).address(peer, forwarded_for) == address


SAID = {
    "HTTP_X_FORWARDED_FOR": "a",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "evil",
    "HTTP_X_FORWARDED_PREFIX": "/evil",
    "HTTP_FORWARDED": "for=a",
    "HTTP_X_REAL_IP": "a",
    "HTTP_SCRIPT_NAME": "/evil",
    "HTTP_REMOTE_USER": "root",
    "REMOTE_USER": "root",
    "HTTP_X_SHIB_USER": "root",
}


@pytest.mark.parametrize(("peer", "kept"), [("192.0.2.1", {}), ("10.0.0.1", SAID)])
def test_only_a_trusted_proxy_may_say_who_somebody_is_and_where(peer, kept):
    seen = {}
    middleware = ForwardedHeaders(
        lambda environ, _: seen.update(environ), TrustedProxies(["10.0.0.1"]), ["X-Shib-User"]
    )
    middleware({"REMOTE_ADDR": peer, "HTTP_ACCEPT": "x"} | SAID, None)
    assert seen == {"REMOTE_ADDR": peer, "HTTP_ACCEPT": "x"} | kept
