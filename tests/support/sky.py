"""A small sky in an engine: tables with positions everywhere, also at the poles and at RA 0."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from registry.model.field import Datatype, Field, ValueType
from registry.model.table import Column, Position, Schema, Storage, Table, TableSet
from registry.stores.table import HEALPIX_COLUMN, ORDER_COLUMN, TableStore
from registry.tap_schema import with_tap_schema

LONG = ValueType(Datatype.LONG)
INT = ValueType(Datatype.INT)
DOUBLE = ValueType(Datatype.DOUBLE)
FLOAT = ValueType(Datatype.FLOAT)
TEXT = ValueType(Datatype.CHAR, "*")
BOOLEAN = ValueType(Datatype.BOOLEAN)
TIME = ValueType(Datatype.CHAR, "*", "timestamp")
FLOATS = ValueType(Datatype.FLOAT, "*")

FIELDS = (
    Field("id", LONG, ucd="meta.id;meta.main", description="Identifier"),
    Field("ra", DOUBLE, "deg", "pos.eq.ra;meta.main", description="Right ascension"),
    Field("dec", DOUBLE, "deg", "pos.eq.dec;meta.main", description="Declination"),
    Field("z", DOUBLE, ucd="src.redshift"),
    Field("mag", FLOAT, "mag", "phot.mag;em.opt.R"),
    Field("n", INT),
    Field("name", TEXT),
    Field("good", BOOLEAN),
    Field("seen", TIME),
    Field("pdf", FLOATS, ucd="stat.probability;src.redshift.phot"),
)


@dataclass(frozen=True)
class Sky:
    """Published tables and what is in them."""

    tables: TableSet
    rows: dict[str, pa.Table]


def random_sky(rows: int, seed: int) -> pa.Table:
    """Make rows: half all over the sky, the rest near the poles, RA 0 and one dense spot."""
    rng = np.random.default_rng(seed)
    ra = rng.uniform(0, 360, rows)
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, rows)))
    part = rows // 8
    dec[:part] = 90 - rng.exponential(0.01, part)
    dec[part : 2 * part] = -90 + rng.exponential(0.01, part)
    ra[2 * part : 3 * part] = rng.normal(0, 0.01, part) % 360
    ra[3 * part : 4 * part] = 150 + rng.normal(0, 0.02, part)
    dec[3 * part : 4 * part] = 2.2 + rng.normal(0, 0.02, part)
    hidden = rng.random(rows) < 0.1
    when = np.datetime64("2025-01-01T00:00:00", "us") + rng.integers(0, 10**12, rows)
    return pa.table(
        [
            pa.array(np.arange(rows) + 2**60),
            pa.array(ra),
            pa.array(dec),
            pa.array(rng.gamma(2, 0.4, rows), mask=hidden),
            pa.array(rng.normal(22, 1, rows).astype(np.float32)),
            pa.array(rng.integers(-3, 4, rows).astype(np.int32)),
            pa.array([f"obj {i % 7}" for i in range(rows)]),
            pa.array(rng.random(rows) < 0.5),
            pa.array(when.astype("datetime64[us]")),
            pa.array([[float(i), 0.5] for i in range(rows)], pa.list_(pa.float32())),
        ],
        schema=pa.schema([field.arrow for field in FIELDS]),
    )


def publish_sky(store: TableStore, folder: Path, sizes: dict[str, int]) -> Sky:
    """Put tables of the schema ``sky`` into a store."""
    rows, tables = {}, []
    for number, (name, size) in enumerate(sizes.items()):
        rows[name] = random_sky(size, seed=number + 1)
        columns = tuple(
            Column(field, f"c{i}", indexed=i in (1, 2)) for i, field in enumerate(FIELDS)
        )
        position = Position("c1", "c2", HEALPIX_COLUMN)
        physical = rows[name].rename_columns([column.physical for column in columns])
        work = folder / name
        work.mkdir()
        staged = store.stage(f"t{number}_v1", columns, physical.to_batches(), work, position)
        store.publish(staged)
        tables.append(
            Table(
                "sky",
                name,
                columns,
                Storage(staged.storage.relation, staged.storage.file),
                nrows=size,
                position=position,
                order=ORDER_COLUMN,
            )
        )
    return Sky(with_tap_schema((Schema("sky", tuple(tables)),), "1"), rows)
