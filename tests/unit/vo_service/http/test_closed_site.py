"""Every route of the service, for visitors whom the settings give nothing."""

from __future__ import annotations

import re

import pytest

from vo_service.assemble import make_app, prepare
from vo_service.http.rights import right_of
from vo_service.settings import Settings

OWN_CHECKS = re.compile(
    r"(auth_)?(login|api|pipelines|user_tables|table_update|jobs_\w+)\.|.*web\.old_"
)
"""Parts whose views ask for an account themselves, and addresses that have moved."""

OPEN = {
    *(f"login.{view}" for view in ("show", "log_in", "log_out")),
    *(f"api.{view}" for view in ("show_schema", "show_page", "show_asset")),
    *(f"api.{view}" for view in ("obtain_token", "log_out")),
    *(f"pipelines.{view}" for view in ("list_pipelines", "show_pipeline")),
}
"""What those parts answer to everybody: ways to an account, and descriptions."""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("closed") / "home", anonymous_read=False)
    prepare(settings)
    return make_app(settings)


def routes(app):
    """Give each route: method, an address, its view."""
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<any\(([^,)]+)[^>]*>", r"\1", rule.rule)
        path = re.sub(r"<[^>]*>", "abc", re.sub(r"<int:[^>]*>", "1", path))
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield method, path, rule.endpoint


def refused(app, method, path):
    """Tell whether the answer is that an account is needed, and nothing of what is asked for."""
    with app.test_client().open(path, method=method, buffered=True) as answer:
        if answer.status_code == 303:
            return "/login" in answer.headers["Location"] and len(answer.data) < 1000
        return answer.status_code == 401


def test_what_is_not_named_as_public_is_closed(app):
    closed = [each for each in routes(app) if right_of(each[2]) is not None]
    assert [each for each in closed if not refused(app, *each[:2])] == []
    assert len(closed) > 30


def test_parts_with_checks_of_their_own_answer_nothing_else(app):
    own = [each for each in routes(app) if OWN_CHECKS.match(each[2]) and each[2] not in OPEN]
    found = []
    for method, path, endpoint in own:
        with app.test_client().open(path, method=method, buffered=True) as answer:
            if answer.status_code not in (308, 401, 404):
                found.append((method, endpoint, answer.status_code))
    assert found == []
    assert len(own) > 80
