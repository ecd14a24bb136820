"""What the example pipeline does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from pipelines.errors import InputsRejected
from pipelines.hello_world.specification import HelloParameters
from pipelines.runs import PipelineOutput, Progress, RunFolder, RunInput
from registry.formats.readers.nulls import NulledTable
from registry.formats.readers.opening import open_file

__all__ = ["describe", "select"]

_LOG = logging.getLogger("pipelines.hello_world")

_NUMBERS = ("ra", "dec", "z")


def select(folder: RunFolder, report: Progress) -> PipelineOutput:
    """Copy the rows within the range into the output; see `run` of the package.

    Raises
    ------
    InputsRejected, UnreadableFile
        As the package says.
    """
    parameters = folder.parameters(HelloParameters)
    report("preparation", 0.0)
    table = _read(folder.inputs("specz")[0], folder)
    report("selection", 0.5)
    z = table["z"]
    kept = table.filter(pc.and_(pc.greater_equal(z, parameters.z_min),
                                pc.less_equal(z, parameters.z_max)))  # fmt: skip
    _LOG.info("%d of %d rows kept", kept.num_rows, table.num_rows)
    report("consolidation", 0.8)
    if folder.configuration.output_format == "csv":
        main = folder.output_file(".csv")
        pyarrow.csv.write_csv(kept, main)
    else:
        main = folder.output_file(".parquet")
        pq.write_table(kept, main)
    return PipelineOutput(
        main=main,
        n_rows=kept.num_rows,
        columns=tuple(kept.column_names),
        columns_assoc={name: name for name in kept.column_names},
        summary={"rows_read": table.num_rows, "rows_kept": kept.num_rows},
    )


def describe(folder: RunFolder, report: Progress) -> Mapping[str, Any]:
    """Say what would be read; see `check` of the package.

    Raises
    ------
    InputsRejected, UnreadableFile
        As the package says.
    """
    report("preparation", 0.0)
    given = folder.inputs("specz")[0]
    return {"rows": _read(given, folder).num_rows, "columns": dict(given.columns)}


def _read(given: RunInput, folder: RunFolder) -> pa.Table:
    with open_file(given.path, scratch=folder.work / "unpacked")[1] as opened:
        schema = pa.schema([(column.name, column.type) for column in opened.columns])
        batches = list(NulledTable(opened, given.null_values).batches())
    # Batches go by position: a file may name two columns alike.
    table = (
        pa.Table.from_batches(batches).rename_columns(schema.names)
        if batches
        else schema.empty_table()
    )
    columns: dict[str, pa.ChunkedArray] = {}
    problems = []
    for name, source in given.columns.items():
        if source not in table.column_names:
            problems.append(f"{given.internal_name}: there is no column {source!r} for {name!r}")
            continue
        values = table[source]
        if name in _NUMBERS and not _is_number(values.type):
            problems.append(f"{given.internal_name}: column {source!r} is not made of numbers")
            continue
        columns[name] = values.cast(pa.float64()) if name in _NUMBERS else values
    if problems:
        raise InputsRejected(problems)
    return pa.table(columns)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
