"""The description of the API against what the API does, with requests that nobody thought of."""

from __future__ import annotations

import io
import warnings

import pytest
from product_application import product_application

from registry.products.records import ProductDraft

schemathesis = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, given, settings  # noqa: E402 - behind what may skip

CSV = b"ra,dec,z\n" + b"".join(b"%f,%f,%f\n" % (150 + i / 9, 2, 0.1 * i) for i in range(1, 9))


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    found = product_application(tmp_path_factory.mktemp("home"))
    products, owner = found.products, found.services.people.accounts.principal_of("owner")
    product = products.create(owner, ProductDraft("table", "training_set"))
    products.files.add(owner, product.id, 0, "t.csv", "text/csv", io.BytesIO(CSV))
    products.register(owner, product.id)
    return found


@pytest.fixture(scope="module")
def description(application):
    return schemathesis.openapi.from_wsgi("/api/schema/", application.app)


def test_description_is_valid_and_names_every_route(application):
    document = application.app.test_client().get("/api/schema/").json
    assert document["openapi"].startswith("3.1")
    routes = {
        (method, rule.rule.removeprefix("/api").replace("<int:", "<"))
        for rule in application.app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert described == routes
    names = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))


def test_no_request_breaks_the_service(application, description):
    operations = [found.ok() for found in description.get_all_operations()]
    for operation in operations:
        break_operation(application, operation)
    assert len(operations) > 60


def break_operation(application, operation):
    """Send requests of all kinds to one route, and compare the answers with the description."""

    @given(operation.as_strategy())
    @settings(
        max_examples=12, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def send(case):
        token = application.tokens["owner"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = case.call(headers={"Authorization": f"Token {token}"})
            label = f"{operation.label}: {answer.status_code} {answer.content[:300]!r}"
            assert answer.status_code < 500, label
            if answer.status_code < 300 and answer.status_code != 204:
                checks = [schemathesis.checks.response_schema_conformance]
                case.validate_response(answer, checks=checks)

    send()
