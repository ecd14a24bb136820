"""VOSI capabilities: what the service offers and where (VOSI 1.1, section 3.1).

The TAP capability follows TAPRegExt 1.0, whose sequence of elements is fixed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from registry.model.capability import (
    Capability,
    ConeCapability,
    DataLimits,
    Interface,
    Language,
    OutputFormat,
    TapCapability,
    TimeLimits,
)
from vosi.document import CAPABILITIES_NS, attribute_text, document, element, parent

__all__ = ["capability_element", "render"]


def render(capabilities: Sequence[Capability]) -> bytes:
    """Write the capabilities document, with the capabilities in the given order."""
    kinds = (i.type.split(":")[0] for c in capabilities for i in c.interfaces)
    prefixes = {"vr", "vs", *kinds}
    prefixes |= {_type(c).partition(":")[0] for c in capabilities if _type(c)}
    children = (capability_element(capability) for capability in capabilities)
    return document("capabilities", CAPABILITIES_NS, sorted(prefixes), children)


def capability_element(
    capability: Capability, kind: str | None = None, rest: Iterable[str] = ()
) -> str:
    """Write one capability.

    Parameters
    ----------
    capability
        To be described.
    kind, rest
        Type and further children of one whose type this module does not know.
    """
    children = [
        element("description", capability.description),
        *(_interface(interface) for interface in capability.interfaces),
        *_own_children(capability),
        *rest,
    ]
    return parent(
        "capability",
        children,
        standardID=capability.standard_id,
        xsi__type=kind or _type(capability) or None,
    )


def _type(capability: Capability) -> str:
    if isinstance(capability, TapCapability):
        return "tr:TableAccess"
    return "cs:ConeSearch" if isinstance(capability, ConeCapability) else ""


def _own_children(capability: Capability) -> Iterator[str]:
    if isinstance(capability, TapCapability):
        yield from _tap_children(capability)
    elif isinstance(capability, ConeCapability):
        yield from _cone_children(capability)


def _cone_children(cone: ConeCapability) -> Iterator[str]:
    yield element("maxSR", f"{cone.max_radius_deg:g}")
    yield element("maxRecords", cone.max_records)
    yield element("verbosity", "true" if cone.verbosity else "false")
    if cone.test is not None:
        place = (("ra", cone.test.ra), ("dec", cone.test.dec), ("sr", cone.test.radius))
        yield parent("testQuery", (element(tag, repr(value)) for tag, value in place))


def _interface(interface: Interface) -> str:
    children = [
        element("accessURL", interface.access_url, use=interface.use.value),
        *(f"<securityMethod{_standard_id(method)}/>" for method in interface.security_methods),
    ]
    return parent(
        "interface",
        children,
        xsi__type=interface.type.value,
        role=interface.role,
        version=interface.version,
    )


def _standard_id(method: str | None) -> str:
    return attribute_text({"standardID": method})


def _tap_children(tap: TapCapability) -> Iterator[str]:
    for model in tap.data_models:
        yield element("dataModel", model.label, ivo_id=model.ivo_id)
    yield from map(_language, tap.languages)
    yield from map(_output_format, tap.output_formats)
    for method in tap.upload_methods:
        yield f"<uploadMethod{attribute_text({'ivo_id': method})}/>"
    yield _time_limits("retentionPeriod", tap.retention_period)
    yield _time_limits("executionDuration", tap.execution_duration)
    yield _data_limits("outputLimit", tap.output_limit)
    yield _data_limits("uploadLimit", tap.upload_limit)


def _language(language: Language) -> str:
    children = [
        element("name", language.name),
        *(element("version", v.version, ivo_id=v.ivo_id) for v in language.versions),
        element("description", language.description),
    ]
    for group in language.feature_groups:
        features = (
            parent("feature", (element("form", f.form), element("description", f.description)))
            for f in group.features
        )
        children.append(parent("languageFeatures", features, type=group.type_id))
    return parent("language", children)


def _output_format(output_format: OutputFormat) -> str:
    children = [
        element("mime", output_format.media_type),
        *(element("alias", alias) for alias in output_format.aliases),
    ]
    return parent("outputFormat", children, ivo_id=output_format.ivo_id)


def _time_limits(tag: str, limits: TimeLimits | None) -> str:
    if limits is None:
        return ""
    return parent(tag, (element("default", limits.default_s), element("hard", limits.hard_s)))


def _data_limits(tag: str, limits: DataLimits | None) -> str:
    if limits is None:
        return ""
    unit = limits.unit.value
    default = element("default", limits.default, unit=unit)
    return parent(tag, (default, element("hard", limits.hard, unit=unit)))
