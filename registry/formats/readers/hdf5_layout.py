"""Where the tables of an HDF5 file are.

Only what is in the file itself is looked at: hard links. An external link anywhere on the way
refuses the file; a soft link is passed over, since it may lead through an external one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from registry.errors import UnreadableFile, UnsupportedFile
from registry.formats.readers.choice import FileChoiceNeeded, listed, main_table, passed_over
from registry.formats.readers.hdf5_column import (
    Hdf5Column,
    attribute_text,
    check_dataset,
    columns_of,
    null_rows,
)
from registry.formats.readers.hdf5_pandas import fixed_columns, table_columns
from registry.formats.readers.qp_ensemble import ensemble_description, is_ensemble

if TYPE_CHECKING:
    import h5py
    import numpy as np

    Members = dict[str, h5py.Group | h5py.Dataset]

__all__ = ["Hdf5File", "Layout"]

_MAX_DEPTH = 3
_MAX_NODES = 50_000
_LISTED = 20


@dataclass
class Layout:
    """One table of a file.

    Attributes
    ----------
    path
        Of its group or dataset.
    datasets
        That have its values, all of the same length.
    masks
        That say where they are null; they come after the datasets.
    columns
        In order.
    description
        What the file says about the table.
    warnings
        What the user should know.
    """

    path: str
    datasets: list[h5py.Dataset] = field(default_factory=list)
    masks: list[h5py.Dataset | np.ndarray[Any, Any]] = field(default_factory=list)
    columns: list[Hdf5Column] = field(default_factory=list)
    description: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        """Common length of the datasets."""
        return int(self.datasets[0].shape[0]) if self.datasets else 0


class Hdf5File:
    """The tree of an open HDF5 file.

    Parameters
    ----------
    name
        Of the file, for messages.
    root
        Of the tree.
    file_bytes
        Size of the file.
    """

    def __init__(self, name: str, root: h5py.Group, file_bytes: int) -> None:
        self._name = name
        self._root = root
        self._bytes = file_bytes
        self._nodes = 0
        self._opened: dict[str, Members] = {}
        self._warnings: list[str] = []

    def table(self, wanted: str | None) -> Layout:
        """Find the table to be read.

        Parameters
        ----------
        wanted
            Path that the user gave.

        Raises
        ------
        UnreadableFile
            If it is unsafe.
        FileChoiceNeeded
            If its columns differ in length, or it cannot be told which table is meant.
        UnsupportedFile
            If there is no table.
        """
        start = self._root if wanted is None else self._at(wanted)
        nulls = self._nulls(start)
        if nulls and start == self._root:
            start = self._at("data")
        places = list(self._tables(start, 0))
        if not places:
            raise UnsupportedFile(
                f"{self._name!r} has no table in {start.name!r}: no datasets of one row per object"
            )
        place = main_table([self._length(place) for place in places])
        if place is None:
            names = listed([place.name for place in places])
            raise FileChoiceNeeded(f"{self._name!r} has {len(places)} tables: {names}", "group")
        layout = self._layout(places[place])
        others = [other.name for other in places if other is not places[place]]
        if others:
            layout.warnings.append(passed_over(layout.path, others))
        self._mark_nulls(layout, nulls)
        layout.warnings[:0] = self._warnings
        return layout

    def is_plain(self, path: str) -> bool:
        """Tell whether a table is all of the file, as columns at its root or in ``data``.

        That is what tables_io takes for a file of one table.

        Parameters
        ----------
        path
            Of the table.
        """
        import h5py

        if path not in ("/", "/data") or (path == "/data" and list(self._root) != ["data"]):
            return False
        table = self._root[path]
        if not isinstance(table, h5py.Group) or len(members := self._members(table)) < len(table):
            return False
        return all(
            isinstance(member, h5py.Dataset) and member.dtype.names is None
            for member in members.values()
        )

    def _length(self, place: h5py.Group | h5py.Dataset) -> int | None:
        """Give the number of rows; 0 for a group whose datasets have no common one."""
        if hasattr(place, "shape"):
            return int(place.shape[0]) if place.shape else 0
        members = self._members(place)
        if attribute_text(place, "pandas_type") is not None or is_ensemble(members):
            return None
        plain = [m for m in members.values() if hasattr(m, "shape") and m.dtype.names is None]
        lengths = {m.shape[0] for m in plain if m.shape}
        return int(lengths.pop()) if len(lengths) == 1 else 0

    def _nulls(self, start: h5py.Group | h5py.Dataset) -> dict[str, h5py.Dataset]:
        """Find the masks beside the columns, as this service wrote them once (group ``nulls``)."""
        if start.name not in ("/", "/data"):
            return {}
        members = self._members(self._root)
        if members.keys() != {"data", "nulls"} or not hasattr(members["nulls"], "keys"):
            return {}
        return self._members(members["nulls"])

    def _mark_nulls(self, layout: Layout, nulls: dict[str, h5py.Dataset]) -> None:
        for index, column in enumerate(layout.columns):
            dataset = layout.datasets[column.dataset]
            if column.field is not None:
                continue
            mask = null_rows(dataset)
            if mask is None:
                mask = nulls.get(dataset.name.rsplit("/", 1)[-1])
                if mask is None:
                    continue
                check_dataset(self._name, mask, self._bytes)
            if mask.shape != (layout.n_rows,) or mask.dtype != bool:
                raise UnreadableFile(
                    f"{self._name!r} does not tell rightly which rows of {column.name!r} are null; "
                    "there must be one boolean per row, or one bit in the attribute 'nulls'"
                )
            layout.columns[index] = replace(column, mask=len(layout.datasets) + len(layout.masks))
            layout.masks.append(mask)

    def _at(self, wanted: str) -> h5py.Group | h5py.Dataset:
        node = self._root
        for part in wanted.strip("/").split("/") if wanted.strip("/") else []:
            members = self._members(node) if hasattr(node, "keys") else {}
            if part not in members:
                found = ", ".join(list(members)[:_LISTED]) or "nothing"
                raise FileChoiceNeeded(
                    f"{self._name!r} has no {wanted!r}: {node.name!r} has {found}", "group"
                )
            node = members[part]
        return node

    def _members(self, group: h5py.Group) -> Members:
        """Open what is in a group, once: files have thousands of datasets in one."""
        if group.name not in self._opened:
            self._opened[group.name] = dict(self._open_members(group))
        return self._opened[group.name]

    def _open_members(self, group: h5py.Group) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
        import h5py

        for name in group:
            self._nodes += 1
            if self._nodes > _MAX_NODES:
                raise UnreadableFile(f"{self._name!r} has more than {_MAX_NODES} objects")
            link = group.get(name, getlink=True)
            path = f"{group.name.rstrip('/')}/{name}"
            if isinstance(link, h5py.ExternalLink):
                raise UnreadableFile(
                    f"{self._name!r}: {path!r} is a link into another file, which is never opened; "
                    "copy the data in"
                )
            if isinstance(link, h5py.SoftLink):
                self._warnings.append(f"the soft link {path!r} is not followed")
                continue
            if not name.endswith("__table_column_meta__"):
                node = group[name]
                if isinstance(node, h5py.Group | h5py.Dataset):
                    yield name, node

    def _tables(
        self, node: h5py.Group | h5py.Dataset, depth: int
    ) -> Iterator[h5py.Group | h5py.Dataset]:
        import h5py

        if isinstance(node, h5py.Dataset):
            yield node
            return
        members = self._members(node)
        if attribute_text(node, "pandas_type") is not None or is_ensemble(members):
            yield node
            return
        datasets = [d for d in members.values() if isinstance(d, h5py.Dataset) and d.shape]
        structured = [d for d in datasets if d.dtype.names is not None]
        yield from structured
        if len(datasets) > len(structured):
            yield node
        if depth < _MAX_DEPTH:
            for member in members.values():
                if isinstance(member, h5py.Group):
                    yield from self._tables(member, depth + 1)

    def _layout(self, node: h5py.Group | h5py.Dataset) -> Layout:
        import h5py

        layout = Layout(node.name)
        if isinstance(node, h5py.Dataset):
            layout.description = attribute_text(node, "TITLE")
            self._add(layout, node.name.rsplit("/", 1)[-1], node)
            return layout
        layout.description = attribute_text(node, "TITLE") or attribute_text(node, "description")
        members = self._members(node)
        kind = attribute_text(node, "pandas_type")
        if kind is not None:
            self._pandas(kind, node, members, layout)
        elif is_ensemble(members):
            groups = {name: self._members(member) for name, member in members.items()}
            datasets = {n: d for n, d in groups["data"].items() if isinstance(d, h5py.Dataset)}
            extra = {
                n: d for n, d in groups.get("ancil", {}).items() if isinstance(d, h5py.Dataset)
            }
            for name, dataset in (*datasets.items(), *extra.items()):
                self._add(layout, name, dataset)
            for dataset in groups["meta"].values():
                check_dataset(self._name, dataset, self._bytes)
            about = ensemble_description(groups["meta"])
            layout.columns = [
                replace(c, description=f"{c.name} of {about}") if c.name in datasets else c
                for c in layout.columns
            ]
        else:
            for name, dataset in members.items():
                if isinstance(dataset, h5py.Dataset) and dataset.dtype.names is None:
                    self._add(layout, name, dataset)
        self._check_lengths(layout)
        return layout

    def _pandas(
        self, kind: str, node: h5py.Group, members: dict[str, h5py.Dataset], layout: Layout
    ) -> None:
        for member in members.values():
            if hasattr(member, "dtype"):
                check_dataset(self._name, member, self._bytes)
        if kind == "frame_table" and "table" in members:
            datasets, columns = table_columns(self._name, node, members["table"])
        elif kind == "frame":
            datasets, columns = fixed_columns(self._name, members)
        else:
            raise UnsupportedFile(
                f"{self._name!r} has a pandas {kind!r} in {node.name!r}; write a DataFrame"
            )
        layout.datasets += datasets
        layout.columns += columns

    def _add(self, layout: Layout, name: str, dataset: h5py.Dataset) -> None:
        if not dataset.shape:
            layout.warnings.append(f"{dataset.name!r} is one value, not a column, and left out")
            return
        check_dataset(self._name, dataset, self._bytes)
        layout.columns += columns_of(dataset, name, len(layout.datasets), layout.warnings)
        layout.datasets.append(dataset)

    def _check_lengths(self, layout: Layout) -> None:
        lengths = {dataset.name: dataset.shape[0] for dataset in layout.datasets}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name}: {n}" for name, n in list(lengths.items())[:_LISTED])
            raise FileChoiceNeeded(
                f"{self._name!r} has columns of different lengths in {layout.path!r} ({found}); "
                "write one row per object, or choose one dataset",
                "group",
            )
