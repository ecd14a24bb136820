import pytest

from registry.model.identifier import is_regular
from registry.model.product import find_type, internal_name, slug, table_name
from registry.product_types import product_types


@pytest.mark.parametrize(
    ("display_name", "expected"),
    [
        ("A b-C (d)/é", "a_bc_dé"),
        ("a.csv", "acsv"),
        ("Simple Training Set", "simple_training_set"),
        ("../../etc/passwd", "etcpasswd"),
        ("???", ""),
    ],
)
def test_slug_follows_the_photoz_server(display_name, expected):
    assert slug(display_name) == expected


@pytest.mark.parametrize(
    ("internal", "expected"),
    [
        ("6_simple_training_set", "p6_simple_training_set"),
        ("8_a_bc_dé", "p8_a_bc_de"),
        ("9_光", "p9_"),
        ("7_" + "x" * 100, "p7_" + "x" * 57),
    ],
)
def test_table_name_is_a_short_regular_identifier(internal, expected):
    assert table_name(internal) == expected
    assert is_regular(table_name(internal))
    assert len(table_name(internal)) <= 60


def test_internal_name_fits_its_field():
    assert len(internal_name(12, "x" * 400)) == 255


def test_types_are_those_of_the_contract_in_order():
    assert [(t.order, t.id, t.name, t.mandatory) for t in product_types()] == [
        (1, 1, "redshift_catalog", ("RA", "Dec", "z")),
        (2, 2, "training_set", ("z",)),
        (3, 5, "training_results", ()),
        (4, 3, "validation_results", ()),
        (5, 4, "photoz_estimates", ()),
        (6, 6, "object_catalog", ("RA", "Dec")),
        (7, 7, "other", ()),
    ]


@pytest.mark.parametrize(
    "name", ["specz_catalog", "Spec-z Catalog", "REDSHIFT_CATALOG", "spec-z catalogs"]
)
def test_older_names_of_types_are_understood(name):
    found = find_type(product_types(), name)
    assert found is not None
    assert found.name == "redshift_catalog"
    assert find_type(product_types(), "Photo-z Table").name == "photoz_estimates"
    assert find_type(product_types(), "Validation/PZ results").name == "validation_results"
    assert find_type(product_types(), "-") is None
