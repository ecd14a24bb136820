"""XML documents of VOSI: a prefixed root and unprefixed children, built as text.

The children of VOSI's documents are in no namespace and types are named by ``xsi:type`` with
prefixes that clients compare letter by letter, so the text is written as it must appear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

__all__ = [
    "AVAILABILITY_NS",
    "CAPABILITIES_NS",
    "TABLES_NS",
    "TYPE_NAMESPACES",
    "XML_TYPE",
    "attribute_text",
    "document",
    "element",
    "parent",
    "text",
]

XML_TYPE = "text/xml"
"""Media type of every VOSI document (VOSI 1.1, section 2)."""

AVAILABILITY_NS = "http://www.ivoa.net/xml/VOSIAvailability/v1.0"
"""Namespace of the availability document (VOSI 1.1, section 3.2)."""

CAPABILITIES_NS = "http://www.ivoa.net/xml/VOSICapabilities/v1.0"
"""Namespace of the capabilities document (VOSI 1.1, section 3.1)."""

TABLES_NS = "http://www.ivoa.net/xml/VOSITables/v1.0"
"""Namespace of the tables document (VOSI 1.1, section 3.3)."""

TYPE_NAMESPACES: Mapping[str, str] = {
    "vr": "http://www.ivoa.net/xml/VOResource/v1.0",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "vg": "http://www.ivoa.net/xml/VORegistry/v1.0",
    "tr": "http://www.ivoa.net/xml/TAPRegExt/v1.0",
    "cs": "http://www.ivoa.net/xml/ConeSearch/v1.0",
}
"""Namespaces of types by their conventional prefixes (VOResource 1.1 and its extensions)."""

_XSI = "http://www.w3.org/2001/XMLSchema-instance"

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(value: object) -> str:
    """Escape a value for the content of an element, without characters that XML 1.0 forbids."""
    return escape(_ILLEGAL.sub("", str(value)))


def element(tag: str, value: object, **attributes: object) -> str:
    """Write an element with text, or nothing where the value is absent.

    Parameters
    ----------
    tag
        Name of the element.
    value
        Content; none leaves the whole element out.
    attributes
        Attributes by name, with a double underscore for the colon of a prefix and a single
        underscore for a hyphen; none leaves an attribute out.
    """
    if value is None:
        return ""
    return f"<{tag}{attribute_text(attributes)}>{text(value)}</{tag}>"


def parent(tag: str, children: Iterable[str], **attributes: object) -> str:
    """Write an element with children; `attributes` are as in `element`."""
    return f"<{tag}{attribute_text(attributes)}>{''.join(children)}</{tag}>"


def attribute_text(attributes: Mapping[str, object]) -> str:
    """Write attributes, each with a space before it; see `element` for their names."""
    return "".join(
        f" {name.replace('__', ':').replace('_', '-')}={quoteattr(_ILLEGAL.sub('', str(value)))}"
        for name, value in attributes.items()
        if value is not None
    )


def document(
    root: str,
    namespace: str,
    prefixes: Iterable[str],
    children: Iterable[str],
    foreign: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    **attributes: object,
) -> bytes:
    """Write a whole document.

    Parameters
    ----------
    root
        Local name of the root element, which gets the prefix ``vosi``.
    namespace
        Namespace of the root.
    prefixes
        Prefixes of `TYPE_NAMESPACES` that the children's types need.
    children
        Children of the root, as text.
    foreign
        Further namespaces of attributes: by prefix, the namespace and where its schema is,
        absolute or relative to the document.
    attributes
        Attributes of the root.

    Returns
    -------
    bytes
        The document in UTF-8.
    """
    types = {prefix: TYPE_NAMESPACES[prefix] for prefix in prefixes}
    added = {prefix: uri for prefix, (uri, _) in foreign.items()}
    declared = {"vosi": namespace, **types, **added, "xsi": _XSI}
    # IVOA serves each schema at the address of its namespace.
    own = ((uri, uri) for uri in (namespace, *types.values()))
    locations = " ".join(f"{uri} {place}" for uri, place in (*own, *foreign.values()))
    spaces = {f"xmlns__{prefix}": uri for prefix, uri in declared.items()}
    tag = f"vosi:{root}"
    head = attribute_text({**spaces, "xsi__schemaLocation": locations, **attributes})
    body = "".join(children)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{tag}{head}>{body}</{tag}>\n'.encode()
