from dataclasses import replace
from datetime import timedelta

import pytest
from jobs import START

from uws.errors import InvalidJobParameter
from uws.limits import JobLimits
from uws.model import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    Claim,
    Job,
    Parameter,
    Phase,
    merge_parameters,
    sources,
    utc_now,
)
from uws.transition import Transition


def test_every_phase_is_in_the_table_and_is_active_or_over():
    assert set(TRANSITIONS) == set(Phase)
    assert set(Phase) == ACTIVE | TERMINAL
    assert not ACTIVE & TERMINAL


def test_what_is_over_can_only_be_archived():
    for phase in TERMINAL:
        assert TRANSITIONS[phase] <= {Phase.ARCHIVED}


def test_every_active_phase_can_be_aborted():
    assert sources(Phase.ABORTED) == ACTIVE


def test_no_job_comes_back_to_pending():
    assert sources(Phase.PENDING) == set()


def test_a_transition_outside_the_table_cannot_be_made():
    with pytest.raises(ValueError, match="COMPLETED"):
        Transition("a", Phase.QUEUED, "run it again", frozenset({Phase.COMPLETED}))


def test_every_named_transition_is_in_the_table():
    claim = Claim("a", 1)
    for change in (
        Transition.queueing("a", START),
        Transition.abortion("a", START),
        Transition.release(claim),
        Transition.recovery(claim, START),
    ):
        assert change.origins <= sources(change.target)


def test_parameters_are_found_in_any_case():
    job = Job("a", "tap", None, START, parameters=(Parameter("Query", "x"),))
    assert job.values("QUERY") == job.values("query") == ("x",)
    assert job.values("LANG") == ()


def test_parameters_sent_again_replace_and_sent_twice_add_up():
    old = (Parameter("LANG", "ADQL"), Parameter("upload", "old,param:x"))
    new = (Parameter("UPLOAD", "a,param:a"), Parameter("UPLOAD", "b,param:b"))
    assert merge_parameters(old, new) == (old[0], *new)
    assert merge_parameters((), new) == new


def test_a_summary_is_part_of_the_job():
    job = Job("a", "tap", "ada", START, run_id="r", phase=Phase.ERROR)
    summary = job.summary
    assert (summary.job_id, summary.owner, summary.run_id) == ("a", "ada", "r")
    assert summary == replace(job, parameters=(Parameter("x", "y"),)).summary


def test_now_is_utc_to_the_millisecond():
    now = utc_now()
    assert now.utcoffset() == timedelta(0)
    assert now.microsecond % 1000 == 0


@pytest.mark.parametrize(
    ("asked", "given"), [(None, 60), (1, 1), (99, 99), (100, 100), (101, 100), (0, 100)]
)
def test_execution_durations_are_clipped(asked, given):
    limits = JobLimits(execution_duration_default_s=60, execution_duration_max_s=100)
    assert limits.execution_duration(asked) == given


def test_without_a_limit_any_duration_fits_the_schema():
    limits = JobLimits(execution_duration_max_s=0)
    assert limits.execution_duration(0) == 0
    assert limits.execution_duration(10**12) == 2**31 - 1


def test_defaults_do_not_pass_the_limits():
    limits = JobLimits(execution_duration_max_s=5, destruction_max_s=7)
    assert limits.execution_duration(None) == 5
    assert limits.destruction(None, START) == START + timedelta(seconds=7)


def test_a_negative_duration_is_refused():
    with pytest.raises(InvalidJobParameter, match="-1"):
        JobLimits().execution_duration(-1)


@pytest.mark.parametrize(("asked_s", "given_s"), [(None, 10), (99, 99), (100, 100), (101, 100)])
def test_destruction_is_clipped_from_the_creation(asked_s, given_s):
    limits = JobLimits(destruction_default_s=10, destruction_max_s=100)
    asked = None if asked_s is None else START + timedelta(seconds=asked_s)
    assert limits.destruction(asked, START) == START + timedelta(seconds=given_s)


def test_run_ids_are_limited():
    assert JobLimits().run_id("x" * 64) == "x" * 64
    assert JobLimits().run_id("") is None
    with pytest.raises(InvalidJobParameter, match="65"):
        JobLimits().run_id("x" * 65)


@pytest.mark.parametrize("name", ["a\x00b", "two\nlines", "\x1b[31m"])
def test_run_ids_can_be_shown(name):
    with pytest.raises(InvalidJobParameter, match="RUNID"):
        JobLimits().run_id(name)
