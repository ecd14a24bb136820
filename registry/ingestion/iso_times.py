"""Moments, times of day and durations of any range, without Python's own types.

Python's ``datetime`` ends with the year 9999 and knows no nanoseconds; files know both.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["in_calendar", "iso_texts", "seconds", "without_nat"]

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

_NOT_A_TIME = -(2**63)
"""The count that numpy and pandas take for a missing moment or duration."""

_FIRST_US = -62_135_596_800_000_000
"""Beginning of the year 1, in microseconds since 1970."""

_END_US = 253_402_300_800_000_000
"""Beginning of the year 10000: DALI 1.1 (section 3.3.3) writes years with four digits."""


def in_calendar(moments: pa.Array) -> bool:
    """Tell whether all moments, in microseconds, lie in the years 1 to 9999."""
    extremes = pc.min_max(moments.cast(pa.int64()))
    low, high = extremes["min"].as_py(), extremes["max"].as_py()
    return low is None or (low >= _FIRST_US and high < _END_US)


def iso_texts(values: pa.Array) -> pa.Array:
    """Write dates, moments (in UTC) or times of day as ISO 8601 does.

    Parameters
    ----------
    values
        Of a temporal type other than a duration. Zeros at the end of a fraction are left out;
        a year of more than four digits has its sign, as the standard demands.

    Notes
    -----
    The moment of a type with a time zone does not depend on the zone: it is stored in UTC.
    """
    if pa.types.is_time(values.type):
        return _without_zeros(values.cast(pa.string()))
    if pa.types.is_date32(values.type):
        unit, integers = "D", values.cast(pa.int32()).cast(pa.int64())
    else:
        unit = "ms" if pa.types.is_date64(values.type) else values.type.unit
        integers = values.cast(pa.int64())
    moments = integers.fill_null(_NOT_A_TIME).to_numpy(zero_copy_only=False)
    moments = moments.view(f"datetime64[{unit}]")
    written = np.datetime_as_string(moments).astype(object)
    texts = _without_zeros(pa.array(written, pa.string(), mask=np.isnat(moments)))
    return pc.replace_substring_regex(texts, r"^(\d{5,}-)", r"+\1")


def without_nat(values: pa.Array) -> pa.Array:
    """Make numpy's and pandas' mark of a missing moment or duration (NaT) null."""
    missing = pc.equal(values.cast(pa.int64()), _NOT_A_TIME)
    if not pc.any(missing).as_py():
        return values
    return pc.if_else(missing, pa.scalar(None, values.type), values)


def seconds(durations: pa.Array) -> pa.Array:
    """Give durations as seconds in floating point."""
    counts = without_nat(durations).cast(pa.int64()).cast(pa.float64(), safe=False)
    return pc.divide(counts, float(_PER_SECOND[durations.type.unit]))


def _without_zeros(texts: pa.Array) -> pa.Array:
    return pc.utf8_rtrim(pc.replace_substring_regex(texts, r"(\.\d*?)0+$", r"\1"), ".")
