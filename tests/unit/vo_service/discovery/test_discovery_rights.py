"""A restricted product leaks through no route by which data are found."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet
import pytest

from registry.ingestion.plan import PublishRequest
from registry.model.principal import OPERATOR
from vo_service.assemble import assemble, make_app, prepare
from vo_service.assemble.jobs import map_maker
from vo_service.settings import load_settings

ROLES = (("id", "ID"), ("ra", "RA"), ("dec", "Dec"), ("z", "z"))
SECRET = "training_set.p2_secret"
DID = "ivo://org.example.photoz/tap?training_set/p2_secret"
IVOID = "ivo://org.example.photoz/training_set/p2_secret"

ROUTES = {
    "cone": (f"/scs/{SECRET}?RA=200&DEC=50&SR=1", b"424242"),
    "cone capabilities": (f"/scs/{SECRET}/capabilities", b"maxSR"),
    "map": (f"/moc/{SECRET}?format=ascii", b"10/"),
    "density": (f"/maps/{SECRET}/density.fits", b"SIMPLE"),
    "picture of the density": (f"/maps/{SECRET}/density.png", b"PNG"),
    "cells of redshifts": (f"/maps/{SECRET}/redshift.healpix.fits", b"HEALPIX"),
    "links of a map": (
        f"/datalink/links?ID={DID.replace('?', '%3F')}/redshift", b"redshift.fits"
    ),
    "images": ("/sia2/query?RESPONSEFORMAT=csv", b"p2_secret"),
    "images of a place": ("/sia2/query?RESPONSEFORMAT=csv&POS=CIRCLE+200+50+1", b"p2_secret"),
    "image": (
        f"/sia2/query?RESPONSEFORMAT=csv&ID={DID.replace('?', '%3F')}/density", b"density.fits"
    ),
    "union of maps": ("/moc?format=ascii", None),
    "links": (f"/datalink/links?ID={DID.replace('?', '%3F')}", b"#package"),
    "links of its input": (
        "/datalink/links?ID=ivo://org.example.photoz/tap%3Ftraining_set/p1_open", None
    ),
    "records": ("/oai?verb=ListRecords&metadataPrefix=ivo_vor", None),
    "record": (f"/oai?verb=GetRecord&metadataPrefix=ivo_vor&identifier={IVOID}", None),
    "products": (
        "/tap/sync?LANG=ADQL&RESPONSEFORMAT=csv&QUERY=SELECT+publisher_did+FROM+pz.products",
        b"p2_secret",
    ),
    "observations": (
        "/tap/sync?LANG=ADQL&RESPONSEFORMAT=csv&QUERY=SELECT+*+FROM+ivoa.obscore",
        b"p2_secret",
    ),
    "observations at a place": (
        "/tap/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+obs_id+FROM+ivoa.obscore+WHERE+s_ra+>+20",
        b"2_secret",
    ),
    "number of observations": (
        "/tap/sync?LANG=ADQL&RESPONSEFORMAT=csv&QUERY=SELECT+COUNT(*)+AS+n+FROM+ivoa.obscore", b"6"
    ),
    "citation": ("/api/products/2/citation/", b"p2_secret"[3:]),
}  # fmt: skip
"""Each route, and what those see there who may see the product; nothing where nobody does."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rights")
    settings = load_settings(
        environment={},
        overrides={
            "home": folder / "home", "authority": "org.example.photoz", "engine_threads": 1,
            "contact": "photoz@example.org", "public_url": "https://vo.example.org",
        },
    )  # fmt: skip
    prepare(settings)
    services = assemble(settings)
    people = services.people
    people.accounts.add_group("insiders")
    tokens = {}
    for name in ("owner", "insider", "other", "admin"):
        people.accounts.add_user(name, password=f"{name}-password", operator=name == "admin")
        tokens[name] = people.credentials.create_token(name, "test")[1]
    people.accounts.add_member("insiders", "insider")
    people.releases.add("secret", display_name="Secret", groups=["insiders"])
    for name, ra, release in (("open", 10.0, None), ("secret", 200.0, "secret")):
        path = folder / f"{name}.parquet"
        rows = {"id": [424242], "ra": [ra], "dec": [50.0], "z": [0.5]}
        pa.parquet.write_table(pa.table(rows), path)
        asked = PublishRequest(name, "training_set", ROLES, release=release, official=True)
        services.data.publishing.publish(OPERATOR, path, asked)
    services.data.products.give(OPERATOR, 2, "owner")
    assert map_maker(services).work(Event()) == 2
    yield SimpleNamespace(app=make_app(settings), tokens=tokens, services=services)
    services.close()


def get(stage, path, who=None):
    headers = {"Authorization": f"Bearer {stage.tokens[who]}"} if who else {}
    with stage.app.test_client().get(path, headers=headers) as answer:
        return answer.status_code, answer.data, answer.headers


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("who", [None, "other"])
def test_those_without_the_right_see_nothing_of_it(stage, route, who):
    path, shown = ROUTES[route]
    status, body, headers = get(stage, path, who)
    assert status < 500
    echoed = body.replace(SECRET.encode(), b"").replace(DID.encode(), b"").replace(
        IVOID.encode(), b""
    )  # fmt: skip
    assert b"secret" not in echoed.lower()
    if shown is not None:
        assert shown not in echoed
    # A hidden product and none at all give the same answer.
    unknown = path.replace("p2_secret", "p9_secret").replace("products/2", "products/9")
    other = get(stage, unknown, who)
    assert status == other[0]
    assert len(body) == len(other[1])
    if "oai" not in path:
        assert "Authorization" in headers["Vary"]


@pytest.mark.parametrize("route", [name for name, (_, shown) in ROUTES.items() if shown])
@pytest.mark.parametrize("who", ["owner", "insider", "admin"])
def test_those_with_the_right_see_it(stage, route, who):
    path, shown = ROUTES[route]
    status, body, _ = get(stage, path, who)
    assert status == 200
    assert shown in body


@pytest.mark.parametrize("who", ["owner", "insider", "admin"])
def test_the_page_of_a_product_shows_its_map_and_the_services_of_its_table(stage, who):
    status, page, _ = get(stage, "/product/2_secret", who)
    assert status == 200
    assert f"/maps/{SECRET}/density.png".encode() in page
    page = get(stage, "/product/2_secret?tab=use", who)[1]
    for path in ("scs", "moc"):
        assert f"https://vo.example.org/{path}/{SECRET}".encode() in page


@pytest.mark.parametrize("who", ["owner", "insider", "admin"])
def test_the_union_of_maps_grows_for_those_with_the_right(stage, who):
    assert get(stage, "/moc?format=ascii", who)[1] != get(stage, "/moc?format=ascii")[1]


def test_links_of_a_restricted_product_say_that_one_must_log_in(stage):
    path = ROUTES["links"][0]
    assert b"<TD>true</TD>" in get(stage, path, "insider")[1]
    open_links = ROUTES["links of its input"][0]
    assert b"<TD>false</TD>" in get(stage, open_links, "insider")[1]


@pytest.mark.parametrize("who", [None, "owner", "insider", "admin"])
def test_the_registry_tells_everybody_the_same(stage, who):
    for name in ("records", "record"):
        body = get(stage, ROUTES[name][0], who)[1]
        assert b"p2_secret</identifier>" not in body
    assert b"training_set/p1_open</identifier>" in get(stage, ROUTES["records"][0], who)[1]


def test_maps_go_with_their_products(stage):
    folder = stage.services.data.maps
    assert map_maker(stage.services).work(Event()) == 0
    product = stage.services.data.products.product(OPERATOR, 1)
    relation = product.version.relation
    assert relation in folder.names()
    with folder.alone():
        assert map_maker(stage.services).work(Event()) == 0
    folder.keep("t9_v1_gone", folder.facts(relation), {})
    map_maker(stage.services).work(Event())
    assert "t9_v1_gone" not in folder.names()
    # A process that ends begins no map, and the next one makes it.
    folder.remove(relation)
    ending = Event()
    ending.set()
    assert map_maker(stage.services).work(ending) == 0
    assert map_maker(stage.services).work(Event()) == 1


def test_the_end_of_a_restricted_product_is_not_told_either(stage):
    stage.services.data.products.delete(OPERATOR, 2)
    assert b"p2_secret" not in get(stage, ROUTES["records"][0])[1]
    stage.services.data.products.delete(OPERATOR, 1)
    body = get(stage, ROUTES["records"][0])[1]
    deleted = b'<header status="deleted"><identifier>ivo://org.example.photoz/training_set/p1'
    assert deleted in body


@pytest.mark.parametrize("route", ["cone", "map", "links", "density"])
def test_the_closed_mounts_ask_for_an_account(stage, route):
    rest = ROUTES[route][0]
    status, _, headers = get(stage, f"/auth{rest}")
    assert status == 401
    assert "Basic" in headers["WWW-Authenticate"]
