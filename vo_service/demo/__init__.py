"""A realistic, deterministic, purely simulated sky to try the service with."""

from __future__ import annotations

from collections.abc import Iterator

from vo_service.demo.objects import object_catalog
from vo_service.demo.photoz import photoz_estimates
from vo_service.demo.redshift_catalogs import redshift_catalog
from vo_service.demo.simulation import SimulatedSky
from vo_service.demo.surveys import SURVEYS, observed_spectra
from vo_service.demo.tables import DemoProduct
from vo_service.demo.training import training_sample, training_set

__all__ = ["DemoProduct", "demo_products"]


def demo_products(rows: int = 100_000, seed: int = 20261120) -> Iterator[DemoProduct]:
    """Make the products of the demo sky, one after the other.

    Parameters
    ----------
    rows
        Objects in the object catalogue, at least 1000; the area of the sky grows with it,
        at constant density.
    seed
        Seed; the same seed and number of rows give the same products.

    Yields
    ------
    :
        The object catalogue, the redshift surveys, the training set, the photo-z estimates.

    Raises
    ------
    ValueError
        If `rows` is less than 1000.
    """
    sky = SimulatedSky.of_seed(rows, seed)
    yield object_catalog(sky)
    samples = [observed_spectra(sky, design, seed) for design in SURVEYS]
    for sample in samples:
        yield redshift_catalog(sky, sample, seed)
    training = training_sample(sky, samples, seed)
    yield training_set(sky, training)
    yield photoz_estimates(sky, training, seed)
