"""What an engine process of the engine over a database server runs: it only translates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from vo_service.adql.limits import Limits
from vo_service.adql.typed import Query
from vo_service.engines.base import EngineUnavailable, Execution, Statement
from vo_service.engines.postgres.context import Prefilter
from vo_service.engines.postgres.printer import print_statement
from vo_service.engines.processor import LocalProcessor

__all__ = ["open_processor"]


class PostgresTranslator:
    """Prints queries, and has no connection to run them."""

    def __init__(self, prefilter: Prefilter) -> None:
        self._prefilter = prefilter

    def translate(self, query: Query, row_limit: int | None = None) -> Statement:
        """Print a query; raises as `PostgresEngine.translate`."""
        return print_statement(query, row_limit, self._prefilter)

    def execute(
        self, statement: Statement, temporaries: Mapping[str, pa.Table], time_limit_s: float
    ) -> Execution:
        """Refuse: this process cannot reach the server."""
        del statement, temporaries, time_limit_s
        raise EngineUnavailable("this process only translates")

    def check(self) -> None:
        """Do nothing: there is nothing to be reached."""

    def close(self) -> None:
        """Do nothing."""


def open_processor(scratch: Path, *, limits: Limits, prefilter: Prefilter) -> LocalProcessor:
    """Make the translator.

    Parameters
    ----------
    scratch
        Not used.
    limits
        Of the size of a query.
    prefilter
        What finds the candidates of positional joins.
    """
    del scratch
    return LocalProcessor(PostgresTranslator(prefilter), limits)
