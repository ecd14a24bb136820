"""`pzvo import-photoz-server` against a running service that speaks the same API: this one."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import requests
from command_line import pzvo
from live import ROOT
from product_files import catalogue, write_all
from product_service import ProductInstallation, installed, run

pytestmark = pytest.mark.clients

PRODUCTS = 150


class Source:
    """The service that is copied, as its people fill it."""

    def __init__(self, installation: ProductInstallation, files: dict[str, Path]) -> None:
        self.installation = installation
        self.files = files

    def ask(self, method, path, user="owner", **options):
        headers = {"Authorization": f"Token {self.installation.tokens[user]}"}
        answer = requests.request(
            method, self.installation.api_url + path, headers=headers, timeout=240, **options
        )
        assert answer.ok, answer.text
        return answer

    def draft(self, name, kind, user="owner", **fields):
        types = self.ask("GET", "product-types/").json()["results"]
        number = next(each["id"] for each in types if each["name"] == kind)
        fields = {"display_name": name, "product_type": number} | fields
        return self.ask("POST", "products/", user, json=fields).json()["id"]

    def put(self, product, path, role=0, user="owner", name=None):
        with path.open("rb") as file:
            form = {"product": product, "role": role}
            files = {"file": (name or path.name, file)}
            self.ask("POST", "product-files/", user, data=form, files=files)

    def associate(self, product, roles, user="owner"):
        self.ask("POST", f"products/{product}/registry/", user)
        contents = self.ask("GET", f"product-contents/?product={product}", user).json()["results"]
        for content in contents:
            if content["column_name"] in roles:
                change = {"alias": roles[content["column_name"]]}
                self.ask("PATCH", f"product-contents/{content['id']}/", user, data=change)

    def publish(self, product, user="owner"):
        self.ask("PATCH", f"products/{product}/", user, data={"status": 1})
        return product


ROLES = {"objid": "ID", "ra": "RA", "dec": "Dec", "redshift": "z", "flag": "my own words"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    files = write_all(tmp_path_factory.mktemp("files"))
    installation = installed(
        tmp_path_factory.mktemp("source"), {"PZVO_API_REQUESTS_PER_MINUTE": "0"}
    )
    made = Source(installation, files)
    release = made.ask("GET", "releases/?name=dp3").json()["results"][0]["id"]
    for kind in ("csv", "fits", "hdf5", "parquet"):
        product = made.draft(f"as {kind}", "redshift_catalog", description=f"**{kind}**")
        made.put(product, files[kind])
        made.put(product, files["csv"], role=2, name="more.csv")
        made.put(product, files["csv"], role=1, name="words é.html")
        made.associate(product, ROLES)
        made.publish(product)
    restricted = made.draft("restricted", "training_set", release=release)
    made.put(restricted, files["parquet"])
    made.associate(restricted, {"redshift": "z"})
    made.publish(restricted)
    official = made.draft("official", "object_catalog", "chair", official_product=True)
    made.put(official, files["fits"], user="chair")
    made.associate(official, {"ra": "RA", "dec": "Dec"}, "chair")
    made.publish(official, "chair")
    made.publish(made.draft("elsewhere", "other", data_url="https://data.example/set"))
    made.draft("unfinished", "other")
    for number in range(PRODUCTS - 7):
        product = made.draft(f"many {number:03d}", "other", "other")
        made.put(product, ROOT / "LICENSE", user="other")
        made.publish(product, "other")
    yield made
    if installation.live.process.poll() is None:
        installation.live.stop()


@pytest.fixture
def home(tmp_path):
    """Make an installation with other people, and a release of another name."""
    for name in ("owner", "boss"):
        run(tmp_path, "user", "add", name)
    run(tmp_path, "group", "add", "team")
    run(tmp_path, "release", "add", "first", "--group", "team")
    return tmp_path


MAPPED = ("--owner", "chair=boss", "--other-owners", "boss", "--release", "dp3=first")


def import_all(source, home, *options):
    token = source.installation.tokens["root"]
    arguments = ("import-photoz-server", source.installation.api_url, "--token-file", "-")
    return pzvo(home, *arguments, *options, input=token)


def served(home):
    """Serve the copy; give what its operator sees of products, by name."""
    run(home, "user", "add", "check", "--admin")
    token = run(home, "token", "create", "check").strip()
    made = Source(installed(home, {"PZVO_API_REQUESTS_PER_MINUTE": "0"}, people=False), {})
    made.installation.tokens["root"] = token
    products = made.ask("GET", "products/", "root").json()["results"]
    return made, {product["display_name"]: product for product in products}


def test_every_product_is_copied_once_and_a_second_run_skips_all(source, home):
    planned = import_all(source, home, *MAPPED, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert len(planned.stdout.splitlines()) == PRODUCTS + 1
    assert "Nothing was copied" in planned.stderr
    assert run(home, "products").count("\n") == 1
    done = import_all(source, home, *MAPPED)
    assert done.returncode == 0, done.stderr
    assert f"{PRODUCTS} copied, 0 here before, 0 not possible" in done.stdout
    again = import_all(source, home, *MAPPED)
    assert f"0 copied, {PRODUCTS} here before, 0 not possible" in again.stdout
    copy, products = served(home)
    try:
        check_copy(source, copy, products)
    finally:
        copy.installation.live.stop()
    assert pzvo(home, "doctor").returncode == 0
    assert list((home / "imports").rglob("*.part")) == []
    everything = "".join(path.read_text() for path in (home / "imports").rglob("*.json"))
    assert source.installation.tokens["root"] not in everything + done.stdout + done.stderr


def check_copy(source, copy, products):
    assert len(products) == PRODUCTS
    assert {each["status"] for each in products.values()} == {1}
    assert products["many 017"]["uploaded_by"] == "boss"
    assert products["official"]["official_product"]
    assert products["official"]["uploaded_by"] == "boss"
    assert products["restricted"]["release_name"] == "first"
    assert products["elsewhere"]["data_url"] == "https://data.example/set"
    assert products["as fits"]["description"] == "**fits**"
    for kind in ("csv", "fits", "hdf5", "parquet"):
        product = products[f"as {kind}"]
        assert product["uploaded_by"] == "owner"
        path = f"products/{product['id']}/download/main-file/file/"
        assert copy.ask("GET", path, "root").content == source.files[kind].read_bytes()
        files = copy.ask("GET", f"product-files/?product_id={product['id']}", "root").json()
        named = {(each["role_name"], each["name"]) for each in files["results"]}
        assert {("Auxiliary", "more.csv"), ("Description", "words é.html")} < named
        contents = copy.ask("GET", f"product-contents/?product={product['id']}", "root").json()
        given = {each["column_name"]: each["alias"] for each in contents["results"]}
        assert given == dict.fromkeys(catalogue().column_names) | ROLES
    query = f"SELECT COUNT(*) AS n FROM {products['as fits']['table_name']}"
    url = f"{copy.installation.live.url}/sync"
    answer = requests.get(url, {"LANG": "ADQL", "FORMAT": "csv", "QUERY": query}, timeout=240)
    assert answer.text.split() == ["n", "60"]
    hidden = query.replace(products["as fits"]["table_name"], products["restricted"]["table_name"])
    refused = requests.get(url, {"LANG": "ADQL", "QUERY": hidden}, timeout=240)
    assert "Unknown table" in refused.text


def test_killed_import_is_continued_without_doubles(source, home):
    command = [
        sys.executable, "-m", "vo_service.cli", "--home", str(home), "import-photoz-server",
        source.installation.api_url, "--token", source.installation.tokens["root"], *MAPPED,
        *(word for number in range(1, 13) for word in ("--product", str(number)) if number != 8),
    ]  # fmt: skip
    stops = 0
    for pause_s in (0.0, 0.2, 0.5, 0.9, 1.4):
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        journal = None
        deadline = time.monotonic() + 180
        # The kill is to hit the copying, not the start of the interpreter.
        while journal is None and process.poll() is None and time.monotonic() < deadline:
            journal = next((home / "imports").rglob("lock"), None)
            time.sleep(0.01)
        time.sleep(pause_s)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        stops += process.returncode == -signal.SIGKILL
    assert stops >= 2
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ copied, \d+ here before, 0 not possible", done.stdout)
    copy, _ = served(home)
    try:
        every = copy.ask("GET", "products/", "root").json()["results"]
    finally:
        copy.installation.live.stop()
    names = [each["display_name"] for each in every]
    assert sorted(names) == sorted(set(names))
    assert len(names) == 11
    assert {each["status"] for each in every} == {1}


def test_what_has_no_owner_or_release_here_is_not_copied(source, home):
    some = ("--product", "5", "--product", "6", "--product", "1")
    done = import_all(source, home, *some)
    assert done.returncode == 1
    assert "its owner 'chair' has no account here" in done.stderr
    assert "its release 'dp3' is not here" in done.stderr
    assert "1 copied, 0 here before, 2 not possible" in done.stdout
    made = import_all(source, home, *some, "--create-owners", "--create-releases")
    assert made.returncode == 0, made.stderr
    assert "group 'insiders' was made for release 'dp3'" in made.stderr
    releases = run(home, "release", "list")
    assert re.search(r"dp3.*insiders", releases)
    assert "chair" in run(home, "user", "list")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ftp://x/api/", "--token", "a"), "is no address"),
        (("http://u:p@x/api/", "--token", "a"), "has a password"),
        (("http://x/api/",), "--token"),
        (("http://x/api/", "--token", "a", "--owner", "b"), "THERE=HERE"),
        (("http://127.0.0.1:1/api/", "--token", "a", "--other-owners", "x"), "no account 'x'"),
    ],
)
def test_wrong_arguments_are_said(tmp_path, arguments, message):
    done = pzvo(tmp_path, "import-photoz-server", *arguments)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_token_is_said(source, tmp_path):
    arguments = ("import-photoz-server", source.installation.api_url, "--token", "0" * 40)
    done = pzvo(tmp_path, *arguments)
    assert done.returncode == 1
    assert "401" in done.stderr


def test_folder_of_a_catalogue_arrives_as_one(source, home, tmp_path):
    pytest.importorskip("pyarrow")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        root = "set/dataset"
        file.writestr("set/hats.properties", hats_properties())
        file.write(source.files["parquet"], f"{root}/Norder=0/Dir=0/Npix=4.parquet")
    path = tmp_path / "set.zip"
    path.write_bytes(package.getvalue())
    product = source.draft("a folder", "redshift_catalog")
    source.put(product, path)
    source.associate(product, ROLES)
    source.publish(product)
    try:
        done = import_all(source, home, *MAPPED, "--product", str(product))
        assert done.returncode == 0, done.stderr
    finally:
        source.ask("DELETE", f"products/{product}/")
    (journal,) = (home / "imports").rglob("journal.json")
    assert json.loads(journal.read_text())["products"][str(product)]["done"]


def hats_properties() -> str:
    return (
        "obs_collection=set\ndataproduct_type=object\nhats_nrows=60\nhats_col_ra=ra\n"
        "hats_col_dec=dec\nhats_order=0\nhats_max_rows=1000\nhats_version=v0.1\n"
    )
