"""Units and UCDs through functions, as the page about values says."""

import pytest
from astropy.io.votable.ucd import parse_ucd

from registry.model.field import Field
from tests.support.tables import resolved


def field_of(expression) -> Field:
    return resolved(f"SELECT {expression} FROM cat.objects").fields[0]


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        ("STDDEV(ra)", "deg"),
        ("VARIANCE(ra)", "deg2"),
        ("MEDIAN(ra)", "deg"),
        ("pz_quantile(ra, 0.9)", "deg"),
        ("ra / 2", None),
        ("ra - dec", "deg"),
        ("ra * dec", "deg2"),
        ("ra / dec", None),
        ("SQRT(ra * dec)", "deg"),
        ("ROUND(AVG(ra), 2)", "deg"),
        ("ivo_normal_random(ra, 0.1)", "deg"),
        ("AREA(CIRCLE(ra, dec, 1))", "deg**2"),
        ("COORD1(CENTROID(CIRCLE(ra, dec, 1)))", "deg"),
        ("ivo_to_mjd('2026-01-31')", "d"),
        ("ivo_healpix_index(8, ra, dec)", None),
        ("STDDEV(z)", None),
    ],
)
def test_units_follow_what_is_computed(expression, unit):
    found = field_of(expression).unit
    if unit is None or found is None:
        assert found == unit
    else:
        from astropy.units import Unit

        assert Unit(found, format="vounit") == Unit(unit, format="vounit" if "**" in unit else None)


@pytest.mark.parametrize(
    ("expression", "ucd"),
    [
        ("MEDIAN(ra)", "pos.eq.ra;stat.median"),
        ("STDDEV(ra)", "stat.stdev;pos.eq.ra"),
        ("VARIANCE(ra)", "stat.variance;pos.eq.ra"),
        ("pz_quantile(ra, 0.9)", "pos.eq.ra"),
        ("ivo_healpix_index(8, ra, dec)", "pos.healpix"),
        ("ivo_histogram(z, 0, 1, 10)", "meta.number"),
        ("pz_pdf_mean(pdf, 0, 6)", "src.redshift.phot;stat.mean"),
        ("pz_pdf_quantile(pdf, 0, 6, 0.5)", "src.redshift.phot"),
        ("pz_pdf_integral(pdf, 0, 6, 1, 2)", "stat.probability"),
        ("ivo_geom_transform('ICRS', 'GALACTIC', POINT(ra, dec))", "pos;pos.galactic"),
        ("ivo_epoch_prop_pos(ra, dec, 0, 1, 1, 0, 2000, 2016)", "pos.eq"),
        ("ivo_to_jd('2026-01-31')", "time.epoch"),
        ("ra - dec", None),
    ],
)
def test_ucds_say_what_is_computed(expression, ucd):
    assert field_of(expression).ucd == ucd
    if ucd is not None:
        parse_ucd(ucd, check_controlled_vocabulary=True)


def test_the_names_of_results_are_those_of_the_functions():
    assert field_of("ivo_healpix_index(8, ra, dec)").name == "ivo_healpix_index"
    assert field_of("MEDIAN(z)").name == "median"
    assert field_of("ivo_histogram(z, 0, 1, 10)").type.arraysize == "12"
