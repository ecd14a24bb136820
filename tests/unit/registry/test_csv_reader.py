import re
from datetime import datetime

import pyarrow as pa
import pytest

from registry.errors import UnreadableFile
from registry.formats.readers import reader_for


def read(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with reader_for(path).open(path) as table:
        batches = list(table.batches(2))
        columns = [c.name for c in table.columns]
        types = [c.type for c in table.columns]
        assert sum(b.num_rows for b in batches) == table.n_rows
    values = [
        [value for batch in batches for value in batch.column(i).to_pylist()]
        for i in range(len(columns))
    ]
    return columns, types, values


def column(tmp_path, *cells):
    _, types, values = read(tmp_path, "a,b\n" + "".join(f"{cell},x\n" for cell in cells))
    return types[0], values[0]


@pytest.mark.parametrize(
    ("cells", "arrow", "values"),
    [
        (["1", "-2", "", "+3"], pa.int64(), [1, -2, None, 3]),
        (["9007199254740993", "NaN"], pa.int64(), [2**53 + 1, None]),
        (["18446744073709551615", "0"], pa.uint64(), [2**64 - 1, 0]),
        (["18446744073709551615", "-1"], pa.string(), ["18446744073709551615", "-1"]),
        (["99999999999999999999", "1"], pa.string(), ["99999999999999999999", "1"]),
        (["007", "8"], pa.string(), ["007", "8"]),
        (["0x10", "1"], pa.string(), ["0x10", "1"]),
        (["0", "-0", "10"], pa.int64(), [0, 0, 10]),
        (["1", "1.5", "", "1e3"], pa.float64(), [1.0, 1.5, None, 1000.0]),
        (["01.5", "-02"], pa.float64(), [1.5, -2.0]),
        (["inf", "-Infinity", "1"], pa.float64(), [float("inf"), float("-inf"), 1.0]),
        ([" 1", "2 "], pa.int64(), [1, 2]),
        (['""', "5"], pa.int64(), [None, 5]),
        (['"5"', "6"], pa.int64(), [5, 6]),
        (["True", "false", ""], pa.bool_(), [True, False, None]),
        (["1", "true"], pa.string(), ["1", "true"]),
        (
            ["2026-01-31T12:00:00Z", "2026-01-31 12:00:00.25"],
            pa.timestamp("us"),
            [
                datetime.fromisoformat("2026-01-31T12:00:00"),
                datetime.fromisoformat("2026-01-31T12:00:00.250"),
            ],
        ),
        (["2026-01-31", "2026-02-01"], pa.string(), ["2026-01-31", "2026-02-01"]),
        (["2026-13-31T12:00:00"], pa.string(), ["2026-13-31T12:00:00"]),
        (["2026-01-31T12:00:00+01:00"], pa.string(), ["2026-01-31T12:00:00+01:00"]),
        (["", ""], pa.string(), [None, None]),
        (['""', ""], pa.string(), ["", None]),
        ([" a ", '" a "', "é"], pa.string(), ["a", " a ", "é"]),
        (['"a,""b""\nc"', "d"], pa.string(), ['a,"b"\nc', "d"]),
    ],
)
def test_the_narrowest_type_that_holds_every_value(tmp_path, cells, arrow, values):
    assert column(tmp_path, *cells) == (arrow, values)


def test_not_a_number_stays_one_in_a_floating_column(tmp_path):
    arrow, values = column(tmp_path, "nan", "NaN")
    assert arrow == pa.float64()
    assert all(value != value for value in values)  # noqa: PLR0124 - NaN is not equal to itself


@pytest.mark.parametrize(("late", "arrow"), [("1.5", pa.float64()), ("x", pa.string())])
def test_a_column_may_change_its_type_late_in_a_large_file(tmp_path, late, arrow):
    rows = "".join(f"{i},{'pad' * 20}\n" for i in range(200_000))
    _, types, values = read(tmp_path, f"a,b\n{rows}{late},end\n")
    assert types[0] == arrow
    assert values[0][-1] == (float(late) if arrow == pa.float64() else late)
    assert len(values[0]) == 200_001


def test_bom_carriage_returns_blank_lines_and_quoted_names(tmp_path):
    content = b'\xef\xbb\xbf"a b","c,d",\r\n1,2,3\r\n\r\n4,5,6\r\n'
    names, _, values = read(tmp_path, content)
    assert names == ["a b", "c,d", "column_3"]
    assert values[0] == [1, 4]


def test_a_header_with_a_line_break_inside_quotes(tmp_path):
    names, _, values = read(tmp_path, '"a\nb",c\n1,2\n')
    assert names == ["a\nb", "c"]
    assert values == [[1], [2]]


def test_one_column_is_a_table(tmp_path):
    assert read(tmp_path, "pit\n0.5\n0.25\n") == (["pit"], [pa.float64()], [[0.5, 0.25]])


def test_a_header_alone_gives_no_rows(tmp_path):
    assert read(tmp_path, "a,b\n") == (["a", "b"], [pa.string()] * 2, [[], []])


def test_repeated_names_are_reported_as_they_stand(tmp_path):
    assert read(tmp_path, "a,b,a\n1,2,3\n")[0] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3\n", r"row 3 .*expected 2 columns, got 1: 3; every row"),
        ("a,b\n1,2\n3,4,5\n", r"row 3 .*expected 2 columns, got 3"),
        (b"a,b\n1,2\n3,caf\xe9\n", r"byte 0xE9 at offset 13 \(line 3\).*Latin-1 it means 'é'"),
        (b"a,b\n1,caf\xc3", r"byte 0xC3 at offset 9 \(line 2\)"),
        ("a,b\n" + '1,"open\n' + "x,y\n" * 4_000, r"row 2 .*quotation mark is opened"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path, content, message):
    with pytest.raises(UnreadableFile, match=message):
        read(tmp_path, content)


def test_a_lone_inch_mark_in_a_text_is_only_a_character(tmp_path):
    assert read(tmp_path, 'a,b\n5" aperture,1\n')[2] == [['5" aperture'], [1]]


def test_a_bad_byte_past_the_first_chunk_has_the_right_place(tmp_path):
    rows = b"1,2\n" * 1_200_000
    with pytest.raises(UnreadableFile, match=rf"offset {4 + len(rows)} \(line 1200002\)"):
        read(tmp_path, b"a,b\n" + rows + b"\xff,1\n")


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ("# one\n\n# two\na,b\n1,2\n3\n", 6),
        ("# one\na, b\n1, 2\n# half\n\n3\n", 6),
        ('a,b\n1, "x\n# no comment\n, y"\n3\n', 5),
        ('a,b\n1,"x\n\ny"\n3\n', 5),
        ('a,b\r1,"x\ry"\r3\r', 4),
        ("# one\na b\n# two\n1 2\n3\n", 5),
        ("# one\n1.5,2\n3\n", 3),
    ],
)
def test_rows_are_counted_from_the_first_line_of_the_file(tmp_path, content, row):
    with pytest.raises(UnreadableFile, match=rf"row {row} .*, got 1: 3;"):
        read(tmp_path, content)


def test_blanks_beside_commas_are_no_values_but_stay_inside_of_quotation_marks(tmp_path):
    text = '# by hand\nid, name , "z, q"\n 1, "a, ""b"" " , 0.5\n2,\t5" c d ,-99\n  \n'
    text += '3, "x\n , #y",\n4,,\n'
    columns, types, values = read(tmp_path, text)
    assert columns == ["id", "name", "z, q"]
    assert types == [pa.int64(), pa.string(), pa.float64()]
    assert values == [[1, 2, 3, 4], ['a, "b" ', '5" c d', "x\n , #y", None], [0.5, -99, None, None]]


def test_blanks_between_tabs_are_no_values_but_empty_places_are(tmp_path):
    assert read(tmp_path, "a\tb\tc\n x \t\t1\n\t\t\ny z\t 2\t\n")[2] == [
        ["x", None, "y z"],
        [None, None, 2],
        [1, None, None],
    ]


def test_a_quotation_may_go_on_over_the_pieces_of_a_large_file(tmp_path):
    text = '"' + "x, y\n" * 1_000_000 + '"'
    before = "a, b\n" + "1, 2\n" * 800_000
    path = tmp_path / "a.csv"
    path.write_text(f'{before}3, {text}\n4, "z"\n')
    with reader_for(path).open(path) as table:
        *_, last = table.batches()
    assert last.column(0).to_pylist()[-2:] == [3, 4]
    assert last.column(1).to_pylist()[-2:] == [text.strip('"'), "z"]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1.5", "2", "x7", "3"], r"column 'a' is text .* because of 'x7' in row 6 \("),
        (["1", "2", "3,4"], None),
        (["1", "2", "-"], None),
        (["10", "11", "007"], r"because of '007' in row 6 \("),
        (["10", "11", "123456789012345678901"], r"'123456789012345678901' in row 6 \("),
        (["001", "002", "003"], None),
        (["M31", "5", "M32"], None),
        (["true", "x"], None),
        (["1"] * 60 + ["x", "y", "z"], r"because of 'x' in row 64 .* and 2 more like it"),
    ],
)
def test_a_cell_that_makes_numbers_text_is_told(tmp_path, cells, message):
    path = tmp_path / "a.csv"
    path.write_text("# one\n# two\na; b\n" + "".join(f"{cell}; x\n" for cell in cells))
    with reader_for(path).open(path) as table:
        found = list(table.warnings)
    if message is None:
        assert found == []
    else:
        [note] = found
        assert re.search(message, note)
