"""What states of Slurm mean, and which options a site may give."""

import pytest

from uws.executors.base import ControllerUnreachable, EndCause, ExecutorUnavailable, TaskPhase
from uws.executors.slurm.commands import SlurmCommands, SlurmState
from uws.executors.slurm.request import SlurmRequest
from uws.executors.slurm.states import STATES, meaning_of

DOCUMENTED = [
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "CONFIGURING",
    "COMPLETING",
    "DEADLINE",
    "EXPEDITING",
    "FAILED",
    "LAUNCH_FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PENDING",
    "POWER_UP_NODE",
    "PREEMPTED",
    "RECONFIG_FAIL",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESIZING",
    "RESV_DEL_HOLD",
    "REVOKED",
    "RUNNING",
    "SIGNALING",
    "SPECIAL_EXIT",
    "STAGE_OUT",
    "STOPPED",
    "SUSPENDED",
    "TIMEOUT",
    "UPDATE_DB",
]


@pytest.mark.parametrize("state", DOCUMENTED)
def test_every_state_has_a_meaning(state):
    assert meaning_of(state) is STATES[state]


@pytest.mark.parametrize(
    ("said", "phase", "cause"),
    [
        ("CANCELLED by 1000", TaskPhase.ENDED, EndCause.KILLED),
        ("OUT_OF_ME+", TaskPhase.RUNNING, None),
        ("TIMEOUT", TaskPhase.ENDED, EndCause.TIME),
        ("NODE_FAIL", TaskPhase.ENDED, EndCause.LOST),
        ("PREEMPTED", TaskPhase.ENDED, EndCause.LOST),
        ("SUSPENDED", TaskPhase.RUNNING, None),
        ("NEVER_HEARD_OF", TaskPhase.RUNNING, None),
    ],
)
def test_state_as_it_is_printed(said, phase, cause):
    found = meaning_of(said)
    assert (found.phase, found.cause) == (phase, cause)


@pytest.mark.parametrize(
    "wrong",
    [
        {"partition": "a b"}, {"partition": "x;y"}, {"account": "--evil"}, {"cpus": 0},
        {"directives": ("-n4",)}, {"directives": ("--wrap=id",)}, {"directives": ("--export=ALL",)},
        {"directives": ("--job-name=x",)}, {"directives": ("--constraint=a\n--wrap=b",)},
        {"directives": ("--uid=0",)}, {"directives": ("--requeue",)}, {"directives": ("x",)},
    ],
)  # fmt: skip
def test_options_that_would_change_the_submission_are_refused(wrong):
    assert SlurmRequest(**wrong).problems()


def test_options_are_those_of_the_site_and_of_the_limits():
    request = SlurmRequest("cpu", "hpc", cpus=4, directives=("--constraint=ssd",))
    assert request.problems() == []
    assert request.options(2**30, 90) == [
        "--partition=cpu", "--account=hpc", "--nodes=1", "--ntasks=1", "--cpus-per-task=4",
        "--mem=1536M", "--time=3", "--constraint=ssd",
    ]  # fmt: skip


def imitation(tmp_path, **scripts):
    for name, text in scripts.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return SlurmCommands(SlurmRequest(commands=str(tmp_path)))


def test_jobs_that_the_controller_forgot_are_asked_of_the_accounting(tmp_path):
    commands = imitation(
        tmp_path,
        squeue="echo '7|RUNNING|None'",
        sacct="echo '8|CANCELLED by 0|None'; echo '9|TIMEOUT|'",
    )
    assert commands.states(["7", "8", "9", "10"]) == {
        "7": SlurmState("RUNNING"),
        "8": SlurmState("CANCELLED by 0"),
        "9": SlurmState("TIMEOUT"),
    }


@pytest.mark.parametrize(
    "said",
    [
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "slurm_load_jobs error: Socket timed out on send/recv operation",
        "slurm_load_jobs error: Zero Bytes were transmitted or received",
        "error: Munge encode failed: Failed to access the socket",
    ],
)
def test_silence_is_told_from_refusal(tmp_path, said):
    commands = imitation(tmp_path, squeue=f"echo '{said}' >&2; exit 1")
    with pytest.raises(ControllerUnreachable):
        commands.states(["7"])


def test_refusal_has_the_words_of_slurm(tmp_path):
    commands = imitation(tmp_path, sbatch="echo 'sbatch: error: invalid account' >&2; exit 1")
    with pytest.raises(ExecutorUnavailable, match="invalid account") as refused:
        commands.submit(tmp_path, [])
    assert not isinstance(refused.value, ControllerUnreachable)
