"""What a product was made from and what was made of it, as boxes with lines between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Box", "Line", "Lineage"]

_BOX_WIDTH, _BOX_HEIGHT = 170, 36
_GAP_X, _GAP_Y = 50, 14
_MARGIN = 4


@dataclass(frozen=True, slots=True)
class Box:
    """A product: number, upper left corner in pixels, and its generation; 0 is the product."""

    number: int
    x: float
    y: float
    generation: int


@dataclass(frozen=True, slots=True)
class Line:
    """From the right side of what was used to the left side of what was made, in pixels."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class Lineage:
    """A drawing of generations from left to right.

    Attributes
    ----------
    boxes, lines
        Products, and which was made from which.
    width, height
        Of the drawing in pixels.
    """

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: float
    height: float
    box_width: float = _BOX_WIDTH
    box_height: float = _BOX_HEIGHT

    @classmethod
    def of(cls, generations: Mapping[int, int], uses: Iterable[tuple[int, int]]) -> Lineage:
        """Lay it out.

        Parameters
        ----------
        generations
            Of each product by its number, from the oldest, which is negative.
        uses
            Pairs of what was used and what was made of it; both are among the products.
        """
        columns: dict[int, list[int]] = {}
        for number, generation in generations.items():
            columns.setdefault(generation, []).append(number)
        tallest = max((len(each) for each in columns.values()), default=1)
        height = tallest * (_BOX_HEIGHT + _GAP_Y) - _GAP_Y
        boxes = {}
        for place, generation in enumerate(sorted(columns)):
            numbers = columns[generation]
            above = (height - len(numbers) * (_BOX_HEIGHT + _GAP_Y) + _GAP_Y) / 2
            for row, number in enumerate(numbers):
                x = _MARGIN + place * (_BOX_WIDTH + _GAP_X)
                y = _MARGIN + above + row * (_BOX_HEIGHT + _GAP_Y)
                boxes[number] = Box(number, x, y, generation)
        lines = [
            Line(
                boxes[used].x + _BOX_WIDTH,
                boxes[used].y + _BOX_HEIGHT / 2,
                boxes[made].x,
                boxes[made].y + _BOX_HEIGHT / 2,
            )
            for used, made in dict.fromkeys(uses)
        ]
        width = len(columns) * (_BOX_WIDTH + _GAP_X) - _GAP_X + 2 * _MARGIN
        return cls(tuple(boxes.values()), tuple(lines), width, height + 2 * _MARGIN)
