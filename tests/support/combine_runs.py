"""Run folders of the combination of catalogues, made without the service."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.combine_redshift_dedup import SPECIFICATION
from pipelines.configuration import RunConfiguration
from pipelines.runs import RunFolder

MARK = "concatenate_and_mark_duplicates"
REMOVE = "concatenate_and_remove_duplicates"


def run_folder(folder: Path, catalogues, output_format="parquet", flags=None, **param) -> RunFolder:
    """Make a run folder.

    `catalogues` are pairs of a mapping of columns and a table (columns as lists, or an Arrow
    table), or the path of a file; they are numbered from 1.
    """
    run = RunFolder(folder)
    run.make()
    entries = []
    for number, (content, columns) in enumerate(catalogues, start=1):
        place = run.inputs_folder / str(number)
        place.mkdir()
        name = f"{number:03d}_catalogue"
        if isinstance(content, Path):
            path = place / content.name
            name = content.stem if content.stem.startswith(f"{number:03d}_") else name
            copy = shutil.copytree if content.is_dir() else shutil.copyfile
            copy(content, path)
        else:
            path = place / "table.parquet"
            table = content if isinstance(content, pa.Table) else pa.table(content)
            pq.write_table(table, path)
        entries.append(
            {
                "path": str(path.relative_to(run.path)),
                "internal_name": name,
                "columns": columns,
            }
        )
    if flags is not None:
        (run.files_folder / "flags.yaml").write_text(flags, encoding="utf-8")
        param["flags_translation_file"] = "files/flags.yaml"
    run.write_configuration(
        RunConfiguration(
            pipeline=SPECIFICATION.name,
            version=SPECIFICATION.version,
            param=param,
            inputs={"specz": entries},
            output_name="crd",
            output_format=output_format,
        )
    )
    return run


def silent(step, fraction=None, text=None) -> None:
    """Be told of progress, and say nothing."""
