"""Exact geometry on the unit sphere, over arrays: the regions of ADQL for every engine.

`vectors` turns positions into unit vectors, `polygons` knows about polygons of great-circle
arcs, `shapes` about pairs of any two shapes as DALI writes them. It knows no engine and no ADQL.
"""

from __future__ import annotations

from vo_service.engines.sphere.boxes import box_vertices
from vo_service.engines.sphere.shapes import (
    area_deg2,
    centroids,
    contains,
    intersects,
    points_inside,
)

__all__ = ["area_deg2", "box_vertices", "centroids", "contains", "intersects", "points_inside"]
