"""The log of a run, in the Photo-z Server's form."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

__all__ = ["RunLog"]

_FORM = "%(moment)s | %(levelname)s | %(phase)s | %(name)s | %(message)s"
"""Time, level, phase, logger, message (contract of the pipelines, part 1.8)."""

_MAX_BYTES = 20_000_000
"""After so much the log goes on in a new file, as in the Photo-z Server."""

_KEPT = 5


class RunLog(logging.Filter):
    """Writes what loggers say into a file, with the phase of the run.

    Attributes
    ----------
    phase
        What the run does now, one word.
    """

    def __init__(self) -> None:
        super().__init__()
        self.phase = "init"

    def filter(self, record: logging.LogRecord) -> bool:
        """Add moment and phase to a record."""
        moment = time.strftime("%Y-%m-%d-%H:%M:%S", time.gmtime(record.created))
        record.moment = f"{moment}.{int(record.created % 1 * 1e6):06d}"
        record.phase = self.phase
        return True

    @contextmanager
    def written_to(self, path: Path) -> Iterator[None]:
        """Write into a file inside of ``with``."""
        handler = RotatingFileHandler(
            path, maxBytes=_MAX_BYTES, backupCount=_KEPT, encoding="utf-8"
        )
        handler.setFormatter(logging.Formatter(_FORM))
        handler.addFilter(self)
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        try:
            yield
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
            handler.close()
