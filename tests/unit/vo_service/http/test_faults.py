"""What fails is told: by its status, in a document of the protocol, with nothing of the inside."""

import json
import logging

import pytest
from applications import (
    Engine,
    Incident,
    application,
    application_over,
    ask,
    fails,
    local_engine,
)
from votables import read_votable

from registry.model.principal import ANONYMOUS
from vo_service.engines import base
from vo_service.engines.base import QueryRejected
from vo_service.engines.processor import LocalProcessor
from vo_service.queries import QueryService

SYNC = "/tap/sync?LANG=ADQL&QUERY=SELECT+TOP+1+id+FROM+redshift_catalog.p1_survey"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_fault_shows_an_incident_number_and_nothing_of_its_text(installation, caplog, method):
    client = application(installation, fails).test_client()
    response = getattr(client, method)(SYNC)
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/x-votable+xml"
    answer = read_votable(response.data)
    assert answer.status == "ERROR"
    assert "secret" not in response.text
    assert "Incident" not in response.text
    number = answer.text.removesuffix(".").split()[-1]
    assert len(number) == 8
    logged = [record for record in caplog.records if number in record.getMessage()]
    assert len(logged) == 1
    assert logged[0].exc_info[0] is Incident


def test_each_fault_has_its_own_number(installation):
    client = application(installation, fails).test_client()
    assert client.get(SYNC).text != client.get(SYNC).text


def test_a_fault_outside_tap_is_one_line_of_text(installation):
    client = application(installation, availability=fails).test_client()
    response = client.get("/tap/availability")
    assert (response.status_code, response.mimetype) == (500, "text/plain")
    assert "secret" not in response.text
    assert "incident" in response.text


def test_a_fault_of_a_query_gives_its_slot_back(installation):
    calls = []

    def once(query, rows):
        calls.append(rows)
        return engine.translate(query, rows)

    def execute(*arguments):
        if len(calls) < 4:
            fails()
        return engine.execute(*arguments)

    engine = local_engine(installation)
    queries = QueryService(
        installation.services.data.catalogue.tables,
        LocalProcessor(Engine(once, execute)),
        slots=1,
        slot_wait_s=0.01,
    )
    client = application_over(installation, queries).test_client()
    assert [client.get(SYNC).status_code for _ in range(5)] == [500, 500, 500, 200, 200]


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("QueryTimeout", 408, "time limit of 3 s"),
        ("EngineUnavailable", 503, "of this error"),
        ("ResourceExhausted", 400, "of this error"),
        ("QueryRejected", 400, "of this error"),
        ("QueryCancelled", 400, "of this error"),
    ],
)
def test_errors_of_the_engine_have_their_status(installation, caplog, error, status, words):
    kind = getattr(base, error)

    def raises(*arguments):
        raise kind(3.0) if error == "QueryTimeout" else kind("the text of this error")

    response = application(installation, raises).test_client().get(SYNC)
    assert response.status_code == status
    answer = read_votable(response.data)
    assert words in answer.text
    assert answer.text[0].isupper()
    assert ("Retry-After" in response.headers) == (status == 503)
    # What the operator must see to is logged; what the user did is not.
    assert ("of this error" in caplog.text) == (status == 503)


def test_a_service_that_is_full_says_when_to_come_back(installation):
    services = installation.services
    queries = QueryService(
        services.data.catalogue.tables, services.data.processor, slots=1, slot_wait_s=0.01
    )
    client = application_over(installation, queries).test_client()
    running = queries.run(
        ANONYMOUS, "SELECT id FROM redshift_catalog.p1_survey", maxrec=5, time_limit_s=9
    )
    response = client.get(SYNC)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert read_votable(response.data).status == "ERROR"
    # A check is work as well.
    assert client.get(SYNC + "&MAXREC=0").status_code == 503
    # What needs no slot is answered all the same.
    assert client.get("/tap/availability").status_code == 200
    running.close()
    assert client.get(SYNC).status_code == 200


def test_results_that_were_read_to_their_end_hold_no_slot(installation):
    services = installation.services
    queries = QueryService(
        services.data.catalogue.tables, services.data.processor, slots=1, slot_wait_s=0.01
    )
    client = application_over(installation, queries).test_client()
    # The text of the query is in the result, which is too large to be sent whole.
    adql = "SELECT TOP 3 id FROM redshift_catalog.p1_survey" + " " * 100_000
    answers = [ask(client, adql)]
    for _ in range(2):
        assert len(answers[-1].data) > 100_000
        answers.append(ask(client, adql))
    assert [answer.status_code for answer in answers] == [200, 200, 200]


class Broken:
    """An execution that gives rows, and then an error."""

    def __init__(self, batches, error):
        self._batches, self._error = batches, error
        self.closed = 0

    def __iter__(self):
        yield from self._batches
        raise self._error

    def cancel(self):
        pass

    def close(self):
        self.closed += 1


def broken(installation, error, batches):
    from registry.model.principal import ANONYMOUS

    services = installation.services
    running = services.queries.run(
        ANONYMOUS, "SELECT id FROM redshift_catalog.p1_survey", maxrec=10, time_limit_s=9
    )
    (batch,) = running.result().batches
    running.close()
    execution = Broken([batch.slice(0, 3)] * batches, error)
    engine = Engine(local_engine(installation).translate, lambda *arguments: execution)
    queries = QueryService(
        services.data.catalogue.tables, LocalProcessor(engine), slots=1, slot_wait_s=0.01
    )
    settings = installation.settings.model_copy(
        update={"maxrec_default_rows": 10**6, "maxrec_hard_rows": 10**6}
    )
    client = application_over(installation, queries, settings=settings).test_client()
    return client, execution


@pytest.mark.parametrize("form", ["votable", "votable/td", "csv"])
def test_an_error_before_the_first_row_is_an_error_document(installation, form):
    client, execution = broken(installation, QueryRejected("the data are bad"), 0)
    response = client.get(f"{SYNC.replace('TOP+1+', '')}&FORMAT={form}")
    assert response.status_code == 400
    assert read_votable(response.data).text == "The data are bad"
    assert execution.closed == 1


@pytest.mark.parametrize("form", ["votable", "votable/td"])
def test_an_error_behind_the_first_rows_ends_the_votable(installation, caplog, form):
    client, execution = broken(installation, QueryRejected("the data are bad"), 2)
    with caplog.at_level(logging.INFO, "pzvo.query"):
        response = client.get(f"{SYNC.replace('TOP+1+', '')}&FORMAT={form}")
    answer = read_votable(response.data)
    assert (answer.status, answer.rows, answer.mark) == ("OK", 6, "ERROR")
    assert b"the data are bad" in response.data
    assert execution.closed == 1
    logged = json.loads(caplog.records[-1].getMessage())
    assert (logged["rows"], logged["error"]) == (6, "the data are bad")


def test_an_error_before_the_first_byte_of_a_csv_is_an_error_document(installation):
    client, execution = broken(installation, QueryRejected("the data are bad"), 2)
    response = client.get(f"{SYNC.replace('TOP+1+', '')}&FORMAT=csv")
    assert response.status_code == 400
    assert read_votable(response.data).text == "The data are bad"
    assert execution.closed == 1


def test_an_error_behind_the_first_bytes_cuts_the_csv(installation):
    client, execution = broken(installation, QueryRejected("the data are bad"), 5000)
    response = client.get(f"{SYNC.replace('TOP+1+', '')}&FORMAT=csv")
    assert response.status_code == 200
    with pytest.raises(ConnectionResetError, match="the data are bad"):
        response.get_data()
    response.close()
    assert execution.closed == 1


def test_a_fault_behind_the_first_rows_closes_the_query(installation):
    client, execution = broken(installation, Incident("x"), 5000)
    response = client.get(f"{SYNC.replace('TOP+1+', '')}&FORMAT=votable")
    with pytest.raises(Incident):
        response.get_data()
    response.close()
    assert execution.closed == 1
    assert client.get(SYNC + "&MAXREC=0").status_code == 200
