"""``keys``, ``carriers`` and ``platforms`` on a shared server."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from unbind_broker.platforms.catalogue import load_catalogue

pytestmark = pytest.mark.usefixtures("on_server")


def test_issued_key_is_all_that_is_printed(command: Command) -> None:
    ended = command("keys", "issue", "--role", "admin")

    assert ended.code == 0
    assert re.fullmatch(r"ub_admin_[A-Za-z0-9_-]{43}\n", ended.out)


def test_key_of_a_carrier_is_listed_with_holder_name_and_end(
    command: Command,
) -> None:
    command("carriers", "add", "china-mobile")
    issue = ("keys", "issue", "--role", "carrier", "--carrier", "china-mobile")
    key = command(*issue, "--name", "back end", "--expires", "90d").out.strip()

    [listed] = json.loads(command("keys", "list", "--json").out)

    assert listed["role"] == "carrier"
    assert listed["holder"] == "china-mobile"
    assert listed["name"] == "back end"
    assert listed["hint"] == f"…{key[-4:]}"
    assert listed["expires_at"] > listed["created_at"]
    assert listed["revoked_at"] is None


def test_key_to_rehearse_with_is_listed_under_its_carrier(command: Command) -> None:
    command("carriers", "add", "china-mobile")
    issue = ("keys", "issue", "--role", "carrier", "--carrier", "china-mobile")
    for more in ((), ("--sandbox",), ("--sandbox",)):
        assert command(*issue, *more).out.startswith("ub_carrier_")

    listed = json.loads(command("keys", "list", "--json").out)
    carriers = json.loads(command("carriers", "list", "--json").out)
    twin = command(*issue[:-1], "china-mobile.sandbox", "--sandbox")

    assert [one["sandbox"] for one in listed] == [False, True, True]
    assert {one["holder"] for one in listed} == {"china-mobile"}
    assert [one["slug"] for one in carriers] == ["china-mobile"]
    assert twin.code == 1


@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_twin_is_suspended_and_resumed_with_its_carrier_only(
    command: Command, verb: str
) -> None:
    command("carriers", "add", "china-mobile")
    issue = ("keys", "issue", "--role", "carrier", "--carrier", "china-mobile")
    command(*issue, "--sandbox")

    ended = command("carriers", verb, "china-mobile.sandbox")

    assert ended.code == 1
    assert "no carrier is registered as china-mobile.sandbox" in ended.err


def test_platforms_are_listed_with_their_world(command: Command) -> None:
    command("carriers", "add", "china-mobile")
    command("platforms", "add", "weibo")
    added = command("platforms", "add", "weibo-test", "--sandbox", "--json")
    issue = ("keys", "issue", "--role", "carrier", "--carrier", "china-mobile")
    command(*issue, "--sandbox")

    listed = json.loads(command("platforms", "list", "--json").out)

    made_up = command(
        "keys", "issue", "--role", "platform", "--platform", "sandbox-shop"
    )
    assert (made_up.code, made_up.out) == (1, "")
    assert "the broker itself answers for it" in made_up.err
    worlds = {one["slug"]: one["world"] for one in listed}
    assert json.loads(added.out)[0]["world"] == worlds["weibo-test"] == "sandbox"
    assert worlds["weibo"] == "real"
    assert worlds["sandbox-shop"] == "rehearsed"


def test_revoked_key_is_listed_as_such(command: Command) -> None:
    command("keys", "issue", "--role", "auditor")
    [listed] = json.loads(command("keys", "list", "--json").out)

    ended = command("keys", "revoke", str(listed["id"]))

    [revoked] = json.loads(command("keys", "list", "--json").out)
    assert (ended.code, ended.out) == (0, f"key {listed['id']} is revoked\n")
    assert revoked["revoked_at"] is not None


def test_key_that_is_not_there_cannot_be_revoked(command: Command) -> None:
    ended = command("keys", "revoke", "7")

    assert (ended.code, ended.err) == (1, "unbind-broker: there is no key 7\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--role", "carrier"], "a key of role carrier needs --carrier SLUG"),
        (["--role", "platform"], "a key of role platform needs --platform SLUG"),
        (
            ["--role", "admin", "--carrier", "china-mobile"],
            "a key of role admin takes no --carrier",
        ),
        (
            ["--role", "platform", "--platform", "weibo", "--sandbox"],
            "a key of role platform takes no --sandbox",
        ),
        (["--role", "admin", "--expires", "soon"], "expected a duration"),
        (["--role", "admin", "--expires", "0s"], "expected more than nothing"),
        (["--role", "admin", "--expires", "9999999d"], "too far away"),
        (["--role", "root"], "Invalid value for '--role': 'root' is not one of"),
    ],
)
def test_key_with_odd_options_is_wrong_usage(
    command: Command, options: list[str], said: str
) -> None:
    ended = command("keys", "issue", *options)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


@pytest.mark.parametrize("role", ["carrier", "platform"])
def test_key_for_an_unknown_holder_is_refused(command: Command, role: str) -> None:
    ended = command("keys", "issue", "--role", role, f"--{role}", "nobody")

    assert (ended.code, ended.out) == (1, "")
    said = f"unbind-broker: no {role} is registered as nobody here: unbind-broker "
    assert ended.err.startswith(f"{said}{role}s list shows all")


def test_key_of_a_platform_is_issued(command: Command) -> None:
    command("platforms", "add", "weibo")

    ended = command("keys", "issue", "--role", "platform", "--platform", "weibo")

    assert ended.out.startswith("ub_platform_")


@pytest.mark.parametrize("kind", ["carriers", "platforms"])
def test_without_names_the_slug_is_the_name(command: Command, kind: str) -> None:
    command(kind, "add", "some-slug")

    [listed] = json.loads(command(kind, "list", "--json").out)

    assert listed["slug"] == listed["name_zh"] == listed["name_en"] == "some-slug"
    assert listed["status"] == "active"


@pytest.mark.parametrize("kind", ["carriers", "platforms"])
def test_slug_that_is_taken_is_refused(command: Command, kind: str) -> None:
    command(kind, "add", "some-slug")

    ended = command(kind, "add", "some-slug")

    assert ended.code == 1
    assert ended.err.endswith("with the slug some-slug is registered already\n")


@pytest.mark.parametrize("kind", ["carriers", "platforms"])
def test_malformed_slug_is_refused(command: Command, kind: str) -> None:
    ended = command(kind, "add", "Some_Slug")

    assert ended.code == 1
    assert "unbind-broker: slug: expected at most 64 lower-case letters" in ended.err


@pytest.mark.parametrize("kind", ["carriers", "platforms"])
def test_suspended_one_can_be_resumed(command: Command, kind: str) -> None:
    command(kind, "add", "some-slug")

    [suspended] = json.loads(command(kind, "suspend", "some-slug", "--json").out)
    [resumed] = json.loads(command(kind, "resume", "some-slug", "--json").out)

    assert (suspended["status"], resumed["status"]) == ("suspended", "active")


@pytest.mark.parametrize("kind", ["carriers", "platforms"])
@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_unknown_one_cannot_be_suspended_or_resumed(
    command: Command, kind: str, verb: str
) -> None:
    ended = command(kind, verb, "nobody")

    assert ended.code == 1
    assert ended.err == f"unbind-broker: no {kind[:-1]} is registered as nobody\n"


def test_people_get_columns(command: Command) -> None:
    command("carriers", "add", "china-mobile", "--name-zh", "中国移动")
    command("carriers", "add", "cu", "--name-zh", "中国联通", "--name-en", "Unicom")

    ended = command("carriers", "list")

    assert ended.out.splitlines() == [
        "SLUG          STATUS  NAME_ZH   NAME_EN",
        "china-mobile  active  中国移动  china-mobile",
        "cu            active  中国联通  Unicom",
    ]


def test_empty_list_prints_nothing(command: Command) -> None:
    assert command("platforms", "list").out == ""


def test_platform_is_added_with_all_its_options(command: Command) -> None:
    options = ["--category", "dating", "--sensitive", "--domain", "a.cn"]
    ended = command("platforms", "add", "p", *options, "--domain", "b.cn", "--json")

    [added] = json.loads(ended.out)

    assert (added["category"], added["sensitive"]) == ("dating", True)
    assert added["domains"] == ["a.cn", "b.cn"]
    assert command("platforms", "list").out.splitlines()[1].split() == [
        *("p", "active", "dating", "yes", "real", "p", "p", "a.cn;b.cn"),
    ]


def test_catalogue_is_imported_once(command: Command) -> None:
    size = len(load_catalogue())
    assert size >= 200

    first = command("platforms", "import")
    again = command("platforms", "import", "--json")

    assert first.out == f"{size} platforms added, 0 were there already\n"
    assert json.loads(again.out) == {"added": 0, "there_already": size}


CSV = """slug,name_zh,name_en,category,sensitive,domains
weibo,微博,Weibo,social,false,weibo.com;weibo.cn
tantan,探探,Tantan,dating,yes,
"""
JSON_ROWS = [
    {
        "slug": "weibo",
        "name_zh": "微博",
        "name_en": "Weibo",
        "category": "social",
        "sensitive": False,
        "domains": ["weibo.com", "weibo.cn"],
    },
    {
        "slug": "tantan",
        "name_zh": "探探",
        "name_en": "Tantan",
        "category": "dating",
        "sensitive": True,
    },
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("platforms.csv", CSV),
        ("platforms.csv", "\ufeff" + CSV),
        ("platforms.json", json.dumps(JSON_ROWS)),
    ],
)
def test_file_is_imported(
    command: Command, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")

    ended = command("platforms", "import", name)

    listed = json.loads(command("platforms", "list", "--json").out)
    assert ended.out == "2 platforms added, 0 were there already\n"
    assert [(row["slug"], row["sensitive"], row["domains"]) for row in listed] == [
        ("tantan", True, []),
        ("weibo", False, ["weibo.com", "weibo.cn"]),
    ]


HEAD = "slug,name_zh,name_en,category,sensitive\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slug,name_zh\nweibo,微博\n", "line 2: name_en is missing"),
        (f"{HEAD}weibo,微博,Weibo,social,perhaps\n", "line 2: sensitive must be true"),
        (f"{HEAD}weibo,微博,Weibo,social,no,more\n", "line 2: there is no field"),
        (f"{HEAD}weibo,,Weibo,social,no\n", "line 2: name_zh: expected 1 to 100"),
        (f"{HEAD}We ibo,微博,Weibo,social,no\n", "line 2: slug: expected at most 64"),
        ("[1]", "expected an array of objects"),
        ("[", "is not valid JSON"),
        ('[{"slug": 1}]', "entry 1: name_zh is missing"),
        (
            json.dumps([{**JSON_ROWS[0], "slug": 1}]),
            "entry 1: slug must be text",
        ),
        (
            json.dumps([{**JSON_ROWS[0], "domains": "weibo.com"}]),
            "entry 1: domains must be a list",
        ),
        (
            json.dumps([{**JSON_ROWS[0], "domain": "weibo.com"}]),
            "entry 1: there is no field domain",
        ),
    ],
)
def test_wrong_file_is_refused_whole_with_the_place(
    command: Command, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "list").write_text(text, encoding="utf-8")

    ended = command("platforms", "import", "list")

    assert ended.code == 1
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert command("platforms", "list").out == ""


def test_file_that_is_missing_or_not_text_is_named(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")

    missing = command("platforms", "import", "absent.csv")
    binary = command("platforms", "import", "binary")

    assert missing.err == "unbind-broker: No such file or directory: absent.csv\n"
    assert binary.err == "unbind-broker: binary is not in UTF-8\n"
