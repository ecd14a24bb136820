"""The annotation files of the documentation are valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.annotation.annotation_file import load_annotations
from registry.annotation.vocabulary import check_ucd, check_unit

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "examples" / "annotations"
FILES = sorted(FOLDER.glob("*.yaml"))


def test_there_are_examples_of_the_real_surveys() -> None:
    assert {"2dfgrs", "desi", "3dhst", "primus", "vuds"} <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_word_of_an_example_is_standard(path: Path) -> None:
    annotations = load_annotations(path)
    assert annotations.description
    for name, column in annotations.columns.items():
        if column.ucd is not None:
            assert check_ucd(column.ucd).value == column.ucd, name
        if column.unit is not None:
            assert check_unit(column.unit).value == column.unit, name
    aliases = [column.alias for column in annotations.columns.values() if column.alias]
    assert {"RA", "Dec", "z"} <= set(aliases)
    assert len(aliases) == len(set(aliases))
