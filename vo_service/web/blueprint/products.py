"""Pages of products: the list, and each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request
from flask_babel import gettext

from registry.errors import ProductFileNotFound, ProductNotFound
from registry.maps.folder import MapFolder
from registry.model.principal import ANONYMOUS, Principal
from registry.model.product import Product, ProductStatus
from registry.model.product_file import FileRole, ProductFile
from registry.model.provenance import Provenance
from registry.products.records import Preview, TableFacts
from registry.products.service import ProductService
from registry.releases import ReleaseService
from vo_service.adql.errors import AdqlError
from vo_service.engines.base import EngineError
from vo_service.slots import ServiceBusy, VisitorBusy
from vo_service.web.charts.histogram import Histogram
from vo_service.web.charts.sky import Sky
from vo_service.web.lineage import relatives_of
from vo_service.web.listing import Listing, ListRequest
from vo_service.web.plots import Plotter
from vo_service.web.product_plots import ProductPlot, product_plots
from vo_service.web.shell import Shell

__all__ = ["ProductViews"]

_REPORT_ENDINGS = (".html", ".htm")


@dataclass(frozen=True, slots=True)
class ProductViews:
    """Views of products."""

    products: ProductService
    releases: ReleaseService
    plotter: Plotter
    shell: Shell
    maps: MapFolder

    def install(self, blueprint: Blueprint) -> None:
        """Add the routes."""
        blueprint.get("/products")(self.list_products)
        blueprint.get("/product/<name>")(self.show_product)
        blueprint.get("/product/<name>/plot/<key>")(self.draw_product_plot)
        blueprint.get("/product/<name>/delete")(self.ask_deletion)
        blueprint.post("/product/<name>/delete")(self.delete_product)

    def list_products(self) -> Response:
        """Show a part of the list."""
        asked = ListRequest.parse(request.args)
        listing = Listing.read(self.products, self.shell.principal(), asked)
        return self.shell.render(
            "products.html", listing=listing, api_address=self._api_address(asked)
        )

    def show_product(self, name: str) -> Response:
        """Show one of its tabs."""
        principal = self.shell.principal()
        key: int | str = int(name) if name.isascii() and name.isdigit() and len(name) < 19 else name
        product = self.products.product(principal, key)
        if isinstance(key, int):
            return self.shell.see(f"/product/{quote(product.internal_name)}")
        tab = request.args.get("tab", "overview")
        return self._page(principal, product, tab if tab in dict(_tabs()) else "overview")

    def _page(
        self,
        principal: Principal,
        product: Product,
        tab: str,
        **drawn: Any,  # noqa: ANN401 - for the template
    ) -> Response:
        files = self.products.files.select(principal, product.id)
        main = next((f for f in files if f.role is FileRole.MAIN), None)
        return self.shell.render(
            "product.html",
            samp=True,
            product=product,
            tab=tab,
            tabs=_tabs(),
            main_file=main,
            may_edit=self.products.may_edit(principal, product),
            public=self._is_public(product),
            **self._tab(tab, principal, product, files, main),
            **drawn,
        )

    def draw_product_plot(self, name: str, key: str) -> Response:
        """Draw one of the plots of a product: a part of its page, or without scripts all of it."""
        principal = self.shell.principal()
        product = self.products.product(principal, name)
        drawn = self._drawn(principal, self._plots(principal, product), key)
        if request.headers.get("HX-Request"):
            return self.shell.render("product/plot.html", **drawn)
        return self._page(principal, product, "plots", drawn=key, **drawn)

    def _plots(self, principal: Principal, product: Product) -> tuple[ProductPlot, ...]:
        if product.version is None or product.status is not ProductStatus.PUBLISHED:
            return ()
        contents = self.products.main_file_info(principal, product.id).contents
        return product_plots(product.table_name, contents)

    def _drawn(
        self, principal: Principal, plots: Sequence[ProductPlot], key: str
    ) -> dict[str, Any]:
        chosen = next((each for each in plots if each.key == key), None)
        if chosen is None:
            return {"plot": None}
        try:
            plot = self.plotter.draw(principal, chosen.asked, chosen.request)
        except (AdqlError, EngineError, ServiceBusy, VisitorBusy) as error:
            return {"plot": None, "problem": self.shell.sentence(error)}
        return {"plot": plot}

    def ask_deletion(self, name: str) -> Response:
        """Ask whether a product shall really go, and say what goes with it."""
        principal = self.shell.member()
        product = self.products.edited(principal, name)
        used_by = self.products.overview.made_from(principal, product.id)
        return self.shell.render("deletion.html", product=product, used_by=used_by)

    def delete_product(self, name: str) -> Response:
        """Delete a product."""
        principal = self.shell.member()
        self.products.delete(principal, name)
        return self.shell.see("/products?scope=mine")

    def _tab(
        self,
        tab: str,
        principal: Principal,
        product: Product,
        files: Sequence[ProductFile],
        main: ProductFile | None,
    ) -> dict[str, Any]:
        match tab:
            case "overview":
                facts = TableFacts() if main is None else self.products.facts(principal, product.id)
                reports = [
                    f
                    for f in files
                    if f.role is not FileRole.MAIN and f.extension in _REPORT_ENDINGS
                ]
                return {
                    "facts": facts,
                    "histogram": Histogram.of_facts(facts.histogram),
                    "sky": Sky.of_facts(facts.footprint),
                    "reports": reports,
                    "mapped": self._mapped(product),
                }
            case "plots":
                return {"plots": self._plots(principal, product)}
            case "table":
                return {"preview": self._preview(principal, product)}
            case "columns":
                return {"contents": self.products.contents.select(principal, product.id)}
            case "files":
                return {"files": files}
            case "provenance":
                made = self.products.provenance(principal, product.id)
                return {
                    "provenance": made,
                    "inputs": self._inputs(principal, made),
                    "relatives": relatives_of(self.products, principal, product),
                    "used_by": self.products.overview.made_from(principal, product.id),
                }
            case "versions":
                return {"versions": self.products.versions(principal, product.id)}
            case _:
                return {}

    def _mapped(self, product: Product) -> tuple[str, ...]:
        """Name the maps of its table that can be shown."""
        if product.version is None or product.status is not ProductStatus.PUBLISHED:
            return ()
        facts = self.maps.facts(product.version.relation)
        return () if facts is None else facts.kinds

    def _preview(self, principal: Principal, product: Product) -> Preview:
        try:
            return self.products.preview(principal, product.id)
        except ProductFileNotFound:
            return Preview()

    def _inputs(self, principal: Principal, made: Provenance | None) -> list[dict[str, Any]]:
        found = []
        for each in () if made is None else made.inputs:
            try:
                seen = self.products.product(principal, each.product_id)
            except ProductNotFound:
                seen = None
            found.append({"product": seen, "version": each.version})
        return found

    def _is_public(self, product: Product) -> bool:
        return self.releases.policy().may_see(ANONYMOUS, product)

    def _api_address(self, asked: ListRequest) -> str:
        """Give the same list in the API, as far as its parameters reach."""
        words = {"q": "search", "sort": "ordering"}
        named = {words[n]: v for n, v in asked.address().items() if n in words}
        if asked.scope in ("official", "users"):
            named["official_product"] = str(asked.scope == "official").lower()
        texts = {"type": "product_type_name", "release": "release_name", "owner": "uploaded_by"}
        named |= {texts[n]: v for n, v in asked.chosen.items() if n in texts}
        return self.shell.url("/api/products/", **named)


def _tabs() -> list[tuple[str, str]]:
    return [
        ("overview", gettext("Overview")),
        ("plots", gettext("Plots")),
        ("table", gettext("Table")),
        ("columns", gettext("Columns")),
        ("files", gettext("Files")),
        ("provenance", gettext("Provenance")),
        ("versions", gettext("Versions")),
        ("use", gettext("Use it")),
    ]
