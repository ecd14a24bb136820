"""Functions that DuckDB calls with columns: geometry, HEALPix and distributions in numpy.

SQL would be clumsy for these. Each is registered before the configuration is locked, and seen by
every connection; a call has up to 2,048 rows. Rows with a NULL, or for which there is no value,
give NULL. Nothing but the printer names them.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from vo_service.engines import distributions, sphere
from vo_service.engines.sphere.frames import transform
from vo_service.engines.sphere.motion import propagated

__all__ = ["ARROW_FUNCTIONS", "ArrowFunction", "register"]

_Array = np.ndarray[Any, np.dtype[Any]]
_Work = Callable[..., _Array]
_LIST = "DOUBLE[]"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class ArrowFunction:
    """A function over columns.

    Attributes
    ----------
    name
        Name in SQL.
    arguments
        SQL types; lists come as arrays of shape (k, numbers), with one row where all are equal
        and the work is `constant_lists`.
    result
        SQL type.
    work
        Computes the values of rows whose lists have the same lengths.
    constant_lists
        Whether equal lists are given once.
    """

    name: str
    arguments: tuple[str, ...]
    result: str
    work: _Work
    constant_lists: bool = False

    def __call__(self, *columns: pa.ChunkedArray) -> pa.Array:
        """Compute a column."""
        arrays = [_whole(column) for column in columns]
        rows = len(arrays[0])
        valid = np.ones(rows, bool)
        for array in arrays:
            if array.null_count:
                valid &= array.is_valid().to_numpy(zero_copy_only=False)
        results: list[tuple[_Array, _Array]] = []
        for chosen, values in self._groups(arrays, np.flatnonzero(valid)):
            results.append((chosen, self.work(*values)))
        return _column(results, rows, self.result)

    def _groups(
        self, arrays: Sequence[pa.Array], rows: _Array
    ) -> Iterator[tuple[_Array, list[_Array]]]:
        """Give the rows that have lists of the same lengths, with their arguments."""
        keys = np.zeros(len(rows), np.int64)
        for array in arrays:
            if pa.types.is_list(array.type):
                keys = keys * 2**20 + np.diff(array.offsets.to_numpy())[rows]
        if not len(rows):
            return
        for key in [keys[0]] if (keys == keys[0]).all() else np.unique(keys):
            chosen = rows[keys == key]
            yield chosen, [self._argument(array, chosen) for array in arrays]

    def _argument(self, array: pa.Array, rows: _Array) -> _Array:
        if not pa.types.is_list(array.type):
            values: _Array = array.take(pa.array(rows)).to_numpy(zero_copy_only=False)
            return values
        offsets = array.offsets.to_numpy()
        length = int(offsets[rows[0] + 1] - offsets[rows[0]])
        numbers = array.values.to_numpy(zero_copy_only=False)
        lists: _Array = numbers[offsets[rows][:, None] + np.arange(length)]
        if self.constant_lists and (lists == lists[0]).all():
            return lists[:1]
        return lists


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _column(results: list[tuple[_Array, _Array]], rows: int, type_: str) -> pa.Array:
    """Put the values of groups of rows together; NaN and what is missing is NULL."""
    if type_ == _LIST:
        lists: list[_Array | None] = [None] * rows
        for chosen, values in results:
            for row, value in zip(chosen.tolist(), values, strict=True):
                lists[row] = None if np.isnan(value).any() else value
        return pa.array(lists, pa.list_(pa.float64()))
    dtype = {"BOOLEAN": np.bool_, "BIGINT": np.int64, "DOUBLE": np.float64}[type_]
    whole: _Array = np.zeros(rows, dtype)
    missing = np.ones(rows, bool)
    for chosen, values in results:
        whole[chosen] = values.filled(0) if isinstance(values, np.ma.MaskedArray) else values
        missing[chosen] = np.ma.getmaskarray(values) if np.ma.isMA(values) else False
    if dtype is np.float64:
        missing |= ~np.isfinite(whole)
    return pa.array(whole, mask=missing)


def _is_shape(numbers: int) -> bool:
    return numbers in (2, 3) or (numbers >= 6 and numbers % 2 == 0)


def _shaped(work: _Work) -> _Work:
    """Give NULL for lists that are no shapes, and for shapes with missing numbers."""

    @functools.wraps(work)
    def checked(*shapes: _Array) -> _Array:
        rows = max(map(len, shapes))
        wrong = np.zeros(rows, bool)
        for shape in shapes:
            if not _is_shape(shape.shape[1]):
                return np.full(rows, np.nan)
            wrong |= ~np.isfinite(shape).all(axis=1)
        with np.errstate(invalid="ignore"):
            values = work(*shapes)
        return _masked(values, wrong) if wrong.any() else values

    return checked


def _inside(lon: _Array, lat: _Array, vertices: _Array) -> _Array:
    if not _is_shape(vertices.shape[1]) or vertices.shape[1] < 6:
        return np.ma.MaskedArray(np.zeros(len(lon), np.bool_), True)
    wrong = ~(np.isfinite(lon) & np.isfinite(lat)) | ~np.isfinite(vertices).all(axis=1)
    with np.errstate(invalid="ignore"):
        values = sphere.points_inside(lon, lat, vertices)
    return _masked(values, wrong)


def _masked(values: _Array, wrong: _Array) -> _Array:
    # One answer may stand for all rows.
    shape = (len(wrong), *values.shape[1:])
    mask = np.broadcast_to(wrong.reshape(-1, *[1] * (values.ndim - 1)), shape)
    return np.ma.MaskedArray(np.broadcast_to(values, shape), mask)


def _centroids(shapes: _Array) -> _Array:
    return _unmasked(_shaped(sphere.centroids)(shapes), len(shapes))


def _unmasked(values: _Array, rows: int) -> _Array:
    if values.ndim == 1:
        return np.full((rows, 1), np.nan)
    filled: _Array = np.ma.filled(values, np.nan)
    return filled


def _transformed(source: _Array, target: _Array, shapes: _Array) -> _Array:
    if not _is_shape(shapes.shape[1]):
        return np.full((len(shapes), 1), np.nan)
    return transform(str(source[0]), str(target[0]), shapes)


def _healpix_index(order: _Array, lon: _Array, lat: _Array) -> _Array:
    from astropy import units
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix import nested

    wrong = ~((order >= 0) & (order <= 29) & np.isfinite(lon) & (np.abs(lat) <= 90))
    found = np.zeros(len(lon), np.int64)
    right = np.flatnonzero(~wrong)
    if len(right):
        found[right] = nested.lonlat_to_healpix(
            Longitude(lon[right], units.deg),
            Latitude(lat[right], units.deg),
            order[right].astype(np.uint8),
            num_threads=1,
        )
    return np.ma.MaskedArray(found, wrong)


def _healpix_center(order: _Array, index: _Array) -> _Array:
    from cdshealpix import nested

    known = (order >= 0) & (order <= 29)
    cells = np.where(known, 12 * 4 ** np.where(known, order, 0), 0)
    right = np.flatnonzero((index >= 0) & (index < cells))
    found = np.full((len(index), 2), np.nan)
    if len(right):
        lon, lat = nested.healpix_to_lonlat(
            index[right].astype(np.uint64), order[right].astype(np.uint8), num_threads=1
        )
        found[right, 0], found[right, 1] = lon.deg, lat.deg
    return found


def _has_words(haystacks: _Array, needles: _Array) -> _Array:
    return np.array(
        [_has(text, _words(needle)) for text, needle in zip(haystacks, needles, strict=True)], bool
    )


def _has(text: str, words: tuple[str, ...]) -> bool:
    # A blank before the text and before each word: a word begins where a blank ends.
    spaced = " " + " ".join(_WORD.findall(text.lower()))
    return bool(words) and all(f" {word}" in spaced for word in words)


@functools.lru_cache(maxsize=256)
def _words(needle: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(needle.lower()))


def _spread_counts(bins: _Array, counts: _Array, length: _Array) -> _Array:
    spread = np.zeros((len(length), int(length[0])))
    np.put_along_axis(spread, bins.astype(np.int64), counts, axis=1)
    return spread


def _propagated(*columns: _Array) -> _Array:
    *motion, reference, epoch = columns
    return propagated(np.stack(motion), epoch - reference)


def _densities(work: _Work) -> _Work:
    """Give NULL where the grid does not go with the density."""

    @functools.wraps(work)
    def checked(densities: _Array, grids: _Array, *numbers: _Array) -> _Array:
        if densities.shape[1] < 2 or grids.shape[1] not in (2, densities.shape[1]):
            return np.full(len(densities), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            return work(densities, grids, *numbers)

    return checked


ARROW_FUNCTIONS = (
    ArrowFunction("sphere_area", (_LIST,), "DOUBLE", _shaped(sphere.area_deg2)),
    ArrowFunction("sphere_centroid", (_LIST,), _LIST, _centroids),
    ArrowFunction("sphere_box", ("DOUBLE",) * 4, _LIST, sphere.box_vertices),
    ArrowFunction("sphere_contains", (_LIST, _LIST), "BOOLEAN", _shaped(sphere.contains), True),
    ArrowFunction("sphere_intersects", (_LIST, _LIST), "BOOLEAN", _shaped(sphere.intersects), True),
    ArrowFunction("sphere_inside", ("DOUBLE", "DOUBLE", _LIST), "BOOLEAN", _inside, True),
    ArrowFunction("sphere_transform", ("VARCHAR", "VARCHAR", _LIST), _LIST, _transformed),
    ArrowFunction("sphere_propagate", ("DOUBLE",) * 8, _LIST, _propagated),
    ArrowFunction("healpix_index", ("BIGINT", "DOUBLE", "DOUBLE"), "BIGINT", _healpix_index),
    ArrowFunction("healpix_center", ("BIGINT", "BIGINT"), _LIST, _healpix_center),
    ArrowFunction("has_words", ("VARCHAR", "VARCHAR"), "BOOLEAN", _has_words),
    ArrowFunction("spread_counts", (_LIST, _LIST, "BIGINT"), _LIST, _spread_counts),
    ArrowFunction("pdf_mean", (_LIST, _LIST), "DOUBLE", _densities(distributions.means)),
    ArrowFunction(
        "pdf_quantile", (_LIST, _LIST, "DOUBLE"), "DOUBLE", _densities(distributions.quantiles)
    ),
    ArrowFunction(
        "pdf_integral",
        (_LIST, _LIST, "DOUBLE", "DOUBLE"),
        "DOUBLE",
        _densities(distributions.integrals),
    ),
)
"""Every function over columns."""


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the functions known to an instance."""
    for function in ARROW_FUNCTIONS:
        connection.create_function(
            function.name,
            _counted(function),
            list(function.arguments),
            function.result,
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
        )


def _counted(function: ArrowFunction) -> Callable[..., pa.Array]:
    """Give a function with as many parameters as its declaration; the driver counts them."""

    def call(*columns: pa.ChunkedArray) -> pa.Array:
        return function(*columns)

    kind = inspect.Parameter.POSITIONAL_ONLY
    names = [inspect.Parameter(f"column{i}", kind) for i in range(len(function.arguments))]
    call.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]  # set on purpose
    return call
