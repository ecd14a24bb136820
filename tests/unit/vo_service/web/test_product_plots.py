"""Which plots a product has follows from what its columns mean."""

from __future__ import annotations

import pytest

from registry.model.product_file import ProductContent
from vo_service.web.product_plots import product_plots


def content(name, ucd=None, alias=None, file_type="double"):
    return ProductContent(0, 1, 1, 0, name, file_type, ucd=ucd, alias=alias)


Z = content("z", "src.redshift", "z")
PHOT = content("z_phot", "src.redshift.phot")
BLUE, RED, FAR = (
    content(f"mag {band}", f"phot.mag;em.opt.{word}")
    for band, word in (("g", "B"), ("r", "R"), ("i", "I"))
)
RA, DEC = content("ra", "pos.eq.ra;meta.main", "RA"), content("dec", "pos.eq.dec;meta.main", "Dec")


@pytest.mark.parametrize(
    ("contents", "keys"),
    [
        ([], []),
        ([content("z", "src.redshift", "z", "string")], []),
        ([content("e", "stat.error;phot.mag;em.opt.I")], []),
        ([RA], []),
        ([Z], ["redshift"]),
        ([RA, DEC], ["sky"]),
        ([BLUE], ["magnitude"]),
        ([Z, PHOT], ["redshift", "photoz"]),
        ([Z, content("e", None, "z_err")], ["redshift", "redshift_error"]),
        ([Z, BLUE, RED, FAR], ["redshift", "magnitude", "colour", "redshift_magnitude"]),
    ],
)
def test_plots_follow_from_meanings(contents, keys):
    assert [plot.key for plot in product_plots("training_set.p1", contents)] == keys


def test_colours_are_of_neighbouring_bands_against_the_usual_one():
    plots = {plot.key: plot for plot in product_plots("t.p", [FAR, BLUE, RED])}
    assert plots["magnitude"].request.x == "mag i"
    assert plots["colour"].asked.text == (
        'SELECT "mag i" AS "mag i", "mag g" - "mag r" AS "mag g - mag r" FROM t.p'
    )


def test_names_with_quotes_stay_names():
    (plot,) = product_plots("t.p", [content('z" FROM x --', "src.redshift", "z")])
    assert plot.asked.text == 'SELECT "z"" FROM x --" AS "z"" FROM x --" FROM t.p'
