"""Harvesting of records (OAI-PMH 2.0, as RegistryInterface 1.0 uses it)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from vo_service.discovery.voresource import Record, moment
from vosi.document import attribute_text, element, parent

__all__ = ["Harvest", "HarvestedSite", "listed"]

PAGE_RECORDS = 500
"""Records of one answer; more come with a resumption token."""

_OAI = "http://www.openarchives.org/OAI/2.0/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"

_FORMATS = {
    "ivo_vor": (
        "http://www.ivoa.net/xml/RegistryInterface/v1.0",
        "http://www.ivoa.net/xml/RegistryInterface/v1.0",
    ),
    "oai_dc": ("http://www.openarchives.org/OAI/2.0/oai_dc.xsd", _DC),
}
"""Schema and namespace of each form of a record."""

_SET = "ivo_managed"

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SECOND = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_IDENTIFIER = re.compile(r"ivo://\S+", re.IGNORECASE)

_ARGUMENTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "Identify": (frozenset(), frozenset()),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "ListSets": (frozenset(), frozenset({"resumptionToken"})),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset()),
    "ListIdentifiers": (
        frozenset({"metadataPrefix"}), frozenset({"from", "until", "set", "resumptionToken"})
    ),
    "ListRecords": (
        frozenset({"metadataPrefix"}), frozenset({"from", "until", "set", "resumptionToken"})
    ),
}  # fmt: skip
"""Arguments that each verb needs and may have (OAI-PMH 2.0, section 4)."""


class _Problem(Exception):
    """An error of OAI: its code and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class HarvestedSite:
    """What the registry says of itself.

    Attributes
    ----------
    name, url, contact
        Its name, its address, and the e-mail address of who keeps it.
    registry
        Identifier of its own record.
    """

    name: str
    url: str
    contact: str
    registry: str


@dataclass(frozen=True, slots=True)
class _Selection:
    """Which records are listed, and how."""

    prefix: str
    start: str = ""
    end: str = ""
    after: int = 0


def listed(records: Iterable[Record]) -> tuple[Record, ...]:
    """Put records into the order in which pages show them: by change, then by identifier."""
    return tuple(sorted(records, key=lambda record: (record.updated, record.identifier)))


class Harvest:
    """Answers requests of harvesters.

    Parameters
    ----------
    site
        What the registry says of itself.
    records
        Gives all records, in the order of `listed`.
    """

    def __init__(self, site: HarvestedSite, records: Callable[[], Sequence[Record]]) -> None:
        self._site = site
        self._records = records

    def answer(self, arguments: Mapping[str, Sequence[str]]) -> bytes:
        """Write the document for the arguments of a request; errors are documents too.

        Parameters
        ----------
        arguments
            Values by name, as they were sent.
        """
        try:
            verb, given = _checked(arguments)
            shown = {"verb": verb, **given}
            body = parent(verb, self._listed(verb, given))
        except _Problem as problem:
            # Where the verb or an argument is bad, the request is not repeated (section 3.2).
            bad = problem.code in ("badVerb", "badArgument")
            shown = {} if bad else {name: each[0] for name, each in arguments.items()}
            body = element("error", str(problem), code=problem.code)
        head = {
            "xmlns": _OAI,
            "xmlns__xsi": _XSI,
            "xsi__schemaLocation": f"{_OAI} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd",
        }
        request = element("request", self._site.url, **shown)
        said = element("responseDate", moment(datetime.now(UTC)))
        document = f"<OAI-PMH{attribute_text(head)}>{said}{request}{body}</OAI-PMH>\n"
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'.encode()

    def _listed(self, verb: str, given: Mapping[str, str]) -> Iterable[str]:
        if verb == "Identify":
            return self._identity()
        if verb == "ListMetadataFormats":
            if "identifier" in given:
                self._found(given["identifier"])
            return map(_format, _FORMATS)
        if verb == "ListSets":
            if "resumptionToken" in given:
                raise _bad_token(given["resumptionToken"])
            name = element("setName", "Records that this registry manages")
            return [parent("set", (element("setSpec", _SET), name))]
        if verb == "GetRecord":
            prefix = _known_prefix(given["metadataPrefix"])
            return [_record(self._found(given["identifier"]), prefix)]
        return self._page(verb, given)

    def _identity(self) -> Iterator[str]:
        yield element("repositoryName", self._site.name)
        yield element("baseURL", self._site.url)
        yield element("protocolVersion", "2.0")
        yield element("adminEmail", self._site.contact)
        yield element("earliestDatestamp", moment(self._records()[0].updated))
        yield element("deletedRecord", "transient")
        yield element("granularity", "YYYY-MM-DDThh:mm:ssZ")
        own = self._found(self._site.registry)
        yield parent("description", () if own.resource is None else (own.resource(),))

    def _found(self, identifier: str) -> Record:
        for record in self._records():
            if record.identifier.lower() == identifier.strip().lower():
                return record
        raise _Problem("idDoesNotExist", f"there is no record {identifier[:200]}")

    def _page(self, verb: str, given: Mapping[str, str]) -> Iterator[str]:
        wanted = _selection(given)
        write = _record if verb == "ListRecords" else _header_alone
        chosen = [record for record in self._records() if _within(record, wanted)]
        if not chosen:
            raise _Problem("noRecordsMatch", "no record is of that time")
        page = chosen[wanted.after : wanted.after + PAGE_RECORDS]
        if not page:
            raise _bad_token(given.get("resumptionToken", ""))
        texts = [write(record, wanted.prefix) for record in page]
        return iter((*texts, _continuation(wanted, len(chosen))))


def _checked(arguments: Mapping[str, Sequence[str]]) -> tuple[str, dict[str, str]]:
    verbs = arguments.get("verb", ())
    if len(verbs) != 1 or verbs[0] not in _ARGUMENTS:
        raise _Problem("badVerb", f"give one verb: {', '.join(_ARGUMENTS)}")
    verb = verbs[0]
    needed, possible = _ARGUMENTS[verb]
    given = {name: values[0] for name, values in arguments.items() if name != "verb"}
    for name, values in arguments.items():
        if name != "verb" and (name not in needed | possible or len(values) != 1):
            raise _Problem("badArgument", f"{verb} does not take {name[:100]}, or takes it once")
    if "resumptionToken" in given:
        if len(given) > 1:
            raise _Problem("badArgument", "resumptionToken stands alone")
        return verb, given
    for name in sorted(needed):
        if not given.get(name):
            raise _Problem("badArgument", f"{verb} needs {name}")
    identifier = given.get("identifier")
    if identifier is not None and _IDENTIFIER.fullmatch(identifier) is None:
        raise _Problem("badArgument", "identifier: give an IVOID, such as ivo://authority/name")
    return verb, given


def _selection(given: Mapping[str, str]) -> _Selection:
    token = given.get("resumptionToken")
    if token is not None:
        return _resumed(token)
    prefix = _known_prefix(given["metadataPrefix"])
    if given.get("set", _SET) != _SET:
        raise _Problem("noRecordsMatch", f"there is the set {_SET} alone")
    start, end = given.get("from", ""), given.get("until", "")
    kinds = {_granularity(name, given[name]) for name in ("from", "until") if name in given}
    if len(kinds) > 1:
        raise _Problem("badArgument", "from and until: give both as days, or both in seconds")
    if start and end and start > end:
        raise _Problem("badArgument", "from is after until")
    return _Selection(prefix, start, end)


def _granularity(name: str, text: str) -> str:
    for kind, pattern, form in (("day", _DAY, "%Y-%m-%d"), ("s", _SECOND, "%Y-%m-%dT%H:%M:%SZ")):
        if pattern.fullmatch(text):
            try:
                datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                break
            return kind
    raise _Problem("badArgument", f"{name}: give 2026-01-31 or 2026-01-31T00:00:00Z")


def _known_prefix(prefix: str) -> str:
    if prefix not in _FORMATS:
        raise _Problem("cannotDisseminateFormat", f"give one of {', '.join(_FORMATS)}")
    return prefix


def _within(record: Record, wanted: _Selection) -> bool:
    when = moment(record.updated)
    # A day is all of its seconds: the shorter text counts.
    return (not wanted.start or when[: len(wanted.start)] >= wanted.start) and (
        not wanted.end or when[: len(wanted.end)] <= wanted.end
    )


def _continuation(wanted: _Selection, total: int) -> str:
    following = wanted.after + PAGE_RECORDS
    if following >= total and wanted.after == 0:
        return ""
    token = f"{wanted.prefix}!{wanted.start}!{wanted.end}!{following}" if following < total else ""
    return element("resumptionToken", token, completeListSize=total, cursor=wanted.after)


def _resumed(token: str) -> _Selection:
    parts = token.split("!")
    if len(parts) != 4 or parts[0] not in _FORMATS or not re.fullmatch(r"[0-9]{1,9}", parts[3]):
        raise _bad_token(token)
    try:
        for name, text in (("from", parts[1]), ("until", parts[2])):
            if text:
                _granularity(name, text)
    except _Problem as problem:
        raise _bad_token(token) from problem
    return _Selection(parts[0], parts[1], parts[2], int(parts[3]))


def _bad_token(token: str) -> _Problem:
    return _Problem("badResumptionToken", f"{token[:100]!r} is none of ours: begin again")


def _format(prefix: str) -> str:
    schema, namespace = _FORMATS[prefix]
    return parent(
        "metadataFormat",
        (
            element("metadataPrefix", prefix),
            element("schema", schema),
            element("metadataNamespace", namespace),
        ),
    )


def _header(record: Record) -> str:
    children = (
        element("identifier", record.identifier),
        element("datestamp", moment(record.updated)),
        element("setSpec", _SET),
    )
    return parent("header", children, status="deleted" if record.is_deleted else None)


def _header_alone(record: Record, prefix: str) -> str:  # noqa: ARG001 - written like a record
    return _header(record)


def _record(record: Record, prefix: str) -> str:
    if record.resource is None:
        return parent("record", (_header(record),))
    content = record.resource() if prefix == "ivo_vor" else _dublin_core(record)
    return parent("record", (_header(record), parent("metadata", (content,))))


def _dublin_core(record: Record) -> str:
    spaces = f'xmlns:oai_dc="{_DC}" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    place = f'xsi:schemaLocation="{_DC} http://www.openarchives.org/OAI/2.0/oai_dc.xsd"'
    children = "".join(element(f"dc:{name}", value) for name, value in record.summary())
    return f"<oai_dc:dc {spaces} {place}>{children}</oai_dc:dc>"
