"""XML documents against the standards' schemas.

Those that taplint bundles are read from the installed STILTS jar at test time; `data/schemas` keeps
the others, as DaCHS distributes them (CC0).
"""

from __future__ import annotations

import zipfile
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from lxml import etree

from vosi.tables import FLAGS_SCHEMA

_FOLDER = "uk/ac/starlink/ttools/taplint/"

_FILES = {
    "http://www.ivoa.net/xml/VOResource/v1.0": "VOResource-v1.1.xsd",
    "http://www.ivoa.net/xml/VODataService/v1.1": "VODataService-v1.2.xsd",
    "http://www.ivoa.net/xml/TAPRegExt/v1.0": "TAPRegExt-v1.0-Erratum1.xsd",
    "http://www.ivoa.net/xml/VOSIAvailability/v1.0": "VOSIAvailability-v1.0.xsd",
    "http://www.ivoa.net/xml/VOSICapabilities/v1.0": "VOSICapabilities-v1.0.xsd",
    "http://www.ivoa.net/xml/VOSITables/v1.0": "VOSITables-v1.1.xsd",
    "http://www.ivoa.net/xml/STC/stc-v1.30.xsd": "stc-v1.30.xsd",
    "http://www.ivoa.net/xml/UWS/v1.0": "UWS-v1.1.xsd",
    "http://www.w3.org/1999/xlink": "xlink.xsd",
    "http://www.w3.org/XML/1998/namespace": "xmlnamespace.xsd",
}

_KEPT = Path(__file__).parents[1] / "data" / "schemas"

_KEPT_FILES = {
    "http://www.ivoa.net/xml/ConeSearch/v1.0": "ConeSearch.xsd",
    "http://www.ivoa.net/xml/VORegistry/v1.0": "VORegistry.xsd",
    "http://www.ivoa.net/xml/RegistryInterface/v1.0": "RegistryInterface.xsd",
    "http://www.openarchives.org/OAI/2.0/": "OAI-PMH.xsd",
    "http://www.openarchives.org/OAI/2.0/oai_dc/": "oai_dc.xsd",
    "http://vo.ari.uni-heidelberg.de/docs/schemata/simpledc20021212.xsd": "simpledc20021212.xsd",
}

_ADDRESSES = {
    "http://docs.g-vo.org/schemata/VOResource.xsd": "VOResource-v1.1.xsd",
    "http://docs.g-vo.org/schemata/VODataService.xsd": "VODataService-v1.2.xsd",
    "http://vo.ari.uni-heidelberg.de/docs/schemata/xml.xsd": "xmlnamespace.xsd",
    "http://www.ivoa.net/xml/VOResource/VOResource-v1.0.xsd": "VOResource-v1.1.xsd",
    "http://www.ivoa.net/xml/Xlink/xlink.xsd": "xlink.xsd",
    "http://www.w3.org/2001/xml.xsd": "xmlnamespace.xsd",
    **_FILES,
}

_KINDS = {
    "availability": ("http://www.ivoa.net/xml/VOSIAvailability/v1.0",),
    "capabilities": (
        "http://www.ivoa.net/xml/VOSICapabilities/v1.0",
        "http://www.ivoa.net/xml/VODataService/v1.1",
        "http://www.ivoa.net/xml/TAPRegExt/v1.0",
        "http://www.ivoa.net/xml/ConeSearch/v1.0",
    ),
    "tables": ("http://www.ivoa.net/xml/VOSITables/v1.0", "http://esa.int/xml/EsaTapPlus"),
    "uws": ("http://www.ivoa.net/xml/UWS/v1.0",),
    "oai": (
        "http://www.openarchives.org/OAI/2.0/",
        "http://www.openarchives.org/OAI/2.0/oai_dc/",
        "http://www.ivoa.net/xml/RegistryInterface/v1.0",
        "http://www.ivoa.net/xml/VODataService/v1.1",
        "http://www.ivoa.net/xml/VORegistry/v1.0",
        "http://www.ivoa.net/xml/TAPRegExt/v1.0",
        "http://www.ivoa.net/xml/ConeSearch/v1.0",
    ),
}


def validate(document: bytes, kind: str) -> etree._Element:
    """Fail the test unless a document obeys its schema; skip it where STILTS is absent.

    Parameters
    ----------
    document
        The XML document.
    kind
        ``availability``, ``capabilities``, ``tables``, ``uws`` or ``oai``.

    Returns
    -------
    lxml element
        The root, for further questions.
    """
    schema = _schema(kind)
    root = etree.fromstring(document)
    if not schema.validate(root):
        problems = "\n".join(f"line {e.line}: {e.message}" for e in schema.error_log)
        pytest.fail(f"the {kind} document is not valid:\n{problems}")
    return root


def _jar() -> Path:
    found = sorted(Path("/usr/share/java").glob("*ttools*.jar"))
    if not found:
        pytest.skip("no STILTS jar with the schemas is installed")
    return found[-1]


class _JarResolver(etree.Resolver):
    """Answers every address of a schema from the jar, and refuses all others."""

    def __init__(self, jar: Path) -> None:
        super().__init__()
        self._jar = jar

    def resolve(self, system_url: str | None, public_id: str | None, context: object) -> object:
        if system_url == "http://esa.int/xml/EsaTapPlus":
            return self.resolve_string(FLAGS_SCHEMA, context, base_url=system_url)
        kept = _KEPT_FILES.get(system_url or "")
        if kept is not None:
            body = (_KEPT / kept).read_bytes()
            return self.resolve_string(body, context, base_url=system_url)
        name = _ADDRESSES.get(system_url or "")
        if name is None:
            raise LookupError(f"the schema {system_url} is not here")
        with zipfile.ZipFile(self._jar) as archive:
            return self.resolve_string(archive.read(_FOLDER + name), context, base_url=system_url)


@cache
def _schema(kind: str) -> etree.XMLSchema:
    imports = "".join(
        f'<xs:import namespace="{space}" schemaLocation="{space}"/>' for space in _KINDS[kind]
    )
    wrapper = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{imports}</xs:schema>'
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_JarResolver(_jar()))
    return etree.XMLSchema(etree.parse(BytesIO(wrapper.encode()), parser))
