"""STILTS takes up a job that something else began."""

from __future__ import annotations

import pytest
import requests

pytestmark = pytest.mark.clients


def test_tapresume_fetches_the_result_of_a_job(service, stilts):
    query = "SELECT TOP 3 OBJID FROM redshift_catalog.p1_test_survey ORDER BY OBJID"
    form = {"LANG": "ADQL", "QUERY": query, "PHASE": "RUN"}
    made = requests.post(f"{service.url}/async", data=form, allow_redirects=False, timeout=240)
    done = stilts("tapresume", f"joburl={made.headers['Location']}", "ofmt=csv", "delete=never")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["OBJID", *(str(2**53 + 1 + i) for i in range(3))]
