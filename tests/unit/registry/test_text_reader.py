import pyarrow as pa
import pytest
from astropy.table import Table
from reading import read_file

from registry.errors import UnreadableFile


def read(tmp_path, content, name="a.txt", **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, **options)


@pytest.mark.parametrize("mark", [",", "\t", ";", "|"])
def test_any_usual_delimiter_is_found(tmp_path, mark):
    text = "\n".join(mark.join(row) for row in (("id", "ra", "n"), ("7", "1.5", '"x y"')))
    found = read(tmp_path, text + "\n")
    assert found.values == {"id": [7], "ra": [1.5], "n": ["x y"]}


def test_blanks_of_any_length_and_a_header_behind_a_hash(tmp_path):
    text = "# made by hand\n#  id   ra.g\tz\n 1   2.5  0.1 \n2\t3.5 nan\n# end\n\n30 4 0.3\r\n"
    found = read(tmp_path, text)
    assert found.values["id"] == [1, 2, 30]
    assert found.values["ra.g"] == [2.5, 3.5, 4.0]
    assert repr(found.values["z"]) == "[0.1, nan, 0.3]"


def test_quoted_text_among_blanks_stays_together(tmp_path):
    found = read(tmp_path, 'name mag\n"NGC 1  a" 3\nM31 4\n')
    assert found.values == {"name": ["NGC 1  a", "M31"], "mag": [3, 4]}


def test_comments_before_and_between_the_rows_of_a_csv(tmp_path):
    found = read(tmp_path, "# a, b\n# more\nid,z\n# half\n1,0.5\n#end\n2,0.7\n")
    assert found.values == {"id": [1, 2], "z": [0.5, 0.7]}


def test_a_table_without_a_header_has_numbered_columns(tmp_path):
    found = read(tmp_path, "1.5,2,\n4,5,nan\n")
    assert list(found.columns) == ["col1", "col2", "col3"]
    assert found.values["col2"] == [2, 5]
    assert found.n_rows == 2


def test_names_in_the_comment_before_a_first_row_with_text(tmp_path):
    found = read(tmp_path, "# survey z\nDESI 0.5\nVVDS 0.7\n")
    assert found.values == {"survey": ["DESI", "VVDS"], "z": [0.5, 0.7]}


def test_the_grid_of_a_density_may_name_the_columns(tmp_path):
    found = read(tmp_path, "id,0.0,0.1,0.2\na,1,2,3\n")
    assert found.values["0.1"] == [2]


def test_a_first_line_like_the_others_is_no_header(tmp_path):
    found = read(tmp_path, "J0001,150.1,2.2,\nJ0002,150.2,2.3,x\n")
    assert found.values == {
        "col1": ["J0001", "J0002"],
        "col2": [150.1, 150.2],
        "col3": [2.2, 2.3],
        "col4": [None, "x"],
    }


@pytest.mark.parametrize("text", ["J0001,150.1,2.2\n150.2,J0002,2.3\n", "J0001,150.1,2.2\n"])
def test_a_first_line_between_header_and_data_is_refused(tmp_path, text):
    with pytest.raises(UnreadableFile, match="no header that can be told from data"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("word", "arrow", "value"),
    [
        ("NA", pa.int64(), None),
        ("null", pa.int64(), None),
        ("--", pa.int64(), None),
        ("<NA>", pa.int64(), None),
        ("-99", pa.int64(), -99),
        ("1.5D+03", pa.float64(), 1500.0),
        ("missing", pa.string(), "missing"),
    ],
)
def test_spellings_of_numbers_and_of_what_is_missing(tmp_path, word, arrow, value):
    found = read(tmp_path, f"a,b\n5,x\n{word},NA\n")
    assert found.types["a"] == arrow
    assert found.values["a"][1] == value
    assert found.values["b"] == ["x", "NA"]


def test_decimal_commas_between_semicolons(tmp_path):
    found = read(tmp_path, "id;ra;note\n1;150,25;a\n2;-0,5;1,5\n")
    assert found.values == {"id": [1, 2], "ra": [150.25, -0.5], "note": ["a", "1,5"]}


@pytest.mark.parametrize(("mark", "columns"), [("comma", 2), (";", 3), ("space", 1)])
def test_the_user_may_say_the_delimiter(tmp_path, mark, columns):
    found = read(tmp_path, "a;b,c;d\n1;2,3;4\n", delimiter=mark)
    assert len(found.columns) == columns


def test_a_ragged_row_tells_its_place(tmp_path):
    with pytest.raises(UnreadableFile, match=r"row 3 .*expected 2 columns, got 3"):
        read(tmp_path, "a b\n1 2\n1 2 3\n")


@pytest.mark.parametrize("mark", ["ab", '"', "x", "#"])
def test_no_delimiter_at_all(tmp_path, mark):
    with pytest.raises(UnreadableFile, match="is no delimiter"):
        read(tmp_path, "a,b\n1,2\n", delimiter=mark)


def test_an_option_of_another_format_is_refused(tmp_path):
    with pytest.raises(UnreadableFile, match="hdu is for FITS and VOTable files"):
        read(tmp_path, "a,b\n1,2\n", hdu="1")


def test_ten_thousand_columns(tmp_path):
    names = [f"c{i}" for i in range(10_000)]
    found = read(tmp_path, ",".join(names) + "\n" + ",".join(map(str, range(10_000))) + "\n")
    assert found.values["c9999"] == [9999]


def test_a_table_on_its_side_is_refused(tmp_path):
    row = ",".join(map(str, range(20_001)))
    with pytest.raises(UnreadableFile, match="on its side"):
        read(tmp_path, f"{row}\n{row}\n")


def test_large_whitespace_files_are_cut_at_lines(tmp_path):
    rows = 300_000
    text = "id  value      pad\n" + "".join(
        f" {i}   {i / 4:.2f}  {'x' * 30}\n" for i in range(rows)
    )
    found = read(tmp_path, text, batch_rows=100_000)
    assert found.values["id"] == list(range(rows))
    assert found.values["value"][-1] == (rows - 1) / 4


def test_the_header_of_ecsv_says_units_and_descriptions(tmp_path):
    table = Table({"ra": [1.5, 2.5], "name": ["a b", "c"]}, units={"ra": "deg"})
    table["name"].description = "Of the object: " + "long " * 30
    table.write(tmp_path / "a.ecsv")
    found = read_file(tmp_path / "a.ecsv")
    assert found.values == {"ra": [1.5, 2.5], "name": ["a b", "c"]}
    assert (found.columns["ra"].unit, found.columns["name"].unit) == ("deg", None)
    assert found.columns["name"].description == table["name"].description.strip()


@pytest.mark.parametrize("header", ["# %ECSV 1.0\n# - [}\n", "# %ECSV 1.0\n# datatype: 5\n"])
def test_a_broken_header_of_ecsv_says_nothing(tmp_path, header):
    assert read(tmp_path, header + "a b\n1 2\n").values == {"a": [1], "b": [2]}
