"""The training set: photometry of objects with good spectroscopic redshifts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vo_service.demo.cosmology import FloatArray
from vo_service.demo.simulation import SimulatedSky
from vo_service.demo.sky import IntArray
from vo_service.demo.surveys import SURVEYS, SpectroscopicSample
from vo_service.demo.tables import (
    AnnotatedColumn,
    DemoProduct,
    magnitude_columns,
    object_id_column,
    position_columns,
)

GOOD_CONFIDENCE = 3
"""Least confidence of a redshift that trains."""

TRAINING_FRACTION = 0.8
"""Part of the objects with good redshifts; the others stay free for validation."""

DESCRIPTION = (
    "Simulated training set: objects of the demo sky with the most trustworthy of their "
    "redshifts in the demo surveys, classes 3 and 4 only, no stars. One object in five with a "
    "good redshift was kept out at random, so that estimates can be validated with it."
)
"""Description of the product, Markdown."""


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """Objects with good redshifts, one row each, in the order of the sky.

    Attributes
    ----------
    source
        Row of the object in the simulated sky.
    redshift, error
        The best redshift and its 1σ error.
    confidence
        3 or 4.
    survey
        Index in `surveys.SURVEYS` of the survey that it comes from.
    """

    source: IntArray
    redshift: FloatArray
    error: FloatArray
    confidence: IntArray
    survey: IntArray


def training_sample(
    sky: SimulatedSky, samples: Sequence[SpectroscopicSample], seed: int
) -> TrainingSample:
    """Take the best redshift of each object and leave a part out.

    Parameters
    ----------
    sky
        The simulated sky.
    samples
        What the surveys have measured, in the order of `surveys.SURVEYS`.
    seed
        Seed of the demo sky.
    """
    source = np.concatenate([sample.source for sample in samples])
    redshift = np.concatenate([sample.redshift for sample in samples])
    error = np.concatenate([sample.error for sample in samples])
    confidence = np.concatenate([sample.confidence for sample in samples])
    survey = np.repeat(np.arange(len(samples)), [len(sample) for sample in samples])
    good = (confidence >= GOOD_CONFIDENCE) & (redshift > 0.002) & ~sky.is_star[source]
    # Best first: the surest, and among those the most precise.
    order = np.lexsort((error, -confidence))
    order = order[good[order]]
    unique, first = np.unique(source[order], return_index=True)
    rng = np.random.default_rng([seed, 3000])
    kept = rng.random(len(unique)) < TRAINING_FRACTION
    best = order[first[kept]]
    return TrainingSample(unique[kept], redshift[best], error[best], confidence[best], survey[best])


def training_set(sky: SimulatedSky, sample: TrainingSample) -> DemoProduct:
    """Return the training set as a product."""
    rows = sample.source
    names = np.array([design.name for design in SURVEYS], dtype=object)
    columns = {
        "objectId": object_id_column(sky.object_id[rows]),
        **position_columns(("ra", "dec"), sky.ra_deg[rows], sky.dec_deg[rows]),
        "z_spec": AnnotatedColumn(
            pa.array(sample.redshift), "Spectroscopic or grism redshift.", alias="z"
        ),
        "z_spec_err": AnnotatedColumn(
            pa.array(sample.error.astype(np.float32)), "1-sigma error of z_spec.", alias="z_err"
        ),
        "confidence": AnnotatedColumn(
            pa.array(sample.confidence.astype(np.int16)),
            "Quality brought to one scale: 3 sure, 4 certain.",
            alias="z_flag",
        ),
        "survey": AnnotatedColumn(
            pa.array(names[sample.survey], pa.string()),
            "Survey that the redshift comes from.",
            alias="survey",
        ),
        **magnitude_columns(sky, rows),
        "ebv": AnnotatedColumn(
            pa.array(sky.reddening[rows].astype(np.float32)),
            "Galactic reddening E(B-V) towards the object.",
            ucd="phot.color.excess",
            unit="mag",
        ),
    }
    return DemoProduct.of_columns("Demo training set", "training_set", DESCRIPTION, columns)
