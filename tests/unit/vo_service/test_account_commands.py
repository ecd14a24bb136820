"""The commands for people, tokens, groups and releases."""

from __future__ import annotations

import re

import pytest
from command_line import CSV, ROLES, cells, publish, pzvo, write

PASSWORD = "correct horse battery"


@pytest.fixture
def run(tmp_path):
    def command(*arguments, **options):
        done = pzvo(tmp_path / "home", *arguments, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return command


def test_a_token_stands_alone_on_its_line(run):
    run("user", "add", "ada")
    printed = run("token", "create", "ada", "--label", "notebook", "--expires", "3")
    assert re.fullmatch(r"[0-9a-f]{40}\n", printed)
    # Without a label, tokens get names of their own.
    assert len({run("token", "create", "ada") for _ in range(2)}) == 2
    listed = cells(run("token", "list", "ada"))
    assert [row[0] for row in listed][:2] == ["token", "notebook"]
    assert len(listed) == 4
    assert printed.strip() not in run("token", "list", "ada")
    run("token", "revoke", "ada", "notebook")
    assert len(cells(run("token", "list", "ada"))) == 3


def test_people_have_roles_passwords_and_an_end(run):
    run("user", "add", "Ada", "--admin", "--password-stdin", input=f"{PASSWORD}\n")
    run("user", "add", "bob", "--password", input=f"{PASSWORD}\n{PASSWORD}\n")
    run("user", "role", "bob", "coordinator")
    run("user", "password", "bob", "--password-stdin", input="another long one\n")
    run("user", "deactivate", "bob")
    rows = {row[0]: row for row in cells(run("user", "list"))[1:]}
    assert rows["ada"][3:5] == ["operator", "yes"]
    assert rows["bob"][3:5] == ["coordinator", "no"]
    run("user", "activate", "bob")
    run("user", "role", "ada", "member")
    shown = dict(cells(run("user", "show", "ada"))[1:])
    assert (shown["role"], shown["active"], shown["groups"]) == ("member", "yes", "")


def test_releases_are_opened_to_groups_and_to_everybody(run):
    for name in ("ada", "bob"):
        run("user", "add", name)
    run("group", "add", "team", "--display-name", "The team")
    run("group", "member", "add", "team", "ada", "bob")
    run("group", "member", "remove", "team", "ada")
    assert cells(run("group", "list"))[1] == ["team", "The team", "local", "bob"]
    run("release", "add", "dp1", "--display-name", "DP1", "--group", "team")
    run("release", "add", "dr0", "--public")
    assert cells(run("release", "list"))[1:] == [
        ["dp1", "DP1", "members of team"],
        ["dr0", "dr0", "everybody"],
    ]
    run("release", "update", "dp1", "--no-groups", "--display-name", "New")
    run("release", "update", "dr0", "--restricted", "--group", "team")
    assert cells(run("release", "list"))[1:] == [
        ["dp1", "New", "every member"],
        ["dr0", "dr0", "members of team"],
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("user", "add", "a:b"), "is not possible"),
        (("user", "add", "ada"), "'ada' already"),
        (("user", "add", "operator"), "reserved"),
        (("user", "add", "eve", "--password-stdin"), "10 to 1024 characters"),
        (("user", "show", "eve"), "no user 'eve'"),
        (("user", "password", "eve", "--password-stdin"), "no user 'eve'"),
        (("token", "create", "eve"), "no user 'eve'"),
        (("token", "revoke", "ada", "x"), "no token 'x'"),
        (("group", "add", "team"), "'team' already"),
        (("group", "remove", "team"), "only group of a release"),
        (("group", "member", "add", "tame", "ada"), "no group 'tame'"),
        (("release", "add", "dp1"), "'dp1' already"),
        (("release", "add", "dp2", "--group", "tame"), "no group 'tame'"),
        (("release", "update", "dp2", "--public"), "no release 'dp2'"),
        (("release", "update", "dp1", "--no-groups", "--group", "team"), "not both"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(tmp_path, run, arguments, words):
    run("user", "add", "ada")
    run("group", "add", "team")
    run("release", "add", "dp1", "--group", "team")
    done = pzvo(tmp_path / "home", *arguments, input="short\n")
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert done.stderr.count("Error: ") == 1


def test_a_product_is_published_into_a_release_that_exists(tmp_path, run):
    home, file = tmp_path / "home", write(tmp_path, "survey.csv", CSV)
    request = ("--type", "object_catalog", "--name", "x", *ROLES[:6])
    refused = pzvo(home, "publish", str(file), *request, "--release", "dp1")
    assert refused.returncode == 1
    assert "no release 'dp1'" in refused.stderr
    assert "pzvo release list" in refused.stderr
    assert cells(run("products"))[1:] == []
    run("release", "add", "dp1")
    assert pzvo(home, "publish", str(file), *request, "--release", "dp1").returncode == 0
    assert publish(home, file).returncode == 0
