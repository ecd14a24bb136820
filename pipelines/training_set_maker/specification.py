"""What the pipeline is, as data."""

from __future__ import annotations

from pipelines.specification import (
    OUTPUT_FORMATS,
    SAME_FORMAT,
    InputSpecification,
    OutputColumn,
    PipelineSpecification,
)
from pipelines.training_set_maker.parameters import TrainingSetParameters

__all__ = ["DISTANCE", "FOLD", "SET", "SPECIFICATION", "TRAINING"]

DISTANCE, TRAINING, SET, FOLD = "_dist_arcsec", "is_training_set", "split_set", "fold"
"""Columns that are added; the first two have the names of the original."""

SPECIFICATION = PipelineSpecification(
    name="training_set_maker",
    display_name="Training Set Maker",
    version="1.0.0",
    description=(
        "Match reference redshifts with objects of a photometric catalogue. Gives the photometry "
        "of the objects as fluxes or AB magnitudes, corrected for the dust of the Galaxy, and "
        "splits them into sets for training, validation and test."
    ),
    parameters=TrainingSetParameters,
    inputs=(
        InputSpecification(
            name="specz",
            product_types=("redshift_catalog",),
            columns={
                "ra": "RA",
                "dec": "Dec",
                "z": "z",
                "id": "ID",
                "z_flag": "z_flag",
                "z_err": "z_err",
                "survey": "survey",
            },
            required=("ra", "dec", "z"),
            maximum=1,
        ),
        InputSpecification(
            name="dataset",
            product_types=("object_catalog",),
            columns={"id": "ID", "ra": "RA", "dec": "Dec"},
            maximum=1,
            in_place=True,
            of_release=True,
        ),
    ),
    output_type="training_set",
    output_columns=(
        OutputColumn(
            DISTANCE, "Distance of the object from the redshift", "pos.angDistance", "arcsec"
        ),
        OutputColumn(TRAINING, "1 for objects to train with, else 0", "meta.code"),
        OutputColumn(SET, "Set of the object: train, validation or test", "meta.code"),
        OutputColumn(FOLD, "Part of the object for cross-validation, from 0", "meta.code"),
    ),
    output_name="tsm",
    output_formats=(SAME_FORMAT, *OUTPUT_FORMATS),
    partitioned=True,
    unused_libraries=("pandas",),
)
"""The name and the parameters are those of the original; the version is our own."""
