"""Drawings: nothing is lost, and everything is inside."""

from __future__ import annotations

import math

from cdshealpix.nested import lonlat_to_healpix
from hypothesis import given, settings
from hypothesis import strategies as st

from vo_service.web.charts.axis import ticks
from vo_service.web.charts.histogram import Histogram
from vo_service.web.charts.lineage import Lineage
from vo_service.web.charts.sky import Sky


@given(st.dictionaries(st.integers(1, 50), st.integers(-4, 4), min_size=1, max_size=40), st.data())
def test_relatives_are_drawn_apart_and_older_ones_to_the_left(generations, data):
    numbers = st.sampled_from(sorted(generations))
    pairs = data.draw(st.lists(st.tuples(numbers, numbers), max_size=30))
    pairs = [(a, b) for a, b in pairs if generations[a] < generations[b]]
    drawing = Lineage.of(generations, pairs)
    places = {(box.x, box.y) for box in drawing.boxes}
    assert len(places) == len(drawing.boxes) == len(generations)
    for box in drawing.boxes:
        assert 0 <= box.x <= drawing.width - drawing.box_width
        assert 0 <= box.y <= drawing.height - drawing.box_height
        same = [o for o in drawing.boxes if o.x == box.x and o is not box]
        assert all(abs(other.y - box.y) > drawing.box_height for other in same)
    assert len(drawing.lines) == len(set(pairs))
    assert all(line.x1 < line.x2 for line in drawing.lines)


counts = st.lists(st.integers(0, 10**9), min_size=1, max_size=600)


@given(counts, st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_bars_hold_every_count_within_the_drawing(numbers, low, width):
    chart = Histogram.of_counts("z", low, width, numbers)
    if not any(numbers):
        assert chart is None
        return
    assert sum(bar.count for bar in chart.bars) == sum(numbers) == chart.total
    for bar in chart.bars:
        assert chart.left <= bar.x <= chart.right
        assert chart.top <= bar.y <= chart.bottom + 0.01
        assert bar.low < bar.high


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_values_within_the_axis(low, length):
    found = ticks(low, low + length, 0, 100)
    assert len(found) <= 14
    assert all(-0.1 <= tick.place <= 100.1 for tick in found)
    places = [tick.place for tick in found]
    assert places == sorted(places)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 12 * 4**5 - 1), min_size=1, max_size=60, unique=True))
def test_map_shows_every_cell_within_the_ellipse(cells):
    chart = Sky.of_facts({"order": 5, "cells": cells, "counts": [1] * len(cells)})
    assert chart.total == len(cells)
    assert len({(cell.ra_deg, cell.dec_deg) for cell in chart.cells}) == len(cells)
    for cell in chart.cells:
        for corner in cell.points.split():
            x, y = map(float, corner.split(","))
            assert 0 <= x <= chart.width
            assert 0 <= y <= chart.height


def test_cells_at_the_edge_of_the_map_are_drawn_on_both_sides():
    from astropy import units as u

    cell = int(lonlat_to_healpix([180.0] * u.deg, [1.0] * u.deg, 3)[0])
    chart = Sky.of_facts({"order": 3, "cells": [cell], "counts": [4]})
    sides = {float(c.points.split(",")[0]) > chart.width / 2 for c in chart.cells}
    assert sides == {True, False}
    assert math.isclose(chart.most, 4)
