"""The reference page of the pipeline against its specification."""

import importlib.util
import re
from pathlib import Path

from pipelines.combine_redshift_dedup import SPECIFICATION
from pipelines.combine_redshift_dedup.parameters import CombineType, TieTreatment

ROOT = Path(__file__).resolve().parents[3]


def script():
    path = ROOT / "docs" / "pipeline_page.py"
    spec = importlib.util.spec_from_file_location("pipeline_page", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_page_is_up_to_date():
    page = script()
    assert page.PAGE.read_text(encoding="utf-8") == page.pipeline_page()


def test_reference_page_names_every_parameter_column_and_choice():
    text = script().PAGE.read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert rows >= set(SPECIFICATION.parameters.model_fields)
    assert rows >= {column.name for column in SPECIFICATION.output_columns}
    assert all(f"`{choice}`" in text for choice in (*TieTreatment, *CombineType))
