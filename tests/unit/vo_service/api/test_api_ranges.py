import pytest

from vo_service.api.errors import RangeNotSatisfiable
from vo_service.api.ranges import parse_range


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-", 0, 10),
        ("bytes=3-", 3, 10),
        ("bytes=0-0", 0, 1),
        ("bytes=2-5", 2, 6),
        ("bytes=2-99", 2, 10),
        ("bytes=-3", 7, 10),
        ("bytes=-99", 0, 10),
        (" bytes= 9 - 9 ", 9, 10),
    ],
)
def test_single_range_is_cut_to_the_file(header, start, stop):
    part = parse_range(header, 10)
    assert (part.start, part.stop) == (start, stop)
    assert part.content_range(10) == f"bytes {start}-{stop - 1}/10"


@pytest.mark.parametrize(
    "header", [None, "", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "0-1"]
)
def test_what_is_no_single_range_means_the_whole_file(header):
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=0-", 0), ("bytes=-0", 10)])
def test_range_behind_the_end_is_refused_with_the_size(header, size):
    with pytest.raises(RangeNotSatisfiable) as caught:
        parse_range(header, size)
    assert caught.value.headers == {"Content-Range": f"bytes */{size}"}
