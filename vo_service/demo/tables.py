"""Annotated Arrow tables: how simulated arrays become a demo product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_service.demo.cosmology import FloatArray
from vo_service.demo.simulation import BoolArray, SimulatedSky
from vo_service.demo.sky import IntArray
from vo_service.demo.spectra import BANDS

BAND_UCDS = {
    "u": "em.opt.U",
    "g": "em.opt.B",
    "r": "em.opt.R",
    "i": "em.opt.I",
    "z": "em.opt.I",
    "y": "em.IR.J",
}
"""UCD1+ words of the LSST filters; the list knows no finer parts of the spectrum."""


@dataclass(frozen=True, slots=True)
class AnnotatedColumn:
    """One column with what people and the VO need to know about it.

    Attributes
    ----------
    values
        The column's values.
    description
        One sentence.
    ucd
        UCD1+; none beside an alias.
    unit
        Unit in VOUnits syntax.
    alias
        Photo-z Server alias, which implies the UCD.
    """

    values: pa.Array
    description: str
    ucd: str | None = None
    unit: str | None = None
    alias: str | None = None

    def annotation(self) -> dict[str, str]:
        """Return the annotations that are set."""
        words = {
            "alias": self.alias,
            "ucd": self.ucd,
            "unit": self.unit,
            "description": self.description,
        }
        return {key: word for key, word in words.items() if word is not None}


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """A data product of the demo sky, ready to be published.

    Attributes
    ----------
    name
        Display name.
    product_type
        ``object_catalog``, ``redshift_catalog``, ``training_set`` or ``photoz_estimates``.
    description
        Markdown; says that the data are simulated.
    table
        The data.
    annotations
        Description of the table and, by column, ``ucd``, ``unit``, ``alias`` and
        ``description``, as in an annotation file.
    """

    name: str
    product_type: str
    description: str
    table: pa.Table
    annotations: dict[str, object]

    @classmethod
    def of_columns(
        cls,
        name: str,
        product_type: str,
        description: str,
        columns: Mapping[str, AnnotatedColumn],
    ) -> DemoProduct:
        """Assemble a product from its columns, in their order."""
        table = pa.table({title: column.values for title, column in columns.items()})
        annotations: dict[str, object] = {
            "description": description,
            "columns": {title: column.annotation() for title, column in columns.items()},
        }
        return cls(name, product_type, description, table, annotations)


def nullable(
    values: npt.NDArray[np.floating | np.integer],
    missing: BoolArray | None = None,
) -> pa.Array:
    """Return an Arrow array with nulls where values are NaN or marked as missing.

    Parameters
    ----------
    values
        Numbers.
    missing
        True where the value is null; NaN is always null.
    """
    unknown = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    if missing is not None:
        unknown = unknown | missing
    return pa.array(values, mask=unknown)


def object_id_column(object_id: IntArray) -> AnnotatedColumn:
    """Return the identifier column that joins the demo products."""
    return AnnotatedColumn(
        pa.array(object_id, pa.int64()),
        "Identifier of the object, the same in all demo tables; needs all 64 bits.",
        alias="ID",
    )


def position_columns(
    names: tuple[str, str], ra_deg: FloatArray, dec_deg: FloatArray
) -> dict[str, AnnotatedColumn]:
    """Return the two columns of an ICRS position, with their aliases."""
    ra, dec = names
    return {
        ra: AnnotatedColumn(pa.array(ra_deg), "Right ascension (ICRS).", unit="deg", alias="RA"),
        dec: AnnotatedColumn(pa.array(dec_deg), "Declination (ICRS).", unit="deg", alias="Dec"),
    }


def magnitude_columns(
    sky: SimulatedSky, rows: npt.NDArray[np.integer]
) -> dict[str, AnnotatedColumn]:
    """Return magnitudes and their errors, in the order of the bands, single precision."""
    columns = {}
    for index, band in enumerate(BANDS):
        columns[f"mag_{band}"] = AnnotatedColumn(
            nullable(sky.magnitudes[rows, index].astype(np.float32)),
            f"Observed {band} magnitude (AB), not corrected for extinction; null below two sigma.",
            ucd=f"phot.mag;{BAND_UCDS[band]}",
            unit="mag",
        )
    for index, band in enumerate(BANDS):
        columns[f"mag_err_{band}"] = AnnotatedColumn(
            nullable(sky.errors[rows, index].astype(np.float32)),
            f"1-sigma error of mag_{band}.",
            ucd=f"stat.error;phot.mag;{BAND_UCDS[band]}",
            unit="mag",
        )
    return columns
