"""Parameters that are not UTF-8, and forms that are damaged: refused, never read as others."""

from __future__ import annotations

import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st
from votables import read_votable

from vo_service.http.requests import TextRequest

QUERY = b"SELECT TOP 1 z AS \xe9 FROM redshift_catalog.p1_survey"


def multipart(*parts):
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name, more, value)
        for name, value, more in parts
    )
    return {"data": body + b"--b--\r\n", "content_type": "multipart/form-data; boundary=b"}


def urlencoded(body):
    return {"data": body, "content_type": "application/x-www-form-urlencoded"}


def escaped(value):
    return "".join(f"%{byte:02X}" for byte in value).encode()


WRONG = {
    "query string": {"query_string": f"LANG=ADQL&QUERY={escaped(QUERY).decode()}"},
    "form": urlencoded(b"LANG=ADQL&QUERY=" + escaped(QUERY)),
    "plain bytes in a form": urlencoded(b"LANG=ADQL&QUERY=" + QUERY),
    "multipart": multipart((b"LANG", b"ADQL", b""), (b"QUERY", QUERY, b"")),
    "multipart that says another": multipart(
        (b"QUERY", QUERY, b"\r\nContent-Type: text/plain; charset=iso-8859-1")
    ),
}


@pytest.mark.parametrize("way", WRONG)
@pytest.mark.parametrize("path", ["/tap/sync", "/tap/async"])
def test_a_query_that_is_not_utf8_is_refused_by_name(installation, way, path):
    response = installation.client.post(path, **WRONG[way])
    assert response.status_code == 400, response.text
    text = response.text
    if path == "/tap/sync":
        assert response.headers["Content-Type"] == "application/x-votable+xml"
        text = read_votable(response.data).text
    assert "QUERY is not UTF-8: byte 19 is E9" in text


@pytest.mark.parametrize(
    "sent",
    [
        {"query_string": "LANG=ADQL&RESPONSEFORMAT=%FF&QUERY=SELECT+1"},
        {"query_string": "LANG=ADQL&%FF=1"},
        multipart((b"MAXREC", b"\xff", b"")),
        multipart((b"\xff", b"1", b"")),
        {"data": b"--b\r\nContent", "content_type": "multipart/form-data; boundary=b"},
        {"data": b"x", "content_type": "multipart/form-data; boundary="},
    ],
)
@pytest.mark.parametrize("path", ["/tap/sync", "/tap/async"])
def test_other_parameters_and_damaged_forms_are_refused_too(installation, sent, path):
    response = installation.client.post(path, **sent)
    assert response.status_code == 400, response.text


@given(st.text(min_size=1), st.text())
def test_text_in_utf8_arrives_as_it_was_sent_by_every_way(name, value):
    app = Flask(__name__)
    app.request_class = TextRequest
    pair = {name: value}
    for sent in ({"query_string": pair}, {"data": pair}):
        with app.test_request_context("/", method="POST", **sent):
            found = request.args if "query_string" in sent else request.form
            assert found.to_dict() == pair
    raw = value.encode()
    with app.test_request_context("/", method="POST", **multipart((b"v", raw, b""))):
        if b"\r\n--b" not in raw:
            assert request.form["v"] == value
