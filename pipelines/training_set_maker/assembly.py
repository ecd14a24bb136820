"""The rows of a training set: redshifts, their objects, photometry, distances, sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.training_set_maker.columns import Words
from pipelines.training_set_maker.dust import reddening
from pipelines.training_set_maker.matching import Pairs, doubles
from pipelines.training_set_maker.objects import INDEX, ObjectSource
from pipelines.training_set_maker.parameters import DuplicateCriteria, TrainingSetParameters
from pipelines.training_set_maker.photometry import Photometry
from pipelines.training_set_maker.redshifts import Redshifts
from pipelines.training_set_maker.specification import DISTANCE, FOLD, SET, SPECIFICATION, TRAINING
from pipelines.training_set_maker.splitting import SETS, folds_of, sets_of
from registry.healpix import healpix_index

__all__ = ["TrainingSet", "chosen_pairs", "make_training_set", "wanted_columns"]

_SUFFIX = "_specz"
"""Of columns of redshifts whose names objects have as well, as the original has it."""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A training set.

    Attributes
    ----------
    table
        Its rows.
    words
        What is known of its columns.
    roles
        Column by standard name, those of the redshifts.
    counts
        Rows and objects of each set.
    """

    table: pa.Table
    words: Mapping[str, Words]
    roles: Mapping[str, str]
    counts: Mapping[str, int] = field(default_factory=dict)


def wanted_columns(
    source: ObjectSource, parameters: TrainingSetParameters, photometry: Photometry
) -> tuple[str, ...]:
    """Name the columns of objects that are read.

    Parameters
    ----------
    source, parameters, photometry
        Of the run.
    """
    needed = [source.ra_column, source.dec_column, *photometry.sources]
    if source.id_column is not None:
        needed.append(source.id_column)
    return tuple(dict.fromkeys([*_shown(source, parameters), *needed]))


def _shown(source: ObjectSource, parameters: TrainingSetParameters) -> list[str]:
    wanted = parameters.selected_cols
    return (
        [name for name in dict.fromkeys(wanted) if name in source.names] if wanted else source.names
    )


def chosen_pairs(
    pairs: Pairs, objects: pa.Table, source: ObjectSource, redshifts: Redshifts,
    parameters: TrainingSetParameters,
) -> Pairs:  # fmt: skip
    """Keep the pairs that were asked for; ties are decided by the identifiers of the objects.

    Parameters
    ----------
    pairs
        All within the radius, or the nearest of each redshift with those that are as near.
    objects
        Their columns.
    source, redshifts, parameters
        Of the run.

    Returns
    -------
    Pairs
        In the order of the redshifts, the nearest object first.
    """
    rank = _ranks(objects, source)
    order = np.lexsort((rank[pairs.objects], pairs.separation_arcsec, pairs.rows))
    pairs = pairs.kept(order)
    criteria = parameters.duplicate_criteria
    if criteria is DuplicateCriteria.ALL or not len(order):
        return pairs
    begins = np.flatnonzero(np.diff(pairs.rows, prepend=pairs.rows[0] - 1))
    lengths = np.diff(np.append(begins, len(order)))
    place = np.arange(len(order)) - np.repeat(begins, lengths)
    most = 1 if criteria is DuplicateCriteria.UNIQUE else parameters.crossmatch.n_neighbors
    pairs = pairs.kept(place < most)
    return _once(pairs, rank, redshifts) if criteria is DuplicateCriteria.UNIQUE else pairs


def _ranks(objects: pa.Table, source: ObjectSource) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Give objects numbers by what they are; equal identifiers have the same number."""
    names = [source.id_column] if source.id_column else [source.ra_column, source.dec_column]
    order = pc.sort_indices(objects, [(name, "ascending") for name in names])
    ordered = objects.select(names).take(order)
    new = np.zeros(len(order), dtype=bool)
    for name in names:
        column = ordered[name].combine_chunks()
        if len(column) > 1:
            same = pc.fill_null(pc.equal(column[1:], column[:-1]), False)
            new[1:] |= ~same.to_numpy(zero_copy_only=False)
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order.to_numpy()] = np.cumsum(new)
    return ranks


def _once(
    pairs: Pairs, rank: np.ndarray[tuple[int], np.dtype[np.int64]], given: Redshifts
) -> Pairs:
    """Keep of the redshifts of each object the nearest one."""
    identity = np.zeros(len(pairs.rows))
    if "id" in given.roles:
        own = given.table[given.roles["id"]].take(pa.array(pairs.rows))
        order = pc.sort_indices(pa.table({"id": own}), [("id", "ascending")]).to_numpy()
        identity[order] = np.arange(len(order))
    objects = rank[pairs.objects]
    keys = (
        pairs.rows, given.dec[pairs.rows], given.ra[pairs.rows], given.z[pairs.rows], identity,
        pairs.separation_arcsec, objects,
    )  # fmt: skip
    order = np.lexsort(keys)
    first = np.diff(objects[order], prepend=-1) != 0
    return pairs.kept(np.sort(order[first]))


def make_training_set(
    pairs: Pairs,
    objects: pa.Table,
    source: ObjectSource,
    redshifts: Redshifts,
    *,
    parameters: TrainingSetParameters,
    photometry: Photometry,
) -> TrainingSet:
    """Put redshifts and objects together.

    Parameters
    ----------
    pairs
        That are kept.
    objects
        Columns of the objects.
    source, redshifts, parameters, photometry
        Of the run.

    Raises
    ------
    PipelineFailed
        If the map of dust cannot be read.
    """
    own = objects.take(pa.array(pairs.objects))
    place = [doubles(own[name]) for name in (source.ra_column, source.dec_column)]
    dust = partial(reddening, Path(photometry.map_path or ""))
    computed = photometry.compute(own, place[0], place[1], dust)
    added = _added(pairs, own, source, redshifts, parameters)
    later = {name: own[name] for name in _shown(source, parameters)}
    later |= {name: computed[name] for name in computed.column_names}
    words = {name: source.words[name].secondary for name in _shown(source, parameters)}
    words |= {name: photometry.words(name) for name in computed.column_names}
    names = _names(redshifts.table.column_names, {*later, *added, INDEX})
    taken = redshifts.table.take(pa.array(pairs.rows))
    columns = {names[name]: taken[name] for name in taken.column_names} | later
    clashing = {name: _free(name, columns) for name in added}
    columns |= {clashing[name]: values for name, values in added.items()}
    words |= {names[name]: said for name, said in redshifts.words.items() if name in names}
    known = {column.name: column for column in SPECIFICATION.output_columns}
    words |= {
        clashing[name]: Words(known[name].unit, known[name].ucd, None, known[name].description)
        for name in added
    }
    roles = {role: names[name] for role, name in redshifts.roles.items()}
    return TrainingSet(pa.table(columns), words, roles, _counts(added))


def _added(
    pairs: Pairs, own: pa.Table, source: ObjectSource, redshifts: Redshifts,
    parameters: TrainingSetParameters,
) -> dict[str, pa.Array]:  # fmt: skip
    index = healpix_index(
        own[source.ra_column].combine_chunks(), own[source.dec_column].combine_chunks()
    ).to_numpy(zero_copy_only=False)
    keys = index.tolist() if source.id_column is None else own[source.id_column].to_pylist()
    numbers = sets_of(parameters, keys, redshifts.z[pairs.rows], index)
    added: dict[str, pa.Array] = {
        DISTANCE: pa.array(pairs.separation_arcsec),
        TRAINING: pa.array((numbers == 0).astype(np.int16)),
    }
    if parameters.validation_fraction:
        added[SET] = pa.array(SETS).take(pa.array(numbers))
    if parameters.n_folds:
        added[FOLD] = pa.array(folds_of(parameters, keys, index).astype(np.int32))
    return added


def _names(names: list[str], others: set[str]) -> dict[str, str]:
    """Rename the columns of redshifts whose names are taken."""
    found: dict[str, str] = {}
    for name in names:
        new = f"{name}{_SUFFIX}" if name in others else name
        number = 2
        while new in others or new in found.values() or (new != name and new in names):
            new, number = f"{name}{_SUFFIX}{number}", number + 1
        found[name] = new
    return found


def _free(name: str, taken: Mapping[str, object]) -> str:
    """Rename a column that is added where the objects have one of the name."""
    new, number = name, 2
    while new in taken:
        new, number = f"{name}_{number}", number + 1
    return new


def _counts(added: Mapping[str, pa.Array]) -> dict[str, int]:
    if SET in added:
        return {each["values"]: each["counts"] for each in added[SET].value_counts().to_pylist()}
    train = int(pc.sum(added[TRAINING]).as_py() or 0)
    return {"train": train, "test": len(added[TRAINING]) - train}
