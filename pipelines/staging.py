"""Filling a run folder: inputs in file order, files of the user, the configuration last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from pipelines.configuration import InputCatalogue, InputEntry, RunConfiguration
from pipelines.errors import ConfigurationRejected
from pipelines.runs import RunFolder
from pipelines.specification import PipelineSpecification

__all__ = ["resolve_paths", "stage"]


def stage(
    folder: RunFolder,
    configuration: RunConfiguration,
    files: Mapping[str, bytes],
    *,
    link: bool,
    in_place: Collection[str] = (),
) -> None:
    """Put everything that a run needs into its folder.

    Parameters
    ----------
    folder
        Of the run; made here.
    configuration
        Complete; the paths of its inputs are those of the originals.
    files
        Contents of the files that are values of parameters, by parameter.
    link
        Whether an input may be another name of the original instead of a copy. Only for runs
        that cannot write their inputs.
    in_place
        Groups of inputs that the run reads where they are.

    Raises
    ------
    OSError
        If an input cannot be read, or the folder not be written.

    Notes
    -----
    A folder without a configuration was not filled to the end.
    """
    folder.make()
    staged = {
        group: tuple(
            entry if group in in_place else _staged(folder, group, number, entry, link=link)
            for number, entry in enumerate(entries, start=1)
        )
        for group, entries in configuration.inputs.items()
    }
    param = dict(configuration.param)
    for name, content in files.items():
        target = folder.files_folder / f"{name}.yaml"
        target.write_bytes(content)
        param[name] = target.relative_to(folder.path).as_posix()
    folder.write_configuration(configuration.model_copy(update={"inputs": staged, "param": param}))


def resolve_paths(
    specification: PipelineSpecification, configuration: RunConfiguration, base: Path
) -> tuple[RunConfiguration, dict[str, bytes]]:
    """Find the files that a configuration on disk names.

    Parameters
    ----------
    specification
        Of the pipeline.
    configuration
        Complete.
    base
        Folder of the configuration: its paths are relative to that.

    Returns
    -------
    tuple
        The configuration with absolute paths, and the contents of parameters that are files.

    Raises
    ------
    ConfigurationRejected
        With every file that is not there.
    """
    problems: list[str] = []
    inputs: dict[str, tuple[InputEntry, ...]] = {}
    for group, entries in configuration.inputs.items():
        found = []
        for number, entry in enumerate(entries):
            path = (base / entry.path).absolute()
            if not path.exists():
                problems.append(f"inputs.{group}[{number}].path: there is no {str(path)!r}")
            catalogue = _resolved(entry.catalogue, base)
            problems += [
                f"inputs.{group}[{number}].catalogue.maps.{name}: there is no {each!r}"
                for name, each in (catalogue.maps if catalogue else {}).items()
                if not Path(each).exists()
            ]
            found.append(entry.model_copy(update={"path": str(path), "catalogue": catalogue}))
        inputs[group] = tuple(found)
    files = {}
    for name in specification.file_parameters:
        value = configuration.param.get(name)
        if value is not None:
            try:
                files[name] = (base / str(value)).read_bytes()
            except OSError as error:
                problems.append(f"param.{name}: {value!r} cannot be read: {error.strerror}")
    if problems:
        raise ConfigurationRejected(problems)
    return configuration.model_copy(update={"inputs": inputs}), files


def _resolved(catalogue: InputCatalogue | None, base: Path) -> InputCatalogue | None:
    if catalogue is None:
        return None
    maps = {name: str((base / path).absolute()) for name, path in catalogue.maps.items()}
    return catalogue.model_copy(update={"maps": maps})


def _staged(
    folder: RunFolder, group: str, number: int, entry: InputEntry, *, link: bool
) -> InputEntry:
    source = Path(entry.path)
    target = folder.inputs_folder / group / f"{number:04d}" / source.name
    if target.parent.exists():
        shutil.rmtree(target.parent)
    target.parent.mkdir(parents=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link if link else shutil.copy2)
    elif link:
        _link(source, target)
    else:
        shutil.copy2(source, target)
    return entry.model_copy(update={"path": target.relative_to(folder.path).as_posix()})


def _link(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without links.
        shutil.copy2(source, target)
