import pytest

from registry.annotation.vocabulary import (
    check_ucd,
    check_unit,
    looks_like_ucd,
    repaired_unit,
    same_unit,
)
from registry.model.annotation import ROLES


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.alias)
def test_ucds_and_units_of_the_roles_are_valid(role):
    assert check_ucd(role.ucd).value == role.ucd
    assert role.unit is None or check_unit(role.unit).value == role.unit


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("POS.EQ.RA;META.MAIN", "pos.eq.ra;meta.main"),
        ("phot.mag;em.opt.r", "phot.mag;em.opt.R"),
        (" src.redshift ", "src.redshift"),
    ],
)
def test_ucds_get_the_spelling_of_the_vocabulary(written, value):
    assert check_ucd(written).value == value


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("src.redhsift", "did you mean 'src.redshift'"),
        ("meta.main;pos.eq.ra", "did you mean 'pos.eq.ra;meta.main'"),
        ("qwertz.uiop", "see the IVOA list"),
        ("pos eq ra", "invalid character ' '"),
        ("", "invalid word ''"),
    ],
)
def test_wrong_ucds_come_with_advice(written, advice):
    checked = check_ucd(written)
    assert checked.value is None
    assert advice in checked.problem


@pytest.mark.parametrize("written", ["meta.code;meta.ref", "meta.ref;meta.code"])
def test_words_that_cannot_follow_each_other_are_refused_in_any_order(written):
    checked = check_ucd(written)
    assert checked.value is None
    assert "not valid as a" in checked.problem


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("degrees", "did you mean 'deg'"),
        ("sec", "did you mean 's'"),
        ("erg/s/cm2", "did you mean 'erg s-1 cm-2'"),
        ("parrots", "write it by the VOUnits standard"),
    ],
)
def test_wrong_units_come_with_advice(written, advice):
    checked = check_unit(written)
    assert checked.value is None
    assert advice in checked.problem


@pytest.mark.parametrize("unit", ["deg", "mag", "nJy", "km/s", "km s-1", "10**-17 erg", "Angstrom"])
def test_units_of_the_standard_stay_as_they_are(unit):
    assert check_unit(unit).value == unit


@pytest.mark.parametrize("unit", ["", "1", "None", "-", "unitless"])
def test_dimensionless_values_have_no_unit(unit):
    assert check_unit(unit) == type(check_unit(unit))(None, None)


def test_a_files_spelling_is_repaired_only_where_it_is_certain():
    assert repaired_unit("degrees") == "deg"
    assert repaired_unit("deg") == "deg"
    assert repaired_unit("parrots") is None


def test_units_are_compared_by_what_they_mean():
    assert same_unit("km/s", "km s-1")
    assert not same_unit("deg", "rad")


def test_a_ucd_is_told_from_a_word():
    assert looks_like_ucd("src.redshift")
    assert not looks_like_ucd("RA")
