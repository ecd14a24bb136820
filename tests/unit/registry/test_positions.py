import pyarrow as pa
import pytest

from registry.ingestion.positions import PositionScan


def scanned(*batches):
    scan = PositionScan("ra", "dec")
    for ra, dec in batches:
        scan.see(pa.array(ra, pa.float64()), pa.array(dec, pa.float64()))
    return scan


def test_good_positions_have_no_problems():
    scan = scanned(([0.0, 359.999999], [-90.0, 90.0]), ([180.0], [0.0]))
    assert scan.problems() == []
    assert scan.warnings() == []


def test_wrong_values_are_counted_and_shown_with_their_rows():
    scan = scanned(([10.0, 400.0, float("inf")], [0.0, 0.0, 0.0]), ([-99.0, 361.0], [91.5, 0.0]))
    ra, dec = scan.problems()
    assert "'ra' must be finite, at least 0 and below 360 degrees: 4 of 5 rows" in ra
    assert "(row 2: 400; row 3: inf; row 4: -99)" in ra
    assert "'dec' must be finite, between -90 and 90 degrees: 1 of 5 rows" in dec
    assert "row 4: 91.5" in dec


def test_exactly_360_has_its_own_advice():
    assert "360 degrees is written 0" in scanned(([360.0, 1.0], [0.0, 0.0])).problems()[0]


def test_missing_positions_are_counted_and_allowed():
    scan = scanned(([None, 1.0, float("nan")], [1.0, None, float("nan")]))
    assert scan.problems() == []
    assert "3 of 3 rows have no position" in scan.warnings()[0]
    assert scan.coverage() is None


@pytest.mark.parametrize(
    ("scale_ra", "scale_dec", "word"), [(24 / 360, 1, "hours"), (0.0174533, 0.0174533, "radians")]
)
def test_other_units_are_suspected(scale_ra, scale_dec, word):
    ra = [scale_ra * 18 * i for i in range(20)]
    dec = [scale_dec * (-80 + 8 * i) for i in range(20)]
    assert word in scanned((ra, dec)).warnings()[0]


def test_coverage_is_a_moc_of_the_positions():
    assert scanned(([45.0, 45.0], [0.0, 0.0])).coverage().startswith("10/")


def test_coverage_of_a_scattered_catalogue_stays_small():
    import numpy as np

    rng = np.random.default_rng(1)
    scan = scanned((rng.uniform(0, 360, 100_000), rng.uniform(-90, 90, 100_000)))
    assert len(scan.coverage()) <= 64_000
