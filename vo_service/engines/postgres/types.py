"""VOTable types as those of PostgreSQL."""

from __future__ import annotations

import pyarrow as pa

from registry.model.field import Datatype, ValueType

__all__ = ["arrow_column_type", "column_type", "sql_type"]

_SCALARS = {
    Datatype.BOOLEAN: "boolean",
    Datatype.UNSIGNED_BYTE: "int2",
    Datatype.SHORT: "int2",
    Datatype.INT: "int4",
    Datatype.LONG: "int8",
    Datatype.FLOAT: "float4",
    Datatype.DOUBLE: "float8",
    Datatype.CHAR: "text",
    Datatype.UNICODE_CHAR: "text",
}


def sql_type(type_: ValueType) -> str:
    """Name the type of PostgreSQL that holds values of a VOTable type; there is none of 8 bits."""
    if type_.is_timestamp:
        return "timestamp"
    scalar = _SCALARS[type_.datatype]
    return f"{scalar}[]" if type_.is_array else scalar


def column_type(type_: ValueType) -> str:
    """Name the type of a stored column: text is compared by code point, whatever the database."""
    return f'{sql_type(type_)} COLLATE "C"' if type_.is_text else sql_type(type_)


_ARROW: dict[pa.DataType, str] = {
    pa.bool_(): "boolean",
    pa.uint8(): "int2",
    pa.int16(): "int2",
    pa.int32(): "int4",
    pa.int64(): "int8",
    pa.float32(): "float4",
    pa.float64(): "float8",
    pa.timestamp("us"): "timestamp",
}


def arrow_column_type(type_: pa.DataType) -> str:
    """Name the type of a stored column that holds the values of an Arrow column."""
    if pa.types.is_list(type_):
        return f"{_ARROW[type_.value_type]}[]"
    return _ARROW.get(type_, 'text COLLATE "C"')
