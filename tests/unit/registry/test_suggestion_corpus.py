"""Suggestions over real column names of surveys: nearly all right, and most found."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from registry.annotation.suggestions import ColumnProfile, suggest

CORPUS = Path(__file__).resolve().parents[2] / "data" / "survey_columns.csv"

LEAST_PRECISION = 0.98
LEAST_RECALL = 0.9


def _rows():
    with CORPUS.open(newline="") as file:
        return list(csv.DictReader(file))


def _suggested(row):
    """What is suggested for a column alone, so that no other takes its role."""
    kind = row["values"]
    profile = ColumnProfile(
        row["column"], is_number=kind in ("number", "any"), is_text=kind == "text"
    )
    (suggestion,) = suggest([profile])
    return ("", "") if suggestion is None else (suggestion.alias or "", suggestion.ucd or "")


def _wrong(rows):
    """Columns of which something is suggested that is not so."""
    return {
        (row["survey"], row["column"]): found
        for row in rows
        if (found := _suggested(row)) != ("", "") and found != (row["role"], row["ucd"])
    }


def test_the_corpus_is_large_and_of_many_surveys():
    rows = _rows()
    assert len(rows) >= 300
    assert {"DES", "LSST", "RAIL", "DESI", "COSMOS2020", "SDSS", "Euclid", "VizieR"} <= {
        row["survey"] for row in rows
    }


def test_what_is_suggested_is_right():
    rows = _rows()
    made = [row for row in rows if _suggested(row) != ("", "")]
    wrong = _wrong(rows)
    assert 1 - len(wrong) / len(made) >= LEAST_PRECISION, wrong


def test_most_of_what_is_plain_is_suggested():
    plain = [row for row in _rows() if row["ucd"]]
    missed = [row["column"] for row in plain if _suggested(row) != (row["role"], row["ucd"])]
    assert 1 - len(missed) / len(plain) >= LEAST_RECALL, missed


@pytest.mark.parametrize(
    "name", ["z_phot_err", "z_phot_std", "z_phot_low68", "zmode_err", "z_low68", "z_best_err"]
)
def test_errors_and_limits_of_redshifts_are_no_redshifts(name):
    (suggestion,) = suggest([ColumnProfile(name, is_number=True, is_text=False)])
    assert suggestion is None or suggestion.alias in (None, "z_err")
    assert suggestion is None or not (suggestion.ucd or "").startswith("src.redshift")


def test_z_beside_the_other_bands_is_no_redshift():
    names = ["u", "g", "r", "i", "z", "zspec"]
    found = suggest([ColumnProfile(name, is_number=True, is_text=False) for name in names])
    assert found[4] is None
    assert found[5].alias == "z"
