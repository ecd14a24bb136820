"""What all documents of the API have in common."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, field_validator

__all__ = ["Answer", "Detail", "Page", "Sent"]

Item = TypeVar("Item", bound=BaseModel)


class Answer(BaseModel):
    """A document that is answered."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Sent(BaseModel):
    """A document that is sent; what is not known of it is ignored, as clients send too much."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    @field_validator("*")
    @classmethod
    def _no_null_characters(cls, value: object) -> object:
        # PostgreSQL keeps none.
        if isinstance(value, str) and "\x00" in value:
            message = "Null characters are not allowed."
            raise ValueError(message)
        return value


class Page(Answer, Generic[Item]):
    """A list, or one page of it.

    Attributes
    ----------
    count
        Of all things that fit, on every page.
    results
        Those of this page; all where no page was asked for.
    """

    count: int
    results: list[Item]


class Detail(Answer):
    """One sentence.

    Attributes
    ----------
    detail
        For people.
    """

    detail: str
