"""Arrow columns without wrappers: dictionaries decoded, extension types unwrapped."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["plain_batch", "plain_schema", "plain_type"]


def plain_type(arrow: pa.DataType) -> pa.DataType:
    """Give the type without dictionaries and extensions, inside lists and structs as well."""
    if pa.types.is_dictionary(arrow) or pa.types.is_run_end_encoded(arrow):
        return plain_type(arrow.value_type)
    if isinstance(arrow, pa.BaseExtensionType):
        return plain_type(arrow.storage_type)
    if pa.types.is_struct(arrow):
        return pa.struct(
            [
                (arrow.field(i).name, plain_type(arrow.field(i).type))
                for i in range(arrow.num_fields)
            ]
        )
    if pa.types.is_large_list(arrow):
        return pa.large_list(plain_type(arrow.value_type))
    if pa.types.is_fixed_size_list(arrow):
        return pa.list_(plain_type(arrow.value_type), arrow.list_size)
    if pa.types.is_list(arrow):
        return pa.list_(plain_type(arrow.value_type))
    return arrow


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Give the columns of a schema without wrappers and metadata."""
    return pa.schema([pa.field(field.name, plain_type(field.type)) for field in schema])


def plain_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Bring a batch to what `plain_schema` gave.

    Raises
    ------
    pa.ArrowException
        If an index of a dictionary is out of its range.
    """
    arrays = [_plain(array, field.type) for array, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _plain(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    if array.type == arrow:
        return array
    if isinstance(array, pa.ExtensionArray):
        return _plain(array.storage, arrow)
    if pa.types.is_dictionary(array.type):
        return _plain(array.dictionary_decode(), arrow)
    return array.cast(arrow)
