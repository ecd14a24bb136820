"""How a product was made: by which pipeline, from which products, with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Provenance", "ProvenanceInput"]


@dataclass(frozen=True, slots=True)
class ProvenanceInput:
    """A product that another one was made from, as it was then.

    Attributes
    ----------
    product_id, internal_name
        Of the product; 0 and empty where who asks may not know of it.
    version
        Number of its version.
    sha256
        Of the main file of that version.
    """

    product_id: int
    internal_name: str
    version: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a product was made.

    Attributes
    ----------
    pipeline, pipeline_version
        What made it.
    configuration
        Its settings, all of them, in the types of JSON.
    inputs
        In the order in which the pipeline was given them.
    started, ended
        UTC.

    Notes
    -----
    The checksums of what was made are those of the product's files.
    """

    pipeline: str
    pipeline_version: str | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[ProvenanceInput, ...] = ()
    started: datetime | None = None
    ended: datetime | None = None
