"""Invariants of the combination on random catalogues."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.combine_redshift_dedup.combination import combine
from pipelines.combine_redshift_dedup.own_tables import FLAGS_TABLE, own_table
from pipelines.combine_redshift_dedup.parameters import CombineParameters
from pipelines.combine_redshift_dedup.preparation import Preparation
from pipelines.combine_redshift_dedup.reading import CatalogueInput, RawCatalogue
from pipelines.combine_redshift_dedup.translation import load_translation

TABLE = load_translation(own_table(FLAGS_TABLE))
MARK = "concatenate_and_mark_duplicates"
REMOVE = "concatenate_and_remove_duplicates"

row = st.tuples(
    st.integers(0, 3),  # place on the sky, in degrees
    st.integers(0, 6),  # offset, in 0.2 arcsec
    st.sampled_from([None, 0.1, 0.1004, 0.1008, 0.1012, 0.5]),
    st.sampled_from([None, 0, 1, 3, 4, 6]),
    st.sampled_from([None, "s", "g", "p"]),
)
catalogues_of_rows = st.lists(st.lists(row, min_size=1, max_size=12), min_size=1, max_size=4)


def prepared(rows, number, parameters):
    """Prepare one catalogue; a row beside all others makes sure that it has flags and types."""
    rows = [*rows, (50 + number, 0, 0.1, 4, "s")]
    place, offset, z, flag, kind = zip(*rows, strict=True)
    columns = {
        "ra": pa.array([10.0 + value for value in place]),
        "dec": pa.array([-20 + value * 0.2 / 3600 for value in offset]),
        "z": pa.array(z, pa.float64()),
        "z_flag_homogenized": pa.array(flag, pa.float64()),
        "instrument_type_homogenized": pa.array(kind, pa.string()),
    }
    raw = RawCatalogue(tuple(columns), columns, len(rows))
    source = CatalogueInput(None, f"{number:03d}_catalogue", {})
    catalogue, problems = Preparation(parameters, TABLE).prepare(raw, source)
    assert not problems
    return catalogue


def combined(catalogues, **param):
    parameters = CombineParameters(z_flag_homogenized_value_to_cut=0, **param)
    ready = [prepared(rows, number, parameters) for number, rows in enumerate(catalogues, 1)]
    return combine(ready, parameters, TABLE).table.to_pylist()


def neighbours(row):
    return row.get("compared_to").split(", ") if row.get("compared_to") else []


@given(catalogues_of_rows)
@settings(max_examples=150, deadline=None)
def test_marks_keep_the_invariants_of_the_original(catalogues):
    rows = {row["CRD_ID"]: row for row in combined(catalogues, combine_type=MARK)}
    groups = {}
    for name, found in rows.items():
        near = neighbours(found)
        assert near == sorted(set(near))
        assert name not in near
        assert all(name in neighbours(rows[other]) for other in near)
        assert (found["tie_result"] == 3) == (found["z_flag_homogenized"] == 6)
        assert bool(near) == (found.get("nearest_separation_arcsec") is not None)
        galaxies = [other for other in near if rows[other]["tie_result"] != 3]
        if found["tie_result"] != 3:
            assert galaxies or found["tie_result"] == 1
            assert all(rows[other]["group_id"] == found["group_id"] for other in galaxies)
        groups.setdefault(found["group_id"], []).append(found)
    for members in groups.values():
        assert {member["n_group_members"] for member in members} == {len(members)}
        results = [member["tie_result"] for member in members if member["tie_result"] != 3]
        if results:
            assert results.count(1) == 1 or (results.count(1) == 0 and results.count(2) > 1)
            assert not (1 in results and 2 in results)
        best = max((rank(m) for m in members if m["tie_result"] != 3), default=None)
        for member in members:
            if member["tie_result"] in (1, 2):
                assert rank(member) == best


def rank(row):
    flag = row["z_flag_homogenized"]
    types = {"s": 3, "g": 2, "p": 1}
    return (-1 if flag is None else flag, types.get(row.get("instrument_type_homogenized"), 0))


@given(catalogues_of_rows, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_marks_depend_on_neither_the_order_of_catalogues_nor_their_partition(catalogues, random):
    parameters = CombineParameters(z_flag_homogenized_value_to_cut=0, combine_type=MARK)
    ready = [prepared(rows, number, parameters) for number, rows in enumerate(catalogues, 1)]
    pieces = []
    for catalogue in ready:
        cut = random.randint(0, catalogue.rows)
        for places in (np.arange(cut), np.arange(cut, catalogue.rows)):
            mixed = random.sample(places.tolist(), len(places))
            columns = {
                name: array.take(pa.array(mixed, pa.int64()))
                for name, array in catalogue.columns.items()
            }
            numbers = catalogue.row_numbers[np.array(mixed, np.int64)]
            pieces.append(type(catalogue)(catalogue.number, numbers, columns, catalogue.summary))
    random.shuffle(pieces)
    expected = combine(ready, parameters, TABLE).table.to_pylist()
    found = combine(pieces, parameters, TABLE).table.to_pylist()

    def key(row):
        return row["CRD_ID"]

    for one, other in zip(sorted(found, key=key), sorted(expected, key=key), strict=True):
        assert one == other


@given(catalogues_of_rows, st.integers(0, 2**63 - 1))
@settings(max_examples=75, deadline=None)
def test_removal_keeps_what_the_marks_say(catalogues, seed):
    marked = combined(catalogues, combine_type=MARK)
    kept = {
        option: combined(
            catalogues, combine_type=REMOVE, tie_treatment_option=option, random_seed=seed
        )
        for option in ("remove_all", "keep_all", "draw_one")
    }

    def names(rows, *results):
        return [row["CRD_ID"] for row in rows if row["tie_result"] in results]

    assert names(kept["remove_all"], 0, 1, 2, 3) == names(marked, 1)
    assert names(kept["keep_all"], 0, 1, 2, 3) == names(marked, 1, 2)
    drawn = kept["draw_one"]
    assert {row["tie_result"] for row in drawn} == {1}
    groups = [row["group_id"] for row in drawn]
    assert len(groups) == len(set(groups))
    assert set(groups) == {row["group_id"] for row in marked if row["tie_result"] in (1, 2)}
    assert set(names(drawn, 1)) <= set(names(marked, 1, 2))


@given(catalogues_of_rows)
@settings(max_examples=150, deadline=None)
def test_results_are_those_of_the_rules_read_row_by_row(catalogues):
    rows = {row["CRD_ID"]: row for row in combined(catalogues, combine_type=MARK)}
    assert {name: row["tie_result"] for name, row in rows.items()} == by_the_rules(rows)


def by_the_rules(rows):
    """Resolve ties as the contract words it, one object after the other."""
    results = {name: 3 if row["z_flag_homogenized"] == 6 else 1 for name, row in rows.items()}
    left = {name for name, result in results.items() if result != 3}
    while left:
        members, frontier = set(), {left.pop()}
        while frontier:
            members |= frontier
            near = {other for name in frontier for other in neighbours(rows[name])}
            frontier = {name for name in near if results[name] != 3} - members
        left -= members
        if len(members) > 1:
            results |= resolved({name: rows[name] for name in members})
    return results


def resolved(members):
    best = max(map(rank, members.values()))
    survivors = {name for name, row in members.items() if rank(row) == best}
    measured = sorted((members[n]["z"], n) for n in survivors if members[n].get("z") is not None)
    clusters = []
    for z, name in measured:
        if clusters and z - clusters[-1][-1][0] <= TABLE.delta_z_threshold:
            clusters[-1].append((z, name))
        else:
            clusters.append([(z, name)])
    for cluster in clusters:
        survivors -= set(sorted(name for _, name in cluster)[1:])
    kept = 1 if len(survivors) == 1 else 2
    return {name: kept if name in survivors else 0 for name in members}
