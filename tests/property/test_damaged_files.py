"""Whatever happens to the bytes of a file, it is read or refused; no other error comes out."""

import random
import tarfile
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import from_table, writeto
from astropy.table import Table

from registry.errors import RegistryError
from registry.formats.readers.opening import open_file

COLUMNS = {
    "id": np.arange(5),
    "x": np.array([0.5, -99, 1, 2, 3], "f4"),
    "s": np.array(["a", "bb", "c", "d", "e"]),
    "v": np.arange(15.0).reshape(5, 3),
    "b": np.array([True, False] * 2 + [True]),
}
ARROW = pa.table({name: values.tolist() for name, values in COLUMNS.items()})


def fits(path):
    Table(COLUMNS).write(path, format="fits")


def votable(serialization):
    def write(path):
        writeto(from_table(Table(COLUMNS)), str(path), tabledata_format=serialization)

    return write


def hdf5(path):
    with h5py.File(path, "w") as file:
        for name, values in COLUMNS.items():
            file[f"g/{name}"] = values.astype("S") if values.dtype.kind == "U" else values


def parquet(path):
    pq.write_table(ARROW, path)


def arrow_stream(path):
    with pa.ipc.new_stream(str(path), ARROW.schema) as writer:
        writer.write_table(ARROW)


def arrow_file(path):
    with pa.ipc.new_file(str(path), ARROW.schema) as writer:
        writer.write_table(ARROW)


def csv(path):
    path.write_text('# note\nid,s\n1,"a b"\n2,c\n3,"d"\n')


def blanks(path):
    path.write_text("# id s\n 1  2.5\n 3\t4\n")


def zipped(path):
    csv(path.with_suffix(".csv"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path.with_suffix(".csv"), "a.csv")


def tarred(path):
    csv(path.with_suffix(".csv"))
    with tarfile.open(path, "w") as archive:
        archive.add(path.with_suffix(".csv"), "a.csv")


def damaged(content, chance):
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 8])):
        place = chance.randrange(len(data))
        data[place] = chance.choice([0, 255, chance.randrange(256), data[place] ^ 1])
    return bytes(data[: chance.randrange(1, len(data))] if chance.random() < 0.2 else data)


MAKERS = [fits, hdf5, parquet, arrow_stream, arrow_file, csv, blanks, zipped, tarred]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make", [*MAKERS, *map(votable, ("tabledata", "binary", "binary2"))], ids=lambda m: m.__name__
)
def test_damage_is_told_or_harmless(tmp_path, make):
    path = tmp_path / "a.bin"
    make(path)
    content = path.read_bytes()
    chance = random.Random(7)
    refused = 0
    for _ in range(120):
        path.write_bytes(damaged(content, chance))
        with tempfile.TemporaryDirectory() as scratch:
            try:
                with open_file(path, scratch=Path(scratch))[1] as table:
                    for _batch in table.batches(2):
                        pass
            except (RegistryError, MemoryError):
                refused += 1
    assert refused > 0
