"""Libraries that a process is to do without."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def run(text):
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_excluded_library_is_as_if_it_were_not_installed():
    text = """
from registry.host.exclusion import exclude
exclude("pandas")
import sys, pyarrow as pa
pa.array(["a", None])
print("pandas" in sys.modules)
try:
    import pandas
except ModuleNotFoundError as error:
    print(error.name)
from importlib.metadata import version
from importlib.util import find_spec
print(find_spec("pandas"), find_spec("json").name, version("pyarrow") == pa.__version__)
"""
    assert run(text) == ["False", "pandas", "None", "json", "True"]


def test_library_that_is_there_already_stays():
    text = """
import json
from registry.host.exclusion import exclude
exclude("json")
import json
print(json.dumps(1))
"""
    assert run(text) == ["1"]
