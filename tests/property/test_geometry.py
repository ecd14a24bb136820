"""Geometry on the sphere against brute force: half-spaces, triangles and samples.

Shapes are drawn in the tangent plane of a random place, from milli-arcseconds to tens of degrees,
so that poles and RA 0 are hit as well as any other place. Cases nearer to a border than 0.25 mas
are left out.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from vo_service.engines import sphere
from vo_service.engines.sphere.vectors import angles, lonlat, unit_vectors

TOLERANCE_RAD = np.radians(0.25 / 3_600_000)

seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from([1e-8, 1e-5, 1e-3, 0.05, 0.5, 2.0])


def frame(rng):
    """Give the axes of a random place; often a pole, or RA 0."""
    lon = rng.choice([0.0, 360.0, 180.0, rng.uniform(0, 360)])
    lat = rng.choice([90.0, -90.0, 0.0, 89.9999, np.degrees(np.arcsin(rng.uniform(-1, 1)))])
    centre = unit_vectors(np.array(lon), np.array(lat))
    east = np.cross([0.3, -0.5, 0.8], centre)
    east /= np.linalg.norm(east)
    return np.stack([east, np.cross(centre, east), centre])


def sky(plane, axes):
    """Give unit vectors of positions in the tangent plane."""
    vectors = np.concatenate([plane, np.ones((len(plane), 1))], axis=1) @ axes
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def numbers(vectors):
    """Give vectors as a row of longitudes and latitudes, and as what those say."""
    row = np.stack(lonlat(vectors), axis=-1).reshape(1, -1)
    return row, unit_vectors(row[0, 0::2], row[0, 1::2])


def star(rng, scale, points):
    """Give the middle and the vertices of a polygon that is star-shaped, concave or not."""
    angle = (np.arange(points) + rng.uniform(0, 0.35, points)) * 2 * np.pi / points
    radius = scale * rng.uniform(0.2, 1, points)
    turn = rng.choice([1, -1])
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[::turn]


def triangles(middle, vertices):
    """Give the triangles of a star."""
    return [
        np.stack([middle, a, b]) for a, b in zip(vertices, np.roll(vertices, -1, 0), strict=True)
    ]


def planes(triangle):
    """Give the normals of a triangle's sides, pointing inwards."""
    a, b, c = triangle
    normals = np.stack([np.cross(p - q, p + q) for p, q in ((a, b), (b, c), (c, a))])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return normals * np.sign(normals[0] @ c)


def in_triangles(points, parts):
    """Tell which points are in any of the triangles, and how far each is from all the sides."""
    inside = np.zeros(len(points), bool)
    for part in parts:
        inside |= (points @ planes(part).T >= -1e-15).all(axis=1) & (points @ part.sum(0) > 0)
    return inside


def border(points, vertices):
    """Give the distances of points from the arcs between vertices, by dense samples of them."""
    ends = np.roll(vertices, -1, axis=0)
    nearest = np.full(len(points), np.inf)
    for a, b in zip(vertices, ends, strict=True):
        t = np.linspace(0, 1, 2001)[:, None]
        arc = a * (1 - t) + b * t
        arc /= np.linalg.norm(arc, axis=1, keepdims=True)
        nearest = np.minimum(nearest, angles(points[:, None], arc[None]).min(axis=1))
    return nearest


@settings(deadline=None, max_examples=60)
@given(seeds, scales, st.integers(3, 9))
def test_points_in_polygons_are_those_in_its_triangles(seed, scale, points):
    rng = np.random.default_rng(seed)
    axes = frame(rng)
    plane = star(rng, scale, points)
    row, vertices = numbers(sky(plane, axes))
    tested, places = numbers(sky(rng.uniform(-1.1, 1.1, (300, 2)) * scale, axes))
    found = sphere.points_inside(tested[0, 0::2], tested[0, 1::2], row)
    expected = in_triangles(places, triangles(axes[2], vertices))
    wrong = np.flatnonzero(found != expected)
    # Sides that triangles share are no borders; only points at the real border may differ.
    ends = np.roll(vertices, -1, axis=0)
    normals = np.cross(vertices - ends, vertices + ends)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    assert (np.abs(places[wrong] @ normals.T).min(axis=1, initial=np.inf) < TOLERANCE_RAD).all()
    assert (
        not sphere.points_inside((tested[0, 0::2] + 180) % 360, -tested[0, 1::2], row).any()
        or scale > 1
    )
    whole = sphere.contains(tested.reshape(-1, 2), row)
    assert (whole == found).all()


@settings(deadline=None, max_examples=60)
@given(seeds, scales)
def test_regions_meet_when_any_of_their_triangles_do(seed, scale):
    rng = np.random.default_rng(seed)
    axes = frame(rng)
    offset = rng.uniform(-1.5, 1.5, 2) * scale
    first, a = numbers(sky(star(rng, scale, rng.integers(3, 8)), axes))
    second, b = numbers(sky(star(rng, scale, rng.integers(3, 8)) + offset, axes))
    ours = triangles(axes[2], a)
    theirs = triangles(sky(offset[None], axes)[0], b)

    def apart(one, other):
        """Give the widest gap that the plane of a side leaves between two triangles."""
        gaps = [-(planes(p) @ q.T).max(axis=1).min() for p, q in ((one, other), (other, one))]
        return max(gaps)

    gap = min(apart(p, q) for p in ours for q in theirs)
    assume(abs(gap) > TOLERANCE_RAD)
    assert sphere.intersects(first, second)[0] == (gap < 0)
    assert sphere.intersects(second, first)[0] == (gap < 0)


@settings(deadline=None, max_examples=40)
@given(seeds, scales)
def test_circles_and_polygons_agree_with_samples_of_the_border(seed, scale):
    rng = np.random.default_rng(seed)
    axes = frame(rng)
    row, vertices = numbers(sky(star(rng, scale, rng.integers(3, 8)), axes))
    place, centre = numbers(sky(rng.uniform(-1.5, 1.5, (1, 2)) * scale, axes))
    inside = in_triangles(centre, triangles(axes[2], vertices))[0]
    nearest = border(centre, vertices)[0]
    farthest = np.pi - border(-centre, vertices)[0]
    if in_triangles(-centre, triangles(axes[2], vertices))[0]:
        farthest = np.pi
    # Samples of an arc miss its nearest point by a quarter of their distance at most.
    coarse = 1e-3 * scale
    for radius in (
        nearest * rng.uniform(0.3, 0.98),
        nearest * rng.uniform(1.02, 2),
        farthest * 1.02,
    ):
        if min(abs(radius - nearest), abs(radius - farthest)) < max(coarse, TOLERANCE_RAD):
            continue
        circle = np.concatenate([place, [[np.degrees(radius)]]], axis=1)
        assert sphere.intersects(circle, row)[0] == (inside or radius > nearest)
        assert sphere.contains(circle, row)[0] == (inside and radius < nearest)
        assert sphere.contains(row, circle)[0] == (radius > farthest)


@settings(deadline=None, max_examples=60)
@given(seeds, st.sampled_from([1e-6, 1e-3, 1.0, 40.0, 120.0]))
def test_circles_and_circles(seed, scale_deg):
    rng = np.random.default_rng(seed)
    first = np.array([[rng.uniform(0, 360), np.degrees(np.arcsin(rng.uniform(-1, 1))), scale_deg]])
    axes = frame(rng)
    second = np.array([[*numbers(axes[2:])[0][0], scale_deg * rng.uniform(0, 2)]])
    apart = angles(unit_vectors(*first[0, :2]), unit_vectors(*second[0, :2]))
    radii = np.radians([first[0, 2], second[0, 2]])
    assume(min(abs(apart - radii.sum()), abs(apart + radii[0] - radii[1])) > TOLERANCE_RAD)
    assert sphere.intersects(first, second)[0] == (apart < radii.sum())
    assert sphere.contains(first, second)[0] == (apart + radii[0] < radii[1] or radii[1] >= np.pi)


@settings(deadline=None, max_examples=40)
@given(seeds, st.sampled_from([1e-4, 0.05, 0.5, 2.0]))
def test_area_and_centroid_are_the_sums_of_triangles(seed, scale):
    rng = np.random.default_rng(seed)
    axes = frame(rng)
    row, vertices = numbers(sky(star(rng, scale, rng.integers(3, 9)), axes))
    excess, moment = 0.0, np.zeros(3)
    for part in triangles(axes[2], vertices):
        sides = [np.linalg.norm(p - q) for p, q in zip(part, np.roll(part, -1, 0), strict=True)]
        a, b, c = (2 * np.arcsin(side / 2) for side in sides)
        half = (a + b + c) / 2
        product = np.prod([np.tan(x / 2) for x in (half, half - a, half - b, half - c)])
        excess += 4 * np.arctan(np.sqrt(max(product, 0)))
        sign = np.sign(np.linalg.det(part))
        for p, q, angle in zip(part, np.roll(part, -1, 0), (a, b, c), strict=True):
            normal = np.cross(p - q, p + q)
            moment += sign * angle * normal / np.linalg.norm(normal)
    assert sphere.area_deg2(row)[0] == pytest.approx(np.degrees(np.degrees(excess)), rel=1e-6)
    centre = unit_vectors(*sphere.centroids(row)[0])
    assert angles(centre, moment / np.linalg.norm(moment)) < 1e-9 / min(scale, 1)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.filter_too_much])
@given(seeds, scales)
def test_polygons_within_polygons_agree_with_samples(seed, scale):
    rng = np.random.default_rng(seed)
    axes = frame(rng)
    outer, vertices = numbers(sky(star(rng, scale, rng.integers(3, 8)), axes))
    small = star(rng, scale * rng.uniform(0.05, 0.6), rng.integers(3, 6))
    small += rng.uniform(-0.2, 0.2, 2) * scale
    inner, corners = numbers(sky(small, axes))
    assume(border(corners, vertices).min() > max(2e-3 * scale, TOLERANCE_RAD))
    t = np.linspace(0, 1, 400)[:, None]
    arcs = [a * (1 - t) + b * t for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)]
    samples = np.concatenate(arcs)
    samples /= np.linalg.norm(samples, axis=1, keepdims=True)
    expected = in_triangles(samples, triangles(axes[2], vertices)).all()
    # A notch between two samples is one vertex of the outer polygon inside the inner one.
    notched = sphere.contains(np.stack(lonlat(vertices), axis=-1), inner).any()
    assert sphere.contains(inner, outer)[0] == (expected and not notched)
    assert sphere.contains(outer, outer)[0]


def test_a_small_area_keeps_its_digits_whichever_way_round():
    side_deg = 1 / 3600
    corners = np.array([[10, 20], [10 + side_deg, 20], [10 + side_deg, 20 + side_deg]])
    rows = [corners.reshape(1, -1), corners[::-1].reshape(1, -1)]
    found = [sphere.area_deg2(row)[0] for row in rows]
    flat = side_deg**2 * np.cos(np.radians(20)) / 2
    assert found[0] == pytest.approx(flat, rel=1e-5)
    assert found[1] == pytest.approx(found[0], rel=1e-9)
