"""The tables that come with the pipeline, in ``config/pipelines/combine_redshift_dedup``."""

from __future__ import annotations

import csv
from pathlib import Path

from registry.resources import config_folder

__all__ = ["FLAGS_TABLE", "own_rows", "own_table"]

FLAGS_TABLE = "flags_translation.yaml"
"""Our own table of the flags of surveys."""

_FOLDER = ("pipelines", "combine_redshift_dedup")


def own_table(name: str) -> Path:
    """Give the path of one of the tables.

    Parameters
    ----------
    name
        Of the file.
    """
    return config_folder().joinpath(*_FOLDER, name)


def own_rows(name: str) -> list[dict[str, str]]:
    """Read one of the tables in CSV, whose comments begin with ``#``.

    Parameters
    ----------
    name
        Of the file.
    """
    with own_table(name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(line for line in handle if not line.startswith("#")))
