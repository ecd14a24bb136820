"""The product service in this process: an application, its services and its people."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from product_service import PEOPLE

from registry.products.service import ProductService
from vo_service.api.blueprint import (
    ApiServices,
    ApiSettings,
    api_blueprint,
    environment_blueprint,
)
from vo_service.app import create_app
from vo_service.assemble import Services, assemble, prepare
from vo_service.settings import load_settings
from vosi.availability import Availability


@dataclass
class ProductApplication:
    """An application and what it is made of."""

    app: Flask
    services: Services
    products: ProductService
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, user: str | None = None):
        """Give a client of the API that shows a user's token."""
        client = self.app.test_client()
        if user is not None:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Token {self.tokens[user]}"
        return client


def product_application(home: Path, processes=None, api=None, **overrides) -> ProductApplication:
    """Make an application with people, a group and three releases."""
    home.mkdir(parents=True, exist_ok=True)
    settings = load_settings(environment={}, overrides={"home": home, **overrides})
    prepare(settings)
    services = assemble(settings)
    products = services.data.products
    api_services = ApiServices(
        services.people.accounts, services.people.credentials, services.people.releases, products,
        services.data.resumable, services.people.authentication, processes,
    )  # fmt: skip
    api_settings = ApiSettings(
        base_url=settings.base_url, title="test", version="1", upload_max_bytes=20 * 2**20,
        spool_folder=settings.uploads_folder, **(api or {"requests_per_minute": 0}),
    )  # fmt: skip
    app = create_app(
        settings, services.queries, services.jobs.service, lambda: Availability(available=True),
        services.people.authentication, uploads=services.uploads,
        blueprints=[
            (api_blueprint(api_services, api_settings), "/api"),
            (environment_blueprint("test"), ""),
        ],
    )  # fmt: skip
    found = ProductApplication(app, services, products)
    _fill(found)
    return found


def _fill(application: ProductApplication) -> None:
    services = application.services
    for name, options in PEOPLE.items():
        services.people.accounts.add_user(
            name, password=f"{name}-password", coordinator="--coordinator" in options,
            operator="--admin" in options,
        )  # fmt: skip
        application.tokens[name] = services.people.credentials.create_token(name, "test")[1]
    services.people.accounts.add_group("insiders")
    for name in ("insider", "owner"):
        services.people.accounts.add_member("insiders", name)
    services.people.releases.add("dp1", display_name="DP1", is_public=True)
    services.people.releases.add("dp2", display_name="DP2")
    services.people.releases.add("dp3", display_name="DP3", groups=["insiders"])
