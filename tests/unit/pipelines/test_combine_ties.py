import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.combine_redshift_dedup.matching import find_links
from pipelines.combine_redshift_dedup.ties import resolve_ties, type_ranks
from pipelines.errors import PipelineFailed

CASES = (
    Path(__file__).resolve().parents[4]
    / "shared"
    / "data"
    / "pipeline_cases"
    / "crc_solver"
    / "solver_cases.json"
)

NAMES = ["A", "B", "C", "D"]


def resolve(rows, threshold=0.001, keys=None):
    """Resolve rows of name, z, flag, type and names of neighbours."""
    places = {row[0]: place for place, row in enumerate(rows)}
    pairs = [
        (place, places[name])
        for place, row in enumerate(rows)
        for name in row[4].split()
        if name in places
    ]
    links = np.array(pairs, np.int64).reshape(-1, 2)
    flags = np.array([row[2] for row in rows], float)
    return resolve_ties(
        (links[:, 0], links[:, 1]),
        is_star=flags == 6,
        priorities=[
            flags,
            type_ranks(pa.array([row[3] for row in rows], pa.string()), {"s": 3, "g": 2, "p": 1}),
        ],
        redshift=np.array([row[1] for row in rows], float),
        delta_z_threshold=threshold,
        identifiers=pa.array([row[0] for row in rows]),
        keys=np.arange(len(rows)) if keys is None else np.array(keys),
    )


NAN = float("nan")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("A", 0.5, 3, "s", "")], [1]),
        ([("A", 0.5, 3, "s", "B"), ("B", 0.9, 4, "p", "A")], [0, 1]),
        ([("A", 0.5, 3, "g", "B"), ("B", 0.9, 3, "s", "A")], [0, 1]),
        ([("B", 0.5, 4, "s", "A"), ("A", 0.5005, 4, "s", "B")], [0, 1]),
        ([("A", 0.5, 4, "s", "B"), ("B", 0.7, 4, "s", "A")], [2, 2]),
        ([("A", 0.5, NAN, "s", "B"), ("B", 0.7, 0, "s", "A")], [0, 1]),
        ([("A", NAN, 4, "s", "B"), ("B", 0.7, 4, "s", "A")], [2, 2]),
        ([("A", 0.5, 4, "x", "B"), ("B", 0.7, 4, None, "A")], [2, 2]),
        ([("A", 0.5, 6, "s", "B"), ("B", 0.7, 1, "s", "A")], [3, 1]),
        (
            [
                ("A", 0.1, 4, "s", "B"),
                ("B", 0.2, 3, "s", "A C"),
                ("C", 0.3, 4, "s", "B"),
            ],
            [2, 0, 2],
        ),
        (
            [
                ("A", 0.1, 4, "s", "B C"),
                ("B", 0.1008, 4, "s", "A C"),
                ("C", 0.1016, 4, "s", "A B"),
            ],
            [1, 0, 0],
        ),
    ],
)
def test_best_row_of_a_group(rows, expected):
    assert resolve(rows).tie_result.tolist() == expected


def test_redshifts_are_not_compared_with_a_threshold_of_zero():
    rows = [("A", 0.5, 4, "s", "B"), ("B", 0.5, 4, "s", "A")]
    assert resolve(rows, threshold=0).tie_result.tolist() == [2, 2]
    assert resolve(rows).tie_result.tolist() == [1, 0]


def test_star_shares_the_lowest_group_of_its_neighbours_and_joins_none():
    rows = [
        ("A", 0.1, 4, "s", "B"),
        ("B", 0.2, 3, "s", "A S"),
        ("S", 0.0, 6, "s", "B C"),
        ("C", 0.3, 4, "s", "D S"),
        ("D", 0.4, 3, "s", "C"),
        ("T", 0.0, 6, "s", "E"),
        ("E", 0.4, 3, "s", "T"),
    ]
    found = resolve(rows)
    assert found.tie_result.tolist() == [1, 0, 3, 1, 0, 3, 1]
    assert found.group.tolist() == [0, 0, 0, 3, 3, 5, 6]
    assert found.group_members.tolist() == [3, 3, 3, 2, 2, 1, 1]
    # By other keys the other group comes first.
    assert resolve(rows, keys=[9, 8, 7, 2, 1, 3, 4]).group.tolist() == [1, 1, 4, 4, 4, 5, 6]


@pytest.mark.shared
@pytest.mark.parametrize("number", range(28))
def test_solver_case_of_the_original(number):
    if not CASES.exists():
        pytest.skip("the shared data are not here")
    case = json.loads(CASES.read_text(encoding="utf-8"))[number]
    rows, params = case["rows"], case["params"]

    def values(name):
        return np.array([np.nan if row.get(name) is None else row[name] for row in rows], float)

    places = {row["CRD_ID"]: place for place, row in enumerate(rows)}
    texts = [[name.strip() for name in (row["compared_to"] or "").split(",")] for row in rows]
    pairs = [(a, places[name]) for a, text in enumerate(texts) for name in text if name in places]
    links = np.array(pairs, np.int64).reshape(-1, 2)
    types = pa.array([row["instrument_type_homogenized"] for row in rows], pa.string())
    found = resolve_ties(
        (links[:, 0], links[:, 1]),
        is_star=values("z_flag_homogenized") == 6,
        priorities=[
            type_ranks(types, params["instrument_type_priority"])
            if name == "instrument_type_homogenized"
            else values(name)
            for name in params["tiebreaking_priority"]
        ],
        redshift=values("z"),
        delta_z_threshold=params["delta_z_threshold"],
        identifiers=pa.array([*places]),
        keys=np.arange(len(rows)),
    )
    assert found.tie_result.tolist() == [row["expected_tie_result"] for row in rows]
    same = np.equal.outer
    groups = np.array([row["group"] for row in rows])
    assert (same(found.group, found.group) == same(groups, groups)).all()


def test_links_are_closer_than_the_radius_and_go_both_ways():
    dec = np.array([-30.0, -30.0 + 0.4 / 3600, -30.0 + 1.0 / 3600, 20.0])
    links = find_links(np.full(4, 10.0), dec, 0.5)
    assert list(zip(links.rows, links.neighbours, strict=True)) == [(0, 1), (1, 0)]
    assert links.separation_arcsec == pytest.approx([0.4, 0.4], rel=1e-6)


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ((0.0, 359.99995), (0.0, 0.0)),
        ((0.0, 180.0), (89.99996, 89.99996)),
        ((45.0, 45.0), (41.81030, 41.81035)),
        ((12.0, 250.0), (-90.0, -90.0)),
    ],
)
def test_links_cross_the_meridian_the_poles_and_cells(ra, dec):
    assert len(find_links(np.array(ra), np.array(dec), 0.5).rows) == 2


def test_no_links_among_no_rows_and_one():
    assert not len(find_links(np.array([]), np.array([]), 0.5).rows)
    assert not len(find_links(np.array([1.0]), np.array([1.0]), 0.5).rows)


def test_more_than_ten_neighbours_are_all_linked():
    dec = -30 + np.arange(15) * 0.01 / 3600
    links = find_links(np.full(15, 10.0), dec, 0.5)
    assert np.bincount(links.rows).tolist() == [14] * 15


def test_placeholders_instead_of_positions_are_refused_before_memory_ends():
    with pytest.raises(PipelineFailed, match="60000 rows lie within the matching radius of ra 0"):
        find_links(np.zeros(60_000), np.zeros(60_000), 0.5)
