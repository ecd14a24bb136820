"""Service descriptors: what else can be asked about the rows of a result (DataLink 1.1, 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry.formats.writers.markup import attribute, escaped
from registry.model.dataset import DID_UTYPE
from registry.model.field import Datatype, Field

__all__ = ["LINKS_STANDARD", "ServiceDescriptor", "ServiceParameter", "link_services"]

LINKS_STANDARD = "ivo://ivoa.net/std/DataLink#links-1.1"
"""Identifier of the standard (DataLink 1.1, section 2.1)."""


@dataclass(frozen=True, slots=True)
class ServiceParameter:
    """A parameter of a service.

    Attributes
    ----------
    name
        Of the parameter.
    datatype
        Of its values.
    value
        The only one or the first choice; empty where the user gives it.
    ref
        ID of the column whose cells are values.
    unit, ucd, description
        What it means.
    """

    name: str
    datatype: Datatype = Datatype.CHAR
    value: str = ""
    ref: str | None = None
    unit: str | None = None
    ucd: str | None = None
    description: str | None = None

    def element(self) -> str:
        """Write the PARAM."""
        text = self.datatype.is_text
        # A number that is not given yet has no value of its type but this one.
        value = self.value or ("" if text else "NaN")
        attributes = "".join(
            attribute(name, content)
            for name, content in (
                ("name", self.name),
                ("datatype", self.datatype.value),
                ("arraysize", "*" if text else None),
                ("value", value),
                ("ref", self.ref),
                ("unit", self.unit),
                ("ucd", self.ucd),
            )
        )
        if self.description is None:
            return f"<PARAM{attributes}/>\n"
        return (
            f"<PARAM{attributes}><DESCRIPTION>{escaped(self.description)}</DESCRIPTION></PARAM>\n"
        )


@dataclass(frozen=True, slots=True)
class ServiceDescriptor:
    """A service and how it is called.

    Attributes
    ----------
    id
        XML name, unique in the document.
    access_url
        Where it is.
    parameters
        That it is called with.
    standard_id
        Of the standard that it follows, if any.
    description
        For people.
    """

    id: str
    access_url: str
    parameters: tuple[ServiceParameter, ...]
    standard_id: str | None = None
    description: str | None = None

    def element(self) -> str:
        """Write the RESOURCE."""
        head = attribute("type", "meta") + attribute("ID", self.id)
        head += attribute("utype", "adhoc:service")
        said = f"<DESCRIPTION>{escaped(self.description)}</DESCRIPTION>" if self.description else ""
        own = [ServiceParameter("accessURL", value=self.access_url)]
        if self.standard_id is not None:
            own.append(ServiceParameter("standardID", value=self.standard_id))
        params = "".join(each.element() for each in own)
        inputs = "".join(each.element() for each in self.parameters)
        group = f'<GROUP name="inputParams">\n{inputs}</GROUP>\n'
        return f"<RESOURCE{head}>\n{said}{params}{group}</RESOURCE>\n"


def link_services(
    fields: Sequence[Field], identifiers: Iterable[str], links_url: str
) -> tuple[ServiceDescriptor, ...]:
    """Describe the service of links, for a result that has a column of publisher DIDs.

    Parameters
    ----------
    fields
        Columns of the result.
    identifiers
        Their XML identifiers, in the same order.
    links_url
        Of the service.
    """
    for field, identifier in zip(fields, identifiers, strict=True):
        if field.utype == DID_UTYPE:
            parameter = ServiceParameter("ID", ref=identifier, ucd="meta.id;meta.main")
            return (ServiceDescriptor("links", links_url, (parameter,), LINKS_STANDARD),)
    return ()
