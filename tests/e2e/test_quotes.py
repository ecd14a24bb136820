"""QUOTE against a live service: nothing at first, then the end of jobs like those before."""

import re
import time
from datetime import UTC, datetime

import pytest
import requests
from live import LiveService

pytestmark = pytest.mark.clients

SLOW = (
    "SELECT COUNT(*) AS n FROM TAP_SCHEMA.columns AS a, TAP_SCHEMA.columns AS b,"
    " TAP_SCHEMA.columns AS c, TAP_SCHEMA.columns AS d"
    " WHERE a.column_name || b.column_name < c.column_name || d.column_name"
)


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """Serve with a worker that runs one job at a time."""
    live = LiveService(
        tmp_path_factory.mktemp("home"),
        {"PZVO_WORKER_PROCESSES": "1", "PZVO_WORKER_SLOTS": "1", "PZVO_ENGINE_THREADS": "1"},
    )
    live.start()
    yield live
    if live.process.poll() is None:
        live.stop()


def submit(live) -> str:
    data = {"LANG": "ADQL", "QUERY": SLOW, "PHASE": "RUN"}
    answer = requests.post(f"{live.url}/async", data=data, allow_redirects=False, timeout=10)
    assert answer.status_code == 303
    return answer.headers["Location"]


def state(job) -> tuple[str, datetime | None]:
    document = requests.get(job, timeout=10).text
    phase = re.search("<uws:phase>(.*?)</uws:phase>", document)[1]
    found = re.search("<uws:quote>(.+?)</uws:quote>", document)
    return phase, None if found is None else datetime.fromisoformat(found[1])


def run(live) -> tuple[set[datetime | None], float]:
    """Run a job; give what was said of its end, and how long it took."""
    job, began, said = submit(live), time.monotonic(), set()
    while True:
        phase, quote = state(job)
        if phase in ("COMPLETED", "ERROR"):
            assert phase == "COMPLETED"
            requests.delete(job, timeout=10)
            return said, time.monotonic() - began
        said.add(quote)
        time.sleep(0.02)


def test_the_end_is_unknown_until_three_have_ended_and_then_it_is_about_right(single):
    runs = [run(single) for _ in range(3)]
    # The third may have ended while its last document was made.
    assert all(said <= {None} for said, _ in runs[:2])
    # What was learnt outlives the jobs, and the processes.
    single.stop()
    single.start()
    jobs = [submit(single) for _ in range(4)]
    phase, quote = state(jobs[-1])
    assert phase == "QUEUED"
    now = datetime.now(UTC)
    # Four of them, or three and a part, by the clock of this test.
    typical_s = sorted(seconds for _, seconds in runs)[1]
    assert quote is not None
    assert typical_s < (quote - now).total_seconds() < 8 * typical_s + 1
    for job in jobs:
        requests.post(f"{job}/phase", data={"PHASE": "ABORT"}, timeout=10)
