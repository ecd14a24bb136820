from datetime import timedelta

import pytest
from jobs import START

from uws.context import CancelReason, JobContext
from uws.errors import JobCancelled, ResultNotFound
from uws.model import Job, JobInfo, JobResult


@pytest.fixture
def context(results):
    return JobContext(Job("0a1b", "say", "ada", START, attempt=3), results)


def test_results_describe_what_was_written(context, results):
    with context.open_result("result", "text/csv;header=present") as pending:
        pending.sink.write(b"x\n")
        pending.sink.write(b"1\n")
    made = pending.result(rows=1)
    assert made == JobResult("result", "text/csv;header=present", 4, "0a1b/3/result", 1)
    results.open(made.location).content.close()


def test_a_cancelled_job_makes_no_results(context, results):
    def write():
        with context.open_result("result", "text/plain") as pending:
            pending.sink.write(b"x")
            context.cancel(CancelReason.LOST)

    with pytest.raises(JobCancelled):
        write()
    with pytest.raises(JobCancelled):
        write()
    with pytest.raises(ResultNotFound):
        results.open("0a1b/3/result")


def test_everybody_who_asked_is_told_of_the_cancelling_once(context, caplog):
    told = []
    context.on_cancel(lambda: told.append("first"))
    context.on_cancel(lambda: 1 / 0)
    context.on_cancel(lambda: told.append("second"))
    context.raise_if_cancelled()
    assert not context.cancelled()
    context.cancel(CancelReason.STOPPING)
    context.cancel(CancelReason.STOPPING)
    context.on_cancel(lambda: told.append("late"))
    assert told == ["first", "second", "late"]
    assert context.cancelled()
    assert context.wait_cancelled(0)
    assert "ZeroDivisionError" in caplog.text


def test_a_lost_job_is_not_given_back(context):
    context.cancel(CancelReason.STOPPING)
    context.cancel(CancelReason.LOST)
    context.cancel(CancelReason.STOPPING)
    assert context.cancel_reason is CancelReason.LOST


@pytest.mark.parametrize(("told", "kept"), [(-1, 0), (0.25, 0.25), (7, 1), (None, None)])
def test_progress_is_a_fraction(context, told, kept):
    context.progress(told, "half way")
    assert context.info == JobInfo(kept, "half way")


def test_reports_are_taken_once(context):
    assert context.take_report() is None
    context.timing("parse", 0.5)
    context.progress(0.5)
    later = START + timedelta(seconds=9)
    context.quote(later)
    assert context.take_report() == (JobInfo(0.5, None, (("parse", 0.5),)), later)
    assert context.take_report() is None


def test_steps_are_timed_even_if_they_fail(context):
    with pytest.raises(ZeroDivisionError), context.timed("divide"):
        raise ZeroDivisionError
    ((name, seconds),) = context.info.timings
    assert name == "divide"
    assert seconds >= 0


def test_work_goes_past_its_point_of_no_return_only_if_nobody_was_first(results):
    job = Job("0a1b", "say", "ada", START, attempt=3)
    JobContext(job, results, lambda: True).commit()
    late = JobContext(job, results, lambda: False)
    with pytest.raises(JobCancelled):
        late.commit()
    assert late.cancel_reason is CancelReason.LOST
    with pytest.raises(JobCancelled):
        late.commit()
