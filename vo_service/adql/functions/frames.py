"""Frames of shapes in queries: positions of different frames are never compared.

Numbers that are written are ICRS. A column whose frame nobody has said goes with everything; it is
the reader who knows what it is.
"""

from __future__ import annotations

from registry.model.frame import ICRS, Frame
from vo_service.adql.functions.declaration import CallSite
from vo_service.adql.typed import Arithmetic, Call, Cast, ColumnValue, Expression

__all__ = ["check_same_sky", "sky_frame", "system_word"]

_WORDS = {"eq_FK4": "FK4", "eq_FK5": "FK5", "galactic": "GALACTIC", "ICRS": "ICRS"}
"""Systems of ``ivo_geom_transform`` by the words of VOTable."""


def system_word(frame: Frame) -> str:
    """Give the name of a frame as ``ivo_geom_transform`` takes it, else VOTable's."""
    return _WORDS.get(frame.system, frame.system)


def sky_frame(shape: Expression) -> Frame | None:
    """Give the frame of a shape; none where it is made of columns that have none."""
    frame = Frame.parse(shape.field.frame)
    if frame is None and not _has_columns(shape):
        return Frame(ICRS)
    return frame


def check_same_sky(site: CallSite, first: Expression, second: Expression) -> None:
    """Require that two shapes are not of different frames.

    Raises
    ------
    TypeMismatch
        When both frames are known and are more than 0.02 arcsec apart.
    """
    one, other = sky_frame(first), sky_frame(second)
    if one is None or other is None or (one.is_icrs and other.is_icrs):
        return
    if (one.system, one.equinox) != (other.system, other.equinox):
        words = f"'{system_word(one)}', '{system_word(other)}'"
        raise site.mismatch(
            f"{site.name} compares positions of {one} with positions of {other}; bring them "
            f"together with ivo_geom_transform({words}, ...)",
            0,
        )


def _has_columns(node: Expression) -> bool:
    match node:
        case ColumnValue():
            return True
        case Arithmetic(left=left, right=right):
            return _has_columns(left) or _has_columns(right)
        case Cast(operand=operand):
            return _has_columns(operand)
        case Call(arguments=arguments):
            return any(map(_has_columns, arguments))
        case _:
            return False
