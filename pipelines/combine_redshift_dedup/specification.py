"""What the pipeline is, as data."""

from __future__ import annotations

from pipelines.combine_redshift_dedup.columns import OUTPUT_COLUMNS
from pipelines.combine_redshift_dedup.parameters import CombineParameters
from pipelines.specification import InputSpecification, PipelineSpecification

__all__ = ["SPECIFICATION"]

SPECIFICATION = PipelineSpecification(
    name="combine_redshift_dedup",
    display_name="Combine Redshift Catalogs",
    version="1.0.0",
    description=(
        "Combine redshift catalogues into one. Brings the quality flags and instrument types of "
        "the surveys to common scales, finds the rows that are of the same object, and marks or "
        "keeps the best of them."
    ),
    parameters=CombineParameters,
    inputs=(
        InputSpecification(
            name="specz",
            product_types=("redshift_catalog",),
            columns={
                "id": "ID",
                "ra": "RA",
                "dec": "Dec",
                "z": "z",
                "z_flag": "z_flag",
                "z_err": "z_err",
                "survey": "survey",
                "instrument_type": None,
            },
            free_columns=True,
        ),
    ),
    output_type="redshift_catalog",
    output_columns=OUTPUT_COLUMNS,
    output_name="crd",
    unused_libraries=("pandas",),
)
"""The name and the parameters are those of the original; the version is our own."""
