"""User-defined functions of positions: HEALPix, coordinate systems, motion, coverage maps.

Notes
-----
IVOA catalogue of user-defined functions 1.2; ``MOC`` is common practice, not a standard.
"""

from __future__ import annotations

from registry.model.field import Field
from registry.model.frame import Frame, same_frame
from vo_service.adql.functions.arguments import (
    check_numbers,
    check_whole_number,
    is_null,
    make_call,
    retyped_null,
    string_value,
)
from vo_service.adql.functions.coverage import MocProblem, moc_ranges
from vo_service.adql.functions.declaration import CallSite, Feature, Function, example_of
from vo_service.adql.functions.frames import system_word
from vo_service.adql.functions.shapes import make_point, take_geometry, take_point
from vo_service.adql.typed import Call, Constant, Expression
from vo_service.adql.types import DOUBLE, LONG, MOC, POINT

__all__ = ["POSITION_FUNCTIONS"]

SYSTEMS = ("ICRS", "FK5", "FK4", "GALACTIC")
"""Coordinate systems of ``ivo_geom_transform``."""

FINEST_ORDER = 29
"""Largest order of HEALPix that fits 64 bits."""


def _check_order(site: CallSite) -> None:
    order = site.arguments[0]
    if is_null(order):
        site.arguments[0] = retyped_null(LONG)
        return
    check_whole_number(site, 0)
    value = order.value if isinstance(order, Constant) else 0
    if not isinstance(value, int) or not 0 <= value <= FINEST_ORDER:
        raise site.mismatch(f"The order {value} is not within 0 and {FINEST_ORDER}", 0)


def _healpix_index(site: CallSite) -> Expression:
    _check_order(site)
    place = make_point(site, 1) if len(site.arguments) == 3 else take_point(site, 1)
    site.arguments = [site.arguments[0], place]
    return make_call(site, LONG, ucd="pos.healpix")


def _healpix_center(site: CallSite) -> Expression:
    _check_order(site)
    if is_null(site.arguments[1]):
        site.arguments[1] = retyped_null(LONG)
    check_whole_number(site, 1)
    return make_call(site, POINT, "deg", "pos.eq")


def _transform(site: CallSite) -> Expression:
    for index in (0, 1):
        system = string_value(site.arguments[index])
        if system is None or system.upper() not in SYSTEMS:
            offered = ", ".join(f"'{name}'" for name in SYSTEMS)
            raise site.mismatch(f"{site.name} takes a coordinate system of {offered} here", index)
        site.arguments[index] = Constant(system.upper(), site.arguments[index].field)
    shape = take_geometry(site, 2)
    source, target = (Frame.parse(string_value(site.arguments[index])) for index in (0, 1))
    _check_source(site, source, shape)
    ucd = "pos;pos.galactic" if target is not None and target.system == "galactic" else "pos.eq"
    return make_call(
        site,
        shape.field.type,
        "deg",
        ucd if shape.field.type == POINT else None,
        frame=None if target is None else str(target),
    )


def _check_source(site: CallSite, source: Frame | None, shape: Expression) -> None:
    """Refuse to transform from another frame than the one that a shape is known to be in."""
    known = Frame.parse(shape.field.frame)
    if known is None or source is None or (known.is_icrs and source.is_icrs):
        return
    if (known.system, known.equinox) != (source.system, source.equinox):
        raise site.mismatch(
            f"{site.name} is told that the shape is in {system_word(source)}, but its positions "
            f"are in {known}",
            0,
        )


def _propagated(site: CallSite) -> Expression:
    check_numbers(site)
    frame = same_frame(argument.field.frame for argument in site.arguments[:2])
    return make_call(site, POINT, "deg", "pos.eq", frame=frame)


def _moc(site: CallSite) -> Expression:
    text = string_value(site.arguments[0])
    if text is None:
        raise site.mismatch("MOC takes one text in single quotes, such as MOC('6/1-10 12')", 0)
    try:
        moc_ranges(text)
    except MocProblem as problem:
        # The text begins after its quote.
        site.offsets[0] += 1 + problem.offset
        raise site.mismatch(f"{problem}; a MOC is written as '6/1-10 12 7/54'", 0) from None
    return Call("MOC", (site.arguments[0],), Field("moc", MOC))


def _degrees(site: CallSite) -> Expression:
    if is_null(site.arguments[0]):
        return retyped_null(DOUBLE)
    if not site.arguments[0].field.type.is_text:
        raise site.mismatch(f"{site.name} takes text such as '3:34:45.4'", 0)
    return make_call(site, DOUBLE, "deg")


POSITION_FUNCTIONS = (
    Function(
        name="ivo_healpix_index",
        feature=Feature.USER_DEFINED,
        signatures=(
            "ivo_healpix_index(hpxOrder INTEGER, long REAL, lat REAL) -> BIGINT",
            "ivo_healpix_index(hpxOrder INTEGER, p POINT) -> BIGINT",
        ),
        description="The HEALPix cell of an order, nested, that a position lies in.",
        example=example_of("ivo_healpix_index(17, POINT('ICRS', 1, 1))"),
        build=_healpix_index,
        arity=(2, 3),
        value=81609757711,
    ),
    Function(
        name="ivo_healpix_center",
        feature=Feature.USER_DEFINED,
        signatures=("ivo_healpix_center(hpxOrder INTEGER, hpxIndex BIGINT) -> POINT",),
        description="The center of a HEALPix cell, nested; NULL for a cell that is not there.",
        example=example_of("COORD1(ivo_healpix_center(0, 6))"),
        build=_healpix_center,
        arity=(2, 2),
        value=180.0,
    ),
    Function(
        name="ivo_geom_transform",
        feature=Feature.USER_DEFINED,
        signatures=("ivo_geom_transform(from_sys TEXT, to_sys TEXT, geo GEOMETRY) -> GEOMETRY",),
        description="A shape in another coordinate system: ICRS, FK5 (taken as ICRS), FK4 "
        "(without elliptic terms), GALACTIC.",
        example=example_of("COORD1(ivo_geom_transform('ICRS', 'GALACTIC', POINT(120, -23)))"),
        build=_transform,
        arity=(3, 3),
        value=241.12183118260336,
    ),
    Function(
        name="ivo_epoch_prop_pos",
        feature=Feature.USER_DEFINED,
        signatures=(
            (
                "ivo_epoch_prop_pos(ra DOUBLE, dec DOUBLE, parallax DOUBLE, pmra DOUBLE, "
                "pmdec DOUBLE, radial_velocity DOUBLE, ref_epoch DOUBLE, out_epoch DOUBLE) -> POINT"
            ),
        ),
        description="The position at another epoch, of uniform motion in space: degrees, mas, "
        "mas/yr (pmra with cos dec), km/s, Julian years. A parallax or radial velocity that is "
        "NULL does not count.",
        example=example_of("COORD2(ivo_epoch_prop_pos(10, 20, 0, 0, 3600, NULL, 2000.0, 2016.0))"),
        build=_propagated,
        arity=(8, 8),
        value=20.015999999584096,
    ),
    Function(
        name="ivo_hms_to_degrees",
        feature=Feature.USER_DEFINED,
        signatures=("ivo_hms_to_degrees(hms TEXT) -> REAL",),
        description="An angle in hours, minutes and seconds, as degrees; NULL for other text.",
        example=example_of("ivo_hms_to_degrees('3h34m45.4s')"),
        build=_degrees,
        arity=(1, 1),
        value=53.68916666666667,
    ),
    Function(
        name="ivo_dms_to_degrees",
        feature=Feature.USER_DEFINED,
        signatures=("ivo_dms_to_degrees(dms TEXT) -> REAL",),
        description="An angle in degrees, minutes and seconds, as degrees; NULL for other text.",
        example=example_of("ivo_dms_to_degrees('-00:15:00')"),
        build=_degrees,
        arity=(1, 1),
        value=-0.25,
    ),
    Function(
        name="MOC",
        feature=Feature.USER_DEFINED,
        signatures=("MOC(moc TEXT) -> MOC",),
        description="The region of a coverage map in ASCII form, for CONTAINS(point, MOC('...')).",
        example=example_of("CONTAINS(POINT(150.1, 2.2), MOC('0/5-7 1/12'))"),
        build=_moc,
        arity=(1, 1),
        value=1,
    ),
)
"""IVOA catalogue of user-defined functions 1.2, sections 2.1 to 2.3."""
