"""References of products: what is taken, how it is stored, and where it is shown."""

import pytest
from shelf import ADA, BOB, Shelf

from registry.errors import ProductRefused
from registry.model.references import article_url, creator_names, doi_of, licence_url
from registry.products.archive_metadata import product_metadata
from registry.products.citation import bibtex

GIVEN = {
    "creators": " Gschwend, J.;LSST {DESC} & friends ; ",
    "article": "2018A&C....25...58G",
    "doi": "https://doi.org/10.5281/zenodo.1234567",
    "licence": "CC-BY-4.0",
}


@pytest.fixture
def shelf(tmp_path):
    made = Shelf(tmp_path / "home")
    yield made
    made.close()


def test_references_are_kept_in_one_spelling_and_listed(shelf):
    product = shelf.published()
    changed = shelf.service.update(ADA, product.id, GIVEN)
    assert (changed.creators, changed.article, changed.doi, changed.licence) == (
        "Gschwend, J.; LSST {DESC} & friends", "2018A&C....25...58G", "10.5281/zenodo.1234567",
        "CC-BY-4.0",
    )  # fmt: skip
    tables = shelf.catalogue.tables(BOB)
    rows = tables.contents["pz_products"].to_pylist()[0].values()
    assert {"10.5281/zenodo.1234567", "CC-BY-4.0"} <= set(rows)
    assert b"licence: CC-BY-4.0" in product_metadata(changed, None, [], [])


def test_blank_takes_references_back(shelf):
    product = shelf.published()
    shelf.service.update(ADA, product.id, GIVEN)
    changed = shelf.service.update(ADA, product.id, dict.fromkeys(GIVEN, " "))
    assert {changed.creators, changed.article, changed.doi, changed.licence} == {None}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("doi", "zenodo.1234567"),
        ("doi", "10.5281/zenodo 1"),
        ("article", "see our paper"),
        ("article", "javascript:alert(1)"),
        ("licence", "free for all"),
        ("licence", "file:///etc/passwd"),
        ("creators", "a\nb"),
        ("creators", 5),
    ],
)
def test_what_is_no_reference_is_refused_by_its_name(shelf, field, value):
    product = shelf.published()
    with pytest.raises(ProductRefused) as refused:
        shelf.service.update(ADA, product.id, {field: value})
    assert refused.value.field == field


def test_the_citation_is_bibtex_with_its_special_characters_escaped(shelf):
    product = shelf.service.update(ADA, shelf.published().id, GIVEN)
    entry = bibtex(product, "A & B", "https://vo.example.org/product/1")
    assert entry.startswith(f"@misc{{{product.internal_name},\n")
    assert "  author = {Gschwend, J. and {LSST \\{DESC\\} \\& friends}},\n" in entry
    assert "  publisher = {A \\& B},\n" in entry
    assert "  doi = {10.5281/zenodo.1234567},\n" in entry
    assert "adsabs" in entry
    assert entry.count("{") == entry.count("}")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.3847/1538-4357/ab042c", "https://doi.org/10.3847/1538-4357/ab042c"),
        ("doi:10.1000/x", "https://doi.org/10.1000/x"),
        ("http://dx.doi.org/10.1000/X", "https://doi.org/10.1000/X"),
        ("2013ApJ...762...32C", "https://ui.adsabs.harvard.edu/abs/2013ApJ...762...32C"),
        ("https://arxiv.org/abs/1708.05643", "https://arxiv.org/abs/1708.05643"),
        ("10.12/short", None),
        ("2013ApJ...762...32", None),
    ],
)
def test_articles_have_addresses(text, address):
    assert article_url(text) == address


def test_small_rules():
    assert creator_names(" ; ") == creator_names(None) == ()
    assert doi_of("10.1000/<x>") is None
    assert licence_url("https://example.org/terms") == "https://example.org/terms"
