"""Combine Redshift Catalogs: one catalogue of several, with the best redshift of each object.

The steps: `reading` of the files, `preparation` of each catalogue (`mapping` of names,
`conversion` of types, `homogenisation` of flags by a `translation` whose `expressions` are
checked and evaluated, never run), `combination` of all (`matching` on the sky, `ties`,
`conflicts`), and the `product` as a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.combine_redshift_dedup.specification import SPECIFICATION
from pipelines.runs import PipelineOutput, Progress, RunFolder

__all__ = ["SPECIFICATION", "check", "run"]


def run(folder: RunFolder, report: Progress) -> PipelineOutput:
    """Combine the catalogues of a run folder.

    Parameters
    ----------
    folder
        Of the run.
    report
        Told what is done.

    Raises
    ------
    ConfigurationRejected
        If the flags file or the parameters are wrong, with every problem.
    InputsRejected
        If catalogues cannot be used, with every problem of all of them.
    PipelineFailed
        If no row is left, or positions are placeholders.
    StorageFull
        If the disk is full.
    """
    from pipelines.combine_redshift_dedup.execution import run_combination

    return run_combination(folder, report)


def check(folder: RunFolder, report: Progress) -> Mapping[str, Any]:
    """Say what each catalogue of a run folder would become: surveys, flags, types, rows kept.

    Parameters
    ----------
    folder, report
        As for `run`.

    Raises
    ------
    ConfigurationRejected, InputsRejected, StorageFull
        As `run`.
    """
    from pipelines.combine_redshift_dedup.execution import check_inputs

    return check_inputs(folder, report)
