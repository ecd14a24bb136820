"""What a user may choose: the parameters of the original, and some more."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipelines.combine_redshift_dedup.expressions import ExpressionRefused, parse_expression
from pipelines.specification import PipelineParameters, UserFile

__all__ = ["CombineParameters", "CombineType", "ExtraColumn", "TieTreatment"]

_CUTS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
"""Values of the cut that mean one (contract, part 1.2)."""


_MORE: dict[str, Any] = {"more": True}
"""Few people need it: forms keep it apart."""

_IDLE: dict[str, Any] = {"without_effect": True}
"""Forms leave it out."""

_MARKED = ["concatenate_and_mark_duplicates", "concatenate_and_remove_duplicates"]
_WITH_DUPLICATES: dict[str, Any] = {"when": {"combine_type": _MARKED}, "more": True}
"""Plays a part where rows of the same object are looked for."""


class CombineType(StrEnum):
    """What is done with rows of the same object."""

    CONCATENATE = "concatenate"
    MARK = "concatenate_and_mark_duplicates"
    REMOVE = "concatenate_and_remove_duplicates"


class TieTreatment(StrEnum):
    """Which rows of a tie that nothing decides are kept where duplicates are removed."""

    REMOVE_ALL = "remove_all"
    KEEP_ALL = "keep_all"
    DRAW_ONE = "draw_one"


class ExtraColumn(BaseModel):
    """A column that is carried into the product.

    Attributes
    ----------
    source
        Its name in the inputs; the name in the product if absent.
    type
        Of its values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str | None = None
    type: Literal["str", "float", "int", "bool"]


class CombineParameters(PipelineParameters):
    """Parameters of the combination, with the help that users read."""

    combine_type: CombineType = Field(
        CombineType.CONCATENATE,
        description="Put the catalogues together only, also mark the rows of the same object, "
        "or keep only the best row of each object.",
    )
    tie_treatment_option: TieTreatment = Field(
        TieTreatment.REMOVE_ALL,
        description="Where duplicates are removed: of equally good rows with different redshifts "
        "keep none (remove_all), all (keep_all), or one that the seed draws (draw_one).",
        json_schema_extra={"when": {"combine_type": [_MARKED[1]]}},
    )
    z_flag_homogenized_value_to_cut: float | None = Field(
        3.0,
        description="Keep rows whose homogenised quality flag is at least this, 1 to 6; with any "
        "other value (0) all rows are kept.",
    )
    flags_translation_file: UserFile | None = Field(
        None,
        description="A flags file of your own (YAML) instead of the table of this service.",
        json_schema_extra=_MORE,
    )
    insert_DP1_footprint_flag: bool = Field(  # noqa: N815 - the original's name
        False,
        description="Add is_in_DP1_fields: 1 within 2.5 degrees of a field of Rubin DP1, else 0.",
        json_schema_extra=_MORE,
    )
    insert_rubin_footprint_flag: bool = Field(
        True,
        description="Add is_in_rubin_footprint: 1 in the area that Rubin observes, else 0.",
        json_schema_extra=_MORE,
    )
    extra_columns: dict[str, ExtraColumn] = Field(
        default_factory=dict,
        max_length=1000,
        description="Columns of the inputs to keep: name and type (str, float, int, bool), or "
        "name and {source, type}.",
        json_schema_extra=_MORE,
    )
    insert_match_columns: bool = Field(
        True,
        description="Where duplicates are marked or removed, add n_group_members (rows of the "
        "same object) and nearest_separation_arcsec.",
        json_schema_extra=_WITH_DUPLICATES,
    )
    row_cuts: tuple[Annotated[str, Field(max_length=4000)], ...] = Field(
        (),
        max_length=50,
        description="Conditions that every row must fulfil, written as in flags files: "
        '"0 < z < 6", "z_err <= 0.01".',
        json_schema_extra=_MORE,
    )
    tiebreaking_priority: tuple[str, ...] | None = Field(
        None,
        description="Columns that decide between rows of one object, larger values being better, "
        "instead of those of the flags file: any columns of numbers.",
        json_schema_extra=_WITH_DUPLICATES,
    )
    delta_z_threshold: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Largest step between redshifts that count as equal, instead of the flags "
        "file's.",
        json_schema_extra=_WITH_DUPLICATES,
    )
    crossmatch_radius_arcsec: float | None = Field(
        None,
        ge=1e-3,
        le=60,
        description="Rows closer than this, in arcsec, are of one object; instead of the flags "
        "file's.",
        json_schema_extra=_WITH_DUPLICATES,
    )
    conflict_delta_z: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Rows of one object whose redshifts differ by more are counted in the "
        "conflict report; the threshold of the flags file if absent.",
        json_schema_extra=_WITH_DUPLICATES,
    )
    random_seed: int = Field(
        0,
        ge=0,
        lt=2**63,
        description="Seed of draw_one: the same seed draws the same rows.",
        json_schema_extra={
            "when": {"combine_type": [_MARKED[1]], "tie_treatment_option": ["draw_one"]}
        },
    )
    prepare_max_inflight: int | None = Field(
        None,
        description="Without effect; accepted for configurations of the original.",
        json_schema_extra=_IDLE,
    )
    auto_cross_max_inflight: int | None = Field(
        None,
        description="Without effect; accepted for configurations of the original.",
        json_schema_extra=_IDLE,
    )
    cross_max_inflight: int | None = Field(
        None,
        description="Without effect; accepted for configurations of the original.",
        json_schema_extra=_IDLE,
    )

    @field_validator("extra_columns", mode="before")
    @classmethod
    def _short_forms(cls, columns: Any) -> Any:  # noqa: ANN401 - not validated yet
        if not isinstance(columns, Mapping):
            return {} if columns is None else columns
        return {
            name: {"type": kind} if isinstance(kind, str) else kind
            for name, kind in columns.items()
        }

    @field_validator("row_cuts")
    @classmethod
    def _are_expressions(cls, cuts: tuple[str, ...]) -> tuple[str, ...]:
        for cut in cuts:
            try:
                parse_expression(cut)
            except ExpressionRefused as error:
                raise ValueError(str(error)) from error
        return cuts

    @property
    def flag_cut(self) -> float | None:
        """The smallest flag that is kept, none where the parameter means no cut."""
        value = self.z_flag_homogenized_value_to_cut
        return value if value in _CUTS else None

    @property
    def marks_duplicates(self) -> bool:
        """Whether rows of the same object are looked for."""
        return self.combine_type is not CombineType.CONCATENATE
