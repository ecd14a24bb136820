"""The object catalogue of the demo sky."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from vo_service.demo.simulation import SimulatedSky
from vo_service.demo.tables import (
    AnnotatedColumn,
    DemoProduct,
    magnitude_columns,
    nullable,
    object_id_column,
    position_columns,
)

DESCRIPTION = (
    "Simulated objects as a Rubin-like survey would catalogue them: five small fields, one "
    "across RA = 0 and one near the south pole, with ugrizy magnitudes at about five years' "
    "depth. Galaxies come from evolving luminosity functions and analytic spectra, stars from "
    "the stellar locus; errors grow as LSST's. Nothing here was observed."
)
"""Description of the product, Markdown."""


def object_catalog(sky: SimulatedSky) -> DemoProduct:
    """Return the catalogue of all objects as a product."""
    every = np.arange(len(sky))
    columns = {
        "objectId": object_id_column(sky.object_id),
        **position_columns(("ra", "dec"), sky.ra_deg, sky.dec_deg),
        **magnitude_columns(sky, every),
        "ebv": AnnotatedColumn(
            pa.array(sky.reddening.astype(np.float32)),
            "Galactic reddening E(B-V) towards the object.",
            ucd="phot.color.excess",
            unit="mag",
        ),
        "snr_i": AnnotatedColumn(
            pa.array(sky.snr_i.astype(np.float32)),
            "Signal to noise in the i band, at least 7.",
            ucd="stat.snr",
        ),
        "extendedness": AnnotatedColumn(
            nullable(sky.extendedness, sky.extendedness < 0),
            "0 point-like (star), 1 extended (galaxy), null if the shape could not be measured.",
            ucd="src.class.starGalaxy",
        ),
        "blended": AnnotatedColumn(
            pa.array(sky.is_blended),
            "Whether the object was separated from a neighbour.",
            ucd="meta.code",
        ),
        "last_visit": AnnotatedColumn(
            pa.array(sky.last_visit, pa.timestamp("us")),
            "Start of the last visit that covers the object (UTC).",
            ucd="time.epoch",
        ),
    }
    return DemoProduct.of_columns("Demo objects", "object_catalog", DESCRIPTION, columns)
