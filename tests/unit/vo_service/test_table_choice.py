"""Files with several tables, by the API: which table is meant, and what is said without a word."""

import io

import h5py
import numpy as np
import pytest
from astropy.io import fits
from product_application import product_application

POSITIONS = {"ra": [150.1, 150.2], "dec": [2.1, 2.2], "z": [0.5, 1.5]}


def hdu(name, **columns):
    made = [fits.Column(key, "D", array=np.array(value)) for key, value in columns.items()]
    return fits.BinTableHDU.from_columns(made, name=name)


def fits_file():
    hdus = fits.HDUList(
        [fits.PrimaryHDU(), hdu("ONE", **POSITIONS), hdu("TWO", **{**POSITIONS, "z": [3, 4]})]
    )
    stream = io.BytesIO()
    hdus.writeto(stream)
    return "two.fits", stream.getvalue()


def hdf5_file():
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for group, shift in (("ONE", 0), ("TWO", 2.5)):
            for name, values in POSITIONS.items():
                file[f"{group}/{name}"] = np.array(values) + (shift if name == "z" else 0)
    return "two.hdf5", stream.getvalue()


def text_file():
    lines = ["a;b,ra;dec,z", "1;2,3;4,5", "1;2,3;4,6"]
    return "odd.csv", "\n".join(lines).encode()


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    return product_application(tmp_path_factory.mktemp("choice"))


@pytest.fixture
def client(application):
    return application.client("owner")


def draft(client, product_type="redshift_catalog"):
    types = client.get("/api/product-types/").json["results"]
    number = next(t["id"] for t in types if t["name"] == product_type)
    answer = client.post("/api/products/", json={"display_name": "x", "product_type": number})
    assert answer.status_code == 201, answer.text
    return answer.json["id"]


def upload(client, product, file, path="/api/product-files/", **fields):
    name, content = file
    form = {"product": str(product), "role": "0", **fields, "file": (io.BytesIO(content), name)}
    answer = client.post(path, data=form)
    assert answer.status_code == 201, answer.text


def registered(client, product, **parameters):
    answer = client.post(f"/api/products/{product}/registry/", query_string=parameters)
    assert answer.status_code == 200, answer.text
    return client.get(f"/api/products/{product}/main_file_info/").json["main_file"]


def highest(client, product):
    columns = client.get(f"/api/products/{product}/statistics/").json["columns"]
    return next(c["maximum"] for c in columns if c["column_name"] == "z")


@pytest.mark.parametrize(
    ("file", "field", "value"),
    [(fits_file(), "hdu", "TWO"), (fits_file(), "hdu", "2"), (hdf5_file(), "group", "TWO")],
)
def test_the_field_of_an_upload_chooses_the_table(client, file, field, value):
    product = draft(client)
    upload(client, product, file, **{field: value})
    registered(client, product)
    assert highest(client, product) == 4


def test_the_delimiter_is_taken(client):
    product = draft(client, "other")
    upload(client, product, text_file(), delimiter="semicolon")
    assert registered(client, product)["columns"] == ["a", "b,ra", "dec,z"]


@pytest.mark.parametrize(("file", "field"), [(fits_file(), "hdu"), (hdf5_file(), "group")])
def test_without_a_choice_the_tables_and_the_field_are_told(client, file, field):
    product = draft(client)
    upload(client, product, file)
    answer = client.get(f"/api/products/{product}/registry/")
    assert answer.status_code == 400
    assert "has 2 tables" in answer.json["error"]
    assert "ONE" in answer.json["error"]
    assert "TWO" in answer.json["error"]
    assert f"choose with the field {field} " in answer.json["error"]
    assert "--" not in answer.json["error"]
    failed = client.get(f"/api/products/{product}/").json
    assert (failed["status"], "has 2 tables" in failed["failure"]) == (9, True)
    registered(client, product, **{field: "TWO"})
    assert highest(client, product) == 4


def test_a_choice_that_is_none_is_refused(client):
    product = draft(client)
    upload(client, product, hdf5_file(), hdu="1")
    answer = client.get(f"/api/products/{product}/registry/")
    assert "hdu is for FITS and VOTable files, but 'two.hdf5' is HDF5" in answer.json["error"]
    assert "choose" not in answer.json["error"]
    registered(client, product, group="ONE")
    assert highest(client, product) == 1.5


def test_the_choice_stays_with_the_published_product(client):
    product = draft(client)
    upload(client, product, fits_file(), hdu="TWO")
    registered(client, product)
    contents = client.get("/api/product-contents/", query_string={"product": product}).json
    for column in contents["results"]:
        alias = {"ra": "RA", "dec": "Dec", "z": "z"}[column["column_name"]]
        client.patch(f"/api/product-contents/{column['id']}/", json={"alias": alias})
    answer = client.patch(f"/api/products/{product}/", json={"status": 1})
    assert answer.status_code == 200, answer.text
    converted = client.get(f"/api/products/{product}/data/", query_string={"format": "csv"})
    assert [line.split(",")[2] for line in converted.text.splitlines()] == ["z", "3", "4"]
    upload(client, product, hdf5_file(), f"/api/products/{product}/main-file/", group="ONE")
    registered(client, product)
    answer = client.patch(f"/api/products/{product}/", json={"status": 1})
    assert (answer.status_code, answer.json["version"]) == (200, 2)
    assert highest(client, product) == 1.5


def test_frames_and_missing_values_that_are_said_hold_in_the_published_table(client):
    product = draft(client)
    lines = ["ra,dec,z", "150.1,2.1,-99", "150.2,2.2,0.5", ""]
    upload(client, product, ("t.csv", "\n".join(lines).encode()))
    registered(client, product)
    contents = client.get("/api/product-contents/", query_string={"product": product}).json
    said = {
        "ra": {"alias": "RA", "frame": "ICRS"},
        "dec": {"alias": "Dec", "frame": "ICRS"},
        "z": {"alias": "z", "null_values": ["-99"]},
    }
    for column in contents["results"]:
        body = said[column["column_name"]]
        answer = client.patch(f"/api/product-contents/{column['id']}/", json=body)
        assert answer.status_code == 200, answer.text
        assert {key: answer.json[key] for key in body} == body
    answer = client.patch(f"/api/products/{product}/", json={"status": 1})
    assert answer.status_code == 200, answer.text
    assert highest(client, product) == 0.5
    with client.get(f"/api/products/{product}/data/", query_string={"format": "votable"}) as sent:
        assert sent.text.count('system="ICRS"') == 1
    with client.get(f"/api/products/{product}/data/", query_string={"format": "csv"}) as sent:
        assert [line.split(",")[2] for line in sent.text.split()] == ["z", "", "0.5"]


def test_a_frame_that_is_none_is_refused(client):
    product = draft(client)
    upload(client, product, text_file(), delimiter=";")
    registered(client, product)
    contents = client.get("/api/product-contents/", query_string={"product": product}).json
    column = contents["results"][0]["id"]
    answer = client.patch(f"/api/product-contents/{column}/", json={"frame": "ICRF99"})
    assert "'ICRF99' is no frame; give ICRS" in answer.text
    assert client.get(f"/api/product-contents/{column}/").json["frame"] is None


def test_an_upload_in_pieces_chooses_too(client):
    product = draft(client)
    name, content = fits_file()
    begun = client.post(
        "/api/uploads/", json={"product": product, "name": name, "size": len(content), "hdu": 2}
    )
    assert begun.status_code == 201, begun.text
    done = client.patch(
        f"/api/uploads/{begun.json['id']}/",
        data=content,
        headers={"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
    )
    assert done.status_code == 200, done.text
    registered(client, product)
    assert highest(client, product) == 4


def test_a_part_without_a_file_name_is_the_file(client):
    product = draft(client, "other")
    parts = {"product": str(product).encode(), "file": b"a,b\n1,2\n" + b"3,4\n" * 50_000}
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), part)
        for name, part in parts.items()
    )
    answer = client.post(
        "/api/product-files/",
        data=body + b"--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )
    assert (answer.status_code, answer.json["name"]) == (201, "upload")
    assert registered(client, product)["n_rows"] == 50_001


def test_a_product_without_a_table_says_why(client):
    product = draft(client, "other")
    upload(client, product, fits_file())
    registered(client, product)
    answer = client.patch(f"/api/products/{product}/", json={"status": 1})
    assert answer.status_code == 200, answer.text
    assert answer.json["table_name"] is None
    assert "no table was made of the main file: 'two.fits' has 2 tables" in answer.json["failure"]


def test_the_description_of_the_api_has_the_fields(client):
    document = client.get("/api/schema/").json
    parameters = document["paths"]["/products/{key}/registry/"]["post"]["parameters"]
    assert {"hdu", "group", "delimiter"} <= {p.get("name") for p in parameters}
    form = str(document["components"]["schemas"]["FileForm"])
    assert all(f"'{name}'" in form for name in ("hdu", "group", "delimiter"))
