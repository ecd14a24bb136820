"""Pipelines over the real products, jobs and tables of an installation."""

import json
import os
import signal
import time
from contextlib import contextmanager

import pipeline_jobs
import pytest
from shelf import ADA, BOB, POLICY, Shelf

from pipelines.catalogue import PipelineCatalogue
from registry.errors import ProductNotFound, StorageFull
from registry.model.principal import Principal
from registry.model.product import ProductStatus
from uws.model import TERMINAL, Phase
from uws.results.folder import FolderResultStore
from uws.store.database import JobDatabase
from uws.store.sql import SqlJobStore
from uws.worker import Worker, WorkerSettings
from vo_service.api.processes import ProcessDraft, ProcessRefused
from vo_service.processing.assembly import Processing, ProcessingSettings
from vo_service.processing.shelf import RegistryShelf

SITES = {"hello_world": "id = 100\n", "troublesome": 'id = 7\npackage = "troublesome"\n'}


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path)
    yield made
    made.close()


@pytest.fixture
def processing(tmp_path, shelf):
    assert pipeline_jobs.ROOT
    sites = tmp_path / "sites"
    sites.mkdir()
    for name, text in SITES.items():
        (sites / f"{name}.toml").write_text(text)
    address = f"sqlite:///{tmp_path / 'jobs.db'}"
    JobDatabase(address).prepare()
    made = Processing(
        ProcessingSettings(tmp_path),
        SqlJobStore(JobDatabase(address)),
        FolderResultStore(tmp_path / "results"),
        RegistryShelf(shelf.outputs, shelf.service, Principal, "http://host/api", None),
        lambda: POLICY,
        catalogue=PipelineCatalogue(sites),
    )
    yield made
    for job_id in made.archive.unsettled():
        for run in made.archive.attempts(job_id):
            made.executor.discard(run.path)


@contextmanager
def working(processing):
    store, results = processing.processes._stores.store, processing.jobs._results
    settings = WorkerSettings(slots=2, watch_s=0.05)
    worker = Worker(store, results, processing.handlers(), settings=settings)
    worker.start()
    try:
        yield
    finally:
        worker.stop(grace_s=0)


def finished(processing, process_id, who=ADA):
    deadline = time.monotonic() + 180
    while (record := processing.processes.process(who, process_id)).phase not in TERMINAL:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return record


def submit(processing, *inputs, who=ADA, pipeline=100, **param):
    draft = ProcessDraft(pipeline, "Far ones", tuple(inputs), {"param": param})
    return processing.processes.submit(who, draft)


def test_product_of_a_process_is_a_table_with_roles_and_provenance(processing, shelf):
    source = shelf.published()
    record = submit(processing, source.id, z_min=0.2)
    assert shelf.service.product(ADA, record.product).status is ProductStatus.PROCESSING
    with pytest.raises(ProductNotFound):
        shelf.service.product(BOB, record.product)
    with working(processing):
        done = finished(processing, record.id)
    assert (done.phase, done.comment) == (Phase.COMPLETED, None)
    product = shelf.service.product(BOB, record.product)
    assert (product.status, product.origin) == (ProductStatus.PUBLISHED, "hello_world")
    assert product.process == record.id
    assert product.table_name in {str(name) for name in shelf.tables_of(BOB)}
    assert product.version.n_rows == 2
    contents = {c.column_name: c for c in shelf.service.contents.select(ADA, product.id)}
    assert (contents["z"].ucd, contents["z"].alias) == ("src.redshift", "z")
    assert contents["ra"].unit == "deg"
    provenance = shelf.service.provenance(ADA, product.id)
    assert (provenance.pipeline, provenance.pipeline_version) == ("hello_world", "1.0.0")
    assert provenance.configuration["param"] == {"z_min": 0.2, "z_max": 10.0}
    assert [each.product_id for each in provenance.inputs] == [source.id]
    assert provenance.inputs[0].sha256 == source.version.sha256
    assert provenance.started < provenance.ended


def test_archived_input_is_as_it_was_after_a_run(processing, shelf):
    source = shelf.published()
    before = shelf.outputs.input(ADA, source.id)
    content = before.path.read_bytes()
    record = submit(processing, source.id)
    with working(processing):
        finished(processing, record.id)
    assert before.path.read_bytes() == content
    processing.settlement.run_once()
    assert before.path.stat().st_nlink == 1


def test_inputs_of_others_are_refused_at_submission_and_at_the_start(processing, shelf):
    hidden = shelf.published(release="secret", who=Principal("eve", groups=frozenset({"team"})),
                             product_type="training_set")  # fmt: skip
    with pytest.raises(ProcessRefused, match="input"):
        submit(processing, hidden.id)
    source = shelf.published()
    record = submit(processing, source.id, who=BOB)
    shelf.service.delete(ADA, source.id)
    with working(processing):
        done = finished(processing, record.id, BOB)
    assert done.phase is Phase.ERROR
    assert str(source.id) in done.comment
    assert shelf.service.product(BOB, record.product).failure == done.comment


def test_failed_process_has_a_failed_product_with_the_reason(processing, shelf):
    source = shelf.published()
    record = submit(processing, source.id, pipeline=7, do="fail")
    with working(processing):
        done = finished(processing, record.id)
    product = shelf.service.product(ADA, record.product)
    assert (product.status, product.failure) == (ProductStatus.FAILED, "the sky is falling")
    assert done.comment == product.failure
    assert product.table_name not in {str(name) for name in shelf.tables_of(ADA)}


def test_stopped_process_releases_its_product(processing, shelf):
    record = submit(processing, shelf.published().id, pipeline=7, do="sleep")
    with working(processing):
        processing.processes.stop(ADA, record.id)
        assert finished(processing, record.id).phase is Phase.ABORTED
    product = shelf.service.product(ADA, record.product)
    assert product.status is ProductStatus.FAILED
    assert "stopped" in product.failure


def test_disk_that_is_full_at_the_publication_leaves_nothing(processing, shelf, monkeypatch):
    source = shelf.published()
    tables, before = shelf.tables_of(ADA), shelf.on_disk()

    def full(*_arguments, **_options):
        raise StorageFull("no space left on the disk")

    monkeypatch.setattr(shelf.tables, "stage", full)
    record = submit(processing, source.id)
    with working(processing):
        done = finished(processing, record.id)
    assert (done.phase, done.comment) == (Phase.ERROR, "no space left on the disk")
    assert shelf.service.product(ADA, record.product).status is ProductStatus.FAILED
    assert shelf.tables_of(ADA) == tables
    shelf.sweep()
    left = [name for name in shelf.on_disk() if name not in before]
    assert not [name for name in left if name.startswith(("tables", "staging"))]


def test_stop_in_the_moment_of_publication_is_too_late(processing, shelf):
    source = shelf.published()
    publish = shelf.outputs.publish

    def published(job_id, *arguments):
        product = publish(job_id, *arguments)
        processing.processes.stop(ADA, job_id)
        return product

    shelf.outputs.publish = published
    record = submit(processing, source.id)
    with working(processing):
        done = finished(processing, record.id)
    assert done.phase is Phase.COMPLETED
    product = shelf.service.product(ADA, record.product)
    assert product.status is ProductStatus.PUBLISHED
    assert product.table_name in {str(name) for name in shelf.tables_of(ADA)}


def test_publication_that_is_repeated_gives_the_same_product(processing, shelf):
    record = submit(processing, shelf.published().id)
    publish, calls = shelf.outputs.publish, []

    def twice(job_id, *arguments):
        calls.append(publish(job_id, *arguments))
        return publish(job_id, *arguments)

    shelf.outputs.publish = twice
    with working(processing):
        assert finished(processing, record.id).phase is Phase.COMPLETED
    assert shelf.service.product(ADA, record.product).version.number == 1


def test_product_without_the_columns_of_its_type_fails_with_their_names(processing, shelf):
    # The table of this pipeline has no column that is said to be the redshift.
    record = submit(processing, shelf.published().id, pipeline=7)
    with working(processing):
        done = finished(processing, record.id)
    assert done.phase is Phase.ERROR
    assert "z" in done.comment
    assert shelf.service.product(ADA, record.product).status is ProductStatus.FAILED


def test_killed_run_is_in_the_job_and_in_the_product(processing, shelf):
    record = submit(processing, shelf.published().id, pipeline=7, do="sleep")
    with working(processing):
        pipeline_jobs.PipelineJobs.wait(None, lambda: processing.archive.latest(record.id))
        run = processing.archive.latest(record.id)
        pipeline_jobs.PipelineJobs.wait(None, lambda: processing.executor.adopt(run.path))
        keeper = json.loads((run.path / "executor" / "process.json").read_text())["pid"]
        os.kill(keeper, signal.SIGKILL)
        done = finished(processing, record.id)
    assert "lost" in done.comment
    assert shelf.service.product(ADA, record.product).failure == done.comment
