"""Boxes as polygons of four great-circle arcs."""

from __future__ import annotations

import numpy as np

from vo_service.engines.sphere.vectors import Floats, lonlat, unit_vectors

__all__ = ["box_vertices"]


def box_vertices(lon_deg: Floats, lat_deg: Floats, width_deg: Floats, height_deg: Floats) -> Floats:
    """Give the corners of boxes.

    Parameters
    ----------
    lon_deg, lat_deg
        Centres in degrees, shape (k,).
    width_deg, height_deg
        Lengths of the arms of the cross, in degrees, at least 0 and less than 180.

    Returns
    -------
    Floats
        Longitudes and latitudes of the four corners, shape (k, 8), counter-clockwise as seen
        from the observer; NaN where a size is out of its range.

    Notes
    -----
    ADQL 2.1, section 4.2.9: the arms of a cross extend from the centre, parallel to the axes
    there, and the sides are great circles at right angles to the ends of the arms. In the
    gnomonic projection about the centre that is a rectangle, ``x = tan(width / 2)`` and
    ``y = tan(height / 2)`` away from it, at the poles and across RA 0 as everywhere.
    """
    allowed = (width_deg >= 0) & (width_deg < 180) & (height_deg >= 0) & (height_deg < 180)
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    centre = unit_vectors(lon_deg, lat_deg)
    nothing = np.zeros_like(lon)
    east = np.stack([-np.sin(lon), np.cos(lon), nothing], axis=-1)
    north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)], axis=-1)
    half_width = np.tan(np.radians(np.where(allowed, width_deg, np.nan)) / 2)[:, None]
    half_height = np.tan(np.radians(np.where(allowed, height_deg, np.nan)) / 2)[:, None]
    corners = [
        lonlat(centre + dx * half_width * east + dy * half_height * north)
        for dx, dy in ((1, -1), (1, 1), (-1, 1), (-1, -1))
    ]
    return np.stack([part for corner in corners for part in corner], axis=-1)
