"""What programs get that know one table in a file: `pzserver`, pandas, `tables_io`.

They choose a reader by the end of a file's name, and know neither comments nor a choice of
tables. A main file that they would not read as the table of its product is converted for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.model.product_file import ProductFile

__all__ = ["plain_format"]

_ENDINGS = {
    "CSV": (".csv",),
    "FITS": (".fits",),
    "HDF5": (".hdf5",),
    "Parquet": (".parquet", ".parq", ".pq"),
}
"""By format, the ends of names that `tables_io` 1.1 and the client 0.3.7 read rightly."""


def plain_format(file: ProductFile, facts: Mapping[str, Any] | None) -> str | None:
    """Name the format into which a main file is converted for such programs.

    Parameters
    ----------
    file
        The main file.
    facts
        What was found when it was read.

    Returns
    -------
    str or None
        ``csv`` or ``fits``; nothing if they get the file as it is: they read it rightly, or it
        holds no table, or it is a folder.

    Notes
    -----
    The client reads what ends with ``.csv`` with pandas, whatever it is, and leaves the rest to
    `tables_io`, which takes texts from FITS alone without harm.
    """
    if facts is None or facts.get("format") is None or file.is_directory or file.n_rows is None:
        return None
    extension = file.extension
    plain = (facts.get("layout") or {}).get("is_plain", True)
    if plain and extension in _ENDINGS.get(str(facts["format"]), ()):
        return None
    return "csv" if extension == ".csv" else "fits"
