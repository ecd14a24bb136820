"""Read a whole file in the tests, in this process."""

from dataclasses import dataclass

import pyarrow as pa

from registry.formats.readers.opening import open_file
from registry.formats.readers.options import DEFAULT_LIMITS, ReadOptions


@dataclass
class Read:
    format: str
    columns: dict
    values: dict
    warnings: tuple
    description: str | None
    n_rows: int | None

    @property
    def types(self):
        return {name: column.type for name, column in self.columns.items()}


def read_file(path, scratch=None, batch_rows=2, limits=DEFAULT_LIMITS, **options):
    """Read a file twice in small batches, and check that all that is declared is true."""
    if scratch is not None:
        scratch.mkdir()
    name, opened = open_file(path, ReadOptions(**options), scratch, limits)
    with opened as table:
        passes = [list(table.batches(batch_rows)), list(table.batches())]
        read = Read(
            name,
            {column.name: column for column in table.columns},
            {},
            tuple(table.warnings),
            table.description,
            table.n_rows,
        )
        types = [column.type for column in table.columns]
        names = [column.name for column in table.columns]
    for batches in passes:
        for batch in batches:
            batch.validate(full=True)
            assert [array.type for array in batch.columns] == types
    assert all(batch.num_rows <= batch_rows for batch in passes[0])
    for index, column in enumerate(names):
        both = [
            pa.chunked_array([b.column(index) for b in batches], types[index]).to_pylist()
            for batches in passes
        ]
        assert repr(both[0]) == repr(both[1]), column
        read.values[column] = both[0]
    rows = sum(batch.num_rows for batch in passes[1])
    assert read.n_rows in (None, rows)
    return read
