"""Any table that another program wrote is read as it was meant."""

import string
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.io.votable import from_table, writeto
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather
from reading import read_file

NUMBERS = {
    "u1": st.integers(0, 2**8 - 1),
    "i2": st.integers(-(2**15), 2**15 - 1),
    "i4": st.integers(-(2**31), 2**31 - 1),
    "i8": st.integers(-(2**63), 2**63 - 1),
    "f4": st.floats(width=32),
    "f8": st.floats(),
}
UNSIGNED = {"u2": st.integers(0, 2**16 - 1), "u4": st.integers(0, 2**32 - 1)}
WORDS = st.text(string.ascii_letters + string.digits + "._+-", min_size=1, max_size=6).map(
    "w".__add__
)


@st.composite
def tables(draw, kinds, texts=WORDS):
    n_rows = draw(st.integers(1, 7))
    columns = {}
    for index in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from([*kinds, "?", "U", "array"]))
        name = f"c {index}.{kind}"
        if kind == "U":
            columns[name] = np.array(draw(st.lists(texts, min_size=n_rows, max_size=n_rows)))
        elif kind == "?":
            columns[name] = np.array(
                draw(st.lists(st.booleans(), min_size=n_rows, max_size=n_rows))
            )
        else:
            width = draw(st.integers(2, 4)) if kind == "array" else 1
            dtype = "f8" if kind == "array" else kind
            cells = draw(st.lists(kinds[dtype], min_size=n_rows * width, max_size=n_rows * width))
            values = np.array(cells, dtype)
            columns[name] = values.reshape(n_rows, width) if kind == "array" else values
    return columns


def same(found, columns):
    assert list(found.columns) == list(columns)
    for name, values in columns.items():
        expected = values.tolist()
        assert repr(none_for_nan(found.values[name])) == repr(none_for_nan(expected)), name


def none_for_nan(value):
    """See missing numbers alike: a NaN of VOTable may come back as null."""
    if isinstance(value, list):
        return [none_for_nan(one) for one in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN


@settings(max_examples=40, deadline=None)
@given(columns=tables(NUMBERS | UNSIGNED))
def test_fits_by_astropy(columns):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.fits"
        Table(columns).write(path)
        same(read_file(path), columns)


@pytest.mark.filterwarnings("ignore::astropy.io.votable.exceptions.VOWarning")
@pytest.mark.parametrize("serialization", ["tabledata", "binary", "binary2"])
@settings(max_examples=20, deadline=None)
@given(columns=tables(NUMBERS))
def test_votable_by_astropy(serialization, columns):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.vot"
        writeto(from_table(Table(columns)), str(path), tabledata_format=serialization)
        same(read_file(path), columns)


@settings(max_examples=40, deadline=None)
@given(columns=tables(NUMBERS | UNSIGNED), structured=st.booleans())
def test_hdf5_by_h5py(columns, structured):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        plain = {n: v.astype("S") if v.dtype.kind == "U" else v for n, v in columns.items()}
        with h5py.File(path, "w", track_order=True) as file:
            if structured:
                file["t"] = Table(plain).as_array()
            else:
                group = file.create_group("t", track_order=True)
                for name, values in plain.items():
                    group[name] = values
        same(read_file(path), columns)


@settings(max_examples=40, deadline=None)
@given(columns=tables(NUMBERS | UNSIGNED))
def test_parquet_and_feather_by_arrow_and_pandas(columns):
    frame = pd.DataFrame({n: v if v.ndim == 1 else v.tolist() for n, v in columns.items()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.bin"
        frame.to_parquet(path, index=False)
        same(read_file(path), columns)
        feather.write_feather(pa.Table.from_pandas(frame, preserve_index=False), str(path))
        same(read_file(path), columns)


@settings(max_examples=60, deadline=None)
@given(
    columns=tables({k: NUMBERS[k] for k in ("i8", "f8")}),
    mark=st.sampled_from([",", "\t", ";", "|", " "]),
)
def test_text_by_pandas(columns, mark):
    flat = {name.replace(" ", "_"): v for name, v in columns.items() if v.ndim == 1}
    flat["last"] = np.arange(len(next(iter(columns.values())))) + 0.5
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.txt"
        pd.DataFrame(flat).to_csv(path, index=False, sep=mark, na_rep="nan")
        found = read_file(path)
    assert list(found.columns) == list(flat)
    for name, values in flat.items():
        expected = none_for_nan(values.tolist())
        got = none_for_nan(found.values[name])
        # Whole numbers in floating point are written without their kind.
        assert got == expected, (name, found.types[name])
