"""What the columns of products mean: shown, and changed by those who may."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from registry.annotation.vocabulary import check_ucd, check_unit
from registry.errors import (
    MandatoryColumnsMissing,
    ProductConflict,
    ProductContentNotFound,
    ProductNotFound,
    ProductRefused,
)
from registry.model.annotation import RoleType, find_role
from registry.model.field import Field
from registry.model.frame import Frame
from registry.model.principal import Principal
from registry.model.product import Product, ProductColumn
from registry.model.product_file import ProductContent, ProductFile
from registry.product_types import product_type_named
from registry.products.access import ProductAccess
from registry.products.names import check_text
from registry.products.records import Association, ProductStores
from registry.products.registration import missing_aliases

__all__ = ["ProductContents", "annotated_field"]

_STATEMENTS = ("ucd", "alias", "unit", "description", "frame", "null_values")

_MAX_CHARACTERS = {"ucd": 128, "alias": 256, "unit": 128, "description": 4096, "frame": 128}

_OF_ROWS = ("frame", "null_values")
"""Statements that change the rows or the index of a table, not only what is said of it."""

_NUMBER = re.compile(r"u?int\d+|float|double|halffloat|decimal.*")

_WRITTEN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)

_POSITION = ("RA", "Dec")


class ProductContents:
    """Associates columns with their meaning.

    Parameters
    ----------
    stores
        Of the installation.
    access
        Checks what callers may do.
    """

    def __init__(self, stores: ProductStores, access: ProductAccess) -> None:
        self._stores = stores
        self._access = access

    def select(self, principal: Principal, product_id: int | None = None) -> list[ProductContent]:
        """List columns by id: of one product, or of all that the caller may see.

        Parameters
        ----------
        principal
            Who asks. Those who may change a product see the columns of the main file that waits
            for publication; others those of the published one.
        product_id
            Of the product; nothing is listed for one that is hidden.
        """
        visibility = self._access.visibility(principal)
        files = self._stores.drafts.files(visibility, product_id)
        shown = {file.id for file in self._access.working(principal, files)}
        contents = self._stores.contents.contents(visibility, product_id)
        return [content for content in contents if content.file_id in shown]

    def content(self, principal: Principal, content_id: int) -> ProductContent:
        """Find a column.

        Raises
        ------
        ProductContentNotFound
            If there is none, or it is hidden from the caller.
        """
        return self._found(principal, content_id)[2]

    def update(
        self,
        principal: Principal,
        content_id: int,
        changes: Mapping[str, str | Sequence[str] | None],
    ) -> ProductContent:
        """Say what a column means.

        Parameters
        ----------
        principal
            Who may change the product.
        content_id
            Of the column.
        changes
            Any of ``ucd``, ``alias``, ``unit``, ``description``, ``frame``, and ``null_values``,
            a list of texts; an empty text or list takes back what was said. An alias that is a role
            brings its UCD along, unless another is given.

        Raises
        ------
        ProductContentNotFound
            If there is no such column, or it is hidden from the caller.
        LoginRequired, NotAllowed
            If the caller may not change the product.
        ProductRefused
            If a value is no UCD or no unit, or the column cannot have the role.
        ProductConflict
            If the column is of an older version, or the change needs a new version.
        MandatoryColumnsMissing
            If a published product would lose a role that its type demands.
        """
        product, file, content = self._found(principal, content_id)
        self._access.policy().require_edit(principal, product)
        changed = _changed(content, changes)
        version = file.version
        if version is not None:
            others = [
                changed if each.id == content.id else each
                for each in self._stores.contents.contents_of(file.id)
            ]
            self._check_published(product, file, content, changed, others)
        self._stores.contents.annotate(changed, version)
        return self._stores.contents.content(content_id)

    def associate(
        self,
        principal: Principal,
        key: int | str,
        changes: Mapping[int, Mapping[str, str | Sequence[str] | None]],
        *,
        dry_run: bool = False,
    ) -> Association:
        """Say what many columns mean at once: all of it is saved, or with a problem nothing.

        Parameters
        ----------
        principal
            Who may change the product.
        key
            Id or internal name of the product.
        changes
            By number of the column, as those of `update`; a role may pass from one to another.
        dry_run
            Only tell what would be.

        Raises
        ------
        ProductNotFound, LoginRequired, NotAllowed
            If the caller may not change the product.
        ProductConflict, MandatoryColumnsMissing
            As `update`, of a published version.
        """
        product = self._access.edited(principal, key)
        file = self._access.pending_file(product) or self._access.main_file(product)
        if file is None:
            return Association()
        before = self._stores.contents.contents_of(file.id)
        problems: dict[tuple[int, str], str] = {}
        after = []
        for content in before:
            try:
                after.append(_changed(content, changes.get(content.id, {})))
            except ProductRefused as error:
                problems[content.id, error.field] = str(error)
                after.append(content)
        for content, player in _doubled_roles(after):
            problems[content.id, "alias"] = (
                f"{content.alias} is column {player.column_name!r} already; a role is of one column"
            )
        if not problems and not dry_run:
            self._save(product, file, before, after)
        missing = missing_aliases(product_type_named(product.product_type), after)
        return Association(tuple(after), problems, missing)

    def _save(
        self,
        product: Product,
        file: ProductFile,
        before: Sequence[ProductContent],
        after: Sequence[ProductContent],
    ) -> None:
        changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
        if file.version is not None:
            for old, new in changed:
                self._check_published(product, file, old, new, after)
        for _, new in changed:
            self._stores.contents.annotate(new, file.version)

    def _found(
        self, principal: Principal, content_id: int
    ) -> tuple[Product, ProductFile, ProductContent]:
        content = self._stores.contents.content(content_id)
        try:
            product = self._access.seen(principal, content.product_id)
        except ProductNotFound:
            raise ProductContentNotFound.named(content_id) from None
        file = self._stores.drafts.file(content.file_id)
        if file.version is None and not self._access.policy().may_edit(principal, product):
            raise ProductContentNotFound.named(content_id)
        return product, file, content

    def _check_published(
        self,
        product: Product,
        file: ProductFile,
        before: ProductContent,
        after: ProductContent,
        others: Sequence[ProductContent],
    ) -> None:
        if file.version != product.edition:
            raise ProductConflict(
                f"the column is of version {file.version}, which is kept as it was; change the "
                "current one"
            )
        if any(getattr(before, name) != getattr(after, name) for name in _OF_ROWS):
            raise ProductConflict(
                "frame and null_values shape the published table; upload the file again as a new "
                "version, and say it before you publish that"
            )
        if before.alias != after.alias:
            if {before.alias, after.alias} & {*_POSITION} and product.version is not None:
                raise ProductConflict(
                    "RA and Dec order the published table on the sky, so that they cannot be "
                    "given to other columns; upload the file again as a new version"
                )
            _check_roles(others)
        missing = missing_aliases(product_type_named(product.product_type), others)
        if missing:
            raise MandatoryColumnsMissing(missing)


def _changed(
    content: ProductContent, changes: Mapping[str, str | Sequence[str] | None]
) -> ProductContent:
    said: dict[str, str | None] = {}
    nulls = content.null_values
    for name, value in changes.items():
        if name not in _STATEMENTS:
            raise ProductRefused(name, f"{name!r} cannot be changed; give {', '.join(_STATEMENTS)}")
        if name == "null_values":
            nulls = _null_values(content, value)
            continue
        text = (value if isinstance(value, str) else "").strip()
        said[name] = _checked(name, text) if text else None
    if "alias" in said:
        said |= _with_role(content, said)
    changed = replace(
        content,
        ucd=said.get("ucd", content.ucd),
        alias=said.get("alias", content.alias),
        unit=said.get("unit", content.unit),
        description=said.get("description", content.description),
        frame=said.get("frame", content.frame),
        null_values=nulls,
    )
    role = find_role(changed.alias) if changed.alias else None
    if (
        role is not None
        and role.type is RoleType.NUMBER
        and not _NUMBER.fullmatch(content.file_type)
    ):
        raise ProductRefused(
            "alias",
            f"column {content.column_name!r} cannot be {role.alias}: it holds "
            f"{content.file_type}, not numbers",
        )
    return changed


def _null_values(content: ProductContent, value: str | Sequence[str] | None) -> list[str] | None:
    texts = list(dict.fromkeys([value] if isinstance(value, str) else value or ()))
    if texts and not (_NUMBER.fullmatch(content.file_type) or "string" in content.file_type):
        raise ProductRefused(
            "null_values",
            f"column {content.column_name!r} holds {content.file_type}; only numbers and texts can "
            "stand for no value",
        )
    for text in texts:
        if _NUMBER.fullmatch(content.file_type) and not _WRITTEN.fullmatch(text.strip()):
            raise ProductRefused(
                "null_values", f"{text!r} is no number, as column {content.column_name!r} holds"
            )
    return texts or None


def _checked(name: str, text: str) -> str | None:
    check_text(name, text, _MAX_CHARACTERS[name], lines=name == "description")
    if name == "frame":
        frame = Frame.parse(text)
        if frame is None:
            raise ProductRefused(
                name, f"{text!r} is no frame; give ICRS, FK5, FK4 B1950, galactic, UTC, TDB ..."
            )
        return str(frame)
    if name not in ("ucd", "unit"):
        return text
    checked = check_ucd(text) if name == "ucd" else check_unit(text)
    if checked.problem is not None:
        raise ProductRefused(name, checked.problem)
    return checked.value


def _with_role(content: ProductContent, said: Mapping[str, str | None]) -> dict[str, str | None]:
    """Spell a role as it is stored, and let its UCD come and go with it."""
    alias = said["alias"]
    role = find_role(alias) if alias is not None else None
    old = find_role(content.alias) if content.alias is not None else None
    found: dict[str, str | None] = {"alias": alias if role is None else role.alias}
    if "ucd" not in said:
        leftover = old is not None and content.ucd == old.ucd
        ucd = None if leftover else content.ucd
        found["ucd"] = role.ucd if role is not None and ucd is None else ucd
    return found


def _check_roles(contents: Sequence[ProductContent]) -> None:
    for content, player in _doubled_roles(contents):
        raise ProductRefused(
            "alias",
            f"{content.alias} is column {player.column_name!r} already; take it away from that "
            "one first",
        )


def _doubled_roles(
    contents: Sequence[ProductContent],
) -> list[tuple[ProductContent, ProductContent]]:
    """List columns with a role that an earlier one has, and that one."""
    players: dict[str, ProductContent] = {}
    doubled = []
    for content in contents:
        role = find_role(content.alias) if content.alias else None
        if role is None:
            continue
        if role.alias in players:
            doubled.append((content, players[role.alias]))
        else:
            players[role.alias] = content
    return doubled


def annotated_field(
    field: Field, published: Mapping[str, ProductColumn], content: ProductContent | None
) -> Field:
    """Say of a column of a file what TAP says of it, or before publication what people do.

    Parameters
    ----------
    field
        As the file says.
    published
        Columns of the published table, by name.
    content
        What is said of the column.
    """
    column = published.get(field.name)
    if column is not None:
        said = column.column.field
        return replace(
            field,
            unit=said.unit,
            ucd=said.ucd,
            utype=said.utype,
            description=said.description,
            frame=said.frame,
        )
    if content is None:
        return field
    return replace(
        field,
        unit=content.unit or field.unit,
        ucd=content.ucd or field.ucd,
        utype=content.utype or field.utype,
        description=content.description or field.description,
    )
