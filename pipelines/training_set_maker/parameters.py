"""What a user may choose: the parameters of the original, and some more."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.specification import PipelineParameters

__all__ = [
    "Crossmatch",
    "DuplicateCriteria",
    "SplitMethod",
    "TrainingSetParameters",
]


class DuplicateCriteria(StrEnum):
    """Which of the pairs within the radius are kept."""

    CLOSEST = "closest"
    ALL = "all"
    UNIQUE = "unique"


class SplitMethod(StrEnum):
    """By what objects are put into sets."""

    RANDOM = "random"
    STRATIFIED = "stratified"
    BLOCKED = "blocked"


class Crossmatch(BaseModel):
    """How redshifts are matched with objects.

    Attributes
    ----------
    radius_arcsec
        Pairs at this distance or beyond are no match.
    n_neighbors
        Objects for each redshift at most, the nearest first.
    output_catalog_name
        Without effect.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    radius_arcsec: float = Field(
        1.0,
        gt=0,
        le=90,
        title="Radius (arcsec)",
        description="Objects closer to a redshift than this, in arcsec, match it.",
    )
    n_neighbors: int = Field(
        1,
        ge=1,
        le=100,
        title="Neighbours",
        description="With `closest`: objects for each redshift at most, the nearest first.",
    )
    output_catalog_name: str | None = Field(
        None,
        title="Name of the match",
        description="Without effect; accepted for configurations of the original.",
    )


class TrainingSetParameters(PipelineParameters):
    """Parameters of training sets, with the help that users read."""

    crossmatch: Crossmatch = Field(
        default_factory=lambda: Crossmatch.model_validate({}),
        title="Match",
        description="How redshifts are matched with objects: `radius_arcsec` (at most 90) and "
        "`n_neighbors` (at most 100).",
    )
    duplicate_criteria: DuplicateCriteria = Field(
        DuplicateCriteria.CLOSEST,
        title="Which matches",
        description="Keep the nearest objects of each redshift, `n_neighbors` at most (closest), "
        "all objects within the radius (all), or each object once, with the nearest redshift "
        "(unique).",
    )
    catalog: str | None = Field(
        None,
        max_length=255,
        title="Object catalogue",
        description="Which object catalogue of the release is matched; its first one if absent.",
    )
    flux_type: str = Field(
        "auto",
        max_length=64,
        title="Type of flux",
        description="Which of the fluxes of the object catalogue are used. A catalogue with a "
        "single type has it under any name, and `auto` is then that one.",
    )
    convert_flux_to_mag: bool = Field(
        True,
        title="Fluxes as magnitudes",
        description="Give AB magnitudes, 31.4 - 2.5 log10(flux in nJy), instead of fluxes. A flux "
        "that is not positive has none.",
    )
    dereddening: str = Field(
        "sfd",
        max_length=64,
        title="Dereddening",
        description="Map of E(B-V) by which fluxes and magnitudes are corrected for the dust of "
        "the Galaxy; `none` leaves them as they are.",
    )
    use_absolute_lsdb_path: bool = Field(
        False,
        title="Path is the catalogue",
        description="In a configuration without a server: `inputs.dataset.path` is the catalogue "
        "itself, not the folder of a release. It is also found out.",
    )
    selected_cols: tuple[str, ...] = Field(
        (),
        max_length=2000,
        title="Columns",
        description="Columns of the object catalogue that the training set has, and of the "
        "magnitudes or fluxes that are computed (mag_dered_g); all if empty.",
    )
    split_method: SplitMethod = Field(
        SplitMethod.RANDOM,
        title="Split by",
        description="Put each object into a set by a hash of the seed and its identifier alone "
        "(random), the same within bins of redshift with equal numbers (stratified), or by cells "
        "of the sky (blocked).",
    )
    train_fraction: float = Field(
        0.7, gt=0, lt=1, title="Training part", description="Part of the objects to train with."
    )
    validation_fraction: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Validation part",
        description="Part of the objects to validate with; the rest is for tests. With any, a "
        "column `split_set` says train, validation or test.",
    )
    random_seed: int | None = Field(
        None,
        ge=0,
        lt=2**63,
        title="Seed",
        description="The same seed puts the same object into the same set, in any catalogue; "
        "0 if absent.",
    )
    n_folds: int = Field(
        0,
        ge=0,
        le=1000,
        title="Folds",
        description="From 2 on, a column `fold` puts the objects into so many parts for cross-"
        "validation; 0 for none.",
    )
    split_strata: int = Field(
        10,
        ge=1,
        le=1000,
        title="Bins of redshift",
        description="With `stratified`: number of bins.",
    )
    split_block_order: int = Field(
        6,
        ge=0,
        le=12,
        title="Order of cells",
        description="With `blocked`: order of the HEALPix cells that stay together (6: 0.9 "
        "degrees).",
    )

    @model_validator(mode="after")
    def _parts_are_one(self) -> Self:
        if self.train_fraction + self.validation_fraction > 1:
            raise ValueError("train_fraction and validation_fraction are more than 1 together")
        if self.n_folds == 1:
            raise ValueError("n_folds: one fold is none; give 0, or 2 and more")
        return self

    @property
    def seed(self) -> int:
        """The seed that is used."""
        return self.random_seed or 0
