"""VOTables as a validator sees them: the schema of version 1.4, and DALI's marks."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import astropy.io.votable
from astropy.io.votable.tree import Info, TableElement
from lxml import etree

_SPACE = "{http://www.ivoa.net/xml/VOTable/v1.3}"


@dataclass(frozen=True)
class Answer:
    """A document that DALI allows as an answer (DALI 1.1, section 4.4).

    Attributes
    ----------
    status
        QUERY_STATUS before the table, and its text.
    mark
        QUERY_STATUS behind the table, none where there is none.
    infos
        Of the resource, in order.
    table
        None in an error document.
    """

    status: str
    text: str
    mark: str | None
    infos: dict[str, Info]
    table: TableElement | None

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.table.fields]

    @property
    def rows(self) -> int:
        return len(self.table.array)

    def values(self, name: str) -> list[object]:
        return self.table.to_table(use_names_over_ids=True)[name].tolist()


def read_votable(body: bytes) -> Answer:
    """Read a document that must obey the schema, DALI, and astropy without a warning."""
    root = etree.fromstring(body)
    schema = _schema()
    assert schema.validate(root), "\n".join(f"{e.line}: {e.message}" for e in schema.error_log)
    (resource,) = root.findall(f"{_SPACE}RESOURCE")
    assert resource.get("type") == "results"
    order = [
        ("TABLE", "") if child.tag == f"{_SPACE}TABLE" else ("INFO", child.get("value"))
        for child in resource
        if child.tag == f"{_SPACE}TABLE" or child.get("name") == "QUERY_STATUS"
    ]
    (_, status), *rest = order
    assert [kind for kind, _ in rest] in ([], ["TABLE"], ["TABLE", "INFO"]), order
    first = resource.find(f"{_SPACE}INFO")
    assert first.get("name") == "QUERY_STATUS", "taplint and pyvo look there first"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = astropy.io.votable.parse(io.BytesIO(body), verify="exception")
    tables = list(document.iter_tables())
    infos = {info.name: info for info in document.resources[0].infos}
    return Answer(
        status=status,
        text=(first.text or "").strip(),
        mark=rest[1][1] if len(rest) == 2 else None,
        infos=infos,
        table=tables[0] if tables else None,
    )


@cache
def _schema() -> etree.XMLSchema:
    folder = Path(astropy.io.votable.__file__).parent / "data"
    return etree.XMLSchema(etree.parse(folder / "VOTable.v1.4.xsd"))
