"""Why a run came to nothing, in words for its owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.catalogue import PipelineSite
from pipelines.execution import EXIT_CODES, FailureKind
from uws.executors.base import EndCause, TaskStatus

__all__ = ["failure_of"]

_MAX_CHARACTERS = 20_000
"""Of a reason: a report on thousands of catalogues is cut, and the log has all of it."""

_KINDS: Mapping[FailureKind, str] = {
    FailureKind.CONFIGURATION: "the pipeline refused its configuration",
    FailureKind.INPUTS: "the pipeline refused its inputs",
    FailureKind.STOPPED: "the run was stopped",
    FailureKind.STORAGE: "no space left for the run; nothing was kept: try again later",
    FailureKind.MEMORY: "the run needs more memory than it may have: give it less at once",
    FailureKind.FAILURE: "the pipeline failed; its log has the details",
}


_CAUSES: Mapping[EndCause, str] = {
    EndCause.TIME: "the run took longer than it may",
    EndCause.MEMORY: "the run needed more memory than it may have",
    EndCause.KILLED: "the run was ended from outside",
    EndCause.LOST: "the run was lost; run the job again",
    EndCause.STOPPED: "the run was stopped",
}


def failure_of(
    site: PipelineSite, status: TaskStatus, outcome: Mapping[str, Any] | None
) -> str | None:
    """Say why a run came to nothing; none if it did not.

    Parameters
    ----------
    site
        With the limits of the run.
    status
        How its program ended.
    outcome
        What it said itself, if it came to that.
    """
    if status.cause is not None and status.note is not None:
        return f"{_CAUSES[status.cause]}: the job {status.note}"
    if status.cause is EndCause.TIME:
        return (
            f"the run took longer than it may: the limit is {site.time_limit_s} s, or the "
            "executionduration of the job where that is shorter"
        )
    if status.cause is EndCause.MEMORY:
        return (
            f"the run needed more than the {site.memory_bytes / 2**30:.3g} GiB of memory that it "
            "may have: give it fewer or smaller inputs"
        )
    if status.cause is EndCause.KILLED:
        return "the process of the run was killed from outside; run the job again"
    if status.cause is EndCause.LOST:
        return "the process of the run was lost; run the job again"
    if status.cause is EndCause.STOPPED:
        return "the run was stopped"
    said = outcome or {}
    if status.exit_code == 0 and said.get("status") == "Successful":
        return None
    problems = said.get("problems")
    if isinstance(problems, list) and problems:
        return "\n".join(map(str, problems))[:_MAX_CHARACTERS]
    if isinstance(said.get("reason"), str):
        return str(said["reason"])[:_MAX_CHARACTERS]
    kinds = {code: kind for kind, code in EXIT_CODES.items()}
    kind = kinds.get(-1 if status.exit_code is None else status.exit_code)
    return _KINDS[kind] if kind else f"the program of the run ended with code {status.exit_code}"
