"""Conditions over columns, as text from strangers: parsed and checked, never run as code.

What is understood: names of columns; numbers, texts, True and False; comparisons, also chained;
``and``, ``or``, ``not``; ``+ - * /``; ``float()``, ``int()``, ``str()``, ``len()``; one
character of a text (``x[-2]``); ``np.trunc``, ``np.abs``, ``np.isfinite``. All else is refused.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

from pipelines.errors import PipelineError

__all__ = ["FUNCTIONS", "Expression", "ExpressionRefused", "parse_expression"]

_MAX_CHARS = 4_000
"""Length of an expression: eight times the longest one that surveys need."""

_MAX_NODES = 1_000
"""Parts of an expression, five times those of the longest one that surveys need."""

_MAX_DEPTH = 40
"""Nesting of an expression; surveys need ten."""

_MAX_NUMBER = 1e18
"""Numbers beyond it would not be exact as 64-bit integers, and no flag is that large."""

_MAX_INDEX = 1_000

FUNCTIONS = frozenset({"float", "int", "str", "len", "np.trunc", "np.abs", "np.isfinite"})
"""Functions of one argument that may be called."""

_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_SIGNS = (ast.Not, ast.USub, ast.UAdd)

_WORDS: dict[type[ast.AST], str] = {
    ast.Attribute: "access to attributes",
    ast.Pow: "powers (**)",
    ast.Mod: "remainders (%)",
    ast.FloorDiv: "whole division (//)",
    ast.Lambda: "functions of your own (lambda)",
    ast.IfExp: "if ... else",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.BitAnd: "& (write and)",
    ast.BitOr: "| (write or)",
    ast.Invert: "~ (write not)",
    ast.JoinedStr: "formatted texts",
    ast.NamedExpr: "assignments",
    ast.Slice: "slices",
    ast.Await: "await",
}
"""What is refused, in words for people; other constructs go by the name of their node."""


class ExpressionRefused(PipelineError):
    """Say why an expression is not accepted, with the position in its text."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked condition.

    Attributes
    ----------
    text
        As it was written.
    tree
        Its syntax tree, of the accepted nodes alone.
    names
        Columns that it names.
    """

    text: str
    tree: ast.expr
    names: frozenset[str]


def parse_expression(text: str) -> Expression:
    """Check an expression and take it apart.

    Parameters
    ----------
    text
        The expression.

    Raises
    ------
    ExpressionRefused
        If it is no expression, too long or too deep, or has a part that is not accepted.
    """
    if len(text) > _MAX_CHARS:
        raise ExpressionRefused(
            f"an expression of {len(text)} characters; {_MAX_CHARS} are accepted"
        )
    if "\0" in text:  # What the parser says of them depends on the release of Python.
        raise ExpressionRefused(f"{_shown(text)} is no expression: it has null bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        place = f" at character {error.offset}" if error.offset else ""
        raise ExpressionRefused(f"{_shown(text)} is no expression{place}: {error.msg}") from error
    except (ValueError, MemoryError, RecursionError) as error:
        raise ExpressionRefused(f"{_shown(text)} cannot be taken apart; make it simpler") from error
    checker = _Checker(text)
    checker.check(tree, 0)
    return Expression(text, tree, frozenset(checker.names))


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


class _Checker:
    """Walks a tree and refuses every node that is not listed."""

    def __init__(self, text: str) -> None:
        self.names: set[str] = set()
        self._text = text
        self._nodes = 0

    def check(self, node: ast.expr, depth: int) -> None:
        self._nodes += 1
        if depth > _MAX_DEPTH:
            raise ExpressionRefused(
                f"{_shown(self._text)} is nested deeper than {_MAX_DEPTH} levels"
            )
        if self._nodes > _MAX_NODES:
            raise ExpressionRefused(f"{_shown(self._text)} has more than {_MAX_NODES} parts")
        for part in self._parts(node):
            self.check(part, depth + 1)

    def _parts(self, node: ast.expr) -> list[ast.expr]:
        match node:
            case ast.Constant():
                self._check_constant(node)
                return []
            case ast.Name(id=name):
                self._check_name(name, node)
                return []
            case ast.BoolOp(values=values):
                return values
            case ast.UnaryOp(op=operator, operand=operand):
                self._require(operator, _SIGNS, node)
                return [operand]
            case ast.BinOp(left=left, op=operator, right=right):
                self._require(operator, _OPERATORS, node)
                return [left, right]
            case ast.Compare(left=left, ops=operators, comparators=others):
                for comparison in operators:
                    self._require(comparison, _COMPARISONS, node)
                return [left, *others]
            case ast.Call():
                return self._check_call(node)
            case ast.Subscript(value=value, slice=place):
                self._check_index(place, node)
                return [value]
            case _:
                raise self._refusal(node, node)

    def _check_constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, int | float) and not abs(value) <= _MAX_NUMBER:
            raise ExpressionRefused(
                f"{_shown(self._text)} has a number beyond {_MAX_NUMBER:g} at character "
                f"{node.col_offset + 1}"
            )
        if not isinstance(value, bool | int | float | str):
            raise ExpressionRefused(
                f"{_shown(self._text)}: {value!r} at character {node.col_offset + 1} is neither "
                "a number, a text, True nor False"
            )

    def _check_name(self, name: str, node: ast.expr) -> None:
        if name.startswith("__"):
            raise ExpressionRefused(
                f"{_shown(self._text)}: {name!r} at character {node.col_offset + 1} is no column"
            )
        self.names.add(name)

    def _check_call(self, node: ast.Call) -> list[ast.expr]:
        name = called(node.func)
        if name not in FUNCTIONS or len(node.args) != 1 or node.keywords:
            raise ExpressionRefused(
                f"{_shown(self._text)}: the call {_shown(ast.unparse(node))} at character "
                f"{node.col_offset + 1} is not accepted; the functions, of one argument, are "
                f"{', '.join(sorted(FUNCTIONS))}"
            )
        if isinstance(node.args[0], ast.Starred):
            raise self._refusal(node.args[0], node)
        return list(node.args)

    def _check_index(self, place: ast.expr, node: ast.expr) -> None:
        if index_of(place) is None:
            raise ExpressionRefused(
                f"{_shown(self._text)}: at character {node.col_offset + 1} only the number of one "
                "character may stand in brackets, as in x[-2]"
            )

    def _require(self, operator: ast.AST, known: tuple[type[ast.AST], ...], node: ast.expr) -> None:
        if not isinstance(operator, known):
            raise self._refusal(operator, node)

    def _refusal(self, what: ast.AST, node: ast.expr) -> ExpressionRefused:
        word = _WORDS.get(type(what), type(what).__name__)
        return ExpressionRefused(
            f"{_shown(self._text)}: {word} at character {node.col_offset + 1} is not accepted"
        )


def called(function: ast.expr) -> str | None:
    """Name the function of a call: a plain name, or one of ``np``; none for anything else."""
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="np"), attr=name):
            return f"np.{name}"
        case _:
            return None


def index_of(place: ast.expr) -> int | None:
    """Give the whole number in brackets; none if it is something else."""
    match place:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            index = number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            index = -number
        case _:
            return None
    return index if abs(index) <= _MAX_INDEX else None
