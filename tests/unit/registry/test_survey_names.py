import pytest

from registry.annotation.suggestions import ColumnProfile, suggest


@pytest.mark.parametrize(
    ("name", "alias", "ucd", "unit"),
    [
        ("ALPHA_J2000", "RA", "pos.eq.ra", "deg"),
        ("TARGET_RA", "RA", "pos.eq.ra", "deg"),
        ("zspec", "z", "src.redshift", None),
        ("Z_BEST", "z", "src.redshift", None),
        ("mag_g_lsst", None, "phot.mag;em.opt.B", "mag"),
        ("mag_err_g_lsst", None, "stat.error;phot.mag;em.opt.B", "mag"),
        ("g_cModelFlux", None, "phot.flux.density;em.opt.B", None),
        ("cfht.megacam.u", None, "phot.flux.density;em.opt.U", None),
        ("cfht.megacam.u_1_err", None, "stat.error;phot.flux.density;em.opt.U", None),
        ("paranal.vircam.Ks", None, "phot.flux.density;em.IR.K", None),
        ("FLUX_AUTO_R", None, "phot.flux.density;em.opt.R", None),
        ("photoz_err", None, "stat.error;src.redshift.phot", None),
        ("yvals", None, "stat.probability;src.redshift.phot", None),
    ],
)
def test_names_that_surveys_and_rail_use(name, alias, ucd, unit):
    profile = ColumnProfile(name, is_number=True, is_text=False, low=0.1, high=1.0)
    found = suggest([profile])[0]
    assert found is not None
    assert (found.alias, found.ucd, found.unit) == (alias, ucd, unit)
    assert found.reason
