"""Training Set Maker: reference redshifts with the photometry of their objects.

The steps: `redshifts` are read, the `objects` of a catalogue are found and `matching` is done
over its `partitions`, which may be many more than fit into memory; of the matches that are kept
`assembly` makes rows, with `photometry` (through maps of `dust`) and the sets of `splitting`;
`quality` says how good the matches are.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from pipelines.runs import PipelineOutput, Progress, RunFolder
from pipelines.training_set_maker.specification import SPECIFICATION

__all__ = ["SPECIFICATION", "check", "run"]


def run(folder: RunFolder, report: Progress, executor: Executor) -> PipelineOutput:
    """Make the training set of a run folder.

    Parameters
    ----------
    folder
        Of the run.
    report
        Told what is done.
    executor
        Works on partitions.

    Raises
    ------
    InputsRejected
        If the inputs cannot be used, with every problem of both.
    PipelineFailed
        If nothing matches, or the object catalogue or a map is damaged.
    StorageFull
        If the disk is full.
    """
    from pipelines.training_set_maker.execution import run_training_set

    return run_training_set(folder, report, executor)


def check(folder: RunFolder, report: Progress) -> Mapping[str, Any]:
    """Say what would be matched: redshifts, partitions that they touch, columns of the product.

    Parameters
    ----------
    folder, report
        As for `run`.

    Raises
    ------
    InputsRejected, StorageFull
        As `run`.
    """
    from pipelines.training_set_maker.execution import check_inputs

    return check_inputs(folder, report)
