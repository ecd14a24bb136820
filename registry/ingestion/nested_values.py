"""Values of structs, maps and lists as JSON."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pyarrow as pa

from registry.ingestion.iso_times import iso_texts, seconds

__all__ = ["is_list", "json_texts"]


def is_list(arrow: pa.DataType) -> bool:
    """Tell whether a type is a list of any kind; a map is none."""
    return bool(
        pa.types.is_list(arrow)
        or pa.types.is_large_list(arrow)
        or pa.types.is_fixed_size_list(arrow)
        or pa.types.is_list_view(arrow)
        or pa.types.is_large_list_view(arrow)
    )


def json_texts(values: pa.Array) -> pa.Array:
    """Write nested values as JSON.

    Parameters
    ----------
    values
        Of any nested type. Moments and times become text in ISO 8601, durations seconds,
        decimals text, bytes base64, numbers that are none null, maps lists of pairs.
    """
    timed = _has_times(values.type)
    plain = [_plain(value) for value in values] if timed else values.to_pylist()
    return pa.array([_json_text(value) for value in plain], pa.string())


def _has_times(arrow: pa.DataType) -> bool:
    return pa.types.is_temporal(arrow) or any(
        _has_times(arrow.field(index).type) for index in range(arrow.num_fields)
    )


def _plain(value: pa.Scalar) -> Any:  # noqa: ANN401 - any value of a file
    """Give a value in Python's types; its own way stops at nanoseconds and at the year 9999."""
    arrow = value.type
    if not value.is_valid:
        return None
    if pa.types.is_struct(arrow):
        return {arrow.field(i).name: _plain(value[i]) for i in range(arrow.num_fields)}
    if is_list(arrow) or pa.types.is_map(arrow):
        inner = [_plain(element) for element in value.values]
        return [list(pair.values()) for pair in inner] if pa.types.is_map(arrow) else inner
    if not pa.types.is_temporal(arrow) or pa.types.is_interval(arrow):
        return value.as_py()
    one = pa.array([value], arrow)
    return (seconds(one) if pa.types.is_duration(arrow) else iso_texts(one))[0].as_py()


def _json_text(value: Any) -> str | None:  # noqa: ANN401 - any nested value of a file
    if value is None:
        return None
    return json.dumps(_json_value(value), ensure_ascii=False, default=_json_other)


def _json_value(value: Any) -> Any:  # noqa: ANN401 - any nested value of a file
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(inner) for inner in value]
    return value


def _json_other(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)
