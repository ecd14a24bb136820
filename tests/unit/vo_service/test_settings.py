"""Settings: where they come from, what is refused, and what is never shown."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from vo_service.cli import main
from vo_service.settings import Settings, SettingsError, default_home, load_settings

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "config" / "pzvo.example.toml"
PRODUCTION = ROOT / "config" / "pzvo.production.example.toml"
SECRET_URL = "postgresql+psycopg2://pzvo:s3cret-w0rd@db.example.org/pzvo"


def write(folder: Path, text: str) -> Path:
    path = folder / "pzvo.toml"
    path.write_text(text, encoding="utf-8")
    return path


def config_command(*arguments: str, **environment: str):
    return CliRunner(env=environment).invoke(main, [*arguments, "config"])


def test_defaults_need_nothing_to_be_set():
    settings = load_settings(environment={})
    assert settings.home == default_home()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.maxrec_default_rows == 1_000_000
    assert settings.maxrec_hard_rows == 50_000_000
    assert settings.query_slots < settings.web_threads
    assert settings.engine_threads >= 1
    assert settings.engine_memory_bytes >= 2**20


def test_toml_file_changes_what_it_names_alone(tmp_path):
    path = write(tmp_path, 'port = 8123\nsync_timeout_s = 2.5\ntitle = "Fotometrische z ✓"\n')
    settings = load_settings(path, {})
    assert settings.port == 8123
    assert settings.sync_timeout_s == 2.5
    assert settings.title == "Fotometrische z ✓"
    assert settings.host == "127.0.0.1"


def test_environment_names_the_file(tmp_path):
    path = write(tmp_path, "port = 8123\n")
    assert load_settings(environment={"PZVO_CONFIG": str(path)}).port == 8123


def test_option_for_the_file_wins_over_the_environment(tmp_path):
    named = write(tmp_path, "port = 8123\n")
    other = tmp_path / "other.toml"
    other.write_text("port = 8999\n", encoding="utf-8")
    assert load_settings(named, {"PZVO_CONFIG": str(other)}).port == 8123


def test_empty_pzvo_config_means_no_file():
    assert load_settings(environment={"PZVO_CONFIG": ""}).port == 8000


def test_environment_wins_over_the_file_and_options_over_both(tmp_path):
    path = write(tmp_path, 'port = 1001\nhost = "10.0.0.1"\nquery_slots = 3\n')
    environment = {"PZVO_PORT": "1002", "PZVO_HOST": "10.0.0.2"}
    settings = load_settings(path, environment, {"port": 1003, "host": None})
    assert (settings.port, settings.host, settings.query_slots) == (1003, "10.0.0.2", 3)


def test_environment_values_are_read_as_their_types():
    environment = {
        "PZVO_HOME": "~/sky",
        "PZVO_SEND_TIMEOUT_S": "0.5",
        "PZVO_ENGINE_MEMORY_BYTES": "1073741824",
        "HOME": "ignored",
    }
    settings = load_settings(environment=environment)
    assert settings.home == Path("~/sky").expanduser()
    assert settings.send_timeout_s == 0.5
    assert settings.engine_memory_bytes == 2**30


def test_relative_home_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environment={"PZVO_HOME": "sky"})
    assert settings.home == tmp_path / "sky"
    assert settings.tables_folder == tmp_path / "sky" / "tables"
    assert settings.metadata_url == f"sqlite:///{tmp_path / 'sky' / 'metadata.sqlite'}"


def test_unknown_key_of_the_file_is_refused_with_a_suggestion(tmp_path):
    path = write(tmp_path, "maxrec_default = 10\n")
    expected = "maxrec_default is not a setting; did you mean maxrec_default_rows?"
    with pytest.raises(SettingsError, match=re.escape(expected)):
        load_settings(path, {})


def test_unknown_variable_is_refused_with_a_suggestion():
    with pytest.raises(SettingsError, match="prt is not a setting; did you mean port"):
        load_settings(environment={"PZVO_PRT": "8000"})


def test_unknown_override_is_refused_with_a_suggestion():
    with pytest.raises(SettingsError, match="hst is not a setting; did you mean host"):
        load_settings(environment={}, overrides={"hst": "x"})


def test_unknown_key_that_resembles_nothing_has_no_suggestion():
    with pytest.raises(SettingsError, match=r"zzzzzz is not a setting$"):
        load_settings(environment={"PZVO_ZZZZZZ": "1"})


def test_table_in_the_file_is_refused(tmp_path):
    path = write(tmp_path, "[server]\nport = 1\n")
    with pytest.raises(SettingsError, match="server is not a setting"):
        load_settings(path, {})


def test_all_problems_are_listed_at_once(tmp_path):
    path = write(tmp_path, 'port = "many"\nquery_slots = 0\nlog_level = "loud"\nprot = 1\n')
    with pytest.raises(SettingsError) as caught:
        load_settings(path, {})
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0].split()[0] for line in lines[1:]] == [
        "port",
        "query_slots",
        "log_level",
        "prot",
    ]


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("port", "-1"),
        ("port", "65536"),
        ("port", "80.5"),
        ("maxrec_default_rows", "0"),
        ("maxrec_hard_rows", "many"),
        ("query_max_characters", "999"),
        ("sync_timeout_s", "0"),
        ("sync_timeout_s", "-3"),
        ("web_processes", "0"),
        ("web_processes", "65"),
        ("web_threads", "1"),
        ("engine_memory_bytes", "268435455"),
        ("log_level", "INFO"),
        ("public_url", "vo.example.org"),
        ("public_url", "ftp://vo.example.org"),
        ("public_url", "https://vo.example.org/?a=b"),
    ],
)
def test_value_out_of_bounds_is_refused_by_name(key, bad):
    with pytest.raises(SettingsError, match=rf"\n  {key}: "):
        load_settings(environment={f"PZVO_{key.upper()}": bad})


@pytest.mark.parametrize(
    ("key", "good"),
    [
        ("port", 0),
        ("port", 65535),
        ("maxrec_default_rows", 1),
        ("query_max_characters", 1000),
        ("web_processes", 64),
        ("web_threads", 2),
        ("engine_memory_bytes", 2**28),
    ],
)
def test_value_at_a_bound_is_taken(key, good):
    assert getattr(load_settings(environment={f"PZVO_{key.upper()}": str(good)}), key) == good


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"cannot read the settings file .*none\.toml: No such"):
        load_settings(tmp_path / "none.toml", {})


@pytest.mark.parametrize("content", [b"port = \n", b"port 8000", b"title = '\xff'"])
def test_file_that_is_no_toml_is_named(tmp_path, content):
    path = tmp_path / "pzvo.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"pzvo\.toml is not valid TOML: "):
        load_settings(path, {})


def test_settings_are_frozen():
    settings = load_settings(environment={})
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 9


def test_base_url_is_the_address_unless_a_public_one_is_set():
    assert load_settings(environment={"PZVO_PORT": "81"}).base_url == "http://127.0.0.1:81"
    public = load_settings(environment={"PZVO_PUBLIC_URL": "https://vo.example.org/photoz/"})
    assert public.base_url == "https://vo.example.org/photoz"


def test_database_url_of_the_settings_is_used():
    settings = load_settings(environment={"PZVO_DATABASE_URL": SECRET_URL})
    assert settings.metadata_url == SECRET_URL


def test_secrets_are_shown_nowhere():
    settings = load_settings(environment={"PZVO_DATABASE_URL": SECRET_URL})
    assert "s3cret-w0rd" not in repr(settings) + str(settings) + settings.model_dump_json()
    printed = config_command(PZVO_DATABASE_URL=SECRET_URL)
    assert printed.exit_code == 0
    assert "# database_url is set and not shown" in printed.output
    assert "s3cret-w0rd" not in printed.output


def test_secret_is_not_in_the_message_about_another_setting():
    printed = config_command(PZVO_DATABASE_URL=SECRET_URL, PZVO_PORT="x")
    assert printed.exit_code == 1
    assert "port: " in printed.output
    assert "s3cret-w0rd" not in printed.output


def test_config_command_prints_toml_that_gives_the_same_settings(tmp_path):
    environment = {"PZVO_PORT": "8124", "PZVO_TITLE": 'A "quoted" name', "PZVO_HOME": "/srv/sky"}
    printed = config_command(**environment)
    again = load_settings(write(tmp_path, printed.output), {})
    assert again == load_settings(environment=environment)


def test_config_command_describes_every_setting():
    printed = config_command()
    for name, field in Settings.model_fields.items():
        assert re.search(rf"^(# )?{name} (=|is)", printed.output, re.MULTILINE), name
        assert f"# {field.description}\n" in printed.output


def uncommented_example() -> str:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return "\n".join(re.sub(r"^#(?=[a-z_]+ = )", "", line) for line in lines)


def test_example_file_changes_nothing_as_it_is():
    assert load_settings(EXAMPLE, {}) == load_settings(environment={})


def test_example_file_has_every_setting_once_and_loads_without_its_marks(tmp_path):
    text = uncommented_example()
    assert set(tomllib.loads(text)) == set(Settings.model_fields)
    assert load_settings(write(tmp_path, text), {}).public_url == "https://vo.example.org/photoz"


def test_production_example_shows_nothing_to_strangers():
    settings = load_settings(PRODUCTION, {})
    assert settings.anonymous_read is False
    assert settings.base_url.startswith("https://")


def test_lists_come_from_the_file_and_from_the_environment(tmp_path):
    file = write(tmp_path, 'trusted_proxies = ["10.0.0.0/8", "::1"]')
    expected = ("10.0.0.0/8", "::1")
    assert load_settings(file, {}).trusted_proxies == expected
    assert (
        load_settings(None, {"PZVO_TRUSTED_PROXIES": "10.0.0.0/8, ::1"}).trusted_proxies == expected
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"trusted_proxies": ["10.0.0.1/8"]}, "trusted_proxies"),
        ({"trusted_proxies": ["proxy.example.org"]}, "trusted_proxies"),
        ({"proxy_user_header": "X-Remote-User"}, "anybody else could log in as anybody"),
        ({"oidc_issuer": "https://id.example.org"}, "oidc_client_id"),
        ({"oidc_issuer": "id.example.org", "oidc_client_id": "x"}, "oidc_issuer"),
    ],
)
def test_logins_that_would_be_open_to_anybody_are_refused(values, words):
    with pytest.raises(SettingsError, match=words):
        load_settings(environment={}, overrides=values)


def test_the_issuer_stays_letter_by_letter():
    given = {"oidc_issuer": "https://id.example.org/", "oidc_client_id": "x"}
    assert load_settings(environment={}, overrides=given).oidc_issuer == given["oidc_issuer"]


def test_example_file_shows_the_defaults():
    machine_or_site = {
        "home", "database_url", "public_url", "tables_url", "queries_url",
        "authority", "contact", "notice", "pages_folder", "pipeline_sites",
        "query_slots_per_visitor",
        "engine_threads", "engine_memory_bytes", "engine_total_memory_bytes",
        "publish_memory_bytes",
        "trusted_proxies", "proxy_user_header", "proxy_groups_header", "proxy_email_header",
        "proxy_display_name_header", "oidc_issuer", "oidc_client_id", "oidc_client_secret",
    }  # fmt: skip
    defaults = load_settings(environment={})
    for key, value in tomllib.loads(uncommented_example()).items():
        if key not in machine_or_site:
            assert getattr(defaults, key) == (tuple(value) if isinstance(value, list) else value), (
                key
            )
