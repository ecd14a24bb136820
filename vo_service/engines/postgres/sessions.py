"""Connections to the server: a few idle ones per process, none that a fork has copied."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, connection
from sqlalchemy.engine import make_url

from vo_service.engines.postgres.errors import engine_errors

__all__ = ["SessionPool", "SessionSettings", "connect"]

CONNECT_TIMEOUT_S = 10
"""How long the server may take to accept a connection."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a session of a query may use.

    Attributes
    ----------
    memory_bytes
        Of one sort or hash table (``work_mem``).
    temporary_bytes
        Temporary space of a session (``temp_file_limit``), where the role may set it; none leaves
        it to the server.
    workers
        Parallel processes that help one query.
    idle
        Connections that are kept while nobody needs them.
    """

    memory_bytes: int = 64 * 2**20
    temporary_bytes: int | None = None
    workers: int = 2
    idle: int = 4


def connect(url: str) -> connection:
    """Open a connection.

    Parameters
    ----------
    url
        SQLAlchemy's form, ``postgresql+psycopg2://user@host/database``.

    Raises
    ------
    psycopg2.OperationalError
        If the server does not accept it.
    """
    parsed = make_url(url)
    _, arguments = parsed.get_dialect()().create_connect_args(parsed)
    opened: connection = psycopg2.connect(
        **{"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "pzvo", **arguments},
        client_encoding="UTF8",
    )
    return opened


class SessionPool:
    """Connections for queries, each lent to one query at a time.

    Parameters
    ----------
    url
        SQLAlchemy's form.
    settings
        Of each session.
    """

    def __init__(self, url: str, settings: SessionSettings) -> None:
        self._url = url
        self._settings = settings
        self._lock = threading.Lock()
        self._idle: list[connection] = []
        self._process = os.getpid()
        self._closed = False

    def take(self) -> connection:
        """Lend a connection outside of a transaction.

        Raises
        ------
        EngineUnavailable
            If the server does not accept one.
        """
        while (kept := self._kept()) is not None:
            if _answers(kept):
                return kept
        with engine_errors():
            session = connect(self._url)
            try:
                self._prepare(session)
            except BaseException:
                session.close()
                raise
        return session

    def give_back(self, session: connection) -> None:
        """Take a connection back; what it did is rolled back."""
        with contextlib.suppress(psycopg2.Error):
            if not session.closed:
                session.rollback()
        with self._lock:
            usable = (
                not session.closed
                and not self._closed
                and session.info.transaction_status == TRANSACTION_STATUS_IDLE
            )
            if usable and len(self._idle) < self._settings.idle:
                self._idle.append(session)
                return
        with contextlib.suppress(psycopg2.Error):
            session.close()

    def close(self) -> None:
        """Close the idle connections; those that are lent are closed when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        if self._process == os.getpid():
            for session in idle:
                session.close()

    def _kept(self) -> connection | None:
        """Take an idle connection, if there is one."""
        with self._lock:
            if self._process != os.getpid():
                # They belong to the process that opened them, which still uses their sockets.
                self._idle, self._process = [], os.getpid()
            return self._idle.pop() if self._idle else None

    def _prepare(self, session: connection) -> None:
        settings = self._settings
        values: dict[str, str] = {
            "search_path": "pg_catalog, public",
            "timezone": "UTC",
            "datestyle": "ISO, YMD",
            "intervalstyle": "postgres",
            "extra_float_digits": "1",
            "bytea_output": "hex",
            "standard_conforming_strings": "on",
            "row_security": "off",
            "work_mem": f"{max(64, settings.memory_bytes // 1024)}kB",
            "max_parallel_workers_per_gather": str(settings.workers),
            "random_page_cost": "1.1",
            "jit": "off",
            # A process that is killed leaves nothing running on the server.
            "client_connection_check_interval": "5s",
        }
        with session.cursor() as cursor:
            for name, value in values.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        session.commit()
        if settings.temporary_bytes is not None:
            _limit_temporary_space(session, settings.temporary_bytes)


def _answers(session: connection) -> bool:
    """Whether the server still knows a connection; it may have been started anew."""
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT 1")
        session.rollback()
    except psycopg2.Error:
        session.close()
        return False
    return True


def _limit_temporary_space(session: connection, limit_bytes: int) -> None:
    """Set the limit where the role may: a superuser, or one with the grant."""
    try:
        with session.cursor() as cursor:
            limit = f"{max(1, limit_bytes // 1024)}kB"
            cursor.execute("SELECT set_config('temp_file_limit', %s, false)", (limit,))
    except psycopg2.errors.InsufficientPrivilege:
        session.rollback()
    else:
        session.commit()
