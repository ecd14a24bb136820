"""The pipeline from a run folder to its product."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import InputsRejected, PipelineFailed
from pipelines.product_file import output_suffix, write_table
from pipelines.runs import PipelineOutput, Progress, RunFolder
from pipelines.specification import SAME_FORMAT, OutputColumn
from pipelines.training_set_maker.assembly import (
    TrainingSet,
    chosen_pairs,
    make_training_set,
    wanted_columns,
)
from pipelines.training_set_maker.columns import Words
from pipelines.training_set_maker.matching import Positions
from pipelines.training_set_maker.objects import ObjectSource, find_objects
from pipelines.training_set_maker.parameters import DuplicateCriteria, TrainingSetParameters
from pipelines.training_set_maker.partitions import Search, SearchResult, search_catalogue
from pipelines.training_set_maker.photometry import Photometry, plan_photometry
from pipelines.training_set_maker.quality import displaced_positions, match_quality
from pipelines.training_set_maker.redshifts import Redshifts, read_redshifts
from pipelines.training_set_maker.specification import SPECIFICATION
from registry.ingestion.types import finish, longest_text, simple_type, simplify, value_type
from registry.model.field import Field

__all__ = ["check_inputs", "run_training_set"]

_LOG = logging.getLogger("pipelines.training_set_maker")

_REPORT = "match_quality.json"

_ALIASES = {"ra": "RA", "dec": "Dec"}
"""Roles of products that are written otherwise than standard names."""


@dataclass(frozen=True, slots=True)
class _Plan:
    parameters: TrainingSetParameters
    redshifts: Redshifts
    source: ObjectSource
    photometry: Photometry


def run_training_set(folder: RunFolder, report: Progress, executor: Executor) -> PipelineOutput:
    """Make the training set of a run folder; see `run` of the package.

    Raises
    ------
    InputsRejected, PipelineFailed, StorageFull
        As the package says.
    """
    plan = _plan(folder, report)
    redshifts, source, parameters = plan.redshifts, plan.source, plan.parameters
    radius = parameters.crossmatch.radius_arcsec
    result = _searched(plan, folder, report, executor)
    pairs = chosen_pairs(result.pairs, result.table, source, redshifts, parameters)
    if not len(pairs.rows):
        raise PipelineFailed(
            f"no redshift has an object within {radius:g} arcsec: the catalogues may not overlap, "
            "or the radius may be too small"
        )
    objects = len(np.unique(pairs.objects))
    quality = match_quality(len(redshifts.ra), radius, pairs, result.chance, objects)
    report("split", 0.85, f"{len(pairs.rows)} matches")
    made = make_training_set(
        pairs, result.table, source, redshifts,
        parameters=parameters, photometry=plan.photometry,
    )  # fmt: skip
    report("consolidation", 0.9, f"{made.table.num_rows} rows")
    summary = _summary(plan, result, made, quality)
    main = _written(folder, plan, made)
    (folder.outputs / _REPORT).write_text(json.dumps(quality, indent=1) + "\n", encoding="utf-8")
    return PipelineOutput(
        main=main,
        n_rows=made.table.num_rows,
        columns=tuple(made.table.column_names),
        annotations=_annotations(made),
        columns_assoc=dict(made.roles),
        attachments=(folder.outputs / _REPORT,),
        summary=summary,
    )


def check_inputs(folder: RunFolder, report: Progress) -> dict[str, Any]:
    """Say what would be matched; see `check` of the package.

    Raises
    ------
    InputsRejected, StorageFull
        As the package says.
    """
    plan = _plan(folder, report)
    source = plan.source
    facts: dict[str, Any] = {"rows": len(plan.redshifts.ra), "objects": _described(plan)}
    if source.layout is not None:
        matched = _positions(plan.redshifts, plan.parameters)
        touched = [p for p in source.layout.partitions if matched.reaching(p.start, p.stop)]
        facts["partitions_touched"] = len(touched)
    wanted = plan.parameters.selected_cols
    shown = [name for name in source.names if not wanted or name in wanted]
    facts["columns"] = [*shown, *plan.photometry.chosen]
    return facts


def _plan(folder: RunFolder, report: Progress) -> _Plan:
    parameters = folder.parameters(TrainingSetParameters)
    problems: list[str] = []
    redshifts = source = photometry = None
    report("preparation", 0.0, "reading the redshifts")
    for name in ("redshifts", "objects"):
        (folder.work / name).mkdir(parents=True, exist_ok=True)
    try:
        redshifts = read_redshifts(folder.inputs("specz")[-1], folder.work / "redshifts")
    except InputsRejected as error:
        problems += error.problems
    try:
        source = find_objects(folder.inputs("dataset")[-1], parameters, folder.work / "objects")
        photometry = plan_photometry(source, parameters)
    except InputsRejected as error:
        problems += error.problems
    if problems or redshifts is None or source is None or photometry is None:
        raise InputsRejected(problems)
    for remark in photometry.remarks:
        _LOG.warning("[%s] %s", source.name, remark)
    if source.id_column is None:
        _LOG.warning("[%s] no column is the identifier: positions are taken for it", source.name)
    return _Plan(parameters, redshifts, source, photometry)


def _positions(redshifts: Redshifts, parameters: TrainingSetParameters) -> Positions:
    radius = parameters.crossmatch.radius_arcsec
    return Positions(redshifts.rows, redshifts.ra, redshifts.dec, radius)


def _searched(plan: _Plan, folder: RunFolder, report: Progress, executor: Executor) -> SearchResult:
    parameters, redshifts = plan.parameters, plan.redshifts
    radius = parameters.crossmatch.radius_arcsec
    counts = {
        DuplicateCriteria.ALL: None,
        DuplicateCriteria.UNIQUE: 1,
        DuplicateCriteria.CLOSEST: parameters.crossmatch.n_neighbors,
    }
    search = Search(
        _positions(redshifts, parameters),
        displaced_positions(redshifts.ra, redshifts.dec, radius),
        counts[parameters.duplicate_criteria],
        wanted_columns(plan.source, parameters, plan.photometry),
    )
    return search_catalogue(plan.source, search, folder.work / "objects", executor, report)


def _described(plan: _Plan) -> dict[str, Any]:
    source = plan.source
    said = source.given.catalogue
    return {
        "catalogue": source.name,
        "release": said.release if said else None,
        "variant": source.variant or None,
        "id_column": source.id_column,
        "flux_type": plan.photometry.kind,
        "dereddening": plan.photometry.dereddening,
        "partitions": None if source.layout is None else len(source.layout.partitions),
        "rows": None if source.layout is None else source.layout.n_rows,
    }


def _summary(
    plan: _Plan, result: SearchResult, made: TrainingSet, quality: Mapping[str, Any]
) -> dict[str, Any]:
    parameters = plan.parameters
    split = ("split_method", "train_fraction", "validation_fraction", "n_folds")
    return {
        "objects": _described(plan),
        "rows_without_position": plan.redshifts.without_position,
        "partitions_read": result.parts,
        "objects_searched": result.rows,
        "match": dict(quality),
        "split": {name: str(getattr(parameters, name)) for name in split} | dict(made.counts),
        "random_seed": parameters.seed,
        "remarks": list(plan.photometry.remarks),
    }


def _written(folder: RunFolder, plan: _Plan, made: TrainingSet) -> Path:
    asked = folder.configuration.output_format or SPECIFICATION.output_formats[0]
    format_name = plan.redshifts.format if asked == SAME_FORMAT else asked
    path = folder.output_file(output_suffix(format_name))
    infos = {
        "pipeline": f"{SPECIFICATION.name} {SPECIFICATION.version}",
        "random_seed": str(plan.parameters.seed),
    }
    columns, fields = _typed(made)
    write_table(
        pa.table(columns, names=[field.name for field in fields]),
        fields, path, format_name, infos, position=(made.roles["ra"], made.roles["dec"]),
    )  # fmt: skip
    return path


def _typed(made: TrainingSet) -> tuple[list[pa.Array], list[Field]]:
    """Bring columns of any type to those that every format has."""
    columns, fields, problems = [], [], []
    for name in made.table.column_names:
        column = made.table[name]
        choice = simple_type(column.type)
        if choice.type is None:
            problems.append(f"column {name!r}: {choice.remark}")
            continue
        simple = simplify(_whole(column.chunks, column.type), choice.type)
        said = made.words.get(name, Words())
        is_text = pa.types.is_string(simple.type)
        length = longest_text(simple) if is_text else None
        target = value_type(choice.type, is_text and _non_ascii(simple), True, length)
        columns.append(finish(simple, target))
        fields.append(Field(name, target, said.unit, said.ucd, said.utype, said.description))
    if problems:
        raise InputsRejected(problems)
    return columns, fields


def _whole(chunks: Iterable[pa.Array], kind: pa.DataType) -> pa.Array:
    pieces = list(chunks)
    return pa.concat_arrays(pieces) if pieces else pa.array([], kind)


def _non_ascii(values: pa.Array) -> bool:
    return pc.all(pc.string_is_ascii(values)).as_py() is False


def _annotations(made: TrainingSet) -> dict[str, OutputColumn]:
    aliases = {name: _ALIASES.get(role, role) for role, name in made.roles.items()}
    aliases |= {made.roles[role]: role.upper() for role in ("id",) if role in made.roles}
    return {
        name: OutputColumn(
            name, said.description or "", said.ucd, said.unit, aliases.get(name), said.utype
        )
        for name in made.table.column_names
        if (said := made.words.get(name, Words())) != Words() or name in aliases
    }
