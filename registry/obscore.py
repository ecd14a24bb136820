"""`ivoa.ObsCore`: the products with positions, as the data model of observations describes them.

The columns are those of ObsCore 1.1: table 5 (mandatory ones) and, of table 7, those of which a
product knows something. What is not known of a catalogue is null: it has no telescope and no band.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

import pyarrow as pa

from registry.coverage import enclosing_circle
from registry.maps.folder import MapFacts
from registry.model.dataset import DID_UTYPE, LINKS_TYPE, DatasetIds
from registry.model.field import Datatype, Field, ValueType
from registry.model.frame import ICRS, UTC
from registry.model.product import Product
from registry.model.table import Column, Schema, Storage, Table
from registry.product_tables import ListedProduct

__all__ = ["OBSCORE_MODEL", "OBSCORE_NAME", "ObservationTable"]

OBSCORE_MODEL = "ivo://ivoa.net/std/ObsCore#core-1.1"
"""Identifier of the data model, which the capability of TAP declares."""

_SCHEMA, _TABLE = "ivoa", "ObsCore"

OBSCORE_NAME = f"{_SCHEMA}.{_TABLE}"
"""Qualified name of the table, by the standard."""

_RELATION = "ivoa_obscore"

_COMPILED, _ANALYSED = 3, 4
"""Levels of calibration: science-ready data, and what was derived from them (section 4.1.2)."""

_SOURCES = frozenset({"redshift_catalog", "object_catalog"})
"""Types of products that say what was observed; all others were derived from such."""

_REDSHIFT = "src.redshift"

_MAP_TITLES = {
    "density": "{}: map of its density",
    "redshift": "{}: map of its mean redshift",
}

_WORD = ValueType(Datatype.CHAR, "*")
_TEXT = ValueType(Datatype.UNICODE_CHAR, "*")
_INT = ValueType(Datatype.INT)
_LONG = ValueType(Datatype.LONG)
_DOUBLE = ValueType(Datatype.DOUBLE)
_TIME = ValueType(Datatype.CHAR, "*", "timestamp")
_CIRCLE = ValueType(Datatype.DOUBLE, "3", "circle")

_AREA = "Char.SpatialAxis.Coverage"
_EPOCH = "Char.TimeAxis.Coverage"
_BAND = "Char.SpectralAxis"

_COLUMNS: tuple[tuple[str, ValueType, str | None, str, str, str], ...] = (
    ("dataproduct_type", _WORD, None, "meta.code.class", "ObsDataset.dataProductType",
     "Kind of data: measurements for a catalogue, image for a map of one."),
    ("dataproduct_subtype", _WORD, None, "meta.code.class", "ObsDataset.dataProductSubtype",
     "Type of the product."),
    ("calib_level", _INT, None, "meta.code;obs.calib", "ObsDataset.calibLevel",
     "3 for catalogues of what was observed, 4 for what was derived from them."),
    ("obs_collection", _TEXT, None, "meta.id", "DataID.collection",
     "Data release; the type of the product where it is in none."),
    ("obs_id", _TEXT, None, "meta.id", "DataID.observationID",
     "Internal name of the product; its maps have the same."),
    ("obs_title", _TEXT, None, "meta.title;obs", "DataID.title", "Title."),
    ("obs_creator_name", _TEXT, None, "meta.id", "DataID.creator",
     "Who made it, semicolons between."),
    ("obs_publisher_did", _WORD, None, "meta.ref.ivoid", "Curation.publisherDID",
     "Identifier in the VO, for links."),
    ("publisher_id", _WORD, None, "meta.ref.ivoid", "Curation.publisherID",
     "Authority of the publisher."),
    ("obs_release_date", _TIME, None, "time.release", "Curation.releaseDate",
     "When it was made, UTC."),
    ("data_rights", _WORD, None, "meta.code", "Curation.rights",
     "public, or proprietary where one must log in."),
    ("bib_reference", _TEXT, None, "meta.bib.bibcode", "Curation.reference", "Article to cite."),
    ("access_url", _WORD, None, "meta.ref.url", "Access.reference", "Where to get it."),
    ("access_format", _WORD, None, "meta.code.mime", "Access.format", "Media type."),
    ("access_estsize", _LONG, "kbyte", "phys.size;meta.file", "Access.size", "Size of the data."),
    ("target_name", _TEXT, None, "meta.id;src", "Target.name", "Object; null for a survey."),
    ("s_ra", _DOUBLE, "deg", "pos.eq.ra", f"{_AREA}.Location.Coord.Position2D.Value2.C1",
     "Right ascension of the centre."),
    ("s_dec", _DOUBLE, "deg", "pos.eq.dec", f"{_AREA}.Location.Coord.Position2D.Value2.C2",
     "Declination of the centre."),
    ("s_fov", _DOUBLE, "deg", "phys.angSize;instr.fov", f"{_AREA}.Bounds.Extent.diameter",
     "Diameter of the circle around it."),
    ("s_region", _CIRCLE, None, "pos.outline;obs.field", f"{_AREA}.Support.Area",
     "Circle that holds all positions; the coverage map says more."),
    ("s_resolution", _DOUBLE, "arcsec", "pos.angResolution",
     "Char.SpatialAxis.Resolution.Refval.value",
     "Size of the cells of a map."),
    ("s_xel1", _LONG, None, "meta.number", "Char.SpatialAxis.numBins1", "Pixels in a row."),
    ("s_xel2", _LONG, None, "meta.number", "Char.SpatialAxis.numBins2", "Pixels in a column."),
    ("t_min", _DOUBLE, "d", "time.start;obs.exposure", f"{_EPOCH}.Bounds.Limits.StartTime",
     "First observation, MJD."),
    ("t_max", _DOUBLE, "d", "time.end;obs.exposure", f"{_EPOCH}.Bounds.Limits.StopTime",
     "Last observation, MJD."),
    ("t_exptime", _DOUBLE, "s", "time.duration;obs.exposure", f"{_EPOCH}.Support.Extent",
     "Exposure."),
    ("t_resolution", _DOUBLE, "s", "time.resolution", "Char.TimeAxis.Resolution.Refval.value",
     "Resolution in time."),
    ("t_xel", _LONG, None, "meta.number", "Char.TimeAxis.numBins", "Moments."),
    ("em_min", _DOUBLE, "m", "em.wl;stat.min", f"{_BAND}.Coverage.Bounds.Limits.LoLimit",
     "Shortest wavelength."),
    ("em_max", _DOUBLE, "m", "em.wl;stat.max", f"{_BAND}.Coverage.Bounds.Limits.HiLimit",
     "Longest wavelength."),
    ("em_res_power", _DOUBLE, None, "spect.resolution", f"{_BAND}.Resolution.ResolPower.refVal",
     "Resolving power."),
    ("em_xel", _LONG, None, "meta.number", f"{_BAND}.numBins", "Wavelengths."),
    ("o_ucd", _WORD, None, "meta.ucd", "Char.ObservableAxis.ucd", "UCD of what was measured."),
    ("pol_states", _WORD, None, "meta.code;phys.polarization", "Char.PolarizationAxis.stateList",
     "States of polarisation."),
    ("pol_xel", _LONG, None, "meta.number", "Char.PolarizationAxis.numBins",
     "Number of states of polarisation."),
    ("facility_name", _TEXT, None, "meta.id;instr.tel", "Provenance.ObsConfig.Facility.name",
     "Telescope."),
    ("instrument_name", _TEXT, None, "meta.id;instr", "Provenance.ObsConfig.Instrument.name",
     "Instrument; the photo-z code for what one has made."),
)  # fmt: skip
"""Name, type, unit, UCD, utype and description of each column."""

_FRAMES = {"s_ra": ICRS, "s_dec": ICRS, "s_region": ICRS, "obs_release_date": UTC}

_Row = dict[str, object]


class ObservationTable:
    """Makes the table for the products that a caller may see.

    Parameters
    ----------
    ids
        How products are identified.
    base_url
        Public URL above all services, without trailing slash.
    maps
        Says what maps there are of a relation.
    """

    def __init__(
        self, ids: DatasetIds, base_url: str, maps: Callable[[str], MapFacts | None]
    ) -> None:
        self._ids = ids
        self._base_url = base_url
        self._maps = maps

    def made(
        self, listed: Iterable[ListedProduct], is_public: Callable[[Product], bool]
    ) -> tuple[Schema, dict[str, pa.Table]]:
        """Make the schema and the rows for one caller.

        Parameters
        ----------
        listed
            The published products that the caller may see; those without positions have no row.
        is_public
            Whether everybody may see a product.

        Returns
        -------
        tuple
            The schema, and the rows by physical name of the relation.
        """
        rows = [row for each in listed for row in self._rows(each, is_public)]
        columns = tuple(
            Column(
                Field(name, kind, unit, ucd, _utype(utype), said, _FRAMES.get(name)),
                f"c{number}",
                principal=name.startswith(("obs_", "access_", "s_")),
                std=True,
            )
            for number, (name, kind, unit, ucd, utype, said) in enumerate(_COLUMNS)
        )
        table = Table(
            _SCHEMA,
            _TABLE,
            columns,
            Storage(_RELATION),
            description="Data products with positions that you may see, in the common data model "
            "of observations (ObsCore 1.1).",
            utype=OBSCORE_MODEL,
            title="Observations",
            nrows=len(rows),
        )
        arrays = [
            pa.array([row.get(column.field.name) for row in rows], column.field.type.arrow)
            for column in columns
        ]
        contents = pa.Table.from_arrays(arrays, names=[column.physical for column in columns])
        schema = Schema(_SCHEMA, (table,), "Tables that the standards of the IVOA define.")
        return schema, {_RELATION: contents}

    def _rows(self, listed: ListedProduct, is_public: Callable[[Product], bool]) -> Iterable[_Row]:
        product, version = listed.product, listed.product.version
        circle = None
        if version is not None and version.coverage is not None:
            circle = enclosing_circle(version.coverage)
        if version is None or circle is None:
            return
        did = self._ids.publisher_did(product)
        ra, dec, radius = circle
        common: _Row = {
            "obs_collection": product.release or product.product_type,
            "obs_id": product.internal_name,
            "obs_creator_name": product.creators,
            "publisher_id": self._ids.root,
            "obs_release_date": product.created.replace(tzinfo=None),
            "data_rights": "public" if is_public(product) else "proprietary",
            "bib_reference": product.article,
            "s_ra": ra,
            "s_dec": dec,
            "s_fov": min(360.0, 2 * radius),
            "s_region": [ra, dec, radius],
            "instrument_name": product.pz_code,
        }
        yield common | {
            "dataproduct_type": "measurements",
            "dataproduct_subtype": product.product_type,
            "calib_level": _COMPILED if product.product_type in _SOURCES else _ANALYSED,
            "obs_title": product.display_name,
            "obs_publisher_did": did,
            "access_url": f"{self._base_url}/datalink/links?ID={quote(did, safe='')}",
            "access_format": LINKS_TYPE,
            "access_estsize": _kilobytes(version.size_bytes),
            "o_ucd": next((u for u in _ucds(listed) if u.startswith(_REDSHIFT)), None),
        }
        facts = self._maps(version.relation)
        if facts is not None:
            yield from (common | row for row in self._images(product, facts))

    def _images(self, product: Product, facts: MapFacts) -> Iterator[_Row]:
        for kind in facts.kinds:
            mean = f"{facts.redshift_ucd};stat.mean"
            yield {
                "dataproduct_type": "image",
                "dataproduct_subtype": f"{kind} map",
                "calib_level": _ANALYSED,
                "obs_title": _MAP_TITLES[kind].format(product.display_name),
                "obs_publisher_did": self._ids.map_did(product, kind),
                "access_url": f"{self._base_url}/maps/{product.table_name}/{kind}.fits",
                "access_format": "image/fits",
                "access_estsize": _kilobytes(facts.sizes[f"{kind}.fits"]),
                "s_resolution": 3600 * facts.cell_deg,
                "s_xel1": facts.width,
                "s_xel2": facts.height,
                "o_ucd": "meta.number" if kind == "density" else mean,
            }


def _kilobytes(size_bytes: int) -> int:
    return -(-size_bytes // 1000)


def _utype(local: str) -> str:
    # Links are found by it, letter by letter.
    return DID_UTYPE if local == "Curation.publisherDID" else f"obscore:{local}"


def _ucds(listed: ListedProduct) -> Iterable[str]:
    for column in listed.columns:
        if column.column.field.ucd is not None:
            yield column.column.field.ucd
