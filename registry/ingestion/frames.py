"""Frames of positions and scales of times that published and uploaded columns have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.ingestion.plan import PlannedColumn
from registry.model.annotation import Role
from registry.model.field import Field
from registry.model.frame import ICRS, Frame

__all__ = ["PositionFrames", "column_frame", "position_frames"]

_POSITIONS = ("RA", "Dec")


@dataclass(frozen=True, slots=True)
class PositionFrames:
    """What the frames of RA and Dec mean for a table.

    Attributes
    ----------
    searchable
        Whether the positions are those of the index, which is ICRS to 0.02 arcsec.
    problems, warnings, notes
        For the plan.
    """

    searchable: bool = True
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def position_frames(columns: Sequence[PlannedColumn]) -> PositionFrames:
    """Judge the frames of the columns with the roles RA and Dec.

    Parameters
    ----------
    columns
        Of the plan.
    """
    played = {c.alias: c for c in columns if c.alias in _POSITIONS and c.field is not None}
    if len(played) < len(_POSITIONS):
        return PositionFrames()
    ra, dec = (played[alias] for alias in _POSITIONS)
    frames = [Frame.parse(None if c.field is None else c.field.frame) for c in (ra, dec)]
    names = f"{ra.file_name!r} and {dec.file_name!r}"
    if frames[0] != frames[1]:
        problem = (
            f"the positions {names} have different frames, {frames[0]} and {frames[1]}; say the "
            "right one with `frame` in the annotations"
        )
        return PositionFrames(False, problems=(problem,))
    frame = frames[0]
    if frame is not None and not frame.is_icrs:
        warning = (
            f"the positions {names} are {frame}, and are kept so; positional searches are in ICRS: "
            "they have no index, and queries need ivo_geom_transform; convert them to ICRS for a "
            "table that is found by position"
        )
        return PositionFrames(False, warnings=(warning,))
    if ra.frame is None or dec.frame is None:
        return PositionFrames(
            notes=(
                f"nothing is said of the frame of {names}; as RA and Dec they are taken to be ICRS",
            )
        )
    return PositionFrames()


def column_frame(stated: str | None, field: Field, role: Role | None = None) -> str | None:
    """Give the frame that a column keeps.

    Parameters
    ----------
    stated
        What the file or a person says.
    field
        The column: its type and UCD.
    role
        Part that it plays; the positions of this house are ICRS where nobody says otherwise.

    Returns
    -------
    str | None
        The frame, or none: nothing is made up for other columns.
    """
    frame = Frame.parse(stated)
    if frame is not None and _fits(frame, field):
        return str(frame.of_column)
    return ICRS if role is not None and role.alias in _POSITIONS else None


def _fits(frame: Frame, field: Field) -> bool:
    if field.type.is_timestamp:
        return frame.is_time
    if frame.of_table:
        return (field.ucd or "").lower().startswith("pos.eq")
    return field.type.datatype.is_numeric or field.type.is_text
