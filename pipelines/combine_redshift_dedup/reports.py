"""The report of a run: for programs (JSON), for tables (CSV) and for people (Markdown)."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.combine_redshift_dedup.conflicts import ConflictReport
from registry.durability import disk_errors

__all__ = ["write_reports"]


def write_reports(
    folder: Path, summary: Mapping[str, Any], conflicts: ConflictReport | None
) -> tuple[Path, ...]:
    """Write the reports of a run.

    Parameters
    ----------
    folder
        Of the outputs.
    summary
        What was done: catalogues, counts, choices.
    conflicts
        Of rows of one object; none where nobody looked for them.

    Returns
    -------
    tuple
        The files, that for people first.

    Raises
    ------
    StorageFull
        If the disk is full.
    """
    document = dict(summary)
    if conflicts is not None:
        document["conflicts"] = asdict(conflicts)
    files = {
        "report.md": _for_people(summary, conflicts),
        "report.json": json.dumps(document, indent=1) + "\n",
    }
    written = []
    with disk_errors():
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
            written.append(folder / name)
        if conflicts is not None:
            written.append(folder / "conflicts.csv")
            _write_rows(written[-1], conflicts)
    return tuple(written)


def _write_rows(path: Path, conflicts: ConflictReport) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        rows = [asdict(pair) for pair in conflicts.surveys]
        writer.writerow(
            ["survey_1", "survey_2", "n_pairs", "n_conflicts", "fraction", "median_delta_z",
             "max_delta_z", "n_star_pairs"]
        )  # fmt: skip
        writer.writerows(row.values() for row in rows)


def _for_people(summary: Mapping[str, Any], conflicts: ConflictReport | None) -> str:
    parts = ["# Combined redshift catalogue\n", "## Catalogues\n", _catalogues(summary)]
    parts += ["## Counts\n", _table(("what", "number"), _counted(summary["counts"]))]
    parts.append(
        f"Rows within {summary['crossmatch_radius_arcsec']:g} arcsec are of one object; "
        f"the best is chosen by {', '.join(summary['tiebreaking_priority']) or 'nothing'}, then by "
        f"redshifts that agree within {summary['delta_z_threshold']:g}. Seed of draws: "
        f"{summary['random_seed']}.\n"
    )
    if conflicts is not None:
        parts += [
            "## Same object, different redshift\n",
            f"Pairs of galaxies that differ by more than {conflicts.delta_z:g}.\n",
            _table(
                ("survey", "survey", "pairs", "conflicts", "fraction", "median dz", "largest dz",
                 "star and galaxy"),
                [_shown(asdict(pair)) for pair in conflicts.surveys],
            ),
            "By survey and homogenised flag:\n",
            _table(
                ("survey", "flag", "pairs", "conflicts", "fraction"),
                [_shown(asdict(flag)) for flag in conflicts.flags],
            ),
        ]  # fmt: skip
    return "\n".join(parts)


def _catalogues(summary: Mapping[str, Any]) -> str:
    rows = []
    for catalogue in summary["catalogues"]:
        flags = ", ".join(f"{flag}: {count}" for flag, count in catalogue["flags"].items())
        types = ", ".join(f"{kind}: {count}" for kind, count in catalogue["types"].items())
        rows.append(
            (catalogue["internal_name"], catalogue["rows"], catalogue["rows_kept"], flags, types)
        )
    table = _table(("catalogue", "rows", "kept", "homogenised flags", "instrument types"), rows)
    remarks = [
        f"- {catalogue['internal_name']}: {remark}\n"
        for catalogue in summary["catalogues"]
        for remark in catalogue["remarks"]
    ]
    return f"{table}\n{''.join(remarks)}" if remarks else table


def _counted(counts: Mapping[str, Any]) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in counts.items():
        if isinstance(value, Mapping):
            rows += [(f"{name} {part}", count) for part, count in value.items()]
        else:
            rows.append((name, value))
    return rows


def _shown(row: Mapping[str, Any]) -> list[str]:
    return [
        "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
        for value in row.values()
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
