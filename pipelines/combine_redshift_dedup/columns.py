"""What the columns of the product mean."""

from __future__ import annotations

from pipelines.specification import OutputColumn

__all__ = ["OUTPUT_COLUMNS"]

OUTPUT_COLUMNS: tuple[OutputColumn, ...] = (
    OutputColumn(
        "CRD_ID",
        "Identifier of the row: number of its catalogue, number of the row in its file",
        ucd="meta.id;meta.main",
        alias="ID",
    ),
    OutputColumn("id", "Identifier in the catalogue of origin", ucd="meta.id"),
    OutputColumn("ra", "Right ascension", ucd="pos.eq.ra;meta.main", unit="deg", alias="RA"),
    OutputColumn("dec", "Declination", ucd="pos.eq.dec;meta.main", unit="deg", alias="Dec"),
    OutputColumn("z", "Redshift", ucd="src.redshift", alias="z"),
    OutputColumn(
        "z_flag", "Quality flag of the redshift as its survey gives it", ucd="meta.code.qual"
    ),
    OutputColumn("z_err", "Error of the redshift", ucd="stat.error;src.redshift", alias="z_err"),
    OutputColumn("instrument_type", "Type of instrument as given", ucd="meta.code"),
    OutputColumn("survey", "Survey, in upper case", ucd="meta.curation", alias="survey"),
    OutputColumn("source", "Internal name of the input catalogue", ucd="meta.dataset"),
    OutputColumn(
        "tie_result",
        "0: another row of this object is better; 1: the only or the best row; 2: as good as "
        "another row with a different redshift; 3: a star, compared with nothing",
        ucd="meta.code",
    ),
    OutputColumn("is_in_DP1_fields", "1 in a field of Rubin DP1, else 0", ucd="meta.code"),
    OutputColumn("is_in_rubin_footprint", "1 where Rubin observes, else 0", ucd="meta.code"),
    OutputColumn(
        "compared_to",
        "CRD_ID of the rows within the matching radius, separated by commas",
        ucd="meta.id.cross",
    ),
    OutputColumn(
        "z_flag_homogenized",
        "Quality of the redshift on a common scale: 0 none, 1 below 70 % confidence, 2 below "
        "90 %, 3 below 99 %, 4 above, 6 not extragalactic (a star)",
        ucd="stat.rank",
        alias="z_flag",
    ),
    OutputColumn(
        "instrument_type_homogenized",
        "Type of instrument: s spectrograph, g grism, p photometry",
        ucd="meta.code",
    ),
    OutputColumn(
        "group_id",
        "Number of the object: equal for all rows of one object",
        ucd="meta.id.parent",
    ),
    OutputColumn("n_group_members", "Rows of this object in all catalogues", ucd="meta.number"),
    OutputColumn(
        "nearest_separation_arcsec",
        "Distance to the nearest other row within the matching radius",
        ucd="pos.angDistance",
        unit="arcsec",
    ),
)
"""Every column that the pipeline itself makes; UCDs of the roles as the `pzserver` client has
them."""
