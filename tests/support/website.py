"""The website in this process: people, products of each visibility, and sessions."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

from product_service import PEOPLE

from registry.model.principal import Principal
from registry.products.records import ProductDraft
from vo_service.assemble import Services, assemble, make_app, prepare
from vo_service.http.authentication import SESSION_COOKIE
from vo_service.settings import load_settings

CALLERS = ("anonymous", "other", "owner", "insider", "chair", "root")
"""Visitors: nobody, members, the owner of all products, a member of the group of dp3, a
coordinator and an operator."""

CSV = b"ra,dec,z\n" + b"".join(b"%f,%f,%f\n" % (150 + i / 9, 2, 0.1 * i) for i in range(1, 9))
ROLES = {"ra": "RA", "dec": "Dec", "z": "z"}

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)> [a](javascript:alert(1)) **b**"
"""What must be shown, and must not act."""


@dataclass
class Website:
    """An application, its services, and products by name: open, closed, begun and wild."""

    app: object
    services: Services
    products: dict[str, int]
    facts: dict = field(default_factory=dict)

    def person(self, name: str) -> Principal:
        return self.services.people.accounts.principal_of(name)

    def client(self, caller: str = "anonymous"):
        """Give a browser that a person is logged in with."""
        client = self.app.test_client()
        if caller != "anonymous":
            session = self.services.people.credentials.open_session(caller)
            client.set_cookie(SESSION_COOKIE, session.secret)
            client.csrf = session.csrf
        return client

    def send(self, client, address: str, **fields):
        """Send a form of a page, as its browser does."""
        return client.post(address, data={"csrf_token": getattr(client, "csrf", ""), **fields})


def website(home: Path, **overrides) -> Website:
    """Make it."""
    home.mkdir(parents=True, exist_ok=True)
    settings = load_settings(environment={}, overrides={"home": home, **overrides})
    prepare(settings)
    services = assemble(settings)
    for name, options in PEOPLE.items():
        services.people.accounts.add_user(
            name, password=f"{name}-password", coordinator="--coordinator" in options,
            operator="--admin" in options,
        )  # fmt: skip
    services.people.accounts.add_group("insiders")
    for name in ("insider", "owner"):
        services.people.accounts.add_member("insiders", name)
    services.people.releases.add("dp1", display_name="DP1", is_public=True)
    services.people.releases.add("dp3", display_name="DP3", groups=["insiders"])
    found = Website(make_app(settings), services, {})
    for name, release in (("open", "dp1"), ("closed", "dp3"), ("begun", "dp1")):
        found.products[name] = _product(found, name, release, publish=name != "begun")
    found.products["wild"] = _product(found, SCRIPT, "dp1", description=SCRIPT)
    return found


def _product(site: Website, name: str, release: str, description=None, publish=True) -> int:
    products, owner = site.services.data.products, site.person("owner")
    draft = ProductDraft(name, "training_set", release=release, description=description)
    product = products.create(owner, draft)
    products.files.add(owner, product.id, 0, "t.csv", "text/csv", io.BytesIO(CSV))
    products.files.add(
        owner, product.id, 2, "report.html", "text/html", io.BytesIO(b"<script>top.x=1</script>")
    )
    products.register(owner, product.id)
    for content in products.contents.select(owner, product.id):
        products.contents.update(owner, content.id, {"alias": ROLES[content.column_name]})
    if publish:
        products.publish(owner, product.id)
    return product.id
