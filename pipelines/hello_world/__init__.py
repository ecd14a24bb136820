"""The example pipeline: the redshifts of a catalogue within a range.

A pipeline is a package like this one: what it is (`SPECIFICATION`), what it does (`run`) and what
it says beforehand (`check`). The heavy libraries are imported when a run needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.hello_world.specification import SPECIFICATION
from pipelines.runs import PipelineOutput, Progress, RunFolder

__all__ = ["SPECIFICATION", "check", "run"]


def run(folder: RunFolder, report: Progress) -> PipelineOutput:
    """Copy the position and redshift of every row within the range.

    Parameters
    ----------
    folder
        Of the run.
    report
        Told what is done.

    Raises
    ------
    InputsRejected
        If the catalogue lacks a column, or one has other values than numbers.
    UnreadableFile
        If the catalogue is damaged or no table.
    """
    from pipelines.hello_world.selection import select

    return select(folder, report)


def check(folder: RunFolder, report: Progress) -> Mapping[str, Any]:
    """Count the rows of the catalogue, and say which columns are used.

    Parameters
    ----------
    folder, report
        As for `run`.

    Raises
    ------
    InputsRejected, UnreadableFile
        As `run`.
    """
    from pipelines.hello_world.selection import describe

    return describe(folder, report)
