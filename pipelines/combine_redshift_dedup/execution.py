"""The pipeline from a run folder to its product."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.combine_redshift_dedup.combination import Combination, combine
from pipelines.combine_redshift_dedup.mapping import FLAG
from pipelines.combine_redshift_dedup.own_tables import FLAGS_TABLE, own_table
from pipelines.combine_redshift_dedup.parameters import CombineParameters
from pipelines.combine_redshift_dedup.preparation import (
    CatalogueSummary,
    Preparation,
    PreparedCatalogue,
)
from pipelines.combine_redshift_dedup.product import columns_assoc, write_product
from pipelines.combine_redshift_dedup.reading import CatalogueInput, read_catalogue
from pipelines.combine_redshift_dedup.reports import write_reports
from pipelines.combine_redshift_dedup.specification import SPECIFICATION
from pipelines.combine_redshift_dedup.translation import FlagsTranslation, load_translation
from pipelines.errors import ConfigurationRejected, InputsRejected
from pipelines.product_file import output_suffix
from pipelines.runs import PipelineOutput, Progress, RunFolder
from registry.errors import StorageFull, UnreadableFile

__all__ = ["check_inputs", "run_combination"]

_LOG = logging.getLogger("pipelines.combine_redshift_dedup")

_READERS = 2
"""Catalogues that are read at once: one waits for the disk while the other is worked on."""

_LARGEST_NUMBER = 900_000_000
"""Of a catalogue: with ten digits for its rows it fits into 64 bits."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a run folder asks for."""

    parameters: CombineParameters
    catalogues: tuple[CatalogueInput, ...]
    translation: FlagsTranslation
    flags_file: Path


def run_combination(folder: RunFolder, report: Progress) -> PipelineOutput:
    """Combine the catalogues of a run folder; see `run` of the package.

    Raises
    ------
    ConfigurationRejected, InputsRejected, PipelineFailed, StorageFull
        As the package says.
    """
    plan = _plan(folder)
    prepared = _prepared(plan, folder, report)
    summaries = [catalogue.summary for catalogue in prepared]
    for empty in (s.internal_name for s in summaries if not s.rows_kept):
        _LOG.warning("[%s] no row passes the cuts; the catalogue is left out", empty)
    format_name = folder.configuration.output_format or SPECIFICATION.output_formats[0]
    made = combine(
        prepared,
        plan.parameters,
        plan.translation,
        report,
        keeps_null_columns=format_name == "hats",
    )
    crowded = made.counts.get("rows_with_more_neighbours_than_crossmatch_n_neighbors")
    if crowded:
        _LOG.warning("%d rows have more neighbours than crossmatch_n_neighbors", crowded)
    report("consolidation", 0.8, f"{made.table.num_rows} rows")
    main = folder.output_file(output_suffix(format_name))
    summary = _summary(plan, summaries, made)
    infos = {
        "pipeline": f"{SPECIFICATION.name} {SPECIFICATION.version}",
        "random_seed": str(plan.parameters.random_seed),
        "flags_sha256": str(summary["flags_sha256"]),
    }
    write_product(made.table, main, format_name, infos)
    flags = folder.outputs / FLAGS_TABLE
    shutil.copyfile(plan.flags_file, flags)
    reports = write_reports(folder.outputs, summary, made.conflicts)
    report("consolidation", 0.95, main.name)
    return PipelineOutput(
        main=main,
        n_rows=made.table.num_rows,
        columns=tuple(made.table.column_names),
        columns_assoc=columns_assoc(made.table),
        attachments=(*reports, flags),
        summary=summary,
    )


def check_inputs(folder: RunFolder, report: Progress) -> dict[str, Any]:
    """Say what each catalogue would become; see `check` of the package.

    Raises
    ------
    ConfigurationRejected, InputsRejected, StorageFull
        As the package says.
    """
    plan = _plan(folder)
    prepared = _prepared(plan, folder, report)
    return {
        "catalogues": [asdict(catalogue.summary) for catalogue in prepared],
        "rows": sum(catalogue.summary.rows for catalogue in prepared),
        "rows_kept": sum(catalogue.rows for catalogue in prepared),
        "flags_file": plan.flags_file.name,
    }


def _plan(folder: RunFolder) -> _Plan:
    parameters = folder.parameters(CombineParameters)
    catalogues = tuple(
        CatalogueInput(
            entry.path, entry.internal_name, dict(entry.columns), dict(entry.null_values)
        )
        for entry in folder.inputs("specz")
    )
    flags_file = folder.user_file("flags_translation_file") or own_table(FLAGS_TABLE)
    translation = load_translation(flags_file)
    own = {
        name: value
        for name in ("tiebreaking_priority", "delta_z_threshold", "crossmatch_radius_arcsec")
        if (value := getattr(parameters, name)) is not None
    }
    translation = replace(translation, **own)
    problems = [*_name_problems(catalogues), *Preparation(parameters, translation).problems()]
    if problems:
        raise ConfigurationRejected(problems)
    value = parameters.z_flag_homogenized_value_to_cut
    if value and parameters.flag_cut is None:
        _LOG.warning("z_flag_homogenized_value_to_cut %s is none of 1 to 6: all rows stay", value)
    return _Plan(parameters, catalogues, translation, flags_file)


def _name_problems(catalogues: Sequence[CatalogueInput]) -> Iterator[str]:
    seen: dict[int, str] = {}
    for catalogue in catalogues:
        name = catalogue.internal_name
        match = re.match(r"(\d{1,12})_", name, re.ASCII)
        if match is None or int(match[1]) > _LARGEST_NUMBER:
            yield (
                f"internal_name {name!r} does not begin with a number of at most "
                f"{_LARGEST_NUMBER} and an underscore, as 001_name does"
            )
            continue
        other = seen.setdefault(int(match[1]), name)
        if other is not name:
            yield (
                f"internal_name {name!r} and {other!r} begin with the same number, so their rows "
                "would have the same CRD_ID; number the catalogues differently"
            )


def _prepared(plan: _Plan, folder: RunFolder, report: Progress) -> list[PreparedCatalogue]:
    """Read and prepare all catalogues, or say everything that is wrong with any of them."""
    preparation = Preparation(plan.parameters, plan.translation)
    found: list[PreparedCatalogue] = []
    problems: list[str] = []
    total = len(plan.catalogues)
    report("preparation", 0.0, f"{total} catalogues")
    with ThreadPoolExecutor(_READERS) as pool:
        waiting = [
            pool.submit(_read_and_prepare, preparation, catalogue, folder.work / f"input_{place}")
            for place, catalogue in enumerate(plan.catalogues)
        ]
        try:
            for place, (catalogue, task) in enumerate(
                zip(plan.catalogues, waiting, strict=True), start=1
            ):
                prepared, wrong = task.result()
                problems += [f"[{catalogue.internal_name}] {problem}" for problem in wrong]
                if prepared is not None:
                    found.append(prepared)
                    _log_summary(prepared.summary)
                report("preparation", 0.5 * place / total, catalogue.internal_name)
        finally:
            _cancel(waiting)
    if problems:
        raise InputsRejected(problems)
    return found


def _cancel(tasks: Sequence[Future[Any]]) -> None:
    for task in tasks:
        task.cancel()


def _read_and_prepare(
    preparation: Preparation, catalogue: CatalogueInput, scratch: Path
) -> tuple[PreparedCatalogue | None, list[str]]:
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        wanted = preparation.wanted(catalogue)
        raw = read_catalogue(catalogue.path, wanted, scratch, catalogue.null_values)
    except StorageFull:
        raise
    except UnreadableFile as error:
        return None, [str(error)]
    except OSError as error:
        return None, [f"{catalogue.path.name!r} cannot be read: {error.strerror}"]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return preparation.prepare(raw, catalogue)


def _log_summary(summary: CatalogueSummary) -> None:
    name = summary.internal_name
    flags = ", ".join(f"{flag}: {count}" for flag, count in summary.flags.items())
    origin = summary.flags_from or "nothing"
    _LOG.info("[%s] %d rows, %d kept", name, summary.rows, summary.rows_kept)
    _LOG.info("[%s] %s by %s: %s", name, FLAG, origin, flags)
    for remark in summary.remarks:
        _LOG.warning("[%s] %s", name, remark)


def _summary(
    plan: _Plan, catalogues: Sequence[CatalogueSummary], made: Combination
) -> dict[str, Any]:
    translation = plan.translation
    return {
        "catalogues": [asdict(catalogue) for catalogue in catalogues],
        "counts": dict(made.counts),
        "random_seed": plan.parameters.random_seed,
        "tiebreaking_priority": list(translation.tiebreaking_priority),
        "delta_z_threshold": translation.delta_z_threshold,
        "crossmatch_radius_arcsec": translation.crossmatch_radius_arcsec,
        "flags_sha256": hashlib.sha256(plan.flags_file.read_bytes()).hexdigest(),
    }
