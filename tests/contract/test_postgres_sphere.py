"""Positions and shapes in a PostgreSQL database: what numpy and cdshealpix say of them."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from postgres_columns import close, database, doubles, ragged

from vo_service.engines import sphere
from vo_service.engines.duckdb.arrow_functions import ARROW_FUNCTIONS
from vo_service.engines.postgres.library import install_sql, spell
from vo_service.engines.sphere.frames import SYSTEMS, transform
from vo_service.engines.sphere.motion import propagated
from vo_service.engines.sphere.vectors import angles, lonlat, unit_vectors

pytestmark = pytest.mark.postgres

ARROW = {function.name: function for function in ARROW_FUNCTIONS}


@pytest.fixture(scope="module")
def columns():
    with database(install_sql()) as found:
        yield found


# ------------------------------------------------------------------------------ positions


def positions(rng, count):
    """Give positions of the whole sphere, many at poles, borders of HEALPix and RA 0."""
    lon = rng.uniform(0, 360, count)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    edges = np.degrees(np.arcsin(2 / 3))
    special = rng.random(count) < 0.3
    lon[special] = rng.choice(
        [0, 45, 90, 135, 180, 270, 315, 359.9999999, 360, -30, 725.5], special.sum()
    )
    special = rng.random(count) < 0.3
    lat[special] = rng.choice([0, 90, -90, edges, -edges, 89.9999999, -89.99, 30], special.sum())
    return lon, lat


def test_cells_are_those_of_cdshealpix(columns):
    rng = np.random.default_rng(8)
    lon, lat = positions(rng, 20_000)
    order = rng.integers(0, 30, len(lon))
    expected = ARROW["healpix_index"](*map(pa.array, (order, lon, lat))).to_numpy()
    found = columns.compute(
        spell("IVO_HEALPIX_INDEX", ["a", "b", "c"]), "int8 float8 float8", order, lon, lat
    )
    differ = np.flatnonzero(np.array(found) != expected)
    # At the border of two cells the last digit of a sine decides.
    assert len(differ) < 20
    assert (order[differ] >= 20).all()
    call, types = "pzvo.healpix_index(a, b, c)", "int8 float8 float8"
    shifted = [
        columns.compute(call, types, order[differ], lon[differ] + x, lat[differ] + y)
        for x in (-1e-10, 1e-10)
        for y in (-1e-10, 1e-10)
    ]
    assert all(expected[row] in near for row, near in zip(differ, np.array(shifted).T, strict=True))
    outside = [(30, 1, 1), (-1, 1, 1), (3, 1, 91), (3, np.inf, 1), (3, np.nan, 1), (3, 1, None)]
    assert columns.compute(
        "pzvo.healpix_index(a, b, c)", "int8 float8 float8", *zip(*outside, strict=True)
    ) == [None] * 6  # fmt: skip


def test_centers_are_those_of_cdshealpix(columns):
    rng = np.random.default_rng(9)
    order = np.concatenate([rng.integers(0, 30, 5000), np.zeros(14), np.ones(50), [30, -1]])
    order = order.astype(np.int64)
    cells = np.concatenate([rng.uniform(0, 1, 5000) * 12 * 4.0 ** order[:5000], np.arange(-1, 13)])
    cells = np.concatenate([cells.astype(np.int64), np.arange(-1, 49), [3, 3]])
    expected = ARROW["healpix_center"](pa.array(order), pa.array(cells)).to_pylist()
    found = columns.compute(spell("IVO_HEALPIX_CENTER", ["a", "b"]), "int8 int8", order, cells)
    known = [row for row, place in enumerate(expected) if place is not None]
    assert [row for row, place in enumerate(found) if place is not None] == known
    assert len(known) == 5000 + 12 + 48
    a, b = (np.array([rows[row] for row in known]) for rows in (found, expected))
    assert angles(unit_vectors(*a.T), unit_vectors(*b.T)).max() < 1e-12
    np.testing.assert_allclose(a[:, 1], b[:, 1], rtol=0, atol=2e-14 * 180)


def test_distance_is_right_from_tiny_to_antipodal(columns):
    rng = np.random.default_rng(10)
    lon, lat = positions(rng, 3000)
    scale = 10 ** rng.uniform(-13, 2, 3000)
    other = np.where(rng.random(3000) < 0.3, lon + 180, lon + scale * rng.uniform(-1, 1, 3000))
    height = np.where(
        rng.random(3000) < 0.3, -lat, np.clip(lat + scale * rng.uniform(-1, 1, 3000), -90, 90)
    )
    across = np.cos(np.radians(lat)) * np.cos(np.radians(height))
    turn = np.radians(lon - other) / 2
    apart = np.sin(np.radians(lat - height) / 2) ** 2 + across * np.sin(turn) ** 2
    together = np.sin(np.radians(lat + height) / 2) ** 2 + across * np.cos(turn) ** 2
    expected = np.degrees(2 * np.arctan2(np.sqrt(apart), np.sqrt(together)))
    vectors = angles(unit_vectors(lon, lat), unit_vectors(other, height))
    np.testing.assert_allclose(expected, np.degrees(vectors), rtol=0, atol=2e-13)
    found = columns.compute("pzvo.distance(a, b, c, d)", "float8 " * 4, lon, lat, other, height)
    close(found, expected, rtol=1e-13, atol=1e-22)
    tiny = [
        (0, 0, 0, 1e-170),
        (0, 5e-324, 0, 0),
        (7, 90, 9, 90),
        (1, 2, 1, 2),
        (0, 0, 0, None),
        (0, 95, 5, 0),
    ]
    close(
        columns.compute("pzvo.distance(a, b, c, d)", "float8 " * 4, *zip(*tiny, strict=True))[:5],
        [0, 0, 0, 0, np.nan],
        atol=1e-14,
    )


@pytest.mark.parametrize("target", SYSTEMS)
@pytest.mark.parametrize("source", SYSTEMS)
def test_frames_are_those_of_the_sphere(columns, source, target):
    rng = np.random.default_rng(11)
    lon, lat = positions(rng, 60)
    for numbers in (2, 3, 8):
        shapes = np.stack([lon, lat] * 4, axis=1)[:, :numbers]
        found = columns.compute(
            spell("IVO_GEOM_TRANSFORM", [f"'{source}'", f"'{target}'", "a"]), "float8[]", shapes
        )
        found, expected = np.array(found), transform(source, target, shapes)
        if numbers == 3:
            assert (found[:, 2] == shapes[:, 2]).all()
            found, expected = found[:, :2], expected[:, :2]
        a, b = (unit_vectors(x[:, 0::2], x[:, 1::2]) for x in (found, expected))
        assert angles(a, b).max() < 3e-15
    wrong = columns.compute(
        spell("IVO_GEOM_TRANSFORM", [f"'{source}'", f"'{target}'", "a"]),
        "float8[]", [[1], [1, 2, 3, 4], [], None, [1, None], [np.nan, 1]],
    )  # fmt: skip
    assert wrong == [None] * 6


def test_motion_is_that_of_the_sphere(columns):
    rng = np.random.default_rng(12)
    lon, lat = positions(rng, 500)
    motion = [
        lon,
        lat,
        rng.uniform(0, 700, 500),
        *rng.normal(0, 5000, (2, 500)),
        rng.normal(0, 300, 500),
    ]
    motion[3][:50] = 10.0 ** -np.arange(290, 340)
    epochs = [np.full(500, 2000.0), rng.uniform(-8000, 12000, 500)]
    found = columns.compute(
        spell("IVO_EPOCH_PROP_POS", list("abcdefgh")), "float8 " * 8, *motion, *epochs
    )
    expected = propagated(np.stack(motion), epochs[1] - epochs[0])
    assert angles(unit_vectors(*np.array(found).T), unit_vectors(*expected.T)).max() < 3e-15
    close([x[0] for x in found], expected[:, 0], atol=1e-9)
    assert columns.execute("SELECT pzvo.propagate(1, 2, 0, 1e300, 0, 0, 0, 1)") == [(None,)]


@pytest.mark.parametrize(
    "radius", [0.0, 1e-7, 3e-5, 2.8e-4, 0.01, 0.7, 2.5, 5.0, 9.4, 9.6, 18.9, 25.0, 180.0]
)
def test_ranges_hold_every_position_of_a_cone(columns, radius):
    rng = np.random.default_rng(13)
    lon, lat = positions(rng, 600)
    corner = rng.random(600) < 0.4
    cells = rng.integers(0, 12 * 4**3, corner.sum())
    # Places where three or four cells meet, which are those of the coarsest cells too.
    place = unit_vectors(*np.array(columns.compute("pzvo.healpix_center(3, a)", "int8", cells)).T)
    place += rng.normal(0, 0.06, place.shape)
    lon[corner], lat[corner] = lonlat(place)
    lat = np.clip(lat, -90, 90)
    rows = columns.execute(
        "SELECT n, lo, hi FROM unnest(%s, %s) WITH ORDINALITY AS u (lon, lat, n),"
        " pzvo.cone_ranges(lon, lat, %s)",
        [lon.tolist(), lat.tolist(), radius],
    )
    ranges = [[] for _ in lon]
    for number, first, last in rows:
        ranges[number - 1].append((first, last))
    assert max(map(len, ranges)) <= 9
    if radius < 0.5:
        assert np.mean(list(map(len, ranges))) < 3.5
    centre = unit_vectors(lon, lat)
    for row in range(len(lon)):
        spans = sorted(ranges[row])
        assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))
        axis = np.cross(centre[row], [0.3, -0.5, 0.8])
        axis /= np.linalg.norm(axis)
        turn = rng.uniform(0, 2 * np.pi, 60)
        apart = np.radians(radius) * np.where(
            rng.random(60) < 0.7, 1 - 1e-13, np.sqrt(rng.random(60))
        )
        across = np.outer(np.cos(turn), axis) + np.outer(np.sin(turn), np.cross(centre[row], axis))
        points = centre[row] * np.cos(apart)[:, None] + across * np.sin(apart)[:, None]
        index = ARROW["healpix_index"](
            pa.array([29] * 60), *map(pa.array, lonlat(points))
        ).to_numpy()
        held = np.zeros(60, bool)
        for first, last in spans:
            held |= (index >= first) & (index <= last)
        assert held.all(), (lon[row], lat[row], radius)


def test_cones_without_positions_have_no_ranges(columns):
    for cone in ("1, 2, -1", "1, 2, NULL", "NULL, 2, 1", "1, 2, 'NaN'"):
        assert columns.execute(f"SELECT * FROM pzvo.cone_ranges({cone})") == []
    for cone in ("1, 95, 1", "1, 2, 'Infinity'"):
        assert columns.execute(f"SELECT * FROM pzvo.cone_ranges({cone})") == [(0, 12 * 4**29 - 1)]


# --------------------------------------------------------------------------------- shapes


def star(rng, scale):
    """Give a polygon, concave or not, of any sense of rotation, often at a pole."""
    lon = rng.choice([0.0, 180.0, rng.uniform(0, 360)])
    lat = rng.choice([90.0, -90.0, 0.0, 89.999, np.degrees(np.arcsin(rng.uniform(-1, 1)))])
    centre = unit_vectors(np.array(lon), np.array(lat))
    east = np.cross([0.3, -0.5, 0.8], centre)
    east /= np.linalg.norm(east)
    axes = np.stack([east, np.cross(centre, east), centre])
    points = rng.integers(3, 9)
    angle = (np.arange(points) + rng.uniform(0, 0.35, points)) * 2 * np.pi / points
    radius = scale * rng.uniform(0.2, 1, points)
    plane = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.ones(points)], axis=1)
    vectors = (plane @ axes)[:: rng.choice([1, -1])]
    row = np.stack(lonlat(vectors), axis=-1).ravel()
    if rng.random() < 0.2:
        row = np.concatenate([row, row[:2]])
    return row, axes


def near(rng, axes, scale):
    """Give a place in a tangent plane."""
    vector = np.array([*rng.uniform(-1.5, 1.5, 2) * scale, 1.0]) @ axes
    return np.array(lonlat(vector))


def pairs(count, seed):
    """Give pairs of shapes of all kinds that are near each other."""
    rng = np.random.default_rng(seed)
    firsts, seconds = [], []
    for _ in range(count):
        scale = rng.choice([1e-8, 1e-5, 1e-3, 0.05, 0.5, 2.0])
        polygon, axes = star(rng, scale)
        place = near(rng, axes, scale)
        radius = np.degrees(scale) * rng.uniform(0, 1.5)
        other = star(rng, scale * rng.uniform(0.05, 1))[0]
        other = transform_near(rng, other, axes, scale)
        circle = np.append(near(rng, axes, scale), radius * rng.uniform(0, 2))
        kinds = [polygon, place, np.append(place, radius), other, circle, polygon]
        a, b = rng.integers(0, len(kinds), 2)
        firsts.append(kinds[a])
        seconds.append(kinds[b])
    return firsts, seconds


def transform_near(rng, row, axes, scale):
    """Move a polygon to a place in a tangent plane."""
    vectors = unit_vectors(row[0::2], row[1::2])
    middle = vectors.mean(axis=0)
    middle /= np.linalg.norm(middle)
    east = np.cross([0.2, 0.7, -0.4], middle)
    east /= np.linalg.norm(east)
    own = np.stack([east, np.cross(middle, east), middle])
    shift = np.array([*rng.uniform(-0.8, 0.8, 2) * scale, 1.0]) @ axes
    shift /= np.linalg.norm(shift)
    side = np.cross([0.1, 0.3, 0.9], shift)
    side /= np.linalg.norm(side)
    return np.stack(
        lonlat(vectors @ own.T @ np.stack([side, np.cross(shift, side), shift])), -1
    ).ravel()


@pytest.mark.parametrize("name", ["sphere_contains", "sphere_intersects"])
def test_pairs_of_shapes_are_judged_as_by_numpy(columns, name):
    firsts, seconds = pairs(4000, 14)
    expected = np.array(ARROW[name](ragged(firsts), ragged(seconds)).to_pylist(), object)
    found = columns.compute(f"pzvo.{name}(a, b)", "float8[] float8[]", firsts, seconds)
    found = np.array(found, object)
    points = np.array([len(b) == 2 for b in seconds])
    if name == "sphere_contains":
        # The resolver has no regions that are points.
        expected[points] = None
    assert set(expected.tolist()) == (
        {True, False, None} if name == "sphere_contains" else {True, False}
    )
    differ = np.flatnonzero(found != expected)
    assert len(differ) == 0, [
        (firsts[i].tolist(), seconds[i].tolist(), found[i]) for i in differ[:3]
    ]


def test_points_in_polygons_are_those_of_numpy(columns):
    rng = np.random.default_rng(15)
    lons, lats, polygons = [], [], []
    for _ in range(150):
        scale = rng.choice([1e-8, 1e-5, 1e-3, 0.05, 0.5, 2.0])
        polygon, axes = star(rng, scale)
        for _ in range(40):
            lon, lat = near(rng, axes, scale)
            if rng.random() < 0.1:
                lon, lat = polygon[:2]
            lons.append(lon)
            lats.append(lat)
            polygons.append(polygon)
    expected = ARROW["sphere_inside"](pa.array(lons), pa.array(lats), ragged(polygons)).to_pylist()
    found = columns.compute(
        "pzvo.sphere_inside(a, b, c)", "float8 float8 float8[]", lons, lats, polygons
    )
    assert found == expected
    assert 1000 < sum(found) < 5000


def test_shapes_that_are_none_give_null(columns):
    wrong = [
        [1, 2, 3, 4],
        [1, 2, 3, 4, 5, 6, 7],
        [1],
        [],
        None,
        [1, None],
        [np.nan, 1],
        [1, 2, np.inf],
    ]
    right = [0, 0, 4, 0, 4, 4]
    for call in ("pzvo.sphere_contains(a, b)", "pzvo.sphere_contains(b, a)",
                 "pzvo.sphere_intersects(a, b)", "pzvo.sphere_inside(1, 1, a)", "pzvo.area(a)",
                 "pzvo.centroid(a)"):  # fmt: skip
        assert columns.compute(call, "float8[] float8[]", wrong, [right] * 8) == [None] * 8
    for call in ("NULL, 1", "1, NULL", "'NaN', 1", "1, 'Infinity'"):
        assert columns.execute(f"SELECT pzvo.sphere_inside({call}, '{{0,0,4,0,4,4}}')") == [(None,)]
    negative = [[1, 1, -1]] * 4
    other = [[1, 1], [1, 1, 5], right, [1, 1, -1]]
    assert (
        columns.compute("pzvo.sphere_intersects(a, b)", "float8[] float8[]", negative, other)
        == [False] * 4
    )
    assert columns.compute("pzvo.sphere_contains(a, b)", "float8[] float8[]", negative, other) == [
        None,
        *[False] * 3,
    ]


def test_areas_and_centers_are_those_of_numpy(columns):
    rng = np.random.default_rng(16)
    shapes = [star(rng, rng.choice([1e-8, 1e-5, 1e-3, 0.05, 0.5, 2.0]))[0] for _ in range(1500)]
    shapes += [
        np.array([*lonlat(rng.normal(size=3)), r]) for r in (0, 1e-6, 3, 90, 120, 180, 400, -1)
    ]
    shapes += [np.array([3.0, 4.0])]
    areas = columns.compute(spell("AREA", ["a"]), "float8[]", shapes)
    expected = doubles(ARROW["sphere_area"](ragged(shapes)).to_pylist())
    # numpy takes the area of a clockwise polygon from that of the sphere: 2e-15 sr are lost.
    close(areas, expected, rtol=1e-12, atol=6e-12)
    centers = columns.compute(spell("CENTROID", ["a"]), "float8[]", shapes)
    expected = np.array(ARROW["sphere_centroid"](ragged(shapes)).to_pylist())
    a, b = (unit_vectors(*np.array(x).T) for x in (centers, expected))
    assert angles(a, b).max() < 1e-13


def test_area_of_a_small_polygon_does_not_depend_on_its_sense(columns):
    side = 1 / 3600
    corners = [(150, 0), (150 + side, 0), (150 + side, side), (150, side)]
    row = [number for corner in corners for number in corner]
    back = [number for corner in corners[::-1] for number in corner]
    found = doubles(columns.compute("pzvo.area(a)", "float8[]", [row, back]))
    np.testing.assert_allclose(found, side**2, rtol=1e-9)


def test_boxes_are_those_of_numpy(columns):
    rng = np.random.default_rng(17)
    lon, lat = positions(rng, 600)
    width = rng.choice([0, 1e-7, 0.1, 1, 40, 179.9, 180, -1, 1e-300], 600)
    height = rng.choice([0, 1e-7, 0.1, 1, 40, 179.9, 200, -1], 600)
    found = columns.compute(spell("BOX", list("abcd")), "float8 " * 4, lon, lat, width, height)
    with np.errstate(invalid="ignore"):
        expected = sphere.box_vertices(lon, lat, width, height)
    missing = np.isnan(expected).any(axis=1)
    assert [row is None for row in found] == missing.tolist()
    a = np.array([row for row in found if row is not None])
    b = expected[~missing]
    assert angles(*(unit_vectors(x[:, 0::2], x[:, 1::2]) for x in (a, b))).max() < 1e-14
