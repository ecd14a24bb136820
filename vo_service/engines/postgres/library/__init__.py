"""Functions of ADQL that a PostgreSQL database gets from this service, and how they are called.

The scripts beside this module make them in the schema ``pzvo``. They hold to three rules, which
the printer relies on: a value that is undefined or beyond double precision is NULL at once, as in
none of PostgreSQL's own functions; one that is too small is 0; and no function makes an exception
its own, so that queries can be run by several workers. Formulas are those of
`vo_service.engines.sphere` and `vo_service.engines.distributions`.
"""

from __future__ import annotations

from vo_service.engines.postgres.library.scripts import LIBRARY_VERSION, install_sql
from vo_service.engines.postgres.library.spellings import SPELLED, spell

__all__ = ["LIBRARY_VERSION", "SPELLED", "install_sql", "spell"]
