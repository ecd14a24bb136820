"""The published `pzserver` client, unmodified, against `pzvo serve`."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest
import yaml
from product_files import ROWS, catalogue, write_all, write_unplain
from product_service import ProductInstallation, installed
from pzserver_client import Client, client_python

pytestmark = pytest.mark.clients

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"

ASSOCIATE = """
ROLES = {"objid": "ID", "ra": "RA", "dec": "Dec", "redshift": "z"}
def publish(name, path, roles=ROLES, product_type="redshift_catalog", **options):
    upload = server.upload(name=name, product_type=product_type, main_file=path, **options)
    if roles:
        upload.make_columns_association(roles)
    upload.save()
    return upload.product_id
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    client_python()
    found = installed(tmp_path_factory.mktemp("home"))
    yield found
    found.live.stop()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("files"))


@pytest.fixture(params=["PZSERVER_PYTHON", "PZSERVER_034_PYTHON"], ids=["0.3.7", "0.3.4"])
def either_client(request, installation, tmp_path):
    return client(installation, "owner", tmp_path, client_python(request.param))


@pytest.fixture
def owner(installation, tmp_path):
    return client(installation, "owner", tmp_path)


@pytest.fixture
def other(installation, tmp_path):
    return client(installation, "other", tmp_path)


def client(installation: ProductInstallation, user: str, folder: Path, python=None) -> Client:
    return Client(
        python or client_python(), installation.api_url, installation.tokens[user], folder
    )


def test_lists_are_given_and_displayed(either_client):
    facts, printed = either_client.run(
        """
facts["types"] = server.get_product_types()
facts["users"] = server.get_users()
facts["releases"] = server.get_releases()
facts["products"] = server.get_products_list()
server.display_product_types(); server.display_users(); server.display_releases()
server.display_products_list()
"""
    )
    assert [each["name"] for each in facts["types"]][:2] == ["redshift_catalog", "training_set"]
    assert {"owner", "other"} <= {each["username"] for each in facts["users"]}
    assert {each["name"] for each in facts["releases"]} == {"dp1", "dp2", "dp3"}
    assert "Styler" in printed


def test_every_format_is_uploaded_and_read_back(either_client, files):
    facts, _ = either_client.run(
        ASSOCIATE
        + f"""
paths = {{ending: path for ending, path in {[(k, str(v)) for k, v in files.items()]}}}
for ending in ("csv", "fits", "hdf5", "parquet"):
    number = publish(f"as {{ending}}", paths[ending])
    table = server.get_product(number)
    facts[ending] = {{name: [float(v) for v in table[name]] for name in ("ra", "redshift")}}
    meta = server.get_product_metadata(number)
    facts["columns " + ending] = meta["main_file"].get("columns")
    facts["rows " + ending] = meta["main_file"]["n_rows"]
    server.display_product_metadata(number)
    server.delete_product(number)
"""
    )
    table = catalogue()
    for ending in ("csv", "fits", "hdf5", "parquet"):
        assert facts[ending]["ra"] == pytest.approx(table["ra"].to_pylist(), rel=1e-12)
        assert facts[ending]["redshift"] == pytest.approx(table["redshift"].to_pylist(), rel=1e-12)
        assert facts[f"rows {ending}"] == ROWS
        assert set(facts[f"columns {ending}"]) == set(table.column_names)


def test_what_the_client_cannot_read_reaches_it_as_one_table(either_client):
    write_unplain(either_client.folder)
    names = ("inner.csv", "decimal_comma.csv", "table.dat", "table.vot", "image.fits")
    facts, _ = either_client.run(
        ASSOCIATE
        + f"""
for path in {names!r}:
    number = publish(path, path, roles=None, product_type="other")
    table = server.get_product(number)
    facts[path] = [sorted(table.colnames), [str(v) for v in table["name"]],
                   [float(v) for v in table["z"]]]
    server.delete_product(number)
"""
    )
    for name in names:
        assert facts[name] == [["dec", "name", "ra", "z"], ["a", "b"], [0.5, 1.0]], name


def test_file_without_header_is_read_back_with_all_its_columns(owner, files):
    facts, _ = owner.run(
        ASSOCIATE
        + f"""
upload = server.upload("no header", "redshift_catalog", {str(files["headerless"])!r})
names = list(upload.columns)
facts["names"] = names
upload.make_columns_association({{names[1]: "ra", names[2]: "dec", names[3]: "z"}})
upload.save()
table = server.get_product(upload.product_id)
facts["columns"], facts["rows"] = len(table.colnames), len(table)
facts["second"] = [float(value) for value in table[table.colnames[1]]]
server.delete_product(upload.product_id)
"""
    )
    assert facts["columns"] == len(facts["names"]) == 5
    assert facts["rows"] == ROWS
    assert facts["second"] == pytest.approx(catalogue()["ra"].to_pylist(), rel=1e-12)


def test_upload_can_be_annotated_anew_and_gets_further_files(owner, files):
    owner.folder.joinpath("notes.txt").write_text("notes")
    owner.folder.joinpath("more.txt").write_text("more")
    for name in ("page.html", "words.html"):
        owner.folder.joinpath(name).write_text("<h1>page</h1>")
    facts, _ = owner.run(
        ASSOCIATE
        + f"""
upload = server.upload("with files", "training_set", {str(files["csv"])!r}, release="dp1",
                       auxiliary_files=["notes.txt"], description="first words")
facts["missing"] = failure(upload.save)
upload.make_columns_association(dict(ROLES, flag="z_flag", survey="my own words"))
facts["check"] = upload.check_required_columns()
upload.reset_columns_association()
facts["after reset"] = failure(upload.save)
upload.make_columns_association({{"redshift": "z"}})
upload.add_auxiliary_file("page.html")
upload.save()
product = server.get_product_object(upload.product_id)
facts["release"] = product.attributes["release_name"]
facts["main"] = product.get_main_file_info()["name"]
facts["auxiliary"] = [file["name"] for file in product.get_auxiliary_files()]
product.attach_description_file("words.html")
product.attach_auxiliary_file("more.txt")
product = server.get_product_object(upload.product_id)
facts["descriptions"] = [file["name"] for file in product.get_description_files()]
facts["main kept"] = failure(product.remove_file, product.main_file["id"])
product.remove_file(product.get_description_files()[0]["id"])
product.update_description("other *words* & more = too")
product = server.get_product_object(upload.product_id)
facts["left"] = [file["name"] for file in product.get_description_files()]
facts["description"] = product.attributes["description"]
facts["id"] = upload.product_id
"""
    )
    assert "RequiredColumnsException" in facts["missing"]
    assert facts["check"]["success"]
    assert "RequiredColumnsException" in facts["after reset"]
    assert facts["release"] == "DP1"
    assert facts["main"] == "catalogue.csv"
    assert facts["auxiliary"] == ["notes.txt", "page.html"]
    assert facts["descriptions"] == ["words.html"]
    assert "main file" in facts["main kept"]
    assert facts["left"] == []
    assert facts["description"] == "other *words* & more = too"


def test_package_holds_every_file_and_the_metadata(either_client, files):
    facts, printed = either_client.run(
        ASSOCIATE
        + f"""
number = publish("packed é", {str(files["fits"])!r})
pathlib.Path("saved").mkdir()
server.download_product(number, save_in="saved")
facts["files"] = [path.name for path in pathlib.Path("saved").iterdir()]
facts["name"] = server.get_product_metadata(number, mainfile_info=False)["internal_name"]
"""
    )
    assert "Done!" in printed
    (name,) = facts["files"]
    with zipfile.ZipFile(either_client.folder / "saved" / name) as package:
        assert package.testzip() is None
        members = package.namelist()
        (metadata,) = [member for member in members if member.endswith("product_metadata.yaml")]
        described = yaml.safe_load(package.read(metadata))
        (main,) = [member for member in members if member.endswith("catalogue.fits")]
        assert package.read(main) == files["fits"].read_bytes()
    assert described["internal_name"] == facts["name"]
    assert not any("preview" in member for member in members)


def test_interrupted_download_is_resumed(owner, files):
    facts, _ = owner.run(
        ASSOCIATE
        + f"""
from pzserver.communicate import PzRequests
import http.client
number = publish("resumed", {str(files["csv"])!r})
full = PzRequests._download_response
ranges = []
def cut(self, url, start_byte=None):
    data = full(self, url, start_byte)
    response = data["response_object"]
    ranges.append([start_byte, response.status_code, response.headers.get("Content-Range")])
    if len(ranges) == 1:
        def broken(chunk_size=None):
            yield response.raw.read(100)
            raise requests.exceptions.ChunkedEncodingError("cut off")
        response.iter_content = broken
    return data
PzRequests._download_response = cut
server.download_product(number, save_in="resumed")
facts["ranges"] = ranges
facts["file"] = str(next(pathlib.Path("resumed").iterdir()))
"""
    )
    (first, second) = facts["ranges"]
    assert first[:2] == [None, 200]
    assert second[:2] == [100, 206]
    assert second[2].startswith("bytes 100-")
    with zipfile.ZipFile(owner.folder / facts["file"]) as package:
        assert package.testzip() is None


def test_errors_are_printed_with_their_reason(owner, other, files, installation):
    broken = owner.folder / "broken.fits"
    broken.write_bytes(files["fits"].read_bytes()[:3000])
    facts, _ = owner.run(
        ASSOCIATE
        + f"""
path = {str(files["csv"])!r}
facts["token"] = failure(PzServer, token="0" * 40, host=sys.argv[1])
facts["no token"] = failure(PzServer, token=None, host=sys.argv[1])
facts["type"] = failure(server.upload, "x", "nonsense", path)
facts["release"] = failure(server.upload, "x", "redshift_catalog", path, release="dp1")
facts["unknown release"] = failure(server.upload, "x", "training_set", path, release="dp9")
facts["pz_code"] = failure(server.upload, "x", "training_set", path, pz_code="bpz")
facts["name"] = failure(server.upload, "", "training_set", path)
facts["file"] = failure(server.upload, "x", "training_set", "nothing.csv")
facts["broken"] = failure(server.upload, "x", "redshift_catalog", {str(broken)!r})
facts["filter"] = failure(server.get_products_list, {{"colour": "red"}})
facts["product"] = failure(server.get_product_metadata, 99999)
number = publish("seen by all", path)
facts["id"] = number
"""
    )
    assert "401" in facts["token"]
    assert "ValueError" in facts["no token"]
    assert "Product type not found" in facts["type"]
    assert "Release must be null" in facts["release"] or "release" in facts["release"]
    assert "Release not found: dp9" in facts["unknown release"]
    assert "pz_code" in facts["pz_code"]
    assert "display_name" in facts["name"]
    assert "FileNotFoundError" in facts["file"]
    assert "error" in facts["broken"]
    assert "<html" not in "".join(str(value) for value in facts.values())
    assert "Traceback" not in "".join(str(value) for value in facts.values())
    assert "Valid filter keys are" in facts["filter"]
    assert "product not found" in facts["product"]
    others, _ = other.run(
        f"""
number = {facts["id"]}
facts["delete"] = failure(server.delete_product, number)
facts["api delete"] = failure(server.api.delete_product, number)
facts["describe"] = failure(server.api.update_product_description, number, "mine")
facts["register"] = failure(server.api.registry_upload, number)
facts["read"] = len(server.get_product(number))
"""
    )
    assert "not the owner" in others["delete"]
    for action in ("api delete", "describe", "register"):
        assert "belongs to somebody else" in others[action], action
    assert others["read"] == ROWS


def test_many_products_are_listed_and_filtered(owner, files):
    facts, _ = owner.run(
        ASSOCIATE
        + """
for number in range(150):
    server.api.upload_basic_info(f"many {number:03d}", "other")
every = server.api.get_products({"product_name": "many"}, status=0)
facts["count"] = len(every)
facts["first"] = every[0]["display_name"]
def names(**filters):
    return [each["display_name"] for each in server.api.get_products(filters, status=0)]
facts["search"] = names(search="many 07")
facts["owner"] = len(names(uploaded_by="owner", product_name="many 1"))
facts["and"] = len(names(product_name=["many 1", "49"]))
facts["or"] = len(names(product_name__or=["many 149", "many 148"]))
facts["type"] = len(names(product_type="Other", product_name="many"))
facts["types and"] = len(names(product_type=["training", "redshift"]))
facts["types or"] = len(names(product_type__or=["other", "redshift"], product_name="many"))
facts["release"] = names(release="DP1", product_name="many")
facts["id"] = failure(server.get_products_list, {"status": "abc"})
"""
    )
    assert facts["count"] == 150
    assert facts["first"] == "many 149"
    assert sorted(facts["search"]) == [f"many {n:03d}" for n in range(150) if "07" in f"{n:03d}"]
    assert facts["owner"] == 50
    assert facts["and"] == 1
    assert facts["or"] == 2
    assert facts["type"] == facts["types or"] == 150
    assert facts["types and"] == 0
    assert facts["release"] == []
    assert "abc is not one of the available choices" in facts["id"]


def test_table_of_many_columns_is_associated(owner):
    columns = {f"column_{number:03d}": [0.5, 1.5] for number in range(150)}
    table = pa.table({"ra": [1.0, 2.0], "dec": [1.0, 2.0], "z": [0.1, 0.2]} | columns)
    pa.csv.write_csv(table, owner.folder / "wide.csv")
    facts, _ = owner.run(
        ASSOCIATE
        + """
roles = {f"column_{number:03d}": f"own {number}" for number in range(150)}
number = publish("wide", "wide.csv", roles | {"ra": "RA", "dec": "Dec", "z": "z"})
meta = server.get_product_metadata(number)
facts["columns"] = len(meta["main_file"]["columns"])
facts["associated"] = len(meta["main_file"]["columns_association"])
facts["read"] = len(server.get_product(number).colnames)
"""
    )
    assert facts == {"columns": 153, "associated": 153, "read": 153}


def test_products_of_restricted_releases_are_hidden(owner, other, installation, tmp_path, files):
    facts, _ = owner.run(
        ASSOCIATE
        + f"""
for release in ("dp1", "dp2", "dp3"):
    facts[release] = publish(f"in {{release}}", {str(files["csv"])!r}, {{"redshift": "z"}},
                             "training_set", release=release)
"""
    )
    seen = "facts['seen'] = [p['display_name'] for p in server.get_products_list()"
    seen += " if p['display_name'].startswith('in dp')]"
    insider = client(installation, "insider", tmp_path)
    hidden = f"facts['get'] = failure(server.get_product_metadata, {facts['dp3']})\n"
    hidden += f"facts['file'] = failure(server.api.download_product, {facts['dp3']})\n"
    hidden += f"facts['files'] = server.api.get_product_files({facts['dp3']})\n"
    found, _ = other.run(hidden + seen)
    assert sorted(found["seen"]) == ["in dp1", "in dp2"]
    assert "product not found" in found["get"]
    assert "No Product matches the given query" in found["file"]
    assert found["files"] == []
    found, _ = insider.run(seen)
    assert sorted(found["seen"]) == ["in dp1", "in dp2", "in dp3"]


@pytest.mark.shared
def test_hats_collection_is_uploaded_and_read_back(owner):
    collections = sorted((SHARED / "redshift_surveys").glob("*_collection"))
    if not collections:
        pytest.skip("the shared data are not here")
    folder = collections[0]
    archive = owner.folder / f"{folder.name}.zip"
    with zipfile.ZipFile(archive, "w") as package:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                package.write(path, path.relative_to(folder.parent))
    facts, _ = owner.run(
        f"""
upload = server.upload("hats", "redshift_catalog", {str(archive)!r})
facts["columns"] = list(upload.columns)
lower = {{name.lower(): name for name in upload.columns}}
def one(*names):
    return next(lower[name] for name in names if name in lower)
upload.make_columns_association({{
    one("radeg"): "RA", one("dedeg"): "Dec",
    one("zbest", "zfinal"): "z"}})
upload.save()
meta = server.get_product_metadata(upload.product_id)
facts["directory"], facts["rows"] = meta["main_file"]["is_directory"], meta["main_file"]["n_rows"]
try:
    import lsdb
except ImportError:
    facts["read"] = None
else:
    facts["read"] = len(server.get_product(upload.product_id))
""",
        timeout_s=600,
    )
    assert facts["directory"]
    assert facts["rows"] > 0
    assert facts["read"] in (None, facts["rows"])
