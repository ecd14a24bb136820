"""Geometry of the PostgreSQL engine against pgSphere, where that extension is installed.

Polygons of pgSphere are of great-circle arcs too, and its circles reach 90 degrees. It takes
positions within 1e-9 radians (0.2 mas) of a border as inside, and cannot have sides that short.
"""

from __future__ import annotations

import numpy as np
import pytest
from postgres_columns import database

from vo_service.engines.postgres.library import install_sql
from vo_service.engines.sphere.polygons import Polygons
from vo_service.engines.sphere.vectors import angles, lonlat, unit_vectors

pytestmark = pytest.mark.postgres

TOLERANCE_RAD = np.radians(0.25 / 3_600_000)
"""Nearer to the border of a polygon, pgSphere need not agree."""

CIRCLE_TOLERANCE_RAD = np.radians(1.2 / 3_600_000)
"""The same of circles, whose centers and radii pgSphere compares to 5.8e-9 rad."""

SHAPES = 60
POINTS = 60


@pytest.fixture(scope="module")
def columns():
    with database(install_sql()) as found:
        available = found.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_sphere'")
        if not available:
            pytest.skip("pgSphere is not installed")
        found.execute("CREATE EXTENSION pg_sphere")
        yield found


def frame(rng):
    """Give the axes of a random place; often a pole, or RA 0."""
    lon = rng.choice([0.0, 360.0, 180.0, rng.uniform(0, 360)])
    lat = rng.choice([90.0, -90.0, 0.0, 89.9999, np.degrees(np.arcsin(rng.uniform(-1, 1)))])
    centre = unit_vectors(np.array(lon), np.array(lat))
    east = np.cross([0.3, -0.5, 0.8], centre)
    east /= np.linalg.norm(east)
    return np.stack([east, np.cross(centre, east), centre])


def places(plane, axes):
    """Give longitudes and latitudes of positions in a tangent plane, shape (k, 2)."""
    vectors = np.concatenate([plane, np.ones((len(plane), 1))], axis=1) @ axes
    return np.stack(lonlat(vectors), axis=-1)


def star(rng, scale):
    """Give the vertices of a polygon that is star-shaped, concave or not, in its plane."""
    points = rng.integers(3, 9)
    angle = (np.arange(points) + rng.uniform(0, 0.35, points)) * 2 * np.pi / points
    radius = scale * rng.uniform(0.2, 1, points)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def polygon(row):
    """Write a polygon for pgSphere."""
    pairs = ",".join(f"({lon!r}d,{lat!r}d)" for lon, lat in row.reshape(-1, 2).tolist())
    return f"'{{{pairs}}}'::spoly"


def point(place):
    """Write a point for pgSphere."""
    return f"'({float(place[0])!r}d,{float(place[1])!r}d)'::spoint"


def circle(row):
    """Write a circle for pgSphere."""
    lon, lat, radius = map(float, row)
    return f"'<({lon!r}d,{lat!r}d),{radius!r}d>'::scircle"


def array(row):
    """Write a shape for the library."""
    return f"'{{{','.join(map(repr, np.asarray(row, float).ravel().tolist()))}}}'::float8[]"


def compare(columns, cases):
    """Compute pairs of expressions, and give the cases in which they differ."""
    differ, agreed = [], set()
    for start in range(0, len(cases), 400):
        part = cases[start : start + 400]
        rows = columns.execute(
            " UNION ALL ".join(f"SELECT {ours}, {theirs}" for ours, theirs in part)
        )
        differ += [case for case, (a, b) in zip(part, rows, strict=True) if a != b]
        agreed |= {a for a, b in rows if a == b}
    assert agreed == {True, False}
    return differ


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.05, 0.5, 1.5])
def test_points_in_polygons(columns, scale):
    rng = np.random.default_rng(1)
    cases = []
    for _ in range(SHAPES):
        axes = frame(rng)
        row = places(star(rng, scale), axes).ravel()
        tested = places(rng.uniform(-1.1, 1.1, (POINTS, 2)) * scale, axes)
        apart = Polygons(row[None]).border_distances(unit_vectors(*tested.T)[None])[0]
        cases += [
            (
                f"pzvo.sphere_inside({lon!r}, {lat!r}, {array(row)})",
                f"{point((lon, lat))} <@ {polygon(row)}",
            )
            for lon, lat in tested[apart > TOLERANCE_RAD].tolist()
        ]
    assert len(cases) > SHAPES * POINTS / 2
    assert compare(columns, cases) == []


@pytest.mark.parametrize("radius", [1e-5, 0.01, 1.0, 30.0, 89.9])
def test_points_in_circles(columns, radius):
    rng = np.random.default_rng(2)
    cases = []
    for _ in range(SHAPES):
        axes = frame(rng)
        centre = np.stack(lonlat(axes[2]))
        ring = rng.uniform(0, 2 * np.pi, POINTS)
        reach = np.radians(radius) * rng.uniform(0, 1.6, POINTS)
        across = np.outer(np.cos(ring), axes[0]) + np.outer(np.sin(ring), axes[1])
        tested = axes[2] * np.cos(reach)[:, None] + across * np.sin(reach)[:, None]
        tested = np.stack(lonlat(tested), axis=-1)
        apart = angles(unit_vectors(*tested.T), unit_vectors(*centre))
        sure = np.abs(apart - np.radians(radius)) > CIRCLE_TOLERANCE_RAD
        cases += [
            (
                f"pzvo.sphere_contains({array(place)}, {array([*centre, radius])})",
                f"{point(place)} <@ {circle([*centre, radius])}",
            )
            for place in tested[sure]
        ]
    assert compare(columns, cases) == []


@pytest.mark.parametrize("scale_deg", [0.001, 0.5, 20.0])
def test_circles_and_circles(columns, scale_deg):
    rng = np.random.default_rng(3)
    cases = []
    for _ in range(SHAPES * 10):
        axes = frame(rng)
        first = [*lonlat(axes[2]), scale_deg * rng.uniform(0.1, 2)]
        offset = np.radians(scale_deg) * rng.uniform(-2.5, 2.5, (1, 2))
        second = [*places(offset, axes)[0], scale_deg * rng.uniform(0.1, 2)]
        apart = angles(
            unit_vectors(*map(np.array, first[:2])), unit_vectors(*map(np.array, second[:2]))
        )
        radii = np.radians([first[2], second[2]])
        margin = min(abs(apart - radii.sum()), abs(apart + radii[0] - radii[1]))
        if margin > CIRCLE_TOLERANCE_RAD:
            a, b = array(first), array(second)
            cases.append(
                (f"pzvo.sphere_intersects({a}, {b})", f"{circle(first)} && {circle(second)}")
            )
            cases.append(
                (f"pzvo.sphere_contains({a}, {b})", f"{circle(first)} <@ {circle(second)}")
            )
    assert len(cases) > SHAPES * 10
    assert compare(columns, cases) == []


@pytest.mark.parametrize("scale", [1e-3, 0.05, 0.5])
def test_circles_and_polygons(columns, scale):
    rng = np.random.default_rng(4)
    cases = []
    for _ in range(SHAPES * 8):
        axes = frame(rng)
        row = places(star(rng, scale), axes).ravel()
        centre = places(rng.uniform(-1.3, 1.3, (1, 2)) * scale, axes)[0]
        radius = np.degrees(scale) * rng.uniform(0.05, 1.2)
        shape = Polygons(row[None])
        nearest = shape.border_distances(unit_vectors(*centre)[None, None])[0, 0]
        farthest = angles(shape.vertices[0], unit_vectors(*centre)).max()
        margin = min(abs(nearest - np.radians(radius)), abs(farthest - np.radians(radius)))
        if margin > CIRCLE_TOLERANCE_RAD:
            round_, a, b = circle([*centre, radius]), array([*centre, radius]), array(row)
            cases.append((f"pzvo.sphere_intersects({a}, {b})", f"{round_} && {polygon(row)}"))
            cases.append((f"pzvo.sphere_contains({a}, {b})", f"{round_} <@ {polygon(row)}"))
            cases.append((f"pzvo.sphere_contains({b}, {a})", f"{polygon(row)} <@ {round_}"))
    assert len(cases) > SHAPES * 8
    assert compare(columns, cases) == []


@pytest.mark.parametrize("scale", [1e-3, 0.05, 0.5])
def test_polygons_and_polygons(columns, scale):
    rng = np.random.default_rng(5)
    cases = []
    for _ in range(SHAPES * 8):
        axes = frame(rng)
        first = places(star(rng, scale), axes).ravel()
        size = scale * rng.uniform(0.1, 1.2)
        second = places(star(rng, size) + rng.uniform(-1.2, 1.2, 2) * scale, axes).ravel()
        a, b = Polygons(first[None]), Polygons(second[None])
        margin = min(a.border_distances(b.vertices).min(), b.border_distances(a.vertices).min())
        if margin > 10 * TOLERANCE_RAD:
            ours = f"{array(second)}, {array(first)}"
            theirs = polygon(second), polygon(first)
            cases.append((f"pzvo.sphere_intersects({ours})", f"{theirs[0]} && {theirs[1]}"))
            cases.append((f"pzvo.sphere_contains({ours})", f"{theirs[0]} <@ {theirs[1]}"))
    assert len(cases) > SHAPES * 8
    assert compare(columns, cases) == []


@pytest.mark.parametrize("scale", [1e-3, 0.05, 0.5])
def test_distances_and_areas(columns, scale):
    rng = np.random.default_rng(6)
    for _ in range(SHAPES):
        axes = frame(rng)
        first, second = places(rng.uniform(-1, 1, (2, 2)) * scale, axes).tolist()
        row = places(star(rng, scale), axes).ravel()
        ((distance, theirs, area, their_area),) = columns.execute(
            f"SELECT radians(pzvo.distance({', '.join(map(repr, first + second))})),"
            f" {point(first)} <-> {point(second)}, pzvo.area({array(row)}) * power(radians(1), 2),"
            f" area({polygon(row)})"
        )
        assert distance == pytest.approx(theirs, abs=1e-8)
        assert area == pytest.approx(their_area, rel=1e-6, abs=1e-10)
