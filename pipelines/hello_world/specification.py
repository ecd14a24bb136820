"""What the example pipeline is."""

from __future__ import annotations

from pydantic import Field

from pipelines.specification import (
    InputSpecification,
    OutputColumn,
    PipelineParameters,
    PipelineSpecification,
)

__all__ = ["SPECIFICATION", "HelloParameters"]


class HelloParameters(PipelineParameters):
    """Parameters of the example."""

    z_min: float = Field(0.0, ge=-1.0, description="Smallest redshift that is kept")
    z_max: float = Field(10.0, ge=-1.0, description="Largest redshift that is kept")


SPECIFICATION = PipelineSpecification(
    name="hello_world",
    display_name="Hello World",
    version="1.0.0",
    description=(
        "Copy the positions and redshifts of one catalogue within a range of redshifts. It is "
        "the example that shows how a pipeline is added."
    ),
    parameters=HelloParameters,
    inputs=(
        InputSpecification(
            name="specz",
            product_types=("redshift_catalog",),
            columns={"id": "ID", "ra": "RA", "dec": "Dec", "z": "z"},
            required=("ra", "dec", "z"),
            maximum=1,
        ),
    ),
    output_type="redshift_catalog",
    output_columns=(
        OutputColumn("id", "Identifier in the input", ucd="meta.id;meta.main", alias="ID"),
        OutputColumn("ra", "Right ascension", "pos.eq.ra;meta.main", "deg", "RA"),
        OutputColumn("dec", "Declination", "pos.eq.dec;meta.main", "deg", "Dec"),
        OutputColumn("z", "Redshift", ucd="src.redshift", alias="z"),
    ),
    output_name="hello",
    output_formats=("parquet", "csv"),
    unused_libraries=("pandas",),
)
