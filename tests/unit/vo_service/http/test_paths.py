"""Addresses as clients write them, and where answers send clients: never where Host says."""

from __future__ import annotations

import re

import pytest

BASE = "https://vo.example.org/photoz"
FALSE = {"Host": "elsewhere.example:8080", "X-Forwarded-Host": "elsewhere.example"}
FORM = {"LANG": "ADQL", "QUERY": "SELECT TOP 1 z FROM redshift_catalog.p1_survey"}


def written(rule):
    """Give an address that a rule answers."""
    parts = re.sub(r"<any\(([^,)]+)[^>]*>", r"\1", rule.rule)
    parts = re.sub(r"<int:[^>]*>", "1", parts)
    return re.sub(r"<[^>]*>", "abc", parts)


def variants(path):
    """Give an address, and what clients make of it."""
    bare = path.rstrip("/")
    return [path, f"{bare}/", f"{bare}//", path.replace("/", "//"), *([bare] if bare else [])]


def asked(client, method, path):
    # As an argument, what follows two slashes would be taken as a host.
    place = {"PATH_INFO": path}
    with client.open("/", method=method, headers=FALSE, environ_overrides=place) as response:
        return response.status_code, response.headers, response.get_data()


@pytest.fixture(scope="module")
def rules(installation):
    return list(installation.client.application.url_map.iter_rules())


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_route_redirects_for_its_slashes_or_to_where_host_says(installation, rules, method):
    client = installation.client
    checked = 0
    for rule in rules:
        if method not in rule.methods:
            continue
        if rule.endpoint.startswith("web.old_"):
            # Addresses of another website, which have moved for ever.
            continue
        path = written(rule)
        found = [asked(client, method, each) for each in variants(path)]
        for status, headers, body in found:
            checked += 1
            assert status == found[0][0], (method, path, [each[0] for each in found])
            assert status not in (301, 302, 307, 308), (method, path)
            location = headers.get("Location", BASE)
            assert location == BASE or location.startswith(f"{BASE}/"), (method, path, location)
            assert "elsewhere" not in str(headers), (method, path)
            assert b"elsewhere" not in body, (method, path)
    assert checked > 5


def test_a_job_is_led_by_the_public_address_alone(installation):
    client = installation.client

    def sent(path, method="POST", **data):
        response = client.open(path, method=method, data=data, headers=FALSE)
        assert response.status_code == 303, (path, response.text)
        return response.headers["Location"]

    url = sent("/tap//async/", **FORM)
    assert url.startswith(f"{BASE}/tap/async/")
    job = url.removeprefix(BASE)
    for path, data in (
        (f"{job}/parameters/", {"MAXREC": "1"}),
        (f"{job}//executionduration", {"EXECUTIONDURATION": "5"}),
        (f"{job}/destruction/", {"DESTRUCTION": "2030-01-01T00:00:00Z"}),
        (f"{job}/phase/", {"PHASE": "ABORT"}),
    ):
        assert sent(path, **data) == url
    document = client.get(f"{job}/", headers=FALSE)
    assert document.status_code == 200
    assert "elsewhere" not in document.text
    assert sent(f"{job}/", "DELETE") == f"{BASE}/tap/async"


@pytest.mark.parametrize("path", ["/tap//sync", "/tap/sync/", "/auth/tap//sync/", "/tap/sync//"])
def test_a_query_is_answered_at_an_address_with_more_slashes(installation, path):
    response = installation.client.post(path, data=FORM)
    assert response.status_code == (401 if "auth" in path else 200)
