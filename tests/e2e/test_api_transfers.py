"""Files through the API: large, in pieces, in part, too large, and whatever they hold."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
import zipfile

import pytest
from flask import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from product_application import product_application
from werkzeug.test import EnvironBuilder, run_wsgi_app

PIECE = "application/offset+octet-stream"
CSV = b"ra,dec,z\n" + b"".join(b"%f,%f,%f\n" % (150 + i / 99, 2, 0.1 * i) for i in range(1, 99))


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    return product_application(tmp_path_factory.mktemp("home"))


@pytest.fixture
def owner(application):
    return application.client("owner")


def new_product(client, product_type=7, **values) -> int:
    body = {"display_name": "a product", "product_type": product_type} | values
    answer = client.post("/api/products/", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json["id"]


def upload(client, product, content, name="t.csv", role=0):
    form = {"product": str(product), "role": str(role), "file": (io.BytesIO(content), name)}
    return client.post("/api/product-files/", data=form)


class Endless(io.RawIOBase):
    """A form whose file never seems to end."""

    HEAD = (
        b'--b\r\nContent-Disposition: form-data; name="product"\r\n\r\n%d\r\n'
        b'--b\r\nContent-Disposition: form-data; name="role"\r\n\r\n2\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="big"\r\n\r\n'
    )

    def __init__(self, product: int, size: int) -> None:
        self.left = [self.HEAD % product, size, b"\r\n--b--\r\n"]

    def readable(self) -> bool:
        return True

    def readinto(self, target) -> int:
        while self.left and not self.left[0]:
            self.left.pop(0)
        if not self.left:
            return 0
        first = self.left[0]
        if isinstance(first, int):
            count = min(len(target), first)
            target[:count] = b"x" * count
            self.left[0] -= count
            return count
        count = min(len(target), len(first))
        target[:count] = first[:count]
        self.left[0] = first[count:]
        return count


def send_endless(client, product, size):
    environ = EnvironBuilder("/api/product-files/", method="POST").get_environ()
    environ |= client.environ_base | {"CONTENT_TYPE": "multipart/form-data; boundary=b"}
    environ["wsgi.input"] = io.BufferedReader(Endless(product, size))
    environ["wsgi.input_terminated"] = True
    environ.pop("CONTENT_LENGTH", None)
    return Response(*run_wsgi_app(client.application, environ, buffered=True))


def test_upload_is_not_held_in_memory(application, owner):
    peaks = []
    for size in (4 * 2**20, 16 * 2**20):
        product = new_product(owner)
        tracemalloc.start()
        answer = send_endless(owner, product, size)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert answer.status_code == 201, answer.json
        assert answer.json["size"] == size
    assert peaks[1] < peaks[0] + 2**20


def test_upload_that_is_too_large_is_refused_while_it_is_read(application, owner):
    product = new_product(owner)
    answer = send_endless(owner, product, 30 * 2**20)
    assert answer.status_code == 413
    assert "too large" in answer.json["detail"]
    assert owner.get(f"/api/product-files/?product_id={product}").json["count"] == 0


def test_refusals_of_uploads_name_the_field(owner, application):
    product = new_product(owner)
    no_file = owner.post(
        "/api/product-files/", data={"product": str(product)}, content_type="multipart/form-data"
    )
    assert no_file.json == {"file": ["No file was submitted."]}
    bad_role = {"product": str(product), "role": "7", "file": (io.BytesIO(b"x"), "x")}
    assert "role" in owner.post("/api/product-files/", data=bad_role).json
    assert "file" in upload(owner, product, b"").json
    assert upload(owner, 10**6, b"x").status_code == 404
    assert owner.post("/api/product-files/", json={}).status_code == 415
    other = application.client("other")
    assert upload(other, product, b"x").status_code == 404


def test_file_comes_in_pieces_and_goes_on_where_it_broke_off(owner):
    product = new_product(owner, 1)
    digest = hashlib.sha256(CSV).hexdigest()
    new = {"product": product, "name": "t.csv", "type": "text/csv", "size": len(CSV)}
    begun = owner.post("/api/uploads/", json=new)
    assert begun.status_code == 201
    assert begun.headers["Location"] == begun.json["url"]
    path = f"/api/uploads/{begun.json['id']}/"

    def send(offset, piece):
        headers = {"Upload-Offset": str(offset), "Content-Type": PIECE}
        return owner.patch(path, data=piece, headers=headers)

    assert send(0, CSV[:100]).headers["Upload-Offset"] == "100"
    assert send(0, CSV[:100]).status_code == 409
    assert send(101, CSV[101:]).status_code == 409
    assert owner.get(path).json["offset"] == 100
    assert owner.patch(path, data=b"x", headers={"Upload-Offset": "100"}).status_code == 415
    assert send("x", b"x").status_code == 400
    done = send(100, CSV[100:])
    assert done.status_code == 200, done.text
    assert done.json["file"]["sha256"] == digest
    assert owner.get(path).status_code == 404
    assert owner.post(f"/api/products/{product}/registry/").status_code == 200
    assert owner.get(f"/api/products/{product}/main_file_info/").json["main_file"]["n_rows"] == 98


def test_pieces_that_are_not_what_was_announced_are_refused(owner):
    product = new_product(owner)
    new = {"product": product, "name": "x", "size": 4}
    path = f"/api/uploads/{owner.post('/api/uploads/', json=new).json['id']}/"
    headers = {"Upload-Offset": "0", "Content-Type": PIECE}
    assert owner.patch(path, data=b"12345", headers=headers).status_code == 413
    assert owner.get(path).json["offset"] == 0
    assert owner.delete(path).status_code == 204
    assert owner.get(path).status_code == 404
    assert owner.post("/api/uploads/", json=new | {"size": 2**50}).status_code == 413
    assert owner.get(f"/api/product-files/?product_id={product}").json["count"] == 0


def test_parts_of_a_package_make_the_whole(owner):
    product = new_product(owner, data_url="https://example.org/x")
    for number in range(3):
        upload(owner, product, bytes(range(256)) * 40, f"part {number}.bin", 2)
    path = f"/api/products/{product}/download/file/"
    with owner.get(path) as answer:
        whole, etag = answer.data, answer.headers["ETag"]
        assert int(answer.headers["Content-Length"]) == len(whole)
    with zipfile.ZipFile(io.BytesIO(whole)) as package:
        assert package.testzip() is None
        assert len(package.namelist()) == 4
    pieces = b""
    while len(pieces) < len(whole):
        stop = min(len(pieces) + 7919, len(whole)) - 1
        with owner.get(path, headers={"Range": f"bytes={len(pieces)}-{stop}"}) as answer:
            assert answer.status_code == 206
            assert answer.headers["Content-Range"] == f"bytes {len(pieces)}-{stop}/{len(whole)}"
            pieces += answer.data
    assert pieces == whole
    beyond = owner.get(path, headers={"Range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole)}"
    assert owner.get(path, headers={"If-None-Match": etag}).status_code == 304
    with owner.get(path, headers={"Range": "bytes=5-", "If-Range": '"other"'}) as answer:
        assert answer.status_code == 200
    with owner.get(path, headers={"Range": "bytes=5-", "If-Range": etag}) as answer:
        assert answer.status_code == 206
    with owner.head(path) as answer:
        assert int(answer.headers["Content-Length"]) == len(whole)
        assert answer.data == b""


def test_tables_are_converted_and_other_formats_are_named(owner):
    product = new_product(owner, 2)
    upload(owner, product, CSV)
    owner.post(f"/api/products/{product}/registry/")
    beginnings = {
        "votable": b"<?xml", "fits": b"SIMPLE", "csv": b"ra,dec,z", "parquet": b"PAR1",
        "hdf5": b"\x89HDF",
    }  # fmt: skip
    for name, beginning in beginnings.items():
        with owner.get(f"/api/products/{product}/data/?format={name}") as answer:
            assert answer.status_code == 200
            assert answer.data.startswith(beginning), name
            assert "attachment" in answer.headers["Content-Disposition"]
    refused = owner.get(f"/api/products/{product}/data/?format=xlsx")
    assert refused.status_code == 400
    assert "parquet" in refused.json["format"][0]


def test_old_clients_get_a_bare_name_and_a_hint(owner):
    product = new_product(owner, data_url="https://example.org/x", display_name="é b")
    with owner.get(f"/api/products/{product}/download/") as answer:
        assert answer.headers["Deprecation"] == "true"
        assert "/download/prepare/>" in answer.headers["Link"]
        assert '"' not in answer.headers["Content-Disposition"]


def test_product_of_metadata_alone_is_published_shown_and_deleted(owner):
    product = new_product(owner, data_url="https://example.org/x")
    assert owner.patch(f"/api/products/{product}/", data={"status": "1"}).json["status"] == 1
    main = owner.get(f"/api/products/{product}/main_file_info/").json["main_file"]
    assert (main["name"], main["n_rows"], main["associated_columns"]) == (None, None, [])
    assert owner.get(f"/api/products/{product}/download/main-file/file/").status_code == 404
    assert owner.delete(f"/api/products/{product}/").status_code == 204


def test_status_goes_the_ways_that_there_are(owner):
    product = new_product(owner, data_url="https://example.org/x")
    for status in (2, 3, 9, 77):
        refused = owner.patch(f"/api/products/{product}/", data={"status": status})
        assert "status" in refused.json, status
    assert owner.patch(f"/api/products/{product}/", data={"status": 0}).json["status"] == 0
    owner.patch(f"/api/products/{product}/", data={"status": 1})
    assert owner.patch(f"/api/products/{product}/", data={"status": 1}).status_code == 200
    assert owner.patch(f"/api/products/{product}/", data={"status": 0}).status_code == 400
    assert "product_type" in owner.patch(f"/api/products/{product}/", data={"product_type": 1}).json


def test_callers_who_ask_too_often_are_told_when_to_come_again(tmp_path):
    found = product_application(
        tmp_path / "busy", api={"requests_per_minute": 6, "requests_burst": 3}
    )
    statuses = [found.client("owner").get("/api/users/").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    refused = found.client("owner").get("/api/users/")
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    assert found.client("other").get("/api/users/").status_code == 200


@settings(
    max_examples=25, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    content=st.one_of(
        st.binary(min_size=1, max_size=400),
        st.text(alphabet='0123456789,.eE+-\n#ra;|\t"', min_size=1, max_size=400).map(str.encode),
        st.sampled_from(
            [b"SIMPLE  =", b"\x89HDF\r\n\x1a\n", b"PAR1", b"PK\x03\x04", b"\x1f\x8b"]
        ).flatmap(lambda head: st.binary(max_size=200).map(lambda tail: head + tail)),
    ),
    ending=st.sampled_from(["csv", "fits", "hdf5", "parquet", "zip", "xml", "pkl", "tar.gz", ""]),
)
def test_whatever_a_file_holds_nothing_breaks_and_nothing_is_half_visible(owner, content, ending):
    product = new_product(owner, 1)
    assert upload(owner, product, content, f"f.{ending}").status_code == 201
    registered = owner.post(f"/api/products/{product}/registry/")
    assert registered.status_code in (200, 400), registered.text
    published = owner.patch(f"/api/products/{product}/", data={"status": "1"})
    assert published.status_code in (400, 406, 409), published.text
    shown = owner.get(f"/api/products/{product}/").json
    assert shown["status"] in (0, 9)
    assert shown["table_name"] is None
    if registered.status_code == 400:
        assert shown["failure"]
        assert owner.get(f"/api/product-contents/?product={product}").json["count"] == 0
