"""What PostgreSQL can say, and what a user hears of it."""

from __future__ import annotations

import psycopg2
import pytest
from psycopg2 import errorcodes

from vo_service.engines.base import (
    EngineUnavailable,
    QueryCancelled,
    QueryRejected,
    ResourceExhausted,
)
from vo_service.engines.postgres.engine import PostgresEngine
from vo_service.engines.postgres.errors import engine_error, engine_errors
from vo_service.engines.postgres.sessions import connect

pytestmark = pytest.mark.postgres

BY_CLASS = {
    "08": EngineUnavailable,
    "21": QueryRejected,
    "22": QueryRejected,
    "25": EngineUnavailable,
    "40": EngineUnavailable,
    "53": ResourceExhausted,
    "54": QueryRejected,
    "55": EngineUnavailable,
    "57": EngineUnavailable,
    "58": EngineUnavailable,
}
BY_CODE = {
    errorcodes.QUERY_CANCELED: QueryCancelled,
    errorcodes.UNDEFINED_TABLE: EngineUnavailable,
    errorcodes.INVALID_SCHEMA_NAME: EngineUnavailable,
    errorcodes.TOO_MANY_CONNECTIONS: EngineUnavailable,
}
OURS = {
    *("03", "09", "10", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "23", "24", "26", "27", "28"),
    *("2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F", "42", "44", "72", "F0", "HV", "P0"),
    "XX",
}
NO_ERRORS = {"00", "01", "02"}

CODES = sorted(
    code
    for name, code in vars(errorcodes).items()
    if isinstance(code, str) and len(code) == 5 and not name.startswith("_")
)


@pytest.fixture(scope="module")
def session(postgres_server):
    opened = connect(postgres_server.new_database())
    opened.autocommit = True
    yield opened
    opened.close()


def test_every_class_of_codes_is_decided():
    assert {code[:2] for code in CODES} == set(BY_CLASS) | OURS | NO_ERRORS


@pytest.mark.parametrize("code", [code for code in CODES if code[:2] not in NO_ERRORS])
def test_every_code_has_its_error(session, code):
    with session.cursor() as cursor, pytest.raises(psycopg2.Error) as caught:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'said' USING ERRCODE = '{code}'; END $$")
    assert caught.value.pgcode == code
    expected = BY_CODE.get(code, BY_CLASS.get(code[:2]))
    assert type(engine_error(caught.value)) is (expected or type(None))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg2.OperationalError("lost"), EngineUnavailable),
        (psycopg2.InterfaceError("closed"), EngineUnavailable),
        (psycopg2.DatabaseError("lost in the middle"), EngineUnavailable),
        (psycopg2.ProgrammingError("ours"), None),
        (psycopg2.InternalError("ours"), None),
        (ValueError("ours"), None),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_errors_of_the_driver_itself(error, expected):
    assert type(engine_error(error)) is (expected or type(None))


def test_faults_of_ours_keep_their_class():
    with pytest.raises(psycopg2.ProgrammingError), engine_errors():
        raise psycopg2.ProgrammingError
    with pytest.raises(EngineUnavailable), engine_errors():
        raise psycopg2.OperationalError


def test_a_server_that_is_not_there_is_said():
    engine = PostgresEngine("postgresql+psycopg2://nobody@/nothing?host=/nonexistent")
    with pytest.raises(EngineUnavailable, match="try again later"):
        engine.check()
    engine.close()


def test_a_connection_that_the_server_ends_is_replaced(postgres_server):
    url = postgres_server.new_database()
    engine = PostgresEngine(url)
    engine.check()
    postgres_server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
        f"'{url.partition('?')[0].rpartition('/')[2]}'"
    )
    engine.check()
    engine.close()
