"""Jobs of a served installation whose pipeline goes to a real Slurm."""

import json

import pytest
import requests
from live_pipelines import COMBINE, FIRST, SECOND, pipeline_service
from slurm import start_cluster

pytestmark = [pytest.mark.clients, pytest.mark.slurm]

SITE = """\
executor = "slurm"
memory_bytes = 536870912
time_limit_s = 600
workers = 1
threads = 1

[slurm]
cpus = 1
configuration = "{conf}"
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = start_cluster(tmp_path_factory.mktemp("slurm"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def service(cluster, tmp_path_factory):
    sites = tmp_path_factory.mktemp("sites")
    (sites / f"{COMBINE}.toml").write_text(SITE.format(conf=cluster.conf))
    home = tmp_path_factory.mktemp("home")
    found = pipeline_service(home, pipeline_sites=str(sites), pipeline_slots="10")
    yield found
    found.stop()


@pytest.fixture(scope="module")
def inputs(service):
    return service.publish("first", FIRST), service.publish("second", SECOND)


@pytest.fixture
def closed(cluster):
    """Let no job of the cluster begin until the test opens it."""
    cluster.command("scontrol", "update", "partitionname=main", "state=DOWN")
    yield lambda: cluster.command("scontrol", "update", "partitionname=main", "state=UP")
    cluster.command("scontrol", "update", "partitionname=main", "state=UP")


def waiting(service, cluster, job):
    """Wait until a job is in the queue of the cluster, and the service says so."""
    service.wait(lambda: "PENDING" in cluster.jobs())
    return service.wait(
        lambda: (said := service.job(job)).phase == "QUEUED" and "of the cluster" in said.text
    )


def test_a_job_that_waits_in_the_cluster_is_queued_until_it_runs(service, cluster, inputs, closed):
    job = service.submit(*inputs)
    assert waiting(service, cluster, job)
    document = service.job(job)
    assert "PartitionDown" in document.text
    assert '<uws:startTime xsi:nil="true"/>' in document.text
    closed()
    assert service.until(job).phase == "COMPLETED"
    made = json.loads(service.result(job, "product"))
    assert service.rows(made["table"]) == made["rows"] == 7


def test_a_job_is_followed_when_the_service_is_killed_meanwhile(service, cluster, inputs, closed):
    job = service.submit(*inputs)
    waiting(service, cluster, job)
    service.kill()
    closed()
    service.start()
    assert service.until(job).phase == "COMPLETED"
    (product,) = service.products_of(job)
    assert product["product_status"] == "Published"


def test_an_abort_takes_a_job_out_of_the_queue_of_the_cluster(service, cluster, inputs, closed):
    job = service.submit(*inputs)
    waiting(service, cluster, job)
    address, headers = f"{service.here(job)}/phase", service.headers("owner")
    asked = requests.post(address, data={"PHASE": "ABORT"}, headers=headers, timeout=60)
    assert asked.ok
    assert service.job(job).phase == "ABORTED"
    service.wait(lambda: cluster.jobs() == [])
    service.wait(lambda: service.products_of(job)[0]["product_status"] == "Failed")
