"""How each file of the shared data is published: type, annotations, roles."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatch


@dataclass(frozen=True)
class Publication:
    """How the files of a pattern are published."""

    pattern: str
    type: str = "redshift_catalog"
    annotations: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    refused: str | None = None
    group: str | None = None
    suggestions: bool = False


NO_TABLE = "is of no format that is read"
SPECZ = {"id": "ID", "ra": "RA", "dec": "Dec", "z": "z"}
HATS = {"_healpix_29": "pos.healpix"}
SOLVER = {"CRD_ID": "ID", "z": "z", "z_flag_homogenized": "z_flag"}
COMBINED = {"CRD_ID": "ID", "ra": "RA", "dec": "Dec", "z": "z", "z_flag_homogenized": "z_flag",
            "z_err": "z_err", "survey": "survey"}  # fmt: skip
MATCHED = HATS | SPECZ | {"mag_g": "phot.mag;em.opt.B", "_dist_arcsec": "pos.angDistance"}
POSITIONS = {"ra": "RA", "dec": "Dec"}

PUBLICATIONS = (
    Publication("*.yaml", refused=NO_TABLE),
    Publication("*.json", refused=NO_TABLE),
    Publication("*/LICENSE*", refused=NO_TABLE),
    Publication("*properties", refused=NO_TABLE),
    Publication("*.md", refused="every row must have as many values as there are columns"),
    Publication("*/margin_*/dataset/_metadata", refused="has no rows"),
    Publication("*/_common_metadata", refused="has no rows"),
    Publication("*/_metadata", refused="is the summary of several Parquet files"),
    Publication("*/margin_10arcs", refused="is a HATS margin, not a catalogue"),
    Publication("*map.fits", "other", columns={"PIXEL": "pos.healpix"}),
    Publication("*/margin_10arcs/partition_info.csv", "other", refused="has no rows"),
    Publication("*/partition_info.csv", "other", columns={"Npix": "pos.healpix"}),
    Publication("*/2dfgrs_*.parquet", annotations="2dfgrs"),
    Publication("*/2dflens_*.parquet", annotations="2dflens"),
    Publication("*/2mrs_*.parquet", annotations="2mrs"),
    Publication("*/3dhst_*.parquet", annotations="3dhst"),
    Publication("*/6dfgs_*.parquet", annotations="6dfgs"),
    Publication("*/astrodeep-gs43_*.parquet", annotations="astrodeep-gs43"),
    Publication("*/astrodeep_jwst_*.parquet", annotations="astrodeep-jwst"),
    Publication("*/desi_*.parquet", annotations="desi"),
    Publication("*/elaisfbmc.parquet", annotations="elaisfbmc"),
    Publication("*/elaiss1oid.parquet", annotations="elaiss1oid"),
    Publication("*/primus_*.parquet", annotations="primus"),
    Publication("*/vlt_vimos_*.parquet", annotations="vimos"),
    Publication("*/vuds_*.parquet", annotations="vuds"),
    Publication("*/z_cat_CANDELS_*.parquet", annotations="candels"),
    Publication("*/z_cat_NED_*.parquet", annotations="ned"),
    Publication("*/pipeline_generated_sample.parquet", annotations="combined"),
    Publication("*/elaisfbmc_collection*", annotations="elaisfbmc", columns=HATS),
    Publication("*/elaiss1oid_collection*", annotations="elaiss1oid", columns=HATS),
    Publication("*/test_*.parquet", "other", suggestions=True),
    Publication("*/cosmos_specz_*.txt", "training_set", columns={
        "id": "ID", "redshift": "z", "subaru.suprime.g": "phot.flux;em.opt.B"}),
    Publication("*/test_dc2_*.hdf5", "training_set", columns={"redshift": "z"},
        group="photometry", suggestions=True),
    Publication("*/tiny_object_*", "object_catalog", columns=POSITIONS | {"coadd_object_id": "ID"}),
    Publication("*/tiny_training_*", "training_set", columns=POSITIONS | {
        "coadd_object_id": "ID", "redshift": "z"}, suggestions=True),
    Publication("*/dp1_fields.csv", "object_catalog", columns=POSITIONS | {"name": "ID"}),
    Publication("*/rubin_footprint_border.csv", "object_catalog", columns=POSITIONS),
    Publication("*/crc_e2e/001_*", columns={
        "name": "ID", "ra": "RA", "dec": "Dec", "zz": "z", "quality": "z_flag",
        "survey_name": "survey"}),
    Publication("*/crc_e2e/002_*", columns={
        "NUM": "ID", "ra": "RA", "dec": "Dec", "Z": "z", "ZFLAGS": "z_flag",
        "survey_name": "survey"}),
    Publication("*/crc_e2e/003_*", columns={
        "oid": "ID", "ra": "RA", "dec": "Dec", "redshift": "z", "quality": "z_flag",
        "source": "survey"}),
    Publication("*/crc_e2e/004_*", columns={
        "TARGETID": "ID", "ra": "RA", "dec": "Dec", "Z": "z", "ZERR": "z_err", "ZWARN": "z_flag",
        "survey_name": "survey"}),
    Publication("*/crc_e2e/expected_*.csv", columns=COMBINED),
    Publication("*/crc_solver/S*.csv", "training_set", columns=SOLVER),
    Publication("*/footprint_cases.csv", "object_catalog", columns=POSITIONS),
    Publication("*/pit_values.csv", "other", columns={"pit": "stat.probability"}),
    Publication("*/point_and_gauss.csv", "training_set", columns={
        "z_spec": "z", "z_phot": "src.redshift.phot", "sigma": "stat.error;src.redshift.phot"}),
    Publication("*/tsm/expected_*.csv", "training_set", columns=MATCHED),
    Publication("*/tsm/objects.csv", "object_catalog", columns={
        "id": "ID", "ra": "RA", "dec": "Dec", "mag_g": "phot.mag;em.opt.B",
        "mag_r": "phot.mag;em.opt.R", "z_mode": "src.redshift.phot"}),
    Publication("*/tsm/specz.*", columns=SPECZ | {"survey": "survey"}),
    Publication("*/upload_example.csv", columns={
        "ID": "ID", "RA": "RA", "DEC": "Dec", "Z": "z", "ERR_Z": "z_err", "FLAG_DES": "z_flag"}),
    Publication("*/dr2/*", "object_catalog", columns=HATS | POSITIONS | {"id": "ID"}),
    Publication("*/tsm_example/specz.parquet", columns=SPECZ),
    Publication("*/specz_collection*", columns=HATS | SPECZ),
)  # fmt: skip
"""The first pattern that matches the path below the data folder counts."""


def publication(name: str) -> Publication:
    """How a file is published, by its path below the data folder."""
    return next(p for p in PUBLICATIONS if fnmatch("/" + name, p.pattern))
