"""What the states of Slurm mean (squeue and sacct, "JOB STATE CODES", Slurm 22.05 to 25.05)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from uws.executors.base import EndCause, TaskPhase

__all__ = ["STATES", "Meaning", "meaning_of"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a state means.

    Attributes
    ----------
    phase
        Of the task.
    cause
        Why it ended, where it did not by itself.
    note
        For people, where the phase does not say it.
    """

    phase: TaskPhase
    cause: EndCause | None = None
    note: str | None = None


_PENDING, _RUNNING, _ENDED = TaskPhase.PENDING, TaskPhase.RUNNING, TaskPhase.ENDED

STATES: Mapping[str, Meaning] = {
    "PENDING": Meaning(_PENDING, None, "waits in the queue of the cluster"),
    "CONFIGURING": Meaning(_PENDING, None, "its node is being prepared"),
    "REQUEUED": Meaning(_PENDING, None, "was put back into the queue of the cluster"),
    "REQUEUE_FED": Meaning(_PENDING, None, "was put back into the queue of another cluster"),
    "REQUEUE_HOLD": Meaning(_PENDING, None, "was put back into the queue and is held"),
    "RESV_DEL_HOLD": Meaning(_PENDING, None, "is held: its reservation was deleted"),
    "SPECIAL_EXIT": Meaning(_PENDING, None, "was put back into the queue and is held"),
    "RUNNING": Meaning(_RUNNING),
    "COMPLETING": Meaning(_RUNNING),
    "LAUNCH_FAILED": Meaning(_ENDED, EndCause.LOST, "could not be started on its node"),
    "RECONFIG_FAIL": Meaning(_ENDED, EndCause.LOST, "its node could not be prepared"),
    "POWER_UP_NODE": Meaning(_PENDING, None, "its node is being switched on"),
    "UPDATE_DB": Meaning(_RUNNING),
    "EXPEDITING": Meaning(_PENDING, None, "was put first into the queue after a failure"),
    "RESIZING": Meaning(_RUNNING, None, "its resources are being changed"),
    "SIGNALING": Meaning(_RUNNING, None, "gets a signal"),
    "STAGE_OUT": Meaning(_RUNNING, None, "its files are being moved"),
    "STOPPED": Meaning(_RUNNING, None, "is stopped on its node and keeps its place"),
    "SUSPENDED": Meaning(_RUNNING, None, "is suspended: others go first"),
    "COMPLETED": Meaning(_ENDED),
    "FAILED": Meaning(_ENDED),
    "CANCELLED": Meaning(_ENDED, EndCause.KILLED, "was cancelled in Slurm"),
    "TIMEOUT": Meaning(_ENDED, EndCause.TIME, "reached its time limit in Slurm"),
    "DEADLINE": Meaning(_ENDED, EndCause.TIME, "reached its deadline in Slurm"),
    "OUT_OF_MEMORY": Meaning(_ENDED, EndCause.MEMORY, "ran out of memory in Slurm"),
    "NODE_FAIL": Meaning(_ENDED, EndCause.LOST, "its node failed"),
    "BOOT_FAIL": Meaning(_ENDED, EndCause.LOST, "its node could not be started"),
    "PREEMPTED": Meaning(_ENDED, EndCause.LOST, "was preempted by another job"),
    "REVOKED": Meaning(_ENDED, EndCause.LOST, "was taken over by another cluster"),
}
"""By the long name of the state."""


def meaning_of(state: str) -> Meaning:
    """Say what a state means.

    Parameters
    ----------
    state
        As Slurm prints it: ``CANCELLED by 1000``, ``RUNNING+`` also.

    Returns
    -------
    Meaning
        A state that nobody knows is not the end of a task.
    """
    word = state.split(" ", maxsplit=1)[0].rstrip("+").upper()
    return STATES.get(word) or Meaning(_RUNNING, None, f"is in the state {word[:40]} of Slurm")
