"""VOSI capabilities: what the service offers and where (VOSI 1.1, section 3.1).

The TAP capability follows TAPRegExt 1.0, whose sequence of elements is fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from registry.model.capability import (
    Capability,
    DataLimits,
    Interface,
    Language,
    OutputFormat,
    TapCapability,
    TimeLimits,
)
from vosi.document import CAPABILITIES_NS, attribute_text, document, element, parent

__all__ = ["render"]


def render(capabilities: Sequence[Capability]) -> bytes:
    """Write the capabilities document, with the capabilities in the given order."""
    kinds = (i.type.split(":")[0] for c in capabilities for i in c.interfaces)
    prefixes = {"vr", "vs", *kinds}
    if any(isinstance(c, TapCapability) for c in capabilities):
        prefixes.add("tr")
    children = (_capability(capability) for capability in capabilities)
    return document("capabilities", CAPABILITIES_NS, sorted(prefixes), children)


def _capability(capability: Capability) -> str:
    tap = isinstance(capability, TapCapability)
    children = [
        element("description", capability.description),
        *(_interface(interface) for interface in capability.interfaces),
        *(_tap_children(capability) if isinstance(capability, TapCapability) else ()),
    ]
    return parent(
        "capability",
        children,
        standardID=capability.standard_id,
        xsi__type="tr:TableAccess" if tap else None,
    )


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
