"""Frames of positions and scales of times, as one line of text that goes with a column.

``ICRS``, ``eq_FK4 equinox=B1950``, ``galactic``, ``TDB refposition=BARYCENTER``: the words are
those of COOSYS and TIMESYS in VOTable 1.4 (sections 3.1 and 3.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

__all__ = ["ICRS", "UTC", "Frame", "coordinate_frame", "same_frame", "time_frame"]

_SYSTEMS = {
    "ICRS": "ICRS",
    "FK4": "eq_FK4",
    "EQ_FK4": "eq_FK4",
    "FK5": "eq_FK5",
    "EQ_FK5": "eq_FK5",
    "J2000": "eq_FK5",
    "B1950": "eq_FK4",
    "ECL_FK4": "ecl_FK4",
    "ECL_FK5": "ecl_FK5",
    "ECLIPTIC": "ecl_FK5",
    "GALACTIC": "galactic",
    "GALACTIC_II": "galactic",
    "SUPERGALACTIC": "supergalactic",
    "SUPER_GALACTIC": "supergalactic",
    "BARYCENTRIC": "barycentric",
    "GEO_APP": "geo_app",
    "XY": "xy",
}
"""Words for systems, those of VOTable 1.5 (IVOA vocabulary of reference frames) and of FITS among
them, by the word of VOTable 1.4. GALACTIC_I is another system, which it cannot say."""

_EQUINOXES = {"eq_FK4": "B1950", "eq_FK5": "J2000", "ecl_FK4": "B1950", "ecl_FK5": "J2000"}
"""Equinoxes that are meant where none is said (VOTable 1.4, section 3.1)."""

_SCALES = frozenset(("TAI", "TT", "UT", "UTC", "GPS", "TCG", "TCB", "TDB", "UNKNOWN"))
"""Time scales of VOTable 1.4; LOCAL is allowed there, and tells nothing."""

_YEAR = re.compile(r"([JB]?)(\d{1,5}(?:\.\d*)?)", re.IGNORECASE)
_ORIGIN = re.compile(r"MJD-origin|JD-origin|[+-]?\d+(\.\d*)?", re.ASCII)
_WORD = re.compile(r"[A-Z_]{1,32}", re.ASCII)

_SCOPE = "table"
"""Mark of a frame that a file says of the whole table, such as RADESYS in FITS."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Frame of positions, or scale of times.

    Attributes
    ----------
    system
        Word of COOSYS, or a time scale.
    equinox, epoch
        Of positions, such as ``B1950``.
    refposition, timeorigin
        Of times.
    of_table
        Whether it is said of the table: it holds for its equatorial positions alone.
    """

    system: str
    equinox: str | None = None
    epoch: str | None = None
    refposition: str | None = None
    timeorigin: str | None = None
    of_table: bool = False

    @property
    def is_time(self) -> bool:
        """Whether it is the scale of times."""
        return self.system in _SCALES

    @property
    def is_icrs(self) -> bool:
        """Whether positions are within 0.02 arcsec of ICRS: ICRS itself, and FK5 of J2000."""
        return self.system == "ICRS" or (self.system == "eq_FK5" and self.equinox == "J2000")

    def __str__(self) -> str:
        words = [self.system]
        for name in ("equinox", "epoch", "refposition", "timeorigin"):
            value = getattr(self, name)
            if value is not None:
                words.append(f"{name}={value}")
        return " ".join([*words, _SCOPE] if self.of_table else words)

    @property
    def of_column(self) -> Frame:
        """The same, said of a column."""
        return replace(self, of_table=False)

    @staticmethod
    @lru_cache(1024)
    def parse(text: str | None) -> Frame | None:
        """Read a frame; none where the text names none.

        Parameters
        ----------
        text
            The system or scale first, then ``equinox=``, ``epoch=``, ``refposition=``,
            ``timeorigin=`` or an equinox alone: ``FK4 B1950``.
        """
        words = (text or "").split()
        if not words:
            return None
        said = _pairs(words[1:])
        if said is None:
            return None
        of_table = said.pop(_SCOPE, None) is not None
        if words[0].upper() in _SCALES:
            return _time(words[0], said.get("refposition"), said.get("timeorigin"), of_table)
        return _position(words[0], said.get("equinox"), said.get("epoch"), of_table)


ICRS = "ICRS"
"""Frame that roles of this house mean."""
UTC = "UTC"
"""Scale of moments with a zone."""


def coordinate_frame(
    system: str | None, equinox: str | None = None, epoch: str | None = None, *, table: bool = False
) -> str | None:
    """Give the text of a frame from the attributes of COOSYS; none for a system without a word."""
    found = _position(system or "", equinox, epoch, table)
    return None if found is None else str(found)


def time_frame(
    scale: str | None, refposition: str | None = None, timeorigin: str | None = None
) -> str | None:
    """Give the text of a scale from the attributes of TIMESYS; none for one without a word."""
    found = _time(scale or "", refposition, timeorigin, False)
    return None if found is None else str(found)


def same_frame(frames: Iterable[str | None]) -> str | None:
    """Give the frame that all have, or none."""
    found = set(frames)
    return found.pop() if len(found) == 1 else None


def _pairs(words: list[str]) -> dict[str, str] | None:
    said: dict[str, str] = {}
    for word in words:
        name, mark, value = word.partition("=")
        if mark and name.lower() in ("equinox", "epoch", "refposition", "timeorigin") and value:
            said[name.lower()] = value
        elif not mark and _YEAR.fullmatch(word):
            said["equinox"] = word
        elif word == _SCOPE:
            said[_SCOPE] = word
        else:
            return None
    return said


def _position(system: str, equinox: str | None, epoch: str | None, of_table: bool) -> Frame | None:
    word = _SYSTEMS.get(system.strip().upper())
    if word is None:
        return None
    besselian = word.endswith("FK4")
    year = _year(equinox, besselian) or _EQUINOXES.get(word)
    return Frame(
        word,
        equinox=year if word in _EQUINOXES else None,
        epoch=_year(epoch, besselian),
        of_table=of_table,
    )


def _year(text: str | None, besselian: bool) -> str | None:
    match = _YEAR.fullmatch((text or "").strip())
    if match is None:
        return None
    letter = match[1].upper() or ("B" if besselian else "J")
    number = match[2].rstrip(".")
    return letter + (number.rstrip("0").rstrip(".") if "." in number else number)


def _time(
    scale: str, refposition: str | None, timeorigin: str | None, of_table: bool
) -> Frame | None:
    word = scale.strip().upper()
    if word not in _SCALES:
        return None
    place = (refposition or "").strip().upper()
    origin = (timeorigin or "").strip()
    return Frame(
        word,
        refposition=place if _WORD.fullmatch(place) else None,
        timeorigin=origin if _ORIGIN.fullmatch(origin) else None,
        of_table=of_table,
    )
