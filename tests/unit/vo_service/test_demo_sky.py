"""The demo sky: deterministic, valid, and like nature where one can measure it."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from astropy import units
from astropy.io.votable.ucd import parse_ucd

from vo_service.demo import DemoProduct, demo_products
from vo_service.demo.cosmology import distance_modulus
from vo_service.demo.estimates import PDF_GRID
from vo_service.demo.photometry import DEPTHS_5SIGMA_MAG, magnitude_error
from vo_service.demo.simulation import SimulatedSky
from vo_service.demo.spectra import BANDS, colour_grid

ROWS = 20_000
SEED = 20261120
ALIASES = {"ID", "RA", "Dec", "z", "z_err", "z_flag", "survey"}
MANDATORY = {
    "redshift_catalog": {"RA", "Dec", "z"},
    "object_catalog": {"RA", "Dec"},
    "training_set": {"z"},
    "photoz_estimates": {"z"},
}
OBJECTS = "Demo objects"
TRAINING = "Demo training set"
ESTIMATES = "Demo photo-z estimates"


@pytest.fixture(scope="module")
def products() -> dict[str, DemoProduct]:
    return {product.name: product for product in demo_products(ROWS, SEED)}


@pytest.fixture(scope="module")
def sky() -> SimulatedSky:
    return SimulatedSky.of_seed(ROWS, SEED)


def surveys(products: dict[str, DemoProduct]) -> list[DemoProduct]:
    return [p for p in products.values() if p.product_type == "redshift_catalog"]


def annotations_of(product: DemoProduct) -> dict[str, dict[str, str]]:
    columns = product.annotations["columns"]
    assert isinstance(columns, dict)
    return columns


def every_column(products: dict[str, DemoProduct]) -> Iterator[tuple[str, str, dict[str, str]]]:
    for product in products.values():
        for column, words in annotations_of(product).items():
            yield product.name, column, words


def column_of(product: DemoProduct, alias: str) -> pa.ChunkedArray:
    (name,) = [c for c, words in annotations_of(product).items() if words.get("alias") == alias]
    return product.table[name]


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    return column.to_numpy()


def unit_vectors(ra_deg: np.ndarray, dec_deg: np.ndarray) -> np.ndarray:
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)


def positions(product: DemoProduct) -> np.ndarray:
    return unit_vectors(numbers(column_of(product, "RA")), numbers(column_of(product, "Dec")))


def nearest_arcsec(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    found = [
        2.0 - 2.0 * np.max(part @ others.T, axis=1)
        for part in np.array_split(points, max(1, len(points) // 200))
    ]
    chord = np.sqrt(np.maximum(np.concatenate(found), 0.0))
    return np.degrees(2.0 * np.arcsin(chord / 2.0)) * 3600.0


def true_redshifts(sky: SimulatedSky, object_id: pa.ChunkedArray) -> np.ndarray:
    return sky.redshift[np.searchsorted(sky.object_id, numbers(object_id))]


def test_same_seed_gives_equal_products() -> None:
    first = list(demo_products(1500, 7))
    second = list(demo_products(1500, 7))

    assert [p.name for p in first] == [p.name for p in second]
    for one, other in zip(first, second, strict=True):
        assert one.table.equals(other.table, check_metadata=True)
        assert one.annotations == other.annotations


def test_another_seed_gives_another_sky() -> None:
    first, second = (next(demo_products(1500, seed)).table for seed in (7, 8))

    assert first.num_rows == second.num_rows
    assert not first["mag_i"].equals(second["mag_i"])


def test_object_catalogue_has_the_rows_asked_for(products: dict[str, DemoProduct]) -> None:
    assert products[OBJECTS].table.num_rows == ROWS


def test_thousand_rows_fill_every_product() -> None:
    assert all(product.table.num_rows > 0 for product in demo_products(1000, SEED))


def test_too_few_rows_are_refused_with_the_number() -> None:
    with pytest.raises(ValueError, match=r"rows=999 is too few.*1000"):
        next(demo_products(999))


def test_every_type_is_made_and_at_least_four_surveys(products: dict[str, DemoProduct]) -> None:
    assert {p.product_type for p in products.values()} == set(MANDATORY)
    assert len(surveys(products)) >= 4


def test_object_ids_are_unique_and_do_not_survive_a_double(
    products: dict[str, DemoProduct],
) -> None:
    ids = products[OBJECTS].table["objectId"]

    assert ids.type == pa.int64()
    assert pc.count_distinct(ids).as_py() == ROWS
    assert pc.min(ids).as_py() > 2**53
    assert np.any(numbers(ids).astype(np.float64).astype(np.int64) != numbers(ids))


def test_positions_are_valid_and_fields_straddle_zero_and_reach_the_pole(
    products: dict[str, DemoProduct],
) -> None:
    for product in products.values():
        ra, dec = numbers(column_of(product, "RA")), numbers(column_of(product, "Dec"))
        assert np.all((ra >= 0.0) & (ra < 360.0))
        assert np.all((dec >= -90.0) & (dec <= 90.0))
    table = products[OBJECTS].table
    ra, dec = numbers(table["ra"]), numbers(table["dec"])
    assert np.any(ra < 0.2)
    assert np.any(ra > 359.8)
    assert dec.min() < -87.0


def test_floating_columns_hold_nulls_and_never_nan(products: dict[str, DemoProduct]) -> None:
    for product in products.values():
        for name, column in zip(product.table.column_names, product.table.columns, strict=True):
            if pa.types.is_floating(column.type):
                values = column.drop_null()
                assert pc.all(pc.is_finite(values)).as_py(), (product.name, name)
            if pa.types.is_list(column.type):
                assert pc.all(pc.is_finite(pc.list_flatten(column))).as_py()
    assert products[OBJECTS].table["mag_u"].null_count > 0
    assert products[OBJECTS].table["extendedness"].null_count > 0


def test_magnitude_and_its_error_are_null_together(products: dict[str, DemoProduct]) -> None:
    table = products[OBJECTS].table
    for band in BANDS:
        assert table[f"mag_{band}"].is_null().equals(table[f"mag_err_{band}"].is_null())


def test_column_types_cover_what_files_hold(products: dict[str, DemoProduct]) -> None:
    schema = products[OBJECTS].table.schema

    assert schema.field("last_visit").type == pa.timestamp("us")
    assert schema.field("blended").type == pa.bool_()
    assert schema.field("extendedness").type == pa.int16()
    assert products[ESTIMATES].table.schema.field("pdf").type == pa.list_(pa.float32())
    assert any(
        pa.types.is_string(field.type)
        for product in surveys(products)
        for field in product.table.schema
    )


def test_errors_grow_with_magnitude(products: dict[str, DemoProduct]) -> None:
    table = products[OBJECTS].table
    for band in BANDS:
        magnitude = numbers(table[f"mag_{band}"].drop_null())
        error = numbers(table[f"mag_err_{band}"].drop_null())
        edges = np.quantile(magnitude, np.linspace(0.0, 1.0, 9))
        bins = np.clip(np.searchsorted(edges, magnitude) - 1, 0, 7)
        medians = [np.median(error[bins == index]) for index in range(8)]
        assert np.all(np.diff(medians) > 0.0), band


def test_error_at_the_depth_is_a_fifth() -> None:
    error = magnitude_error(DEPTHS_5SIGMA_MAG[None, :], DEPTHS_5SIGMA_MAG)

    assert error == pytest.approx(np.full((1, len(BANDS)), 0.2), abs=0.001)


def test_number_counts_and_median_redshift_grow_with_magnitude(sky: SimulatedSky) -> None:
    edges = [20.0, 22.0, 23.0, 24.0, 25.0]
    galaxies = ~sky.is_star
    counts, medians = [], []
    for bright, faint in itertools.pairwise(edges):
        inside = galaxies & (sky.i_mag > bright) & (sky.i_mag < faint)
        counts.append(inside.sum())
        medians.append(np.median(sky.redshift[inside]))

    assert np.all(np.diff(medians) > 0.0)
    assert np.all(np.diff(counts) > 0)


def test_gold_sample_has_the_redshifts_of_the_science_book(sky: SimulatedSky) -> None:
    gold = ~sky.is_star & (sky.i_mag < 25.3)

    assert 0.7 < np.median(sky.redshift[gold]) < 0.95
    assert 0.01 < np.mean(sky.redshift[gold] > 3.0) < 0.08


def test_stars_fade_into_the_minority(sky: SimulatedSky) -> None:
    assert np.mean(sky.is_star[sky.i_mag < 19.0]) > 0.4
    assert np.mean(sky.is_star[sky.i_mag > 24.0]) < 0.1


def test_break_of_old_galaxies_passes_through_the_bands() -> None:
    redshift = np.linspace(0.02, 1.1, 109)
    magnitudes = colour_grid().magnitudes(redshift, np.zeros(len(redshift)))
    colours = magnitudes[:, :-1] - magnitudes[:, 1:]
    near, far = redshift < 0.6, redshift > 0.4
    g_minus_r, r_minus_i = colours[:, 1], colours[:, 2]

    assert 0.65 < g_minus_r[0] < 0.95
    assert 0.3 < redshift[near][np.argmax(g_minus_r[near])] < 0.6
    assert 0.6 < redshift[far][np.argmax(r_minus_i[far])] < 1.0


def test_u_band_drops_out_above_redshift_three() -> None:
    redshift = np.array([1.5, 2.5, 3.0, 3.6])
    magnitudes = colour_grid().magnitudes(redshift, np.full(4, 4.0))
    u_minus_g = magnitudes[:, 0] - magnitudes[:, 1]

    assert abs(u_minus_g[0]) < 0.5
    assert np.all(np.diff(u_minus_g) > 0.0)
    assert u_minus_g[2] > 1.0


def test_distance_modulus_of_the_concordance_model() -> None:
    # 6607.7 Mpc: luminosity distance at z = 1 for H0 = 70, Ωm = 0.3.
    assert distance_modulus(np.array([1.0]))[0] == pytest.approx(
        5.0 * np.log10(6607.7e6 / 10.0), abs=0.001
    )


def test_galaxies_of_like_redshift_stand_together(sky: SimulatedSky) -> None:
    def close_pairs(first: np.ndarray, second: np.ndarray) -> int:
        separation = np.linalg.norm(first[:, None, :] - second[None, :, :], axis=2)
        return int((separation < np.radians(0.5 / 60.0)).sum())

    inside = (sky.field == 0) & ~sky.is_star & (sky.redshift > 0.2)
    vectors = unit_vectors(sky.ra_deg[inside], sky.dec_deg[inside])
    redshift = sky.redshift[inside]
    order = np.argsort(redshift)
    slices = np.array_split(order, 40)
    together = sum(close_pairs(vectors[s], vectors[s]) - len(s) for s in slices)
    apart = sum(
        close_pairs(vectors[s], vectors[o[: len(s)]])
        for s, o in zip(slices, slices[20:] + slices[:20], strict=True)
    )

    assert together > 1.3 * apart


def test_surveys_observe_catalogued_objects(products: dict[str, DemoProduct]) -> None:
    objects = positions(products[OBJECTS])
    for product in surveys(products):
        assert np.all(nearest_arcsec(positions(product), objects) < 2.0), product.name


def test_objects_repeat_among_surveys_within_an_arcsecond(
    products: dict[str, DemoProduct],
) -> None:
    first = products["DEMO-VVDS redshifts"]
    second = products["DEMO-3DHST redshifts"]
    separation = nearest_arcsec(positions(first), positions(second))

    repeated = separation < 1.0
    assert repeated.sum() > 20
    assert separation[repeated].max() > 0.05


def test_wrong_redshifts_have_low_flags_more_often(
    products: dict[str, DemoProduct], sky: SimulatedSky
) -> None:
    product = products["DEMO-DEEP redshifts"]
    usable = product.table.filter(pc.is_valid(product.table["zspec"]))
    mine = unit_vectors(numbers(usable["RAJ2000"]), numbers(usable["DEJ2000"]))
    theirs = unit_vectors(sky.ra_deg, sky.dec_deg)
    row = np.concatenate([np.argmax(part @ theirs.T, axis=1) for part in np.array_split(mine, 10)])
    truth = sky.redshift[row]
    wrong = np.abs(numbers(usable["zspec"]) - truth) > 0.05 * (1.0 + truth)
    confidence = np.floor(numbers(usable["CLASS"]))

    assert wrong[confidence == 4].mean() < 0.03
    assert wrong[confidence == 1].mean() > 0.25


def test_redshift_catalogues_have_names_that_need_quotes_and_foreign_words(
    products: dict[str, DemoProduct],
) -> None:
    names = [name for p in surveys(products) for name in p.table.column_names]
    comments = products["DEMO-VVDS redshifts"].table["Observer comment"]

    assert any("." in name for name in names)
    assert any(" " in name for name in names)
    assert comments.null_count > 0
    assert any(not text.isascii() for text in comments.drop_null().to_pylist())
    assert products["DEMO-VVDS redshifts"].table["Z"].null_count > 0


def test_slit_flags_are_those_of_the_scheme(products: dict[str, DemoProduct]) -> None:
    flags = set(products["DEMO-VVDS redshifts"].table["ZFLAGS"].to_pylist())

    assert flags <= {0, 1, 2, 3, 4, 9, 20, 21, 22, 23, 24, 29}
    assert {0, 1, 2, 3, 4, 9} <= flags
    assert flags & {22, 23, 24}


def test_fibre_targets_repeat_with_one_identifier(products: dict[str, DemoProduct]) -> None:
    table = products["DEMO-DESI redshifts"].table
    repeats = table.filter(pc.invert(table["ZCAT_PRIMARY"]))

    assert repeats.num_rows > 0
    primary = set(table.filter(table["ZCAT_PRIMARY"])["TARGETID"].to_pylist())
    assert set(repeats["TARGETID"].to_pylist()) <= primary
    assert set(table["SPECTYPE"].to_pylist()) == {"GALAXY", "STAR"}


def test_training_set_is_right_but_for_a_percent(
    products: dict[str, DemoProduct], sky: SimulatedSky
) -> None:
    table = products[TRAINING].table
    truth = true_redshifts(sky, table["objectId"])
    wrong = np.abs(numbers(table["z_spec"]) - truth) > 0.05 * (1.0 + truth)

    assert table.num_rows > 500
    assert pc.count_distinct(table["objectId"]).as_py() == table.num_rows
    assert wrong.mean() < 0.04


def test_pdfs_integrate_to_one_on_the_documented_grid(products: dict[str, DemoProduct]) -> None:
    product = products[ESTIMATES]
    pdf = np.stack(product.table["pdf"].to_numpy())

    assert pdf.shape[1] == len(PDF_GRID)
    assert np.all(pdf >= 0.0)
    assert np.trapezoid(pdf, PDF_GRID, axis=1) == pytest.approx(np.ones(len(pdf)), abs=1e-4)
    text = annotations_of(product)["pdf"]["description"]
    assert "101 redshifts from 0.00 to 4.00 in steps of 0.04" in text
    assert "z = 0.04 k" in product.description
    assert pytest.approx(0.04 * np.arange(101)) == PDF_GRID


def test_photoz_scatter_and_outliers_are_those_of_a_real_code(
    products: dict[str, DemoProduct], sky: SimulatedSky
) -> None:
    table = products[ESTIMATES].table
    trained = pc.is_in(table["objectId"], value_set=products[TRAINING].table["objectId"])
    table = table.filter(pc.invert(trained))
    truth = true_redshifts(sky, table["objectId"])
    deviation = (numbers(table["z_mode"]) - truth) / (1.0 + truth)
    nmad = 1.4826 * np.median(np.abs(deviation - np.median(deviation)))
    outliers = np.abs(deviation) > 0.15

    assert 0.01 < nmad < 0.1
    assert 0.02 < outliers.mean() < 0.25
    assert abs(np.median(deviation)) < 0.02
    sure = numbers(table["odds"]) > 0.8
    assert outliers[sure].mean() < 0.5 * outliers.mean()


def test_photoz_percentiles_are_roughly_calibrated(
    products: dict[str, DemoProduct], sky: SimulatedSky
) -> None:
    table = products[ESTIMATES].table
    truth = true_redshifts(sky, table["objectId"])
    inside = (truth >= numbers(table["z_low68"])) & (truth <= numbers(table["z_upp68"]))

    assert 0.55 < inside.mean() < 0.82
    assert np.all(numbers(table["z_low68"]) <= numbers(table["z_median"]))
    assert np.all(numbers(table["z_median"]) <= numbers(table["z_upp68"]))


def test_estimates_are_of_gold_extended_objects(products: dict[str, DemoProduct]) -> None:
    objects = products[OBJECTS].table
    chosen = objects.filter(
        pc.is_in(objects["objectId"], value_set=products[ESTIMATES].table["objectId"])
    )

    assert chosen.num_rows == products[ESTIMATES].table.num_rows <= 20_000
    assert pc.unique(chosen["extendedness"]).to_pylist() == [1]
    dereddened = numbers(chosen["mag_i"]) - 1.684 * numbers(chosen["ebv"])
    assert dereddened.max() < 25.3001


def test_every_column_is_annotated(products: dict[str, DemoProduct]) -> None:
    for product in products.values():
        annotations = annotations_of(product)
        assert list(annotations) == product.table.column_names
        assert all(words["description"] for words in annotations.values())
        assert all("ucd" in words or "alias" in words for words in annotations.values())
        assert product.annotations["description"]
        assert "simulated" in product.description.lower()


def test_every_ucd_is_in_the_controlled_vocabulary(products: dict[str, DemoProduct]) -> None:
    for product, column, words in every_column(products):
        if "ucd" in words:
            assert parse_ucd(words["ucd"], check_controlled_vocabulary=True), (product, column)


def test_every_unit_is_a_vounit(products: dict[str, DemoProduct]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _, _, words in every_column(products):
            if "unit" in words:
                assert str(units.Unit(words["unit"], format="vounit"))


def test_aliases_are_known_single_and_without_ucd(products: dict[str, DemoProduct]) -> None:
    for product in products.values():
        used = [w["alias"] for w in annotations_of(product).values() if "alias" in w]
        assert len(used) == len(set(used)), product.name
        assert set(used) <= ALIASES
        assert MANDATORY[product.product_type] <= set(used), product.name
        assert not any("alias" in w and "ucd" in w for w in annotations_of(product).values())
