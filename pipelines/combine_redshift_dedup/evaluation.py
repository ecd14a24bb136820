"""Checked conditions over whole columns at once, with nulls as in SQL.

A null operand makes a comparison unknown, ``and``, ``or`` and ``not`` follow Kleene's logic, and
a condition that ends up unknown is false. NaN counts as null; so does what has no value: a text
that is no number under ``float()``, a division by zero. Text compared with a number is read as a
number (a column ``type`` of texts holds ``1`` just as one of numbers does); a text that is none
is unequal to every number.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.combine_redshift_dedup.cells import numbers_of_text
from pipelines.combine_redshift_dedup.expressions import Expression, called, index_of

__all__ = ["holds"]

Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Operand:
    """Values of one part of an expression; of length 1 for constants.

    Attributes
    ----------
    values
        Numbers (64-bit), truth values, or an Arrow array of texts.
    known
        Where there is a value.
    """

    values: Any
    known: Bools

    @property
    def is_text(self) -> bool:
        return isinstance(self.values, pa.Array)

    @property
    def is_truth(self) -> bool:
        return not self.is_text and self.values.dtype == np.bool_


def holds(expression: Expression, columns: Mapping[str, pa.Array], rows: int) -> Bools:
    """Tell in which rows a condition is true.

    Parameters
    ----------
    expression
        The condition.
    columns
        Arrays of numbers, truth values or texts, of one length; all that it names.
    rows
        Their length.

    Raises
    ------
    KeyError
        If a column is missing.
    """
    if rows == 0:
        return np.zeros(0, np.bool_)
    with np.errstate(all="ignore"):
        values, known = _truth(_evaluate(expression.tree, columns))
    return np.broadcast_to(values & known, (rows,))


def _evaluate(node: ast.expr, columns: Mapping[str, pa.Array]) -> _Operand:
    match node:
        case ast.Constant(value=(str() | float() | int()) as value):
            return _constant(value)
        case ast.Name(id=name):
            return _column(columns[name])
        case ast.BoolOp(op=operator, values=values):
            parts = [_truth(_evaluate(value, columns)) for value in values]
            return _connected(parts, isinstance(operator, ast.And))
        case ast.UnaryOp(op=operator, operand=inner):
            return _signed(operator, _evaluate(inner, columns))
        case ast.BinOp(left=left, op=operator, right=right):
            return _computed(operator, _evaluate(left, columns), _evaluate(right, columns))
        case ast.Compare(left=left, ops=operators, comparators=others):
            operands = [_evaluate(part, columns) for part in (left, *others)]
            links = [
                _truth(_compared(operator, a, b))
                for operator, a, b in zip(operators, operands, operands[1:], strict=False)
            ]
            return _connected(links, conjunction=True)
        case ast.Call(func=function, args=[argument]):
            return _applied(called(function) or "", _evaluate(argument, columns))
        case ast.Subscript(value=inner, slice=place):
            return _character(_evaluate(inner, columns), index_of(place) or 0)
        case _:
            raise TypeError(f"{type(node).__name__} was not refused by the parser")


def _constant(value: float | str | bool) -> _Operand:
    known = np.ones(1, np.bool_)
    if isinstance(value, str):
        return _Operand(pa.array([value]), known)
    return _Operand(np.array([value]), known)


def _column(array: pa.Array) -> _Operand:
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _Operand(array, array.is_valid().to_numpy(zero_copy_only=False))
    if pa.types.is_null(kind):
        return _Operand(np.zeros(len(array)), np.zeros(len(array), np.bool_))
    known = array.is_valid().to_numpy(zero_copy_only=False)
    if array.null_count:
        array = array.fill_null(False if pa.types.is_boolean(kind) else 0)
    values = array.to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f" or values.dtype == np.uint64:
        return _known(values, known)
    return _Operand(values if values.dtype == np.bool_ else values.astype(np.int64), known)


def _known(values: npt.NDArray[Any], known: Bools) -> _Operand:
    numbers = values.astype(np.float64, copy=False)
    return _Operand(numbers, known & ~np.isnan(numbers))


def _truth(operand: _Operand) -> tuple[Bools, Bools]:
    if operand.is_truth:
        return operand.values, operand.known
    if operand.is_text:
        lengths = pc.utf8_length(operand.values).fill_null(0)
        return lengths.to_numpy(zero_copy_only=False) > 0, operand.known
    return operand.values != 0, operand.known


def _connected(parts: list[tuple[Bools, Bools]], conjunction: bool) -> _Operand:
    """Join truth values by Kleene's ``and`` or ``or``."""
    value, known = parts[0]
    for other, other_known in parts[1:]:
        if conjunction:
            decided = (known & ~value) | (other_known & ~other)
            value, known = value & other, (known & other_known) | decided
        else:
            decided = (known & value) | (other_known & other)
            value, known = (known & value) | (other_known & other), (known & other_known) | decided
    return _Operand(value, known)


def _signed(operator: ast.unaryop, operand: _Operand) -> _Operand:
    if isinstance(operator, ast.Not):
        value, known = _truth(operand)
        return _Operand(~value, known)
    number = _number(operand)
    values = -number.values if isinstance(operator, ast.USub) else number.values
    return _Operand(values, number.known)


def _number(operand: _Operand) -> _Operand:
    if operand.is_text:
        values = numbers_of_text(operand.values)
        return _known(values, operand.known)
    if operand.is_truth:
        return _Operand(operand.values.astype(np.int64), operand.known)
    return operand


def _computed(operator: ast.operator, left: _Operand, right: _Operand) -> _Operand:
    if isinstance(operator, ast.Add) and left.is_text and right.is_text:
        size = max(len(left.values), len(right.values))
        joined = pc.binary_join_element_wise(_long(left, size), _long(right, size), "")
        return _Operand(joined, joined.is_valid().to_numpy(zero_copy_only=False))
    a, b = _number(left), _number(right)
    known = a.known & b.known
    # Whole numbers wrap around; as doubles they do not.
    x, y = a.values.astype(np.float64), b.values.astype(np.float64)
    match operator:
        case ast.Add():
            return _known(x + y, known)
        case ast.Sub():
            return _known(x - y, known)
        case ast.Mult():
            return _known(x * y, known)
        case _:
            return _known(x / y, known & (y != 0))


def _long(operand: _Operand, size: int) -> pa.Array:
    if len(operand.values) == size:
        return operand.values
    return pa.repeat(operand.values[0], size)


def _compared(operator: ast.cmpop, left: _Operand, right: _Operand) -> _Operand:
    known = left.known & right.known
    if left.is_text and right.is_text:
        size = max(len(left.values), len(right.values))
        result = _ARROW[type(operator)](_long(left, size), _long(right, size))
        return _Operand(result.fill_null(False).to_numpy(zero_copy_only=False), known)
    a, b = _number(left), _number(right)
    result = _NUMPY[type(operator)](a.values, b.values)
    if isinstance(operator, ast.Eq):
        result = result & a.known & b.known
    elif isinstance(operator, ast.NotEq):
        result = result | ~(a.known & b.known)
    else:
        known = a.known & b.known
    return _Operand(result, known)


_NUMPY: dict[type[ast.cmpop], Any] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}

_ARROW: dict[type[ast.cmpop], Any] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}


def _applied(name: str, operand: _Operand) -> _Operand:
    match name:
        case "np.isfinite":
            number = _number(operand)
            finite = np.isfinite(number.values) & number.known
            return _Operand(finite, np.ones(len(finite), np.bool_))
        case "float":
            number = _number(operand)
            return _known(number.values, number.known)
        case "np.trunc":
            number = _number(operand)
            return _known(np.trunc(number.values.astype(np.float64)), number.known)
        case "np.abs":
            number = _number(operand)
            return _Operand(np.abs(number.values), number.known)
        case "int":
            return _whole(_number(operand))
        case "len":
            lengths = pc.utf8_length(_text(operand).values).fill_null(0)
            return _Operand(lengths.to_numpy(zero_copy_only=False).astype(np.int64), operand.known)
        case _:
            return _text(operand)


def _whole(number: _Operand) -> _Operand:
    if number.values.dtype.kind == "i":
        return number
    fits = number.known & (np.abs(number.values) < 2.0**63)
    return _Operand(np.where(fits, number.values, 0).astype(np.int64), fits)


def _text(operand: _Operand) -> _Operand:
    if operand.is_text:
        return operand
    distinct, places = np.unique(operand.values, return_inverse=True)
    words = pa.array([str(value) for value in distinct.tolist()], pa.string())
    texts = words.take(pa.array(places.reshape(-1)))
    return _Operand(texts, operand.known)


def _character(operand: _Operand, index: int) -> _Operand:
    text = _text(operand)
    stop = index + 1 if index != -1 else None
    letters = pc.utf8_slice_codeunits(text.values, index, stop)
    lengths = pc.utf8_length(text.values).fill_null(0).to_numpy(zero_copy_only=False)
    inside = lengths > index if index >= 0 else lengths >= -index
    return _Operand(letters, text.known & inside)
