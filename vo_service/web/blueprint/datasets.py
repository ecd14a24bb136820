"""Pages of datasets, which coordinators put together."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from flask import Blueprint, Response, request

from registry.errors import NotAllowed, ProductRefused
from registry.model.curated_dataset import CuratedDataset
from registry.model.principal import Principal
from registry.products.datasets import DatasetDraft, DatasetService
from vo_service.web.shell import Shell

__all__ = ["DatasetViews"]


@dataclass(frozen=True, slots=True)
class DatasetViews:
    """Views of datasets."""

    datasets: DatasetService
    shell: Shell

    def install(self, blueprint: Blueprint) -> None:
        """Add the routes."""
        blueprint.get("/datasets")(self.list_datasets)
        blueprint.get("/dataset/new")(self.begin_dataset)
        blueprint.post("/dataset/new")(self.add_dataset)
        blueprint.get("/dataset/<name>")(self.show_dataset)
        blueprint.get("/dataset/<name>/edit")(self.edit_dataset)
        blueprint.post("/dataset/<name>/edit")(self.change_dataset)
        blueprint.post("/dataset/<name>/delete")(self.delete_dataset)

    def list_datasets(self) -> Response:
        """Show all of them."""
        principal = self.shell.principal()
        return self.shell.render(
            "datasets.html",
            datasets=self.datasets.datasets(principal),
            may_edit=self.datasets.may_edit(principal),
        )

    def show_dataset(self, name: str) -> Response:
        """Show one, with the products of it that the visitor may see."""
        principal, dataset = self.shell.principal(), self.datasets.dataset(name)
        return self.shell.render(
            "dataset.html",
            dataset=dataset,
            products=self.datasets.products(principal, dataset),
            may_edit=self.datasets.may_edit(principal),
        )

    def begin_dataset(self) -> Response:
        """Ask what a new one is."""
        self._coordinator()
        return self._form(None, {})

    def add_dataset(self) -> Response:
        """Make one."""
        principal = self._coordinator()
        try:
            made = self.datasets.add(principal, _draft())
        except ProductRefused as error:
            return self._form(None, request.form, {error.field: self.shell.sentence(error)})
        return self.shell.see(f"/dataset/{quote(made.name)}")

    def edit_dataset(self, name: str) -> Response:
        """Show what is said of one, to be changed."""
        principal, dataset = self._coordinator(), self.datasets.dataset(name)
        products = self.datasets.products(principal, dataset)
        values = {
            "title": dataset.title,
            "description": dataset.description,
            "links": "\n".join(f"{link.title} {link.url}" for link in dataset.links),
            "products": "\n".join(product.internal_name for product in products),
        }
        return self._form(dataset, values)

    def change_dataset(self, name: str) -> Response:
        """Change what is said of one."""
        principal, dataset = self._coordinator(), self.datasets.dataset(name)
        try:
            self.datasets.change(principal, name, _draft())
        except ProductRefused as error:
            return self._form(dataset, request.form, {error.field: self.shell.sentence(error)})
        return self.shell.see(f"/dataset/{quote(name)}")

    def delete_dataset(self, name: str) -> Response:
        """Remove one; its products stay."""
        self.datasets.remove(self._coordinator(), name)
        return self.shell.see("/datasets")

    def _coordinator(self) -> Principal:
        principal = self.shell.member()
        if not self.datasets.may_edit(principal):
            raise NotAllowed("only coordinators and operators make and change datasets")
        return principal

    def _form(
        self,
        dataset: CuratedDataset | None,
        values: object,
        errors: dict[str, str] | None = None,
    ) -> Response:
        return self.shell.render(
            "dataset_form.html",
            422 if errors else 200,
            dataset=dataset,
            values=values,
            errors=errors or {},
        )


def _draft() -> DatasetDraft:
    sent = request.form
    links = [line.strip().rpartition(" ") for line in _lines(sent.get("links", ""))]
    return DatasetDraft(
        sent.get("title", ""),
        sent.get("description", "").replace("\r\n", "\n"),
        [(title, url) for title, _, url in links],
        [_key(line) for line in _lines(sent.get("products", ""))],
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _key(text: str) -> str:
    """Give the name in the address of a product's page, or the text itself."""
    if "/product/" not in text:
        return text
    return unquote(urlsplit(text).path.partition("/product/")[2].partition("/")[0])
