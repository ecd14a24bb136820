"""Fortran's exponents in CSV files: numbers where the column has a point, names where not."""

import pyarrow as pa
import pytest

from registry.formats.readers.csv_types import TypeGuess, convert


def guessed(*batches):
    guess = TypeGuess()
    for values in batches:
        guess.see(pa.array(values))
    return guess.result()


@pytest.mark.parametrize(
    "batches",
    [
        [["1.5D+03", "2D0"]],
        [["2D0", "3D1"], ["1.0D0"]],
        [["1.0"], ["2D0"]],
        [[".5d0", None]],
    ],
)
def test_exponents_of_a_column_with_a_point_are_numbers(batches):
    assert guessed(*batches) == pa.float64()
    assert convert(pa.array(["2D1"]), pa.float64()).to_pylist() == [20.0]


@pytest.mark.parametrize("batches", [[["2D0", "3D1"]], [["7"], ["2D0"]], [["2d0"], [None, ""]]])
def test_identifiers_that_look_like_exponents_are_text(batches):
    assert guessed(*batches) == pa.string()


def test_exponents_of_other_languages_need_no_point():
    assert guessed(["1e5", "2E3"]) == pa.float64()
