"""Capabilities: what a service offers, as data.

VOSI's capabilities document and the service's record in the registry are rendered from these
records. Nothing here knows what the service can do: its parts declare themselves, and the
composition root gathers the declarations.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Capability",
    "ConeCapability",
    "ConeExample",
    "DataLimits",
    "DataModel",
    "Feature",
    "FeatureGroup",
    "Interface",
    "InterfaceType",
    "Language",
    "LanguageVersion",
    "LimitUnit",
    "OutputFormat",
    "TapCapability",
    "TimeLimits",
    "UrlUse",
]


class InterfaceType(StrEnum):
    """Kinds of interface, as ``xsi:type`` names them with the conventional prefixes."""

    PARAM_HTTP = "vs:ParamHTTP"
    WEB_BROWSER = "vr:WebBrowser"
    OAI_HTTP = "vg:OAIHTTP"


class UrlUse(StrEnum):
    """How an access URL is used (VOResource 1.1, ``accessURL/@use``)."""

    FULL = "full"
    BASE = "base"
    DIR = "dir"


class LimitUnit(StrEnum):
    """What a data limit counts (TAPRegExt 1.0, ``DataLimit/@unit``)."""

    ROW = "row"
    BYTE = "byte"


@dataclass(frozen=True, slots=True)
class Interface:
    """One way to reach a capability.

    Attributes
    ----------
    access_url
        Absolute URL from the configured public base, without trailing slash.
    use
        Whether the URL is complete or a base to which parameters or paths are added.
    type
        Kind of interface.
    role
        ``std`` for the interface that the standard defines.
    version
        Version of the standard that the interface obeys.
    security_methods
        Identifiers of the accepted ways to log in, nothing for none (VOResource 1.1,
        ``securityMethod`` without attribute); empty where anyone may come and nobody can log in.
    """

    access_url: str
    use: UrlUse = UrlUse.FULL
    type: InterfaceType = InterfaceType.PARAM_HTTP
    role: str | None = None
    version: str | None = None
    security_methods: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Capability:
    """A function of the service that a standard defines.

    Attributes
    ----------
    standard_id
        IVOA identifier of the standard (``ivo://ivoa.net/std/VOSI#capabilities`` ...).
    interfaces
        Ways to reach it.
    description
        For people.
    """

    standard_id: str
    interfaces: tuple[Interface, ...]
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ConeExample:
    """A cone with something in it: centre and radius in degrees, ICRS."""

    ra: float
    dec: float
    radius: float


@dataclass(frozen=True, slots=True)
class ConeCapability(Capability):
    """What a cone search can do (SimpleConeSearch 1.03, section 3.1).

    Attributes
    ----------
    max_radius_deg
        Largest radius.
    max_records
        Rows at most.
    verbosity
        Whether VERB chooses columns.
    test
        A search that finds something.
    """

    max_radius_deg: float = 180.0
    max_records: int = 0
    verbosity: bool = True
    test: ConeExample | None = None


@dataclass(frozen=True, slots=True)
class DataModel:
    """A data model that the tables obey: its identifier and a label for people."""

    ivo_id: str
    label: str


@dataclass(frozen=True, slots=True)
class LanguageVersion:
    """A version of a query language and the identifier of its definition."""

    version: str
    ivo_id: str | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """An optional feature of a language: its form and what it does.

    The form is the name of a function or operator, or the signature of a user function
    (``name(parameter TYPE, ...) -> TYPE``).
    """

    form: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """Optional features of one type.

    Attributes
    ----------
    key
        The part of the standard's key behind ``features-``: ``udf``, ``adqlgeo``,
        ``adql-string`` ...
    features
        What is offered.
    """

    key: str
    features: tuple[Feature, ...]

    @property
    def type_id(self) -> str:
        """Identifier of the type.

        Notes
        -----
        ADQL 2.1 writes it in lower case; TOPCAT and taplint up to 4.8 compare it with the
        spelling of TAPRegExt 1.0, letter by letter, while pyvo ignores case.
        """
        return f"ivo://ivoa.net/std/TAPRegExt#features-{self.key}"


@dataclass(frozen=True, slots=True)
class Language:
    """A query language.

    Attributes
    ----------
    name
        Without version; ``name`` and ``name-version`` are values of the parameter LANG.
    versions
        Versions that are understood.
    description
        For people.
    feature_groups
        Optional features that are offered.
    """

    name: str
    versions: tuple[LanguageVersion, ...]
    description: str | None = None
    feature_groups: tuple[FeatureGroup, ...] = ()

    @property
    def lang_values(self) -> tuple[str, ...]:
        """Values of the parameter LANG that mean this language."""
        return (self.name, *(f"{self.name}-{version.version}" for version in self.versions))


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """A format of results.

    Attributes
    ----------
    media_type
        Media type, with its parameters.
    aliases
        Short names that RESPONSEFORMAT accepts as well.
    ivo_id
        Identifier of the format, where TAPRegExt defines one.
    """

    media_type: str
    aliases: tuple[str, ...] = ()
    ivo_id: str | None = None


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Limits of a time, in whole seconds: what a new job gets and what it may ask for."""

    default_s: int | None = None
    hard_s: int | None = None


@dataclass(frozen=True, slots=True)
class DataLimits:
    """Limits of a size: without asking, and at most; `unit` says what is counted."""

    unit: LimitUnit
    default: int | None = None
    hard: int | None = None


@dataclass(frozen=True, slots=True)
class TapCapability(Capability):
    """What a TAP service can do (TAPRegExt 1.0). Absent parts are not declared.

    Attributes
    ----------
    data_models
        Data models of the tables.
    languages
        Query languages, at least one.
    output_formats
        Formats of results, at least one, the preferred one first.
    upload_methods
        Full identifiers of ways to upload tables; empty where uploads are not offered.
    retention_period
        How long a job is kept.
    execution_duration
        How long a job may run.
    output_limit
        How much a query may return.
    upload_limit
        How much may be uploaded with a query.
    """

    data_models: tuple[DataModel, ...] = ()
    languages: tuple[Language, ...] = ()
    output_formats: tuple[OutputFormat, ...] = ()
    upload_methods: tuple[str, ...] = ()
    retention_period: TimeLimits | None = None
    execution_duration: TimeLimits | None = None
    output_limit: DataLimits | None = None
    upload_limit: DataLimits | None = None

    def __post_init__(self) -> None:
        if not self.languages or not self.output_formats:
            raise ValueError(
                f"capability {self.standard_id}: TAPRegExt asks for at least one language and "
                "one output format"
            )
