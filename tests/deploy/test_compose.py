"""What compose.yaml, the Dockerfile and what they mount promise each other.

No container runs here; the proxy and a read-only root are tried in other tests.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped] # it brings no types

from unbind_broker import __version__
from unbind_broker.cli.main import COMMANDS
from unbind_broker.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one}
ALIASES = {
    alias: name
    for name, one in SERVICES.items()
    if isinstance(one.get("networks"), dict)
    for network in one["networks"].values()
    for alias in network.get("aliases", [])
}
ONCE = {"archive", "migrate"}
"""They end by themselves."""
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
EVERYWHERE = "0.0.0.0"  # noqa: S104 - a word of a file
PINNED = re.compile(r"[\w./-]+:v?[0-9]+(\.[0-9]+)*(-[\w-]+)?")


def mounts() -> Iterator[Path]:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("."):
                yield ROOT / source


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def test_everything_that_was_asked_for_is_there() -> None:
    assert SERVICES.keys() == {
        *("archive", "postgres", "migrate", "serve-a", "serve-b", "worker"),
        *("proxy", "prometheus", "grafana"),
    }
    assert SERVICES["serve-a"] == SERVICES["serve-b"]
    assert SERVICES["serve-a"]["environment"]["UNBIND_SERVE_PROCESSES"] == "2"
    assert SERVICES["worker"]["deploy"] == {"replicas": 2}


@pytest.mark.parametrize("name", SERVICES)
def test_services_may_do_no_more_than_they_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in service
    assert "privileged" not in service
    assert PINNED.fullmatch(service["image"]), service["image"]


@pytest.mark.parametrize("name", SERVICES.keys() - ONCE)
def test_what_stays_up_is_watched_and_started_again(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_commands_and_settings_that_exist(name: str) -> None:
    service = OURS[name]
    assert service["image"] == f"unbind-broker:{__version__}"
    assert "cap_add" not in service
    command, *words = service["command"]
    assert command in COMMANDS
    app = import_module(f"unbind_broker.cli.{command}").app
    known = {one for param in typer.main.get_command(app).params for one in param.opts}
    assert {word for word in words if word.startswith("--")} <= known
    settings = {f"UNBIND_{field.upper()}" for field in Settings.model_fields}
    assert service["environment"].keys() <= settings


def test_nothing_but_the_proxy_is_published_to_the_outside() -> None:
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            public = not port.startswith("127.0.0.1:")
            assert not public or (name == "proxy" and port in {"80:8080", "443:8443"})
    assert SERVICES["postgres"]["networks"] == ["inner"]
    assert COMPOSE["networks"]["inner"]["internal"] is True


def test_the_api_believes_the_proxy_alone() -> None:
    (door,) = COMPOSE["networks"]["door"]["ipam"]["config"]
    believed = SERVICES["serve-a"]["environment"]["UNBIND_TRUSTED_PROXIES"]
    assert believed == door["subnet"]
    here = {name for name, one in SERVICES.items() if "door" in one.get("networks", [])}
    assert here == {"serve-a", "serve-b", "proxy"}


def test_names_and_ports_are_those_that_others_call() -> None:
    scraped = {
        (name, target["port"])
        for job in read("deploy/prometheus/prometheus.yml")["scrape_configs"]
        for target in job["dns_sd_configs"]
        for name in target["names"]
    }
    caddyfile = (ROOT / "deploy/proxy/Caddyfile").read_text("utf-8")
    listed = re.search(r"\{\$UNBIND_API:([^}]+)\}", caddyfile)
    assert listed
    called = [place.split(":") for place in listed[1].split()]
    for name, port in {*scraped, *((name, int(port)) for name, port in called)}:
        words = SERVICES[ALIASES.get(name, name)]["command"]
        assert words[words.index("--port") + 1] == str(port)
        assert words[words.index("--host") + 1] == EVERYWHERE
    sources = read("deploy/grafana/provisioning/datasources/prometheus.yml")
    assert sources["datasources"][0]["url"] == "http://prometheus:9090"


def test_what_is_mounted_is_there() -> None:
    found = list(mounts())
    assert len(found) == 4
    assert [path for path in found if not path.exists()] == []


def test_what_must_be_set_beforehand_is_named_on_top() -> None:
    head = TEXT.partition("x-broker")[0]
    wanted = set(re.findall(r"\$\{(\w+)", TEXT))
    assert wanted
    assert {name for name in wanted if name not in head} == set()


def test_the_log_is_archived_whole_or_not_at_all() -> None:
    (command,) = (
        word for word in SERVICES["postgres"]["command"] if "archive_command" in word
    )
    steps = command.partition("=")[2].split(" && ")
    assert steps == [
        "test ! -f /archive/%f",
        "cp %p /archive/%f.part",
        "mv /archive/%f.part /archive/%f",
    ]


def test_the_image_is_made_in_two_stages_and_run_by_nobody_in_particular() -> None:
    bases = re.findall(r"^FROM (\S+)( AS \w+)?$", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert all(PINNED.fullmatch(base) for base, _ in bases)
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nUSER 10001:10001\n" in last
    assert "\nHEALTHCHECK " in last
    assert last.rstrip().endswith('ENTRYPOINT ["unbind-broker"]')


def test_what_the_image_is_made_of_is_there_and_sent_along() -> None:
    sent = [
        line[1:]
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    ]
    copied = [
        source
        for words in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in words.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert any(fnmatch(source, pattern) for pattern in sent)
