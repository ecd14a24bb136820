"""A query as it was asked for: the parameters of TAP, read and checked once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vo_service.dali.errors import InvalidParameter, MissingParameter
from vo_service.dali.params import Parameters
from vo_service.dali.upload import Upload, parse_uploads

__all__ = ["RequestLimits", "TapRequest", "parse_maxrec", "parse_responseformat"]

_RUNID_CHARACTERS = 64
"""Longest RUNID: TAP 1.1, section 2.7 (the tables of jobs keep no more)."""

_COUNT = re.compile(r"\+?[0-9]+")


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What requests may ask for.

    Attributes
    ----------
    maxrec_default_rows
        Rows of a result where MAXREC is not given.
    maxrec_hard_rows
        Rows of a result at most.
    uploads_offered
        Whether tables may come with a request.
    """

    maxrec_default_rows: int
    maxrec_hard_rows: int
    uploads_offered: bool = False


@dataclass(frozen=True, slots=True)
class TapRequest:
    """The parameters of a query.

    Attributes
    ----------
    query
        Text of the query.
    lang
        Its language, as the service spells it (``ADQL``, ``ADQL-2.1`` ...).
    maxrec
        Rows of the result at most, from 0 to the hard limit.
    responseformat
        Name of the format as it was given, none for the service's own choice.
    uploads
        Tables that come with the request.
    runid
        The user's own name for the request.
    """

    query: str
    lang: str
    maxrec: int
    responseformat: str | None = None
    uploads: tuple[Upload, ...] = ()
    runid: str | None = None

    @classmethod
    def parse(
        cls, parameters: Parameters, limits: RequestLimits, languages: Sequence[str]
    ) -> TapRequest:
        """Read and check the parameters of a query.

        Parameters
        ----------
        parameters
            All that the request carries. What TAP does not know is ignored, and so are
            REQUEST and VERSION, which TAP 1.0 asked for.
        limits
            What the request may ask for.
        languages
            Values of LANG that the service understands, in any case of letters.

        Raises
        ------
        MissingParameter
            If LANG or QUERY is absent.
        InvalidParameter
            If a parameter has a value that cannot be used, or several values.

        Notes
        -----
        TAP 1.1, section 2.7; DALI 1.1, section 3.4. FORMAT is TAP 1.0's name of
        RESPONSEFORMAT, which wins where both are given.
        """
        lang = _language(parameters, languages)
        query = parameters.required("QUERY", f"give the text of the query in {lang}")
        return cls(
            query=query,
            lang=lang,
            maxrec=parse_maxrec(parameters, limits),
            responseformat=parse_responseformat(parameters),
            uploads=_uploads(parameters, limits),
            runid=_runid(parameters),
        )


def parse_maxrec(parameters: Parameters, limits: RequestLimits) -> int:
    """Read MAXREC: the default where it is absent, the hard limit where it is more.

    Raises
    ------
    InvalidParameter
        If it is no whole number, or below zero.

    Notes
    -----
    Values above the hard limit are clipped, because clients ask for "all" with large numbers.
    """
    value = parameters.single("MAXREC")
    if value is None:
        return min(limits.maxrec_default_rows, limits.maxrec_hard_rows)
    if _COUNT.fullmatch(value.strip()) is None:
        raise InvalidParameter("MAXREC", value, "give a whole number of rows, 0 or more")
    digits = value.strip().lstrip("+").lstrip("0") or "0"
    # Python refuses to read numbers of thousands of digits.
    if len(digits) > len(str(limits.maxrec_hard_rows)):
        return limits.maxrec_hard_rows
    return min(int(digits), limits.maxrec_hard_rows)


def _language(parameters: Parameters, languages: Sequence[str]) -> str:
    offered = ", ".join(languages)
    value = parameters.single("LANG")
    if value is None:
        raise MissingParameter("LANG", f"name the language of the query, one of {offered}")
    for language in languages:
        if language.lower() == value.strip().lower():
            return language
    raise InvalidParameter("LANG", value, f"this service understands {offered}")


def parse_responseformat(parameters: Parameters) -> str | None:
    """Read RESPONSEFORMAT, or FORMAT where it is absent.

    Raises
    ------
    InvalidParameter
        If it was given with different values.
    """
    value = parameters.single("RESPONSEFORMAT") or parameters.single("FORMAT")
    return None if value is None else value.strip()


def _uploads(parameters: Parameters, limits: RequestLimits) -> tuple[Upload, ...]:
    values = parameters.all("UPLOAD")
    if values and not limits.uploads_offered:
        raise InvalidParameter(
            "UPLOAD", ";".join(values), "uploads are not offered by this service: leave it out"
        )
    return parse_uploads(values)


def _runid(parameters: Parameters) -> str | None:
    value = parameters.single("RUNID")
    if value is not None and len(value) > _RUNID_CHARACTERS:
        raise InvalidParameter("RUNID", value, f"give at most {_RUNID_CHARACTERS} characters")
    return value
