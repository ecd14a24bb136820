"""A small installation, and the application over it, for tests without a web server."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from flask.testing import FlaskClient

from registry.ingestion.plan import PublishRequest
from registry.model.annotation import Annotations, ColumnAnnotation
from registry.model.principal import OPERATOR
from vo_service.assemble import Services, assemble, make_app, prepare
from vo_service.settings import Settings

BASE_URL = "https://vo.example.org/photoz"
ROWS = 40
HARD_ROWS = 30
DEFAULT_ROWS = 20


def survey() -> pa.Table:
    """Make a catalogue of `ROWS` rows."""
    rng = np.random.default_rng(5)
    return pa.table(
        {
            "id": np.arange(ROWS) + 2**53 + 1,
            "ra": rng.uniform(0, 360, ROWS),
            "dec": rng.uniform(-90, 90, ROWS),
            "z": pa.array(rng.gamma(2, 0.4, ROWS), mask=np.arange(ROWS) % 7 == 0),
            "Mag R": rng.normal(22, 1, ROWS).astype(np.float32),
            "survey": ["VVDS", 'a "b", c'] * (ROWS // 2),
            "seen": pa.array(np.datetime64("2025-01-01", "us") + rng.integers(0, 10**13, ROWS)),
            "pdf": pa.array([[0.5, i / 8] for i in range(ROWS)], pa.list_(pa.float32())),
        }
    )


def hostile() -> pa.Table:
    """Make a table whose names and values are markup."""
    return pa.table(
        {
            "ra": [10.0],
            "dec": [-10.0],
            "z": [0.5],
            "<script>alert(2)</script>": ["</td><script>alert(3)</script>"],
            '"><img src=x onerror=alert(4)>': ["]]>&amp;"],
        }
    )


@dataclass(frozen=True)
class Installation:
    """A small installation with two tables."""

    settings: Settings
    services: Services
    client: FlaskClient

    def ask(self, adql: str, **parameters: object):
        """Ask a query by GET."""
        given = {"LANG": "ADQL", "QUERY": adql} | parameters
        return self.client.get("/tap/sync", query_string=given)


@pytest.fixture(scope="session")
def installation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installation")
    settings = Settings(
        home=folder / "home",
        public_url=BASE_URL,
        title='A <b>"service"</b>',
        maxrec_default_rows=DEFAULT_ROWS,
        maxrec_hard_rows=HARD_ROWS,
        query_max_characters=150_000,
        engine_threads=1,
    )
    prepare(settings)
    services = assemble(settings)
    roles = (("ra", "RA"), ("dec", "Dec"), ("z", "z"))
    pa.parquet.write_table(survey(), folder / "survey.parquet")
    annotations = Annotations(
        description="Objects & their redshifts",
        columns={
            "id": ColumnAnnotation(alias="ID", description="Identifier < 2^63"),
            "Mag R": ColumnAnnotation(ucd="phot.mag;em.opt.R", unit="mag", utype="t:mag.r"),
        },
    )
    services.data.publishing.publish(
        OPERATOR,
        folder / "survey.parquet",
        PublishRequest("survey", "redshift_catalog", roles, annotations),
    )
    pa.parquet.write_table(hostile(), folder / "hostile.parquet")
    services.data.publishing.publish(
        OPERATOR,
        folder / "hostile.parquet",
        PublishRequest(
            "<script>alert(1)</script>",
            "redshift_catalog",
            roles,
            description="</title><script>alert(5)</script>",
        ),
    )
    yield Installation(settings, services, make_app(settings).test_client())
    services.close()
