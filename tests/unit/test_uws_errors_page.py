"""The page of errors of jobs and uploads against a service in this process."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from uws.blueprint import STATUS
from uws.errors import JobForbidden, JobStoreUnavailable, StorageFull, UwsError
from vo_service.uploads.errors import UploadRejected

# The page is made by asking applications over installations of their own.
pytestmark = pytest.mark.io

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location(
        "uws_errors_page", ROOT / "docs" / "uws_errors_page.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_the_page_is_up_to_date(script):
    assert script.PAGE.read_text(encoding="utf-8") == script.uws_errors_page()


def test_the_page_shows_every_status_of_wrong_requests_to_jobs(script):
    text = script.PAGE.read_text(encoding="utf-8")
    shown = set(re.findall(r"^\|[^|]*\| (\d{3}) \|", text, re.MULTILINE))
    # Those of outages, and of a setting that the service does not make, are not for a request.
    others = {JobForbidden, JobStoreUnavailable, StorageFull, UwsError}
    assert shown >= {str(status) for kind, status in STATUS if kind not in others} | {"413", "405"}


def test_the_page_shows_every_kind_of_refused_upload(script):
    words = {
        "UploadMissing": "no file named",
        "UploadExceeded": "more than 1000 rows",
        "FetchFailed": "internal network",
    }
    assert {kind.__name__ for kind in UploadRejected.__subclasses__()} == set(words)
    text = script.PAGE.read_text(encoding="utf-8")
    assert all(word in text for word in words.values())
