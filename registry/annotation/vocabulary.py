"""UCD1+ and VOUnits: whether a string is valid, and what was perhaps meant."""

from __future__ import annotations

import difflib
import re
import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

__all__ = [
    "Checked",
    "check_ucd",
    "check_unit",
    "looks_like_ucd",
    "repaired_unit",
    "same_unit",
    "ucd_words",
]

_UNIT_SYNONYMS = {
    "degree": "deg",
    "degrees": "deg",
    "deg.": "deg",
    "°": "deg",
    "arcseconds": "arcsec",
    "arcsecond": "arcsec",
    "arcsecs": "arcsec",
    "asec": "arcsec",
    '"': "arcsec",
    "arcminutes": "arcmin",
    "radian": "rad",
    "radians": "rad",
    "hours": "h",
    "hour": "h",
    "hr": "h",
    "sec": "s",
    "seconds": "s",
    "second": "s",
    "minutes": "min",
    "days": "d",
    "day": "d",
    "years": "yr",
    "year": "yr",
    "magnitude": "mag",
    "magnitudes": "mag",
    "mags": "mag",
    "angstrom": "Angstrom",
    "angstroms": "Angstrom",
    "micron": "um",
    "microns": "um",
    "njy": "nJy",
    "nanojansky": "nJy",
    "ujy": "uJy",
    "microjansky": "uJy",
    "mjy": "mJy",
    "jansky": "Jy",
    "msun": "solMass",
    "m_sun": "solMass",
    "lsun": "solLum",
    "km/sec": "km/s",
    "kms-1": "km s-1",
    "erg/s/cm2": "erg s-1 cm-2",
    "erg/s/cm^2": "erg s-1 cm-2",
    "erg/cm2/s": "erg s-1 cm-2",
    "erg/s/cm^2/angstrom": "erg s-1 cm-2 Angstrom-1",
    "erg/s/cm2/angstrom": "erg s-1 cm-2 Angstrom-1",
    "percent": "%",
}
"""How people write units that VOUnits spells otherwise; keys in lower case."""

_UCD_SHAPE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+(;.*)?")

_DIMENSIONLESS = ("", "1", "none", "-", "dimensionless", "unitless")


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict on a string.

    Attributes
    ----------
    value
        In the standard's spelling; absent if it is not valid, or means "no unit".
    problem
        What is wrong and what to write instead; absent if nothing is.
    """

    value: str | None
    problem: str | None = None


def looks_like_ucd(text: str) -> bool:
    """Tell whether a text has the shape of a UCD: words with dots."""
    return _UCD_SHAPE.fullmatch(text.strip()) is not None


@cache
def check_ucd(text: str) -> Checked:
    """Check a UCD against the controlled vocabulary.

    Parameters
    ----------
    text
        Words separated by semicolons, in any case.

    Notes
    -----
    UCD1+ controlled vocabulary; the list is the one that astropy ships.
    """
    stripped = text.strip()
    try:
        return Checked(_canonical_ucd(stripped))
    except ValueError as error:
        near = _near_ucd(stripped)
        reason = str(error)
        advice = f"; did you mean {near!r}?" if near else "; see the IVOA list of UCD1+ words"
        return Checked(None, f"UCD {text!r}: {reason[:1].lower()}{reason[1:]}{advice}")


@cache
def check_unit(text: str) -> Checked:
    """Check a unit against VOUnits.

    Parameters
    ----------
    text
        A unit; an empty text or ``1`` means a dimensionless value and gives no value.

    Notes
    -----
    VOUnits 1.0 through astropy. Deprecated units of the standard (erg, Angstrom) are accepted.
    """
    import astropy.units as u

    stripped = text.strip()
    if stripped.lower() in _DIMENSIONLESS:
        return Checked(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        try:
            u.Unit(stripped, format="vounit", parse_strict="raise")
        except (ValueError, TypeError):
            near = _UNIT_SYNONYMS.get(stripped.lower()) or _by_other_rules(stripped)
            advice = f"; did you mean {near!r}?" if near else "; write it by the VOUnits standard"
            return Checked(None, f"unit {text!r} is not a VOUnit{advice}")
    return Checked(stripped)


def repaired_unit(text: str) -> str | None:
    """Give the VOUnit that a file's own spelling certainly means, or none."""
    checked = check_unit(text)
    if checked.problem is None:
        return checked.value
    return _UNIT_SYNONYMS.get(text.strip().lower()) or _by_other_rules(text.strip())


def same_unit(first: str, second: str) -> bool:
    """Tell whether two valid units are the same, however they are written."""
    import astropy.units as u

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        units = [u.Unit(text, format="vounit", parse_strict="raise") for text in (first, second)]
    return bool(units[0] == units[1])


def _by_other_rules(text: str) -> str | None:
    import astropy.units as u

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        for rules in ("cds", "fits", "generic"):
            try:
                unit = u.Unit(text, format=rules, parse_strict="raise")
                written: str = unit.to_string("vounit")
            except (ValueError, TypeError):
                continue
            return written or None
    return None


@cache
def ucd_words() -> tuple[tuple[str, str], ...]:
    """List the words of UCDs with their meanings, in the order of the standard."""
    from astropy.utils.data import get_pkg_data_contents

    listing: str = get_pkg_data_contents(
        "data/ucd1p-words.txt", package="astropy.io.votable", encoding="ascii"
    )
    lines = (line for line in listing.splitlines() if not line.startswith("#"))
    parts = [[part.strip() for part in line.split("|")] for line in lines if "|" in line]
    return tuple((part[1], part[2] if len(part) > 2 else "") for part in parts)


def _near_ucd(text: str) -> str | None:
    by_lower = {word.lower(): word for word, _ in ucd_words()}
    words = []
    for word in text.split(";"):
        lower = word.strip().lower()
        near = [lower] if lower in by_lower else difflib.get_close_matches(lower, by_lower, 1, 0.6)
        if not near:
            return None
        words.append(by_lower[near[0]])
    for candidate in (words, words[::-1]):
        joined = ";".join(candidate)
        with suppress(ValueError):
            if joined != text:
                return _canonical_ucd(joined)
    return None


def _canonical_ucd(text: str) -> str:
    """Write a UCD in the standard's spelling, or raise ``ValueError`` for an invalid one."""
    from astropy.io.votable.ucd import parse_ucd

    words = parse_ucd(text, check_controlled_vocabulary=True, has_colon=True)
    return ";".join(word if space == "ivoa" else f"{space}:{word}" for space, word in words)
