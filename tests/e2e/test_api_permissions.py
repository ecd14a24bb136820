"""Who may do what through the API: every route and verb, for everybody who may come.

The table product is published in a release for the group of `insider` and of its `owner`;
`chair` is a coordinator and `root` an operator. What a caller may not see is 404, never 403.
"""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass

import pytest
from process_services import RecordedProcesses
from product_application import ProductApplication, product_application

from registry.model.principal import Principal
from registry.products.records import ProductDraft
from vo_service.api.processes import ProcessDraft

CALLERS = ("anonymous", "other", "owner", "insider", "chair", "root")

EVERYBODY = "200 200 200 200 200 200"
MEMBERS = "401 200 200 200 200 200"
READERS = "404 404 200 200 404 200"  # of the product

MATRIX = f"""
GET     /                                               {EVERYBODY}
GET     /schema/                                        {EVERYBODY}
GET     /docs/                                          {EVERYBODY}
GET     /docs/<name>                                    {EVERYBODY}
POST    /obtain_token/                                  {EVERYBODY}
POST    /get_token/                                     {MEMBERS}
POST    /logged_user/                                   {MEMBERS}
POST    /logout/                                        204 204 204 204 204 204
GET     /tokens/                                        {MEMBERS}
POST    /tokens/                                        401 201 201 201 201 201
DELETE  /tokens/<int:token_id>/                         401 404 204 404 404 404
GET     /users/                                         {MEMBERS}
GET     /users/<int:user_id>/                           {MEMBERS}
GET     /product-types/                                 {EVERYBODY}
GET     /product-types/<int:type_id>/                   {EVERYBODY}
GET     /releases/                                      {EVERYBODY}
GET     /releases/<int:release_id>/                     404 404 200 200 200 200
GET     /products/                                      {EVERYBODY}
GET     /products-specz/                                {EVERYBODY}
GET     /products-specz/<key>/                          {READERS}
POST    /products/                                      401 400 201 201 201 201
GET     /products/pending_publication/                  {MEMBERS}
GET     /products/<key>/                                {READERS}
PUT     /products/<key>/                                401 404 200 403 404 200
PATCH   /products/<key>/                                401 404 200 403 404 200
DELETE  /products/<key>/                                401 404 204 403 404 204
GET     /products/<key>/registry/                       401 404 200 403 404 200
POST    /products/<key>/registry/                       401 404 200 403 404 200
GET     /products/<key>/main_file_info/                 {READERS}
GET     /products/<key>/read_data/                      {READERS}
GET     /products/<key>/statistics/                     {READERS}
GET     /products/<key>/versions/                       {READERS}
GET     /products/<key>/provenance/                     {READERS}
GET     /products/<key>/process_config/                 {READERS}
GET     /products/<key>/api_schema/                     {READERS}
POST    /products/<key>/download/prepare/               {READERS}
GET     /products/<key>/download/status/                {READERS}
GET     /products/<key>/download/file/                  {READERS}
POST    /products/<key>/download/main-file/prepare/     {READERS}
GET     /products/<key>/download/main-file/status/      {READERS}
GET     /products/<key>/download/main-file/file/        {READERS}
GET     /products/<key>/download/                       {READERS}
GET     /products/<key>/download_main_file/             {READERS}
GET     /products/<key>/data/                           {READERS}
GET     /products/<key>/citation/                       {READERS}
POST    /products/<int:product_id>/main-file/           401 404 201 403 404 201
GET     /product-contents/                              {EVERYBODY}
GET     /product-contents/<int:content_id>/             {READERS}
PUT     /product-contents/<int:content_id>/             401 404 200 403 404 200
PATCH   /product-contents/<int:content_id>/             401 404 200 403 404 200
GET     /product-files/                                 {EVERYBODY}
POST    /product-files/                                 401 404 201 403 404 201
GET     /product-files/<int:file_id>/                   {READERS}
DELETE  /product-files/<int:file_id>/                   401 404 204 403 404 204
GET     /product-files/<int:file_id>/download/          {READERS}
POST    /uploads/                                       401 404 201 403 404 201
GET     /uploads/<upload_id>/                           401 404 200 403 404 200
PATCH   /uploads/<upload_id>/                           401 404 200 403 404 200
DELETE  /uploads/<upload_id>/                           401 404 204 403 404 204
GET     /pipelines/                                     {EVERYBODY}
GET     /pipelines/<int:pipeline_id>/                   {EVERYBODY}
GET     /processes/                                     {MEMBERS}
POST    /processes/                                     401 201 201 201 201 201
GET     /processes/<process_id>/                        {MEMBERS}
GET     /processes/<process_id>/logs/                   {MEMBERS}
GET     /processes/<process_id>/stop/                   401 403 200 403 403 200
POST    /processes/<process_id>/stop/                   401 403 200 403 403 200
DELETE  /processes/<process_id>/                        401 403 204 403 403 204
"""

ROWS = [line.split() for line in MATRIX.strip().splitlines()]
LISTS = [
    path for method, path, *_ in ROWS
    if method == "GET" and path in {
        "/users/", "/tokens/", "/product-types/", "/releases/", "/products/", "/products-specz/",
        "/product-contents/", "/product-files/", "/pipelines/", "/processes/",
    }
]  # fmt: skip

CSV = b"ra,dec,z\n" + b"".join(b"%f,%f,%f\n" % (150 + i / 9, 2, 0.1 * i) for i in range(1, 9))
ROLES = {"ra": "RA", "dec": "Dec", "z": "z"}


@dataclass
class Stage:
    """The application, and the things that routes name."""

    application: ProductApplication
    processes: RecordedProcesses
    table: int
    content: int
    names: itertools.count

    def client(self, caller: str):
        return self.application.client(None if caller == "anonymous" else caller)

    def person(self, name: str) -> Principal:
        return self.application.services.people.accounts.principal_of(name)

    def product(self) -> int:
        """Publish a product without a table in the same release."""
        draft = ProductDraft(
            f"light {next(self.names)}", "other", release="dp3", data_url="https://example.org/x"
        )
        products, owner = self.application.products, self.person("owner")
        product = products.create(owner, draft)
        products.publish(owner, product.id)
        return product.id

    def file(self) -> int:
        """Add a file to such a product."""
        owner, product = self.person("owner"), self.product()
        files = self.application.products.files
        return files.add(owner, product, 2, "x.txt", None, io.BytesIO(b"x")).id

    def process(self) -> str:
        return self.processes.submit(self.person("owner"), ProcessDraft(1, "p", (self.table,))).id


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    processes = RecordedProcesses()
    application = product_application(tmp_path_factory.mktemp("home"), processes)
    names = itertools.count(1)
    found = Stage(application, processes, 0, 0, names)
    products, owner = application.products, found.person("owner")
    table = products.create(owner, ProductDraft("table", "training_set", release="dp3"))
    products.files.add(owner, table.id, 0, "t.csv", "text/csv", io.BytesIO(CSV))
    products.register(owner, table.id)
    for content in products.contents.select(owner, table.id):
        products.contents.update(owner, content.id, {"alias": ROLES[content.column_name]})
        found.content = content.id
    products.publish(owner, table.id)
    found.table = table.id
    return found


def test_table_has_every_route_and_verb(stage):
    declared = {
        (method, rule.rule.removeprefix("/api"))
        for rule in stage.application.app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert {(method, path) for method, path, *_ in ROWS} == declared
    described = {
        rule.rule.removeprefix("/api")
        for rule in stage.application.app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.methods == {"OPTIONS"}
    }
    assert set(LISTS) == described


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_statuses_are_those_of_the_table(stage, row):
    method, path, *expected = row
    found = []
    for caller in CALLERS:
        with ask(stage, caller, method, path) as answer:
            found.append(str(answer.status_code))
    assert dict(zip(CALLERS, found, strict=True)) == dict(zip(CALLERS, expected, strict=True))


@pytest.mark.parametrize("path", LISTS)
def test_lists_describe_themselves_to_everybody(stage, path):
    for caller in CALLERS:
        answer = stage.client(caller).options(f"/api{path}")
        assert answer.status_code == 200
        assert {"filter_classes", "filterset"} & answer.json.keys()


@pytest.mark.parametrize("path", ["/products/", "/product-contents/", "/product-files/"])
def test_lists_hold_nothing_of_what_is_hidden(stage, path):
    counts = {caller: stage.client(caller).get(f"/api{path}").json["count"] for caller in CALLERS}
    filtered = {
        caller: stage.client(caller).get(f"/api{path}?search=light&release=3").json["count"]
        for caller in CALLERS
    }
    for caller in ("anonymous", "other"):
        own = [p for p in stage.client("root").get("/api/products/").json["results"]
               if p["uploaded_by"] == caller]  # fmt: skip
        assert counts[caller] == (len(own) if path == "/products/" else 0)
        assert filtered[caller] <= counts[caller]
    assert counts["insider"] > 0


def test_anonymous_visitors_are_asked_to_log_in_where_they_may_not_read(tmp_path):
    application = product_application(tmp_path / "closed", anonymous_read=False)
    client = application.client()
    for path in ("/", "/products/", "/product-types/", "/releases/", "/product-files/"):
        answer = client.get(f"/api{path}")
        assert answer.status_code == 401, path
        assert answer.headers.getlist("WWW-Authenticate")[0].startswith("Basic ")
        assert answer.json == {"detail": "Authentication credentials were not provided."}
    for path in ("/schema/", "/docs/"):
        assert client.get(f"/api{path}").status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_wrong_credentials_are_never_anonymous(stage, method):
    client = stage.application.client()
    for header in ("Token " + "0" * 40, "Bearer x", "Basic eDp5", "Digest x"):
        answer = client.open("/api/products/", method=method, headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.is_json


def test_hidden_and_unknown_products_are_answered_alike(stage):
    other = stage.client("other")
    hidden = other.get(f"/api/products/{stage.table}/")
    unknown = other.get("/api/products/987654/")
    assert (hidden.status_code, hidden.json) == (unknown.status_code, unknown.json)


def test_members_cannot_make_products_official(stage):
    body = {"display_name": "mine", "product_type": 7, "official_product": True}
    assert stage.client("owner").post("/api/products/", json=body).status_code == 403
    assert stage.client("chair").post("/api/products/", json=body).status_code == 201
    light = stage.product()
    path, change = f"/api/products/{light}/", {"official_product": "true"}
    answer = stage.client("owner").patch(path, data=change)
    assert answer.status_code == 403
    assert not stage.client("owner").get(f"/api/products/{light}/").json["official_product"]


def test_get_that_changes_something_is_refused_to_a_browser(stage):
    session = stage.application.services.people.credentials.open_session("owner")
    process = stage.process()
    browser = stage.application.app.test_client()
    browser.set_cookie("pzvo_session", session.secret)
    for path in (f"/api/products/{stage.table}/registry/", f"/api/processes/{process}/stop/"):
        assert browser.get(path).status_code == 403
        assert browser.post(path).status_code == 403
        assert browser.post(path, headers={"X-CSRFToken": "x"}).status_code == 403
        assert browser.post(path, headers={"X-CSRFToken": session.csrf}).status_code == 200
    basic = stage.application.app.test_client()
    answer = basic.get(f"/api/products/{stage.table}/registry/", auth=("owner", "owner-password"))
    assert answer.status_code == 403


def test_logout_ends_the_session(stage):
    session = stage.application.services.people.credentials.open_session("owner")
    browser = stage.application.app.test_client()
    browser.set_cookie("pzvo_session", session.secret)
    assert browser.get("/api/users/").status_code == 200
    answer = browser.post("/api/logout/", headers={"X-CSRFToken": session.csrf})
    assert answer.status_code == 204
    browser.set_cookie("pzvo_session", session.secret)
    assert browser.get("/api/users/").status_code == 401


def test_answers_carry_the_headers_that_keep_browsers_safe(stage):
    owner = stage.client("owner")
    for path in ("/api/products/", "/api/docs/", f"/api/products/{stage.table}/download/file/"):
        headers = owner.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Authorization" in headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in headers
        assert "Content-Encoding" not in headers
    assert "private" in owner.get("/api/products/").headers["Cache-Control"]
    assert "script-src 'self';" in owner.get("/api/docs/").headers["Content-Security-Policy"]


def test_html_of_a_user_can_do_nothing_in_a_browser(stage):
    person, product = stage.person("owner"), stage.product()
    files = stage.application.products.files
    page = io.BytesIO(b"<script>fetch('/api/tokens/')</script>")
    file = files.add(person, product, 1, 'p"\r\nX-Evil: 1.html', "text/html\r\nX-Evil: 1", page)
    for query in ("", "?inline=1"):
        answer = stage.client("owner").get(f"/api/product-files/{file.id}/download/{query}")
        assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "X-Evil" not in answer.headers
        kind = "inline" if query else "attachment"
        assert answer.headers["Content-Disposition"].startswith(f"{kind}; ")


def ask(stage: Stage, caller: str, method: str, path: str):
    """Send a request of a row; what it destroys is made for it."""
    row = (method, path)
    values = {
        "<name>": "swagger-ui.css", "<int:user_id>": "1", "<int:type_id>": "1",
        "<int:pipeline_id>": "1", "<int:release_id>": "3", "<int:content_id>": str(stage.content),
    }  # fmt: skip
    if "<key>" in path:
        light = row in {("DELETE", "/products/<key>/"), ("PUT", "/products/<key>/")}
        values["<key>"] = str(stage.product() if light else stage.table)
    if "<int:product_id>" in path:
        values["<int:product_id>"] = str(stage.product())
    if "<int:file_id>" in path:
        values["<int:file_id>"] = str(stage.file())
    if "<upload_id>" in path:
        new = {"product": stage.product(), "role": 2, "name": "x.txt", "size": 4}
        values["<upload_id>"] = stage.client("owner").post("/api/uploads/", json=new).json["id"]
    if "<process_id>" in path:
        values["<process_id>"] = stage.process()
    if "<int:token_id>" in path:
        credentials = stage.application.services.people.credentials
        name = f"spare {next(stage.names)}"
        values["<int:token_id>"] = str(credentials.create_token("owner", name)[0].id)
    for template, value in values.items():
        path = path.replace(template, value)
    client = stage.client(caller)
    return client.open(f"/api{path}", method=method, **body(stage, row))


def body(stage: Stage, row: tuple[str, str]) -> dict:
    """Give what a request of a row carries."""
    new = {"display_name": f"new {next(stage.names)}", "product_type": 7, "release": 3}
    bodies = {
        ("POST", "/obtain_token/"): {"json": {"username": "owner", "password": "owner-password"}},
        ("POST", "/tokens/"): {"json": {"name": f"token {next(stage.names)}"}},
        ("POST", "/products/"): {"json": new},
        ("PUT", "/products/<key>/"): {"json": new | {"data_url": "https://example.org/x"}},
        ("PATCH", "/products/<key>/"): {"data": {"description": "words"}},
        ("PUT", "/product-contents/<int:content_id>/"): {"json": {"alias": "z"}},
        ("PATCH", "/product-contents/<int:content_id>/"): {"data": {"alias": "z", "ucd": ""}},
        ("POST", "/processes/"): {
            "json": {"display_name": "p", "pipeline": 1, "inputs": [stage.table]}
        },
    }
    if row == ("POST", "/uploads/"):
        return {"json": {"product": stage.product(), "name": "x", "role": 2, "size": 4}}
    if row == ("PATCH", "/uploads/<upload_id>/"):
        kind = "application/offset+octet-stream"
        return {"data": b"half", "headers": {"Upload-Offset": "0", "Content-Type": kind}}
    if row == ("POST", "/product-files/"):
        form = {"product": str(stage.product()), "role": "2", "file": (io.BytesIO(b"x"), "a.txt")}
        return {"data": form}
    if row == ("POST", "/products/<int:product_id>/main-file/"):
        return {"data": {"file": (io.BytesIO(CSV), "t.csv")}}
    return bodies.get(row, {})
