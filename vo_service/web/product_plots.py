"""Plots of products that draw themselves from what their columns mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.model.product_file import ProductContent
from vo_service.web.plots import PlotRequest
from vo_service.web.querying import AskedQuery

__all__ = ["ProductPlot", "product_plots"]

_BANDS = ("em.opt.u", "em.opt.b", "em.opt.g", "em.opt.v", "em.opt.r", "em.opt.i", "em.ir.z",
          "em.opt.z", "em.ir.y", "em.opt.y", "em.ir.j", "em.ir.h", "em.ir.k")  # fmt: skip
"""Bands from blue to red, as UCDs name them."""

_REFERENCE = ("em.opt.i", "em.opt.r", "em.ir.z", "em.opt.z", "em.opt.g")
"""Bands in which depth is usually given, the most usual one first."""

_NUMBERS = ("int", "uint", "float", "double", "halffloat", "decimal")


@dataclass(frozen=True, slots=True)
class ProductPlot:
    """A plot that a product can have.

    Attributes
    ----------
    key
        Names it in addresses: ``redshift``, ``magnitude``, ``colour``, ``redshift_magnitude``,
        ``redshift_error``, ``photoz`` or ``sky``.
    asked
        The query of which it is a plot.
    request
        How that is drawn.
    """

    key: str
    asked: AskedQuery
    request: PlotRequest


def product_plots(table_name: str, contents: Sequence[ProductContent]) -> tuple[ProductPlot, ...]:
    """Choose the plots of a product.

    Parameters
    ----------
    table_name
        Of its table, qualified.
    contents
        Its columns in file order.
    """
    numbers = [content for content in contents if content.file_type.startswith(_NUMBERS)]
    found: list[ProductPlot] = []

    def add(key: str, kind: str, x: tuple[str, str], y: tuple[str, str] | None = None) -> None:
        columns = [x] if y is None or y[1] == x[1] else [x, y]
        select = ", ".join(f"{term} AS {_quoted(name)}" for term, name in columns)
        query = AskedQuery(f"SELECT {select} FROM {table_name}")  # noqa: S608 - it is ADQL
        request = PlotRequest(kind, x[1], "" if y is None else y[1])
        found.append(ProductPlot(key, query, request))

    z = _column(numbers, "z", "src.redshift")
    error = _column(numbers, "z_err", "stat.error;src.redshift")
    ra, dec = _column(numbers, "RA", "pos.eq.ra"), _column(numbers, "Dec", "pos.eq.dec")
    magnitudes = _magnitudes(numbers)
    if z is not None:
        add("redshift", "histogram", z)
    spec, phot = _two_redshifts(numbers)
    if spec is not None and phot is not None:
        add("photoz", "density", spec, phot)
    if magnitudes:
        reference = _reference(magnitudes)
        add("magnitude", "histogram", reference)
        bluer, redder = _colour(magnitudes)
        if bluer is not None and redder is not None:
            colour = (f"{bluer[0]} - {redder[0]}", f"{bluer[1]} - {redder[1]}")
            add("colour", "density", reference, colour)
        if z is not None:
            add("redshift_magnitude", "density", z, reference)
    if z is not None and error is not None:
        add("redshift_error", "density", z, error)
    if ra is not None and dec is not None:
        add("sky", "sky", ra, dec)
    return tuple(found)


def _column(contents: Sequence[ProductContent], alias: str, ucd: str) -> tuple[str, str] | None:
    """Find the column of a role, or else of a meaning: as ADQL has it, and its name."""
    for content in contents:
        if content.alias == alias:
            return _term(content)
    for content in contents:
        if (content.ucd or "").lower().startswith(ucd):
            return _term(content)
    return None


def _two_redshifts(
    contents: Sequence[ProductContent],
) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """Find a measured redshift and an estimate from photometry."""
    redshifts = [c for c in contents if (c.ucd or "").lower().startswith("src.redshift")]
    phot = [c for c in redshifts if (c.ucd or "").lower().startswith("src.redshift.phot")]
    spec = [c for c in redshifts if c not in phot]
    if not spec or not phot:
        return None, None
    return _term(spec[0]), _term(phot[0])


def _magnitudes(contents: Sequence[ProductContent]) -> list[tuple[str, tuple[str, str]]]:
    """List magnitudes with their bands, from blue to red, one for each band."""
    found: dict[str, tuple[str, str]] = {}
    for content in contents:
        words = (content.ucd or "").lower().split(";")
        if words[0] == "phot.mag":
            band = next((word for word in words[1:] if word.startswith("em.")), "")
            found.setdefault(band, _term(content))
    order = {band: place for place, band in enumerate(_BANDS)}
    return sorted(found.items(), key=lambda each: order.get(each[0], len(order)))


def _reference(magnitudes: Sequence[tuple[str, tuple[str, str]]]) -> tuple[str, str]:
    by_band = dict(magnitudes)
    return next((by_band[band] for band in _REFERENCE if band in by_band), magnitudes[0][1])


def _colour(
    magnitudes: Sequence[tuple[str, tuple[str, str]]],
) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """Choose two bands next to each other, g and r or later where there are more."""
    known = [column for band, column in magnitudes if band in _BANDS]
    if len(known) < 2:
        return None, None
    first = next((i for i, (b, _) in enumerate(magnitudes) if b == "em.opt.g"), 0)
    first = min(first, len(known) - 2)
    return known[first], known[first + 1]


def _term(content: ProductContent) -> tuple[str, str]:
    return _quoted(content.column_name), content.column_name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
