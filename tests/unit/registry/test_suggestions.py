import re

import pytest

from registry.annotation.suggestions import ColumnProfile, suggest
from registry.annotation.vocabulary import check_ucd, check_unit
from registry.model.annotation import find_role
from registry.resources import load_toml


def one(name, low=None, high=None, text=False):
    return suggest([ColumnProfile(name, is_number=not text, is_text=text, low=low, high=high)])[0]


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        *((n, "RA") for n in ("RA", "ra_deg", "RAdeg", "RAJ2000", "ALPHA_J2000", "TARGET_RA")),
        *((n, "Dec") for n in ("DEC", "dec_deg", "DEdeg", "DEJ2000", "DELTA_J2000", "TARGET_DEC")),
        *((n, "z") for n in ("Z", "zspec", "redshift", "z_best", "Z_BEST", "SPEC_Z", "zfinal")),
        *((n, "z_err") for n in ("ZERR", "z_err", "ERR_Z", "redshift_err", "e_z")),
        *((n, "z_flag") for n in ("quality", "ZWARN", "z_flag", "FLAG_DES", "zflags", "QF")),
        *((n, "ID") for n in ("objectId", "TARGETID", "id", "coadd_object_id", "OBJNAME")),
    ],
)
def test_usual_names_suggest_their_role(name, alias):
    assert one(name).alias == alias


def test_the_survey_is_text():
    assert one("survey_name", text=True).alias == "survey"
    assert one("survey_name") is None or one("survey_name").alias is None


@pytest.mark.parametrize(
    ("name", "ucd", "unit"),
    [
        ("mag_g", "phot.mag;em.opt.B", "mag"),
        ("mag_g_lsst", "phot.mag;em.opt.B", "mag"),
        ("MAG_AUTO_R", "phot.mag;em.opt.R", "mag"),
        ("umag", "phot.mag;em.opt.U", "mag"),
        ("mag_err_y", "stat.error;phot.mag;em.IR.J", "mag"),
        ("mag_u_lsst_err", "stat.error;phot.mag;em.opt.U", "mag"),
        ("e_Jmag", "stat.error;phot.mag;em.IR.J", "mag"),
        ("g_cModelFlux", "phot.flux.density;em.opt.B", None),
        ("g_cModelFluxErr", "stat.error;phot.flux.density;em.opt.B", None),
        ("_healpix_29", "pos.healpix", None),
        ("z_phot", "src.redshift.phot", None),
        ("EBV", "phot.color.excess", "mag"),
    ],
)
def test_usual_names_suggest_ucd_and_unit(name, ucd, unit):
    found = one(name)
    assert (found.ucd, found.unit, found.alias) == (ucd, unit, None)
    assert found.reason


@pytest.mark.parametrize(("low", "high"), [(-1, 10), (0, 400)])
def test_values_out_of_range_take_the_suggestion_back(low, high):
    assert one("RA", low, high) is None


def test_one_column_at_most_is_suggested_for_a_role():
    names = ["PLATE_RA", "TARGET_RA", "RA", "ra_deg"]
    found = suggest([ColumnProfile(name, is_number=True, is_text=False) for name in names])
    assert [s.alias for s in found] == [None, None, "RA", None]
    assert {s.ucd for s in found} == {"pos.eq.ra"}


def test_nothing_is_suggested_for_names_that_say_nothing():
    assert one("x1") is None


@pytest.mark.parametrize(
    "rule", load_toml("column_suggestions.toml")["rule"], ids=lambda r: r["reason"]
)
def test_every_rule_is_valid(rule):
    re.compile(rule["pattern"])
    assert rule["values"] in ("number", "text", "any")
    assert check_unit(rule.get("unit", "")).problem is None
    assert "role" not in rule or find_role(rule["role"]) is not None
    for band in load_toml("column_suggestions.toml")["bands"].values():
        assert check_ucd(rule["ucd"].replace("{band}", band)).problem is None
