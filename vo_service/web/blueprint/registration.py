"""Products in four steps: what it is, its files, what its columns mean, and a last look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request
from flask_babel import gettext

from registry.accounts.service import AccountService
from registry.annotation.vocabulary import ucd_words
from registry.errors import (
    AnnotationRejected,
    MandatoryColumnsMissing,
    ProductConflict,
    ProductFileNotFound,
    ProductRefused,
    RegistrationFailed,
    ReleaseNotFound,
    UnreadableFile,
    UploadTooLarge,
)
from registry.formats.readers import ReadOptions
from registry.model.annotation import ROLES
from registry.model.principal import Principal
from registry.model.product import Product, ProductStatus
from registry.model.product_file import FileRole, ProductFile
from registry.product_types import product_type_named, product_types
from registry.products.records import Association, Preview, TableFacts
from registry.products.service import ProductService
from registry.releases import ReleaseService
from vo_service.api.blueprint.multipart import read_upload
from vo_service.api.errors import InvalidFields
from vo_service.http.authentication import CSRF_FIELD
from vo_service.web.blueprint.forms import BasicForm, column_changes, suggested_changes
from vo_service.web.charts.histogram import Histogram
from vo_service.web.charts.sky import Sky
from vo_service.web.quantities import cell_text
from vo_service.web.shell import Shell

__all__ = ["RegistrationViews", "UploadSettings"]

_BODY_OVERHEAD_BYTES = 2**20
"""What a form may carry beside the file."""

_SAMPLES = 3

_ROLES = {str(int(role)): role for role in FileRole}


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """Limits of files.

    Attributes
    ----------
    max_bytes
        Size of a file at most.
    spool_folder
        Where a file waits whose form says only behind it what it is.
    """

    max_bytes: int
    spool_folder: Path


@dataclass(frozen=True, slots=True)
class RegistrationViews:
    """Views of products that are being made, or get a new version."""

    products: ProductService
    releases: ReleaseService
    accounts: AccountService
    uploads: UploadSettings
    shell: Shell

    def install(self, blueprint: Blueprint) -> None:
        """Add the routes."""
        blueprint.get("/product/new")(self.begin)
        blueprint.post("/product/new")(self.create_product)
        blueprint.get("/product/<name>/edit")(self.edit_product)
        blueprint.post("/product/<name>/edit")(self.change_product)
        blueprint.get("/product/<name>/upload/<int:step>")(self.show_step)
        blueprint.post("/product/<name>/file")(self.receive_file)
        blueprint.post("/product/<name>/file/<int:file_id>/remove")(self.remove_file)
        blueprint.post("/product/<name>/read")(self.read_file)
        blueprint.post("/product/<name>/columns")(self.save_columns)
        blueprint.post("/product/<name>/columns/check")(self.check_columns)
        blueprint.post("/product/<name>/publish")(self.publish_product)
        blueprint.post("/markdown")(self.preview_markdown)

    def begin(self) -> Response:
        """Ask what the new product is; show what was left half-way."""
        principal = self.shell.member()
        return self._basics(principal, None, BasicForm({}))

    def create_product(self) -> Response:
        """Begin a product."""
        principal, form = self.shell.member(), BasicForm(request.form)
        problems = form.problems()
        if not problems:
            try:
                product = self.products.create(principal, form.draft())
                return self._see(product, "/upload/2")
            except (ProductRefused, ReleaseNotFound) as error:
                problems = self._problems(error)
        return self._basics(principal, None, form, problems)

    def edit_product(self, name: str) -> Response:
        """Show what is said of a product, to be changed."""
        principal, product = self._edited(name)
        return self._basics(principal, product, BasicForm.of_product(product))

    def change_product(self, name: str) -> Response:
        """Change what is said of a product."""
        principal, product = self._edited(name)
        form = BasicForm({"product_type": product.product_type, **request.form})
        problems = form.problems()
        if not problems:
            official = self.releases.policy().may_publish_official(principal)
            try:
                changes = form.changes(official=official)
                product = self.products.update(principal, product.id, changes)
                published = product.status is ProductStatus.PUBLISHED
                return self._see(product, "" if published else "/upload/2")
            except (ProductRefused, ReleaseNotFound) as error:
                problems = self._problems(error)
        return self._basics(principal, product, form, problems)

    def show_step(self, name: str, step: int) -> Response:
        """Show one of the later steps."""
        principal, product = self._edited(name)
        match step:
            case 1:
                return self._see(product, "/edit")
            case 2:
                return self._files(principal, product)
            case 3:
                return self._columns(principal, product)
            case _:
                return self._review(principal, product)

    def receive_file(self, name: str) -> Response:
        """Take a file of a form that no script sends in pieces."""
        request.max_content_length = self.uploads.max_bytes + _BODY_OVERHEAD_BYTES
        with read_upload(frozenset(), self.uploads.spool_folder) as sent:
            self.shell.take_csrf(sent.fields.get(CSRF_FIELD, ""))
            principal, product = self._edited(name)
            role = _ROLES.get(sent.fields.get("role", ""), FileRole.AUXILIARY)
            field = "file" if role is FileRole.MAIN else "more"
            if sent.stream is None or not sent.name:
                return self._files(principal, product, {field: gettext("Choose a file first.")})
            files, reading = self.products.files, _reading(sent.fields)
            try:
                if role is FileRole.MAIN:
                    files.replace_main(
                        principal, product.id, sent.name, sent.media_type, sent.stream, reading
                    )
                else:
                    files.add(principal, product.id, role, sent.name, sent.media_type, sent.stream)
            except (ProductRefused, UploadTooLarge, InvalidFields) as error:
                return self._files(principal, product, {field: self.shell.sentence(error)})
        return self._see(product, "/upload/2")

    def remove_file(self, name: str, file_id: int) -> Response:
        """Take a file away."""
        principal, product = self._edited(name)
        if self.products.files.file(principal, file_id).product_id != product.id:
            raise ProductFileNotFound.named(file_id)
        self.products.files.remove(principal, file_id)
        return self._see(product, "/upload/2")

    def read_file(self, name: str) -> Response:
        """Read the main file that waits, and go on to its columns."""
        principal, product = self._edited(name)
        waiting = self._waiting(principal, product)
        if waiting is None:
            missing = self._file_missing(product)
            if missing:
                return self._files(principal, product, {"file": missing})
            return self._see(product, "/upload/4")
        reading = _reading(request.form)
        if waiting.registered is None or dict(waiting.reading) != reading.chosen:
            try:
                self.products.register(principal, product.id, reading)
            except UnreadableFile as error:
                option = error.option if isinstance(error, RegistrationFailed) else None
                problems = {option or "file": self.shell.sentence(error)}
                return self._files(
                    principal, self.products.product(principal, product.id), problems
                )
        contents = self.products.contents.select(principal, product.id)
        return self._see(product, "/upload/3" if contents else "/upload/4")

    def save_columns(self, name: str) -> Response:
        """Say what all columns mean; go on if nothing is wrong and nothing missing."""
        principal, product = self._edited(name)
        contents = self.products.contents.select(principal, product.id)
        changes = column_changes(contents, request.form)
        action = request.form.get("action", "")
        if action == "accept":
            changes = suggested_changes(contents, changes)
        try:
            found = self.products.contents.associate(principal, product.id, changes)
        except (ProductConflict, MandatoryColumnsMissing) as error:
            problems = {"": self.shell.sentence(error)}
            return self._columns(principal, product, problems, sent=request.form)
        if found.problems:
            problems = {
                f"{number}-{field}": said for (number, field), said in found.problems.items()
            }
            return self._columns(principal, product, problems, sent=request.form)
        if action != "next":
            return self._see(product, "/upload/3")
        if found.missing:
            return self._columns(principal, product, _missing(found.missing))
        waiting = self._waiting(principal, product) is not None
        return self._see(product, "/upload/4" if waiting else "?tab=columns")

    def check_columns(self, name: str) -> Response:
        """Tell, before anything is saved, which roles are still missing and what is wrong."""
        principal, product = self._edited(name)
        contents = self.products.contents.select(principal, product.id)
        changes = column_changes(contents, request.form)
        found = self.products.contents.associate(principal, product.id, changes, dry_run=True)
        return self.shell.render(
            "upload/checklist.html", found=found, mandatory=_mandatory(product)
        )

    def publish_product(self, name: str) -> Response:
        """Publish the product, or its new version."""
        principal, product = self._edited(name)
        try:
            self.products.publish(principal, product.id)
        except MandatoryColumnsMissing as error:
            return self._columns(principal, product, _missing(error.names))
        except AnnotationRejected as error:
            problems = {"" if i == 0 else f"-{i}": line for i, line in enumerate(error.report)}
            return self._columns(principal, product, problems)
        except (ProductRefused, UnreadableFile) as error:
            return self._files(principal, product, {"file": self.shell.sentence(error)})
        return self._see(product, "")

    def preview_markdown(self) -> Response:
        """Show a description as it will be."""
        self.shell.member()
        return self.shell.render("upload/markdown.html", text=request.form.get("description", ""))

    def _edited(self, name: str) -> tuple[Principal, Product]:
        principal = self.shell.member()
        return principal, self.products.edited(principal, name)

    def _see(self, product: Product, end: str) -> Response:
        return self.shell.see(f"/product/{quote(product.internal_name)}{end}")

    def _problems(self, error: ProductRefused | ReleaseNotFound) -> dict[str, str]:
        field = error.field if isinstance(error, ProductRefused) else "release"
        return {field: self.shell.sentence(error)}

    def _waiting(self, principal: Principal, product: Product) -> ProductFile | None:
        files = self.products.files.select(principal, product.id)
        return next((f for f in files if f.role is FileRole.MAIN and f.version is None), None)

    def _file_missing(self, product: Product) -> str | None:
        if product.data_url is None and product_type_named(product.product_type).tabular:
            return str(gettext("Add the main file first: the table of this product."))
        return None

    def _basics(
        self,
        principal: Principal,
        product: Product | None,
        form: BasicForm,
        errors: dict[str, str] | None = None,
    ) -> Response:
        return self.shell.render(
            "upload/basics.html",
            422 if errors else 200,
            product=product,
            step=1,
            values=form.values,
            errors=errors or {},
            types=product_types(),
            releases=self.releases.releases(principal),
            groups=sorted(self._groups(principal) | form.groups),
            may_official=self.releases.policy().may_publish_official(principal),
            drafts=[] if product else self.products.overview.drafts(principal),
        )

    def _groups(self, principal: Principal) -> frozenset[str]:
        if principal.operator or principal.coordinator:
            return frozenset(group.name for group in self.accounts.groups())
        return principal.groups

    def _files(
        self, principal: Principal, product: Product, errors: dict[str, str] | None = None
    ) -> Response:
        files = self.products.files.select(principal, product.id)
        main = next((file for file in files if file.role is FileRole.MAIN), None)
        return self.shell.render(
            "upload/files.html",
            422 if errors else 200,
            product=product,
            step=2,
            errors=errors or {},
            main=main,
            waiting=main if main is not None and main.version is None else None,
            others=[file for file in files if file.role is not FileRole.MAIN],
            tabular=product_type_named(product.product_type).tabular,
            max_bytes=self.uploads.max_bytes,
            # A form with files was read already.
            sent={} if request.mimetype == "multipart/form-data" else request.form,
        )

    def _columns(
        self,
        principal: Principal,
        product: Product,
        errors: dict[str, str] | None = None,
        sent: Any = None,  # noqa: ANN401 - a form, or nothing
    ) -> Response:
        found = self.products.contents.associate(principal, product.id, {}, dry_run=True)
        return self.shell.render(
            "upload/columns.html",
            422 if errors else 200,
            product=product,
            step=3,
            errors=errors or {},
            sent=sent or {},
            found=found,
            contents=found.contents,
            mandatory=_mandatory(product),
            roles=ROLES,
            ucds=ucd_words(),
            samples=_samples(found, self._preview(principal, product)),
            waiting=self._waiting(principal, product) is not None,
        )

    def _review(self, principal: Principal, product: Product) -> Response:
        files = self.products.files.select(principal, product.id)
        draft = product.status is not ProductStatus.PUBLISHED
        main = any(file.role is FileRole.MAIN for file in files)
        facts = self.products.facts(principal, product.id) if draft and main else TableFacts()
        found = self.products.contents.associate(principal, product.id, {}, dry_run=True)
        return self.shell.render(
            "upload/review.html",
            product=product,
            step=4,
            files=files,
            found=found,
            facts=facts,
            preview=self._preview(principal, product) if draft else Preview(),
            histogram=Histogram.of_facts(facts.histogram),
            sky=Sky.of_facts(facts.footprint),
            release=None if product.release is None else self._release(principal, product.release),
        )

    def _release(self, principal: Principal, name: str) -> Any:  # noqa: ANN401 - for the page
        try:
            return self.releases.release(principal, name)
        except ReleaseNotFound:
            return None

    def _preview(self, principal: Principal, product: Product) -> Preview:
        try:
            return self.products.preview(principal, product.id)
        except ProductFileNotFound:
            return Preview()


def _reading(fields: Any) -> ReadOptions:  # noqa: ANN401 - a form of either kind
    given = {name: fields.get(name, "").strip()[:1024] for name in ("hdu", "group", "delimiter")}
    return ReadOptions(**{name: text or None for name, text in given.items()})


def _mandatory(product: Product) -> tuple[str, ...]:
    return product_type_named(product.product_type).mandatory


def _missing(names: Any) -> dict[str, str]:  # noqa: ANN401 - a sequence of roles
    sentence = gettext("Choose which column is %(roles)s.", roles=", ".join(names))
    return {"": sentence}


def _samples(found: Association, preview: Preview) -> dict[str, list[str]]:
    """Give the first values of each column that has any."""
    samples: dict[str, list[str]] = {}
    for content in found.contents:
        values = [row.get(content.column_name) for row in preview.rows]
        shown = [cell_text(value) for value in values if value is not None]
        samples[content.column_name] = shown[:_SAMPLES]
    return samples
