import io

import pytest
from flask import Flask

from vo_service.api.blueprint.bodies import read_body
from vo_service.api.blueprint.downloads import content_disposition
from vo_service.api.blueprint.multipart import read_upload
from vo_service.api.errors import InvalidFields, UnsupportedBody
from vo_service.api.models.processes import NewProcess
from vo_service.api.models.products import NewProduct, ProductChange

APP = Flask(__name__)


def sent(model, **request):
    with APP.test_request_context("/", method="POST", **request):
        return read_body(model)


def test_json_and_forms_are_read_alike():
    values = {"display_name": " a ", "product_type": 2, "official_product": True}
    by_json = sent(NewProduct, json=values)
    assert by_json == sent(NewProduct, data=values)
    assert by_json == sent(NewProduct, data=values, content_type="multipart/form-data")
    assert (by_json.display_name, by_json.product_type) == ("a", 2)


def test_empty_text_of_a_form_means_null_and_what_was_not_sent_is_not_set():
    change = sent(ProductChange, data={"description": "", "status": "1"})
    assert change.model_fields_set == {"description", "status"}
    assert change.description is None
    assert change.status == 1


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({}, {"display_name": ["This field is required."],
              "product_type": ["This field is required."]}),
        ({"display_name": "", "product_type": 1},
         {"display_name": ["This field may not be blank."]}),
        ({"display_name": "x" * 256, "product_type": 1},
         {"display_name": ["Ensure this field has no more than 255 characters."]}),
        ({"display_name": None, "product_type": "x"},
         {"display_name": ["This field may not be null."],
          "product_type": ["A valid integer is required."]}),
        ({"display_name": "x", "product_type": 1, "official_product": "maybe"},
         {"official_product": ["Must be a valid boolean."]}),
        ({"display_name": "x\ud800", "product_type": 1},
         {"display_name": ["This is no valid text."]}),
        ({"display_name": "x\x00y", "product_type": 1},
         {"display_name": ["Null characters are not allowed."]}),
    ],
)  # fmt: skip
def test_problems_name_their_field(values, problems):
    with pytest.raises(InvalidFields) as caught:
        sent(NewProduct, json=values)
    assert caught.value.document == problems


@pytest.mark.parametrize("body", [b"{", b"[1]", b"1", b'{"a": ' * 5000, b"\xff"])
def test_broken_json_is_refused(body):
    with pytest.raises(InvalidFields):
        sent(NewProduct, data=body, content_type="application/json")


def test_other_bodies_are_refused():
    with pytest.raises(UnsupportedBody):
        sent(NewProduct, data=b"<a/>", content_type="application/xml")


@pytest.mark.parametrize(
    "config", [{"param": {"a": None}}, '{"param": {"a": null}}', "{'param': {'a': None}}"]
)
def test_configuration_is_an_object_or_a_text_that_holds_one(config):
    process = sent(
        NewProcess,
        json={"display_name": "p", "pipeline": 1, "inputs": [1, 2], "used_config": config},
    )
    assert process.used_config == {"param": {"a": None}}


def test_repeated_inputs_of_a_form_are_a_list():
    form = {"display_name": "p", "pipeline": "1", "inputs": ["4", "5"], "used_config": "{}"}
    assert sent(NewProcess, data=form).inputs == [4, 5]
    assert sent(NewProcess, data=form | {"inputs": "4"}).inputs == [4]


@pytest.mark.parametrize("config", ["[1]", "open('x')", "{", "(" * 9000])
def test_configuration_that_is_no_object_is_refused(config):
    with pytest.raises(InvalidFields) as caught:
        sent(NewProcess, json={"display_name": "p", "pipeline": 1, "inputs": [1],
                               "used_config": config})  # fmt: skip
    assert "used_config" in caught.value.document


def upload(parts, needed=("product",), folder=None):
    with (
        APP.test_request_context("/", method="POST", data=parts),
        read_upload(frozenset(needed), folder) as found,
    ):
        content = None if found.stream is None else found.stream.read()
        return found, content


def test_file_of_a_form_is_read_behind_its_fields(tmp_path):
    body = b"\r\n--x\r\n" * 50_000
    found, content = upload(
        {"product": "5", "role": "0", "file": (io.BytesIO(body), "é.csv")}, folder=tmp_path
    )
    assert content == body
    assert found.fields == {"product": "5", "role": "0"}
    assert found.name == "é.csv"
    assert list(tmp_path.iterdir()) == []


def test_fields_behind_the_file_are_waited_for(tmp_path):
    boundary = "b"
    raw = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n'
        b'--b\r\nContent-Disposition: form-data; name="other"; filename="b.txt"\r\n\r\nno\r\n'
        b'--b\r\nContent-Disposition: form-data; name="product"\r\n\r\n7\r\n--b--\r\n'
    )
    with (
        APP.test_request_context(
            "/", method="POST", data=raw, content_type=f"multipart/form-data; boundary={boundary}"
        ),
        read_upload(frozenset({"product"}), tmp_path) as found,
    ):
        assert found.fields == {"product": "7"}
        assert found.stream.read() == b"hello"


def test_form_without_a_file_has_none(tmp_path):
    form = {"product": "5"}
    kind = "multipart/form-data"
    with (
        APP.test_request_context("/", method="POST", data=form, content_type=kind),
        read_upload(frozenset(), tmp_path) as found,
    ):
        assert found.stream is None
        assert found.fields == form


@pytest.mark.parametrize("cut", [60, 200, 260])
def test_form_that_ends_early_is_refused(tmp_path, cut):
    with APP.test_request_context(
        "/", method="POST", data={"product": "5", "file": (io.BytesIO(b"x" * 300), "a.txt")}
    ) as context:
        raw, kind = context.request.get_data(), context.request.content_type

    def read():
        with (
            APP.test_request_context("/", method="POST", data=raw[:cut], content_type=kind),
            read_upload(frozenset({"product"}), tmp_path) as found,
        ):
            found.stream.read()

    with pytest.raises(InvalidFields):
        read()


def test_other_kinds_of_bodies_are_no_uploads(tmp_path):
    with (
        pytest.raises(UnsupportedBody),
        APP.test_request_context("/", method="POST", json={}),
        read_upload(frozenset(), tmp_path),
    ):
        pass


def test_names_of_files_are_quoted_and_cannot_break_out():
    assert content_disposition("a b.csv") == 'attachment; filename="a b.csv"'
    assert content_disposition("x", inline=True) == 'inline; filename="x"'
    assert content_disposition("8_é.zip") == (
        "attachment; filename=\"8__.zip\"; filename*=UTF-8''8_%C3%A9.zip"
    )
    nasty = content_disposition('a"; x="\r\nSet-Cookie: b/../c')
    assert "\r" not in nasty
    assert "\n" not in nasty
    assert nasty.count('"') == 2
    assert content_disposition("8_é b.zip", bare=True) == "attachment; filename=8___b.zip"
