"""One product, uploaded by the published client, as everybody else sees it or does not."""

from __future__ import annotations

import pytest
import pyvo
import requests
from product_files import ROWS, write_all
from product_service import installed
from pyvo.auth import AuthSession
from pzserver_client import Client, client_python

pytestmark = pytest.mark.clients

UPLOAD = """
for name, release in (("Open set", None), ("Hidden set", "dp3")):
    upload = server.upload(name, "training_set", {path!r}, release=release)
    upload.make_columns_association({{"objid": "ID", "ra": "RA", "dec": "Dec", "redshift": "z"}})
    upload.save()
    facts[name] = upload.product_id
"""

NAME = "hidden"
"""What the names of the restricted product and of its table have in common."""


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    client_python()
    found = installed(tmp_path_factory.mktemp("home"))
    yield found
    found.live.stop()


@pytest.fixture(scope="module")
def uploaded(installation, tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    path = write_all(folder)["fits"]
    owner = Client(client_python(), installation.api_url, installation.tokens["owner"], folder)
    facts, _ = owner.run(UPLOAD.format(path=str(path)))
    return facts


def session(installation, user, scheme="Token"):
    made = requests.Session()
    if user is not None:
        made.headers["Authorization"] = f"{scheme} {installation.tokens[user]}"
    return made


def tap(installation, user):
    return pyvo.dal.TAPService(installation.live.url, session=session(installation, user))


def find_table(installation, user, product):
    """Look for the table of a product, as a client of the VO does that knows its number."""
    query = f"SELECT id, table_name FROM pz.products WHERE id = {product}"
    rows = tap(installation, user).search(query).to_table()
    return str(rows["table_name"][0]) if len(rows) else None


def test_owner_and_group_find_and_query_the_product(installation, uploaded):
    for user in ("owner", "insider", "root"):
        table = find_table(installation, user, uploaded["Hidden set"])
        service = tap(installation, user)
        assert table in service.tables
        rows = service.search(f"SELECT * FROM {table}").to_table()
        assert len(rows) == ROWS
        job = service.submit_job(f"SELECT COUNT(*) AS n FROM {table} WHERE redshift > 0")
        job.run().wait(timeout=240)
        assert job.fetch_result().to_table()["n"][0] == ROWS
        job.delete()
        names = service.search(
            f"SELECT column_name FROM pz.columns WHERE product_id = {uploaded['Hidden set']}"
        ).to_table()
        assert {"objid", "ra", "dec", "redshift"} <= set(names["column_name"])


def test_open_product_is_found_and_queried_by_all(installation, uploaded):
    for user in (None, "other"):
        table = find_table(installation, user, uploaded["Open set"])
        rows = tap(installation, user).search(f"SELECT ra, dec FROM {table}").to_table()
        assert len(rows) == ROWS


@pytest.mark.parametrize("user", [None, "other", "chair"])
def test_restricted_product_is_nowhere_to_be_seen(installation, uploaded, user):
    product = uploaded["Hidden set"]
    table = find_table(installation, "owner", product)
    assert find_table(installation, user, product) is None
    service = tap(installation, user)
    for query in (
        "SELECT * FROM TAP_SCHEMA.tables",
        "SELECT * FROM TAP_SCHEMA.columns",
        "SELECT * FROM TAP_SCHEMA.keys",
        "SELECT * FROM pz.products",
        "SELECT * FROM pz.columns",
    ):
        rows = service.search(query).to_table()
        assert not [row for row in rows if NAME in str(row).lower()], query
    seen, asking = (
        service.search("SELECT COUNT(*) AS n FROM pz.products"),
        session(installation, user),
    )
    assert seen.to_table()["n"][0] == len(uploaded) - 1
    for address in ("/tables", "/tables?detail=min", "/examples", "/capabilities"):
        assert NAME not in asking.get(installation.live.url + address, timeout=240).text.lower()
    assert asking.get(f"{installation.live.url}/tables/{table}", timeout=240).status_code == 404


@pytest.mark.parametrize("user", [None, "other"])
def test_question_about_a_hidden_table_is_answered_like_one_about_none(
    installation, uploaded, user
):
    table = find_table(installation, "owner", uploaded["Hidden set"])
    invented = f"training_set.p{uploaded['Hidden set']}_hiddem_set"
    asking, answers = session(installation, user), []
    for name in (table, invented):
        for query in (f"SELECT * FROM {name}", f"SELECT COUNT(*) FROM {name} WHERE nothing = 1"):
            parameters = {"LANG": "ADQL", "QUERY": query}
            found = asking.get(f"{installation.live.url}/sync", params=parameters, timeout=240)
            text = found.text.replace(name, "NAME").replace(name.partition(".")[2], "NAME")
            answers.append((found.status_code, text))
    assert answers[0] == answers[2]
    assert answers[1] == answers[3]
    assert "Unknown table" in answers[0][1]


@pytest.mark.parametrize("user", [None, "other"])
def test_api_answers_for_a_hidden_product_as_for_none(installation, uploaded, user):
    product, unknown = uploaded["Hidden set"], 987654
    asking = session(installation, user)
    files = session(installation, "owner").get(
        f"{installation.api_url}product-files/?product_id={product}", timeout=240
    )
    file = files.json()["results"][0]["id"]
    contents = session(installation, "owner").get(
        f"{installation.api_url}product-contents/?product={product}", timeout=240
    )
    content = contents.json()["results"][0]["id"]
    internal = f"{product}_hidden_set"
    for method, path, there, nowhere in (
        ("GET", "products/{}/", product, unknown),
        ("GET", "products/{}/", internal, "987654_hidden_set"),
        ("GET", "products/{}/main_file_info/", product, unknown),
        ("GET", "products/{}/read_data/", product, unknown),
        ("GET", "products/{}/download/", product, unknown),
        ("GET", "products/{}/download_main_file/", product, unknown),
        ("GET", "products/{}/data/?format=csv", product, unknown),
        ("POST", "products/{}/download/prepare/", product, unknown),
        ("GET", "products/{}/download/main-file/file/", product, unknown),
        ("GET", "product-files/{}/", file, unknown),
        ("GET", "product-files/{}/download/", file, unknown),
        ("GET", "product-contents/{}/", content, unknown),
        ("DELETE", "products/{}/", product, unknown),
        ("PATCH", "products/{}/", product, unknown),
        ("DELETE", "product-files/{}/", file, unknown),
        ("GET", "product-files/?product_id={}", product, unknown),
        ("GET", "product-contents/?product={}", product, unknown),
        ("GET", "products/?id={}", product, unknown),
        ("GET", "products/?release={}", 3, 99),
    ):
        given = []
        for number in (there, nowhere):
            answer = asking.request(method, installation.api_url + path.format(number), timeout=240)
            text = answer.text.replace(str(number), "N")
            given.append((answer.status_code, text, answer.headers.get("Content-Type")))
        if path != "products/?release={}":
            assert given[0] == given[1], (method, path)
        assert NAME not in given[0][1].lower()
    for search in ("?search=hidden", "?product_name=hidden", "?release_name=dp3", ""):
        listed = asking.get(f"{installation.api_url}products/{search}", timeout=240).json()
        assert listed["count"] == len(listed["results"])
        assert NAME not in str(listed).lower()


@pytest.mark.parametrize("sync", ["true", "false"])
def test_stilts_reads_it_with_the_token_as_password(stilts, installation, uploaded, sync):
    table = find_table(installation, "owner", uploaded["Hidden set"])
    for user, expected in (("owner", ["n", str(ROWS)]), ("other", [])):
        done = stilts(
            f"-Dstar.basicauth.user={user}",
            f"-Dstar.basicauth.password={installation.tokens[user]}",
            "tapquery",
            f"tapurl={installation.url}/auth/tap",
            f"adql=SELECT COUNT(*) AS n FROM {table}",
            f"sync={sync}",
            "ofmt=csv",
        )
        assert done.stdout.split() == expected, done.stderr
        if user == "other":
            assert "Unknown table" in done.stderr


def test_pyvo_reads_it_with_the_token_as_password(installation, uploaded):
    table = find_table(installation, "owner", uploaded["Hidden set"])
    for user, sees in (("insider", True), ("other", False)):
        password = AuthSession()
        password.credentials.set_password(user, installation.tokens[user])
        service = pyvo.dal.TAPService(f"{installation.url}/auth/tap", session=password)
        assert (table in service.tables) is sees


def test_withdrawn_release_hides_at_once_and_deletion_removes(installation, uploaded):
    """Last: it takes the open product away."""
    asking = session(installation, "owner")
    address = f"{installation.api_url}products/{uploaded['Open set']}/"
    release = asking.get(f"{installation.api_url}releases/?name=dp3", timeout=240).json()
    table = find_table(installation, None, uploaded["Open set"])
    number = release["results"][0]["id"]
    assert asking.patch(address, data={"release": number}, timeout=240).status_code == 200
    assert find_table(installation, None, uploaded["Open set"]) is None
    with pytest.raises(pyvo.dal.DALQueryError, match="Unknown table"):
        tap(installation, None).search(f"SELECT * FROM {table}")
    assert asking.delete(address, timeout=240).status_code == 204
    with pytest.raises(pyvo.dal.DALQueryError, match="Unknown table"):
        tap(installation, "owner").search(f"SELECT * FROM {table}")
