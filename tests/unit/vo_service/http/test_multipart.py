"""Boundaries of multipart forms as clients write them."""

from __future__ import annotations

import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from vo_service.http.multipart import quote_boundary

BOUNDARY_CHARACTERS = "abcXYZ019'()+_,-./:=?"


def body(boundary: str) -> bytes:
    lines = [
        f"--{boundary}",
        'Content-Disposition: form-data; name="LANG"',
        "",
        "ADQL",
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode()


def read(content_type: str, data: bytes) -> dict[str, str]:
    app = Flask(__name__)
    app.before_request(lambda: quote_boundary(request.environ))
    app.post("/")(lambda: dict(request.form))
    answer = app.test_client().post("/", data=data, content_type=content_type)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@given(st.text(BOUNDARY_CHARACTERS, min_size=1, max_size=70))
def test_forms_are_read_whatever_their_boundary_is_made_of(boundary):
    assert read(f"multipart/form-data; boundary={boundary}", body(boundary)) == {"LANG": "ADQL"}


@pytest.mark.parametrize(
    "form",
    ['multipart/form-data; boundary="=a="', "Multipart/Form-Data;charset=utf-8;boundary==a="],
)
def test_other_parameters_and_quotes_stay(form):
    assert read(form, body("=a=")) == {"LANG": "ADQL"}


@pytest.mark.parametrize(
    "content_type", ["", "text/plain; boundary=a=b", "multipart/mixed; boundary=a=b"]
)
def test_other_bodies_are_left_alone(content_type):
    environ = {"CONTENT_TYPE": content_type}
    quote_boundary(environ)
    assert environ == {"CONTENT_TYPE": content_type}


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; x=1"])
def test_a_form_without_a_boundary_is_refused(content_type):
    with pytest.raises(BadRequest, match="boundary"):
        quote_boundary({"CONTENT_TYPE": content_type})
