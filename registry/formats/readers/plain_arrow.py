"""Arrow columns without wrappers: dictionaries decoded, views and extension types unwrapped."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from registry.errors import UnreadableFile

__all__ = ["plain_batch", "plain_schema", "plain_type"]


def plain_type(arrow: pa.DataType) -> pa.DataType:
    """Give the type without encodings, views and extensions, also inside of nested types."""
    if pa.types.is_dictionary(arrow) or pa.types.is_run_end_encoded(arrow):
        return plain_type(arrow.value_type)
    if isinstance(arrow, pa.BaseExtensionType):
        return pa.bool_() if arrow == pa.bool8() else plain_type(arrow.storage_type)
    if pa.types.is_string_view(arrow):
        return pa.string()
    if pa.types.is_binary_view(arrow):
        return pa.binary()
    if pa.types.is_struct(arrow):
        fields = [arrow.field(i) for i in range(arrow.num_fields)]
        return pa.struct([(field.name, plain_type(field.type)) for field in fields])
    if pa.types.is_map(arrow):
        return pa.map_(plain_type(arrow.key_type), plain_type(arrow.item_type))
    if pa.types.is_fixed_size_list(arrow):
        return pa.list_(plain_type(arrow.value_type), arrow.list_size)
    if pa.types.is_large_list(arrow) or pa.types.is_large_list_view(arrow):
        return pa.large_list(plain_type(arrow.value_type))
    if pa.types.is_list(arrow) or pa.types.is_list_view(arrow):
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
    UnreadableFile
        If a column has a type that Arrow itself cannot take apart.
    """
    arrays = []
    for array, field in zip(batch.columns, schema, strict=True):
        try:
            arrays.append(_plain(array, field.type))
        except pa.ArrowNotImplementedError as error:
            raise UnreadableFile(
                f"the column {field.name!r} has the type {array.type}, whose values cannot be "
                "read; leave it out or write it as text"
            ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _plain(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    if array.type == arrow:
        return array
    if isinstance(array, pa.ExtensionArray):
        is_bool8 = array.type == pa.bool8()
        return pc.not_equal(array.storage, 0) if is_bool8 else _plain(array.storage, arrow)
    if pa.types.is_dictionary(array.type):
        return pc.take(_plain(array.dictionary, arrow), array.indices)
    if pa.types.is_run_end_encoded(array.type):
        return _plain(pc.run_end_decode(array), arrow)
    if pa.types.is_nested(array.type):
        return _plain_nested(array, arrow)
    return array.cast(arrow)


def _plain_nested(array: pa.Array, arrow: pa.DataType) -> pa.Array:
    mask = array.is_null()
    if pa.types.is_struct(arrow):
        fields = [arrow.field(i) for i in range(arrow.num_fields)]
        children = [_plain(array.field(i), field.type) for i, field in enumerate(fields)]
        return pa.StructArray.from_arrays(children, fields=fields, mask=mask)
    if pa.types.is_fixed_size_list(arrow):
        size = arrow.list_size
        used = array.values.slice(array.offset * size, len(array) * size)
        return pa.FixedSizeListArray.from_arrays(
            _plain(used, arrow.value_type), type=arrow, mask=mask
        )
    if pa.types.is_map(arrow):
        offsets = pa.array(array.offsets.to_numpy())
        keys, items = _plain(array.keys, arrow.key_type), _plain(array.items, arrow.item_type)
        return pa.MapArray.from_arrays(offsets, keys, items, type=arrow, mask=mask)
    # Lists of a view may lie anywhere: their lengths put them one behind the other.
    lengths = pc.list_value_length(array).fill_null(0).cast(pa.int64())
    is_large = pa.types.is_large_list(arrow)
    starts = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)])
    offsets = starts if is_large else starts.cast(pa.int32())
    kind = pa.LargeListArray if is_large else pa.ListArray
    values = _plain(pc.list_flatten(array), arrow.value_type)
    return kind.from_arrays(offsets, values, type=arrow, mask=mask)
