"""Views of column associations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from flask import Response

from registry.products.service import ProductService
from vo_service.api.blueprint.answers import answer
from vo_service.api.blueprint.bodies import arguments, read_body
from vo_service.api.blueprint.guard import Guard
from vo_service.api.lists import Filter, ListRules, parse_value, select
from vo_service.api.models.base import Page
from vo_service.api.models.products import ContentAnswer, ContentChange
from vo_service.api.operation import Access, operation
from vo_service.api.presentation import content_answer

__all__ = ["ContentViews"]

_PRODUCT = Filter("product", "NumberFilter")

_CONTENTS = ListRules(
    (Filter("id", "NumberFilter"), _PRODUCT),
    ordering=("id", "order"),
    title="Product Content List",
)


@dataclass(frozen=True, slots=True)
class ContentViews:
    """Views of columns and what they mean; registration makes them, so that nobody else does."""

    tag: ClassVar[str] = "columns"
    products: ProductService
    guard: Guard

    @operation(
        "GET", "/product-contents/", "List the columns of products.",
        access=Access.READER, answer=Page[ContentAnswer], rules=_CONTENTS, errors=(400, 404),
    )  # fmt: skip
    def list_contents(self) -> Response:
        """List the columns of one product, or of all that the caller may see."""
        text = arguments().get("product") or None
        product = None if text is None else int(parse_value(_PRODUCT, text))
        found = self.products.contents.select(self.guard.principal(), product)
        return answer(select(_CONTENTS, [content_answer(known) for known in found], arguments()))

    @operation(
        "GET", "/product-contents/<int:content_id>/", "Show a column.",
        access=Access.READER, answer=ContentAnswer, errors=(404,),
    )  # fmt: skip
    def show_content(self, content_id: int) -> Response:
        """Show a column of a product that the caller may see."""
        return answer(
            content_answer(self.products.contents.content(self.guard.principal(), content_id))
        )

    @operation(
        "PUT", "/product-contents/<int:content_id>/", "Say everything that a column means.",
        access=Access.MEMBER, answer=ContentAnswer, body=ContentChange,
        errors=(400, 404, 409, 413, 415),
    )  # fmt: skip
    def replace_content(self, content_id: int) -> Response:
        """Set all that can be said; what was not sent is cleared."""
        return self._change(content_id, read_body(ContentChange).model_dump())

    @operation(
        "PATCH", "/product-contents/<int:content_id>/", "Say what a column means.",
        access=Access.MEMBER, answer=ContentAnswer, body=ContentChange,
        errors=(400, 404, 409, 413, 415),
    )  # fmt: skip
    def change_content(self, content_id: int) -> Response:
        """Set what was sent; empty text clears."""
        sent = read_body(ContentChange)
        return self._change(content_id, sent.model_dump(include=sent.model_fields_set))

    def _change(self, content_id: int, changes: dict[str, str | None]) -> Response:
        principal = self.guard.principal()
        return answer(content_answer(self.products.contents.update(principal, content_id, changes)))
