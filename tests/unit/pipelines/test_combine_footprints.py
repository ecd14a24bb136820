import csv
from pathlib import Path

import numpy as np
import pytest

from pipelines.combine_redshift_dedup.footprints import (
    dp1_fields,
    in_dp1_fields,
    in_rubin_footprint,
    rubin_dec_limit,
)

CASES = (
    Path(__file__).resolve().parents[4]
    / "shared"
    / "data"
    / "pipeline_cases"
    / "crc_solver"
    / "footprint_cases.csv"
)


def test_centres_of_the_fields_are_inside_and_points_beyond_the_radius_are_not():
    fields = np.array(dp1_fields())
    assert len(fields) == 7
    ra, dec, radius = fields.T
    assert in_dp1_fields(ra, dec).tolist() == [1] * 7
    assert in_dp1_fields(ra, dec + radius - 0.01).tolist() == [1] * 7
    assert in_dp1_fields(ra, dec + radius + 0.01).tolist() == [0] * 7


def test_field_reaches_over_the_circle_of_its_declination():
    ra, dec, radius = dp1_fields()[0]
    east = ra + radius / np.cos(np.radians(dec))
    assert in_dp1_fields(np.array([east - 0.5, east + 0.5]), np.full(2, dec)).tolist() == [1, 0]


def test_rubin_observes_the_south_and_not_the_north():
    ra = np.arange(0.0, 360.0, 7.0)
    assert in_rubin_footprint(ra, np.full(len(ra), -40.0)).all()
    assert not in_rubin_footprint(ra, np.full(len(ra), 40.0)).any()


def test_limit_is_continuous_over_the_meridian():
    west, east = rubin_dec_limit(np.array([359.999, 0.001]))
    assert west == pytest.approx(east, abs=0.01)
    assert rubin_dec_limit(np.array([0.0])) == rubin_dec_limit(np.array([360.0]))


@pytest.mark.shared
def test_limits_are_those_of_the_original():
    if not CASES.exists():
        pytest.skip("the shared data are not here")
    with CASES.open() as handle:
        cases = list(csv.DictReader(handle))
    ra, dec, limit, inside = (
        np.array([float(case[name]) for case in cases])
        for name in ("ra", "dec", "dec_limit", "is_in_rubin_footprint")
    )
    assert rubin_dec_limit(ra) == pytest.approx(limit, abs=1e-12)
    assert in_rubin_footprint(ra, dec).tolist() == inside.tolist()
