"""The photo-z estimates of the demo sky as a product."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_service.demo.cosmology import FloatArray
from vo_service.demo.estimates import PDF_GRID, Estimates, Features, neighbour_estimates
from vo_service.demo.photometry import dereddened
from vo_service.demo.simulation import SimulatedSky
from vo_service.demo.spectra import BANDS
from vo_service.demo.tables import (
    AnnotatedColumn,
    DemoProduct,
    object_id_column,
    position_columns,
)
from vo_service.demo.training import TrainingSample

GOLD_LIMIT_MAG = 25.3
"""Limit in i of the LSST gold sample (LSST Science Book, section 3.7)."""

MAX_ESTIMATES = 20_000
"""Objects with estimates, so that the demo sky is made in seconds."""

MAX_TRAINING_OBJECTS = 8_000
"""Training objects that are searched for neighbours."""

EXTRAPOLATION_DISTANCE2 = 4.0
"""Mean squared distance per feature beyond which the training set does not reach."""

_GRID_TEXT = (
    f"{len(PDF_GRID)} redshifts from {PDF_GRID[0]:.2f} to {PDF_GRID[-1]:.2f} in steps of "
    f"{PDF_GRID[1] - PDF_GRID[0]:.2f}"
)

DESCRIPTION = (
    "Simulated photo-z estimates of extended objects with i < 25.3 (extinction-corrected), "
    "made by a real estimator: weighted nearest neighbours in colours and magnitude among the "
    "demo training set, where no object is its own neighbour. The column pdf holds the "
    f"probability density at {_GRID_TEXT}: element k, counted from 0, stands for z = 0.04 k."
)
"""Description of the product, Markdown."""


def photoz_estimates(sky: SimulatedSky, sample: TrainingSample, seed: int) -> DemoProduct:
    """Estimate redshifts of a gold sample and return them as a product.

    Parameters
    ----------
    sky
        The simulated sky.
    sample
        The training objects.
    seed
        Seed of the demo sky.
    """
    rng = np.random.default_rng([seed, 4000])
    magnitudes = dereddened(sky.magnitudes, sky.reddening)
    is_gold = (magnitudes[:, BANDS.index("i")] < GOLD_LIMIT_MAG) & (sky.extendedness == 1)
    rows = _at_most(np.flatnonzero(is_gold), MAX_ESTIMATES, rng)
    within = np.flatnonzero(sample.redshift < PDF_GRID[-1])
    trained = _at_most(within, MAX_TRAINING_OBJECTS, rng)
    training_rows = sample.source[trained]
    place = np.full(len(sky), -1, dtype=np.intp)
    place[training_rows] = np.arange(len(training_rows))
    estimates = neighbour_estimates(
        Features.of_photometry(magnitudes[rows], sky.errors[rows]),
        Features.of_photometry(magnitudes[training_rows], sky.errors[training_rows]),
        sample.redshift[trained],
        place[rows],
    )
    columns = {
        "objectId": object_id_column(sky.object_id[rows]),
        **position_columns(("ra", "dec"), sky.ra_deg[rows], sky.dec_deg[rows]),
        **_estimate_columns(estimates),
    }
    return DemoProduct.of_columns(
        "Demo photo-z estimates", "photoz_estimates", DESCRIPTION, columns
    )


def _at_most(
    rows: npt.NDArray[np.integer], count: int, rng: np.random.Generator
) -> npt.NDArray[np.integer]:
    return rows if len(rows) <= count else np.sort(rng.choice(rows, count, replace=False))


def _estimate_columns(estimates: Estimates) -> dict[str, AnnotatedColumn]:
    def number(
        values: FloatArray, description: str, ucd: str | None = None, alias: str | None = None
    ) -> AnnotatedColumn:
        return AnnotatedColumn(
            pa.array(values.astype(np.float32)), description, ucd=ucd, alias=alias
        )

    return {
        "z_mode": number(estimates.mode, "Redshift of the highest peak of the PDF.", alias="z"),
        "z_err": number(
            0.5 * (estimates.upper - estimates.lower),
            "Half the width of the central 68% interval of the PDF.",
            alias="z_err",
        ),
        "z_mean": number(estimates.mean, "Mean of the PDF.", ucd="src.redshift.phot;stat.mean"),
        "z_median": number(
            estimates.median, "Median of the PDF.", ucd="src.redshift.phot;stat.median"
        ),
        "z_low68": number(
            estimates.lower, "16th percentile of the PDF.", ucd="src.redshift.phot;stat.min"
        ),
        "z_upp68": number(
            estimates.upper, "84th percentile of the PDF.", ucd="src.redshift.phot;stat.max"
        ),
        "z_std": number(
            estimates.spread,
            "Standard deviation of the PDF.",
            ucd="stat.stdev;src.redshift.phot",
        ),
        "odds": number(
            estimates.odds,
            "Probability within 0.06 (1 + z_mode) of z_mode.",
            ucd="stat.confidenceLevel;src.redshift.phot",
        ),
        "chi2": number(
            estimates.distance2,
            "Mean squared distance of the neighbours per feature, in squared errors.",
            ucd="stat.fit.chi2;src.redshift.phot",
        ),
        "extrapolated": AnnotatedColumn(
            pa.array(estimates.distance2 > EXTRAPOLATION_DISTANCE2),
            "Whether the training set has nothing like this object.",
            ucd="meta.code;src.redshift.phot",
        ),
        "pdf": AnnotatedColumn(
            _lists(estimates.pdf),
            f"Probability density per unit redshift at {_GRID_TEXT}.",
            ucd="stat.probability;src.redshift.phot",
        ),
    }


def _lists(values: FloatArray) -> pa.Array:
    rows, width = values.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.astype(np.float32).ravel()))
