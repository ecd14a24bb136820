"""What the TAP service can do, gathered from what its parts declare of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry.formats.writers.base import ResultWriter
from registry.model.capability import (
    Capability,
    DataLimits,
    DataModel,
    Feature,
    FeatureGroup,
    Interface,
    InterfaceType,
    Language,
    LanguageVersion,
    LimitUnit,
    OutputFormat,
    TapCapability,
    TimeLimits,
    UrlUse,
)
from registry.obscore import OBSCORE_MODEL
from vo_service.adql.functions import FUNCTIONS, feature_forms
from vo_service.dali.request import RequestLimits

__all__ = ["LANGUAGE", "TapMount", "tap_capabilities"]

_BASIC = "ivo://ivoa.net/sso#BasicAA"
"""HTTP Basic, the one way that all clients of the VO have in common (SSO 2.0, section 4)."""

_UPLOAD_METHODS = ("inline", "http", "https")
"""Sources of UPLOAD that are understood (TAPRegExt 1.0, section 2.5)."""


def _groups() -> tuple[FeatureGroup, ...]:
    described = {
        signature: function.description
        for function in FUNCTIONS.values()
        for signature in function.signatures
    }
    return tuple(
        FeatureGroup(
            feature.removeprefix("features-"),
            tuple(Feature(form, described.get(form)) for form in forms),
        )
        for feature, forms in feature_forms().items()
    )


LANGUAGE = Language(
    "ADQL",
    (
        LanguageVersion("2.0", "ivo://ivoa.net/std/ADQL#v2.0"),
        LanguageVersion("2.1", "ivo://ivoa.net/std/ADQL#v2.1"),
    ),
    description="Astronomical Data Query Language",
    feature_groups=_groups(),
)
"""The query language with its optional features, as the functions declare them."""


@dataclass(frozen=True, slots=True)
class TapMount:
    """One address of the TAP service.

    Attributes
    ----------
    url
        Base URL, without trailing slash.
    login_required
        Whether it asks everybody for credentials; the others ask nobody and take them.
    """

    url: str
    login_required: bool = False

    @property
    def security_methods(self) -> tuple[str | None, ...]:
        """Ways to log in; pyvo takes the declared ones alone."""
        return (_BASIC,) if self.login_required else (None, _BASIC)


def tap_capabilities(
    mounts: Sequence[TapMount],
    limits: RequestLimits,
    writers: Iterable[ResultWriter],
    retention: TimeLimits,
    duration: TimeLimits,
    *,
    upload_bytes: int | None = None,
) -> tuple[Capability, ...]:
    """List the capabilities of a TAP service.

    Parameters
    ----------
    mounts
        Its addresses, first the one that the document is for.
    limits
        What requests may ask for.
    writers
        Of the formats in which results are served, the default one first.
    retention, duration
        How long jobs are kept, and how long they may run.
    upload_bytes
        Size of the tables that may come with a query; nothing where none may.
    """
    methods, upload_limit = _uploads(upload_bytes)
    own = mounts[0]
    tables = Interface(
        f"{own.url}/tables", UrlUse.BASE, role="std", version="1.1",
        security_methods=own.security_methods,
    )  # fmt: skip
    examples = Interface(
        f"{own.url}/examples",
        type=InterfaceType.WEB_BROWSER,
        security_methods=own.security_methods,
    )
    return (
        _vosi("capabilities", own.url),
        _vosi("availability", own.url),
        Capability("ivo://ivoa.net/std/VOSI#tables-1.1", (tables,)),
        Capability("ivo://ivoa.net/std/DALI#examples", (examples,)),
        TapCapability(
            "ivo://ivoa.net/std/TAP",
            tuple(
                Interface(
                    mount.url,
                    UrlUse.BASE,
                    # One standard interface: STILTS and TOPCAT take it alone.
                    role="std" if mount is own else None,
                    version="1.1",
                    security_methods=mount.security_methods,
                )
                for mount in mounts
            ),
            data_models=(DataModel(OBSCORE_MODEL, "ObsCore-1.1"),),
            languages=(LANGUAGE,),
            output_formats=tuple(each for writer in writers for each in _formats(writer)),
            retention_period=retention,
            execution_duration=duration,
            output_limit=DataLimits(
                LimitUnit.ROW,
                min(limits.maxrec_default_rows, limits.maxrec_hard_rows),
                limits.maxrec_hard_rows,
            ),
            upload_methods=methods,
            upload_limit=upload_limit,
        ),
    )


def _uploads(limit_bytes: int | None) -> tuple[tuple[str, ...], DataLimits | None]:
    if limit_bytes is None:
        return (), None
    methods = tuple(f"ivo://ivoa.net/std/TAPRegExt#upload-{each}" for each in _UPLOAD_METHODS)
    return methods, DataLimits(LimitUnit.BYTE, limit_bytes, limit_bytes)


def _vosi(resource: str, tap_url: str) -> Capability:
    interface = Interface(f"{tap_url}/{resource}", role="std", version="1.1")
    return Capability(f"ivo://ivoa.net/std/VOSI#{resource}", (interface,))


def _formats(writer: ResultWriter) -> tuple[OutputFormat, ...]:
    # Without the character set: clients look for what they know.
    media_types = [writer.media_type.partition("; charset=")[0]]
    media_types += [a for a in writer.aliases if "/x-" in a and ";" not in a]
    short = tuple(alias for alias in writer.aliases if not _is_media_type(alias))
    first, *others = dict.fromkeys(media_types)
    return (
        OutputFormat(first, short, writer.ivo_id),
        *(OutputFormat(media_type) for media_type in others),
    )


def _is_media_type(alias: str) -> bool:
    return alias.startswith(("application/", "text/"))
