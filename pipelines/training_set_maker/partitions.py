"""Work over the parts of an object catalogue: each gives its matches and their columns alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import PipelineFailed
from pipelines.runs import Progress
from pipelines.training_set_maker.matching import Block, Pairs, Places, Positions, nearest
from pipelines.training_set_maker.objects import ObjectSource
from registry.formats.readers.hats_layout import HatsPartition
from registry.healpix import healpix_index

__all__ = ["Search", "SearchResult", "search_catalogue"]

_BLOCK_ROWS = 1_000_000
"""Rows whose positions are in memory at once: 24 MB."""

_READ_ROWS = 131_072
"""Rows of all columns that are in memory at once."""

_CHECKED_ROWS = 100

_AHEAD = 2
"""Tasks for each worker that are submitted before one is done: their redshifts wait in memory."""

_MAX_PAIRS = 20_000_000
"""Pairs of a run at most: beyond, the radius takes in whole neighbourhoods."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for.

    Attributes
    ----------
    matched
        The redshifts.
    displaced
        The same at displaced positions, numbered on, for the chance-match rate.
    count
        Objects for each redshift at most; none takes all.
    columns
        Columns of the objects to be read.
    """

    matched: Positions
    displaced: Positions
    count: int | None
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a part of a catalogue, or all of it, has.

    Attributes
    ----------
    pairs
        `objects` are rows of `table`.
    table
        The columns of the objects that match.
    chance
        Numbers of displaced redshifts that have an object.
    rows
        Objects that were looked at.
    parts
        Partitions, or pieces of a file.
    """

    pairs: Pairs
    table: pa.Table
    chance: Places
    rows: int
    parts: int = 1


def search_catalogue(
    source: ObjectSource, search: Search, scratch: Path, executor: Executor, report: Progress
) -> SearchResult:
    """Search the parts of a catalogue that redshifts touch.

    Parameters
    ----------
    source, search
        Where, and what for.
    scratch
        An existing folder for what has to be unpacked.
    executor
        Does the work.
    report
        Told what is done.

    Raises
    ------
    PipelineFailed
        If partitions are damaged, or there are too many pairs.
    """
    if source.layout is None:
        found = [
            _search_batch(source, search, batch) for batch in source.batches(scratch) if len(batch)
        ]
        return _together(source, search, found)
    touched = [task for partition in source.layout.partitions if (task := _task(partition, search))]
    report("match", 0.1, f"{len(touched)} of {len(source.layout.partitions)} partitions")
    found = []
    for done, result in enumerate(_results(source, touched, executor), start=1):
        found.append(result)
        report("match", 0.1 + 0.7 * done / len(touched), f"partition {done} of {len(touched)}")
    return _together(source, search, found)


Task = tuple[HatsPartition, Positions | None, Positions | None, int | None, tuple[str, ...]]


def _task(partition: HatsPartition, search: Search) -> Task | None:
    own = search.matched.reaching(partition.start, partition.stop)
    displaced = search.displaced.reaching(partition.start, partition.stop)
    if own is None and displaced is None:
        return None
    return partition, own, displaced, search.count, search.columns


def _results(
    source: ObjectSource, tasks: Sequence[Task], executor: Executor
) -> Iterator[SearchResult]:
    """Give results as they come; the order is without meaning."""
    ahead = _AHEAD * int(getattr(executor, "_max_workers", 1) or 1)
    waiting: set[Future[SearchResult]] = set()
    left = iter(tasks)
    position = source.ra_column, source.dec_column, source.index_column
    try:
        while True:
            for task in left:
                waiting.add(executor.submit(search_partition, task, position, source.schema))
                if len(waiting) >= ahead:
                    break
            if not waiting:
                return
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        for future in waiting:
            future.cancel()


def search_partition(
    task: Task, position: tuple[str, str, str | None], schema: pa.Schema
) -> SearchResult:
    """Search one partition; what a worker does.

    Parameters
    ----------
    task
        The partition, the redshifts that may have an object there, and what is wanted.
    position
        Columns with right ascension, declination and index (none where there is no index).
    schema
        Types of all columns.

    Raises
    ------
    PipelineFailed
        If the partition is damaged, or its rows lie elsewhere.
    """
    partition, _, _, _, columns = task
    try:
        with pq.ParquetFile(partition.path, memory_map=True) as file:
            pairs, chance = _pairs(file, task, position)
            places, objects = np.unique(pairs.objects, return_inverse=True)
            pairs = Pairs(pairs.rows, objects.astype(np.int64), pairs.separation_arcsec)
            wanted = pa.schema([schema.field(name) for name in columns])
            table = _rows(file, places, wanted)
            rows = file.metadata.num_rows
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        if isinstance(error, MemoryError):
            raise
        raise PipelineFailed(
            f"partition {_name(partition)} of the object catalogue cannot be read: "
            f"{str(error)[:300]}; tell the operator"
        ) from error
    return SearchResult(pairs, table, chance, rows)


def _pairs(
    file: pq.ParquetFile, task: Task, position: tuple[str, str, str | None]
) -> tuple[Pairs, Places]:
    partition, own, displaced, count, _ = task
    ra, dec, index = position
    columns = [name for name in position if name is not None]
    found: list[Pairs] = []
    chance: list[Places] = []
    start = 0
    for batch in file.iter_batches(_BLOCK_ROWS, columns=columns):
        known = None if index is None else _index(batch, partition, ra, dec, index)
        block = Block.of(batch[ra], batch[dec], known)
        if own is not None:
            pairs = nearest(own.pairs(block), count)
            found.append(Pairs(pairs.rows, pairs.objects + start, pairs.separation_arcsec))
            _refuse_too_many(found)
        if displaced is not None:
            chance.append(displaced.matched(block))
        start += len(batch)
    return nearest(_joined(found), count), np.unique(np.concatenate([*chance, _NONE]))


_NONE = np.empty(0, np.int64)


def _index(
    batch: pa.RecordBatch, partition: HatsPartition, ra: str, dec: str, index: str
) -> Places | None:
    """Give the index of a partition, if it is that of its positions."""
    column = batch[index]
    if column.null_count:
        return None
    values: Places = column.to_numpy(zero_copy_only=False)
    sample = np.linspace(0, len(values) - 1, min(_CHECKED_ROWS, len(values))).astype(np.int64)
    rows = pa.array(sample)
    true = healpix_index(batch[ra].take(rows), batch[dec].take(rows))
    known = true.is_valid().to_numpy(zero_copy_only=False)
    own = true.fill_null(0).to_numpy(zero_copy_only=False)[known]
    if not np.array_equal(own, values[sample][known]):
        return None
    if np.any((own < partition.start) | (own >= partition.stop)):
        raise PipelineFailed(
            f"partition {_name(partition)} of the object catalogue has rows of another part of "
            "the sky; tell the operator"
        )
    return values


def _name(partition: HatsPartition) -> str:
    return f"Norder={partition.order}/Npix={partition.cell}"


def _rows(file: pq.ParquetFile, places: Places, schema: pa.Schema) -> pa.Table:
    """Read some rows; only those are kept."""
    if not len(places) or not schema.names:
        return schema.empty_table()
    pieces, start = [], 0
    for batch in file.iter_batches(_READ_ROWS, columns=schema.names):
        low, high = np.searchsorted(places, [start, start + len(batch)])
        if low < high:
            piece = pa.Table.from_batches([batch]).take(pa.array(places[low:high] - start))
            pieces.append(piece.select(schema.names).cast(schema))
        start += len(batch)
    return pa.concat_tables(pieces)


def _search_batch(source: ObjectSource, search: Search, batch: pa.RecordBatch) -> SearchResult:
    block = Block.of(batch[source.ra_column], batch[source.dec_column])
    pairs = nearest(search.matched.pairs(block), search.count)
    _refuse_too_many([pairs])
    places, objects = np.unique(pairs.objects, return_inverse=True)
    pairs = Pairs(pairs.rows, objects.astype(np.int64), pairs.separation_arcsec)
    table = pa.Table.from_batches([batch]).select(search.columns).take(pa.array(places))
    return SearchResult(pairs, table, search.displaced.matched(block), len(batch))


def _together(source: ObjectSource, search: Search, found: Sequence[SearchResult]) -> SearchResult:
    pairs, start = [], 0
    for each in found:
        own = each.pairs
        pairs.append(Pairs(own.rows, own.objects + start, own.separation_arcsec))
        start += each.table.num_rows
    _refuse_too_many(pairs)
    wanted = pa.schema([source.schema.field(name) for name in search.columns])
    tables = [each.table for each in found]
    return SearchResult(
        _joined(pairs),
        pa.concat_tables([wanted.empty_table(), *tables]).combine_chunks(),
        np.unique(np.concatenate([*(each.chance for each in found), _NONE])),
        sum(each.rows for each in found),
        len(found),
    )


def _joined(found: Sequence[Pairs]) -> Pairs:
    return Pairs(
        np.concatenate([*(each.rows for each in found), _NONE]),
        np.concatenate([*(each.objects for each in found), _NONE]),
        np.concatenate([*(each.separation_arcsec for each in found), np.empty(0)]),
    )


def _refuse_too_many(found: Sequence[Pairs]) -> None:
    if sum(len(each.rows) for each in found) > _MAX_PAIRS:
        raise PipelineFailed(
            f"more than {_MAX_PAIRS:,} objects match: take a smaller radius_arcsec, or the "
            "closest objects alone"
        )
