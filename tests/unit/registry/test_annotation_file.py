import pytest

from registry.annotation.annotation_file import (
    column_assignments,
    load_annotations,
    parse_annotations,
)
from registry.errors import AnnotationRejected
from registry.model.annotation import ColumnAnnotation


def test_everything_that_may_be_said():
    found = parse_annotations(
        """
        description: A catalogue
        override: true
        columns:
          "z phot": {ucd: src.redshift.phot, unit: "", description: Redshift, utype: "a:b"}
          ra.deg: {alias: RA}
          empty:
        """
    )
    assert found.description == "A catalogue"
    assert found.override
    assert found.columns == {
        "z phot": ColumnAnnotation("src.redshift.phot", "", None, "Redshift", "a:b"),
        "ra.deg": ColumnAnnotation(alias="RA"),
        "empty": ColumnAnnotation(),
    }


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "columns: {a: {ucd: x, units: deg}}\ndesc: x",
            ["unknown key 'columns.a.units'; the keys are ucd, unit", "unknown key 'desc'"],
        ),
        ("columns: {a: {unit: 1}}", ["columns.a.unit: input should be a valid string"]),
        ("columns: [a]", ["columns: input should be a valid dictionary"]),
        ("- a", ["the file: input should be a valid dictionary"]),
        ("a: [", ["line 1, column 5"]),
        ("a: !!python/object/apply:os.system ['true']", ["could not determine a constructor"]),
    ],
)
def test_every_mistake_is_named(text, problems):
    with pytest.raises(AnnotationRejected) as caught:
        parse_annotations(text, "my.yaml")
    assert len(caught.value.report) == len(problems)
    for sentence, problem in zip(caught.value.report, problems, strict=True):
        assert sentence.startswith("my.yaml")
        assert problem in sentence


def test_an_empty_file_says_nothing(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbf")
    assert load_annotations(path).columns == {}


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_files_that_cannot_be_read_are_refused(tmp_path, content):
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AnnotationRejected, match=r"a\.yaml"):
        load_annotations(path)


def test_assignments_split_at_the_last_sign():
    assert column_assignments(["a=b=RA", "z=src.redshift"]) == (
        ("a=b", "RA"),
        ("z", "src.redshift"),
    )


def test_wrong_assignments_are_reported_together():
    with pytest.raises(AnnotationRejected) as caught:
        column_assignments(["RA", "=RA", "x=", "ra=RA"])
    assert len(caught.value.report) == 3
