"""Polygons that bound no inside are refused with the reason, wherever they are written."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from vo_service.adql.functions.polygons import VERTICES_CHECKED, polygon_problem
from vo_service.adql.functions.serialised import ShapeProblem, listed_shape, region_shape

WRONG = {
    "0 0 2 2 2 0 0 2": "crosses itself: its side from vertex 1 to 2 crosses that from 3 to 4",
    "0 80 180 80 90 80 270 80": "crosses itself",
    "359 -1 1 1 1 -1 359 1": "crosses itself",
    "0 0 0 0 1 1 0 0": "needs 3 different vertices",
    "0 0 360 0 0 1": "needs 3 different vertices",
    "0 0 2 0 1 1 2 2 0 2 1 1": "vertices 3 and 6 of POLYGON are the same place",
    "0 0 180 0 90 5": "from vertex 1 to 2 is 180 degrees long",
    "0 0 120 0 240 0": "on one great circle",
    "0 0 1 0 2 0": "on one great circle",
}

RIGHT = [
    "0 0 1 0 1 1 0 1",
    "0 0 0 1 1 1 1 0",
    "0 0 1 0 1 1 0 1 0 0",
    "0 0 0 0 1 0 1 0 1 1",
    "359 -1 1 -1 1 1 359 1",
    "0 80 90 80 180 80 270 80",
    "0 -10 120 -10 240 -10",
    "0 0 4 0 4 4 2 1 0 4",
    "0 0 1e-9 0 1e-9 1e-9 0 1e-9",
]


@pytest.mark.parametrize("numbers", WRONG)
def test_a_polygon_without_an_inside_is_refused_with_the_reason(numbers):
    for read in (
        lambda: listed_shape(numbers, "POLYGON"),
        lambda: region_shape(f"POLYGON ICRS {numbers}"),
    ):
        with pytest.raises(ShapeProblem, match=WRONG[numbers]):
            read()


@pytest.mark.parametrize("numbers", RIGHT)
def test_a_polygon_with_an_inside_is_taken(numbers):
    assert polygon_problem(listed_shape(numbers, "POLYGON").arguments) is None


@pytest.mark.parametrize("numbers", WRONG)
def test_a_query_names_its_wrong_polygon(installation, numbers):
    written = numbers.replace(" ", ", ")
    answer = installation.ask(
        "SELECT z FROM redshift_catalog.p1_survey"
        f" WHERE 1 = CONTAINS(POINT(ra, dec), POLYGON({written}))"
    )
    assert answer.status_code == 400
    assert WRONG[numbers] in answer.text


def star(lon, lat, lengths_deg):
    """Give the vertices of a star about a place, in order."""
    count = len(lengths_deg)
    angles = [360 * i / count for i in range(count)]
    middle = SkyCoord(lon, lat, unit="deg")
    places = middle.directional_offset_by(angles * u.deg, lengths_deg * u.deg)
    return [f"{place.ra.deg:.17g} {place.dec.deg:.17g}" for place in places]


@settings(deadline=None)
@given(
    st.lists(st.floats(0.2, 1), min_size=5, max_size=40),
    st.floats(0, 360),
    st.floats(-90, 90),
    st.floats(0.001, 60),
)
def test_stars_are_taken_and_rings_out_of_order_are_not(lengths, lon, lat, size_deg):
    listed_shape(" ".join(star(lon, lat, np.array(lengths) * size_deg)), "POLYGON")
    ring = star(lon, lat, np.full(len(lengths), size_deg))
    ring[1], ring[2] = ring[2], ring[1]
    with pytest.raises(ShapeProblem, match="crosses itself"):
        listed_shape(" ".join(ring), "POLYGON")


def test_very_large_polygons_are_not_looked_at():
    zigzag = " ".join(f"{i % 2 * 90} {i % 80 - 40}" for i in range(VERTICES_CHECKED + 1))
    listed_shape(zigzag, "POLYGON")
