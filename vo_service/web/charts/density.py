"""Two columns against each other: points while they are few, then counts by cell as a picture."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vo_service.web.charts.axis import Tick, ticks
from vo_service.web.charts.colours import CIVIDIS, shades

__all__ = ["Density"]

_WIDTH, _HEIGHT = 720, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 12, 12, 48


@dataclass(frozen=True, slots=True)
class Density:
    """Two columns against each other, ready to be drawn.

    Attributes
    ----------
    x_label, y_label
        Of the axes: name and unit.
    x_ticks, y_ticks
        Of the axes.
    path
        The points, as an SVG path of dots; empty where cells are counted.
    picture
        The counts, as the address of a picture that holds itself; empty where points are drawn.
    most
        Largest count of a cell.
    outside
        Rows that are in no cell.
    colours
        From few to many, on a logarithmic scale.
    """

    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    path: str = ""
    picture: str = ""
    most: int = 0
    outside: int = 0
    colours: tuple[str, ...] = CIVIDIS
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    right: int = _WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = _HEIGHT - _BOTTOM

    @classmethod
    def of_points(
        cls,
        labels: tuple[str, str],
        limits: tuple[float, float, float, float],
        rows: Sequence[Sequence[float]],
    ) -> Density:
        """Make it of rows with two numbers each.

        Parameters
        ----------
        labels
            Of the axes.
        limits
            Lower and upper end of x, then of y.
        rows
            The points.
        """
        x_low, x_high, y_low, y_high = limits
        x_scale = (_WIDTH - _RIGHT - _LEFT) / (x_high - x_low)
        y_scale = (_HEIGHT - _BOTTOM - _TOP) / (y_high - y_low)
        inside = [
            (x, y) for x, y in rows if x_low <= x <= x_high and y_low <= y <= y_high
        ]  # fmt: skip
        bottom = _HEIGHT - _BOTTOM
        path = "".join(
            f"M{_LEFT + (x - x_low) * x_scale:.1f} {bottom - (y - y_low) * y_scale:.1f}h0"
            for x, y in inside
        )
        return cls(*labels, *_axes(limits), path=path, outside=len(rows) - len(inside))

    @classmethod
    def of_cells(
        cls,
        labels: tuple[str, str],
        limits: tuple[float, float, float, float],
        shape: tuple[int, int],
        rows: Sequence[Sequence[Any]],
        total: int,
    ) -> Density:
        """Make it of rows with the number of a cell in x and y, and its count.

        Parameters
        ----------
        labels, limits
            As of `of_points`.
        shape
            Cells in x and in y.
        rows
            Those that are not empty.
        total
            Rows with both values.
        """
        grid = np.zeros(shape, dtype=np.int64)
        for i, j, count in rows:
            grid[min(int(i), shape[0] - 1), min(int(j), shape[1] - 1)] += count
        most = int(grid.max())
        return cls(
            *labels, *_axes(limits), picture=_picture(grid), most=most,
            outside=total - int(grid.sum()),
        )  # fmt: skip


def _axes(limits: tuple[float, float, float, float]) -> tuple[tuple[Tick, ...], tuple[Tick, ...]]:
    x_low, x_high, y_low, y_high = limits
    return (
        ticks(x_low, x_high, _LEFT, _WIDTH - _RIGHT, 8),
        ticks(y_low, y_high, _HEIGHT - _BOTTOM, _TOP, 6),
    )


def _picture(grid: npt.NDArray[np.int64]) -> str:
    """Write counts as a PNG with a palette, transparent where there are none (PNG, section 11)."""
    indices = np.where(grid > 0, shades(grid) + 1, 0).astype(np.uint8).T[::-1]
    height, width = indices.shape
    lines = np.zeros((height, width + 1), dtype=np.uint8)
    lines[:, 1:] = indices
    palette = bytes(3) + b"".join(bytes.fromhex(colour[1:]) for colour in CIVIDIS)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette),
        (b"tRNS", b"\0"),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()
