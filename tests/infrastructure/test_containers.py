"""The container files, checked without an engine: against the settings and against what `make run` starts."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "scripts"))

import processes  # noqa: E402

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OWN = ("migrate", "web", "worker", "beat")


def settings_names() -> set[str]:
    """The variables that the product reads; that the example is complete is tested beside the settings."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    return set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", example, flags=re.MULTILINE))


def resolved(command: list[str]) -> list[str]:
    """A command with the defaults of its variables put in."""
    return [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", part) for part in command]


def test_the_processes_are_those_of_the_launcher() -> None:
    assert resolved(SERVICES["web"]["command"]) == processes.web(host="0.0.0.0", port="8000", workers="2")
    assert SERVICES["worker"]["command"] == processes.worker()
    assert SERVICES["beat"]["command"] == processes.beat()


def test_the_image_alone_starts_the_web_process() -> None:
    command = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, flags=re.MULTILINE)[-1])

    assert command == processes.web(host="0.0.0.0", port="8000", workers="2")


@pytest.mark.parametrize("service", OWN)
def test_only_variables_that_are_read_are_set(service: str) -> None:
    assert set(SERVICES[service]["environment"]) <= settings_names()


def test_the_image_sets_only_variables_that_are_read() -> None:
    block = re.search(r"^ENV PATH=(?:.*\\\n)*.*$", DOCKERFILE, flags=re.MULTILINE)
    assert block
    names = set(re.findall(r"([A-Z_]+)=", block.group()))

    assert names - {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"} <= settings_names()


def test_variables_taken_from_the_env_file_are_in_its_example() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

    assert set(re.findall(r"\$\{([A-Z_]+)", text)) - {"CRM_VERSION"} <= settings_names()


def test_a_missing_secret_stops_compose_with_a_hint() -> None:
    environment = SERVICES["web"]["environment"]

    for name in ("SECRET_KEY", "ALLOWED_HOSTS", "EMAIL_URL"):
        assert ":?set" in environment[name], name
    assert ":?set" in environment["DATABASE_URL"]
    assert ":?set" in environment["WEB_DATABASE_URL"]


def filled(environment: dict[str, str]) -> dict[str, str]:
    """The variables of a service as Compose hands them on, with a filled-in .env."""

    def value(found: re.Match[str]) -> str:
        return found.group(2) if found.group(2) is not None else f"{found.group(1).lower()}x"

    given = {name: re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", value, text) for name, text in environment.items()}
    return {**given, "SECRET_KEY": "x" * 50, "EMAIL_URL": "smtp://mail.example.com:25", "DEFAULT_FROM_EMAIL": "a@b.ru"}


@pytest.mark.rule("ACC-2")
def test_web_alone_connects_by_the_login_that_the_policies_hold(tmp_path: Path) -> None:
    starts = {"web": "crm.wsgi", "worker": "crm.celery", "beat": "crm.celery", "migrate": "django"}
    logins = {}
    for service, entry in starts.items():
        environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
        environment |= {**filled(SERVICES[service]["environment"]), "DJANGO_SETTINGS_MODULE": "crm.settings"}
        code = f"import {entry}; from django.conf import settings as s; d = s.DATABASES['default']"
        code += "; print(d['USER'], d['PASSWORD'], d['HOST'], d['NAME'], s.WEB_LOGIN)"
        logins[service] = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.split()
    owner = ["crm", "postgres_passwordx", "db", "crm", "crm_web"]
    assert logins == {
        "web": ["crm_web", "postgres_web_passwordx", "db", "crm", "crm_web"],
        "worker": owner,
        "beat": owner,
        "migrate": owner,
    }
    assert SERVICES["db"]["environment"]["POSTGRES_USER"] == "crm", "who makes roles and policies owns the tables"


def test_nothing_is_reachable_from_other_machines() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])


def test_every_lasting_process_has_a_health_check() -> None:
    assert "HEALTHCHECK" in DOCKERFILE
    for name, service in SERVICES.items():
        if name == "web":
            assert "healthcheck" not in service
        elif name != "migrate":
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_nothing_starts_before_the_database_is_migrated() -> None:
    assert SERVICES["migrate"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    for name in ("web", "worker", "beat"):
        waits = SERVICES[name]["depends_on"]
        assert waits["migrate"] == {"condition": "service_completed_successfully"}
        assert waits["valkey"] == {"condition": "service_healthy"}


def test_there_is_one_beat_and_it_keeps_its_notes() -> None:
    assert SERVICES["beat"]["deploy"]["replicas"] == 1
    assert "beat:/srv/var" in SERVICES["beat"]["volumes"]


def test_volumes_that_are_used_are_declared() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}

    assert used == set(COMPOSE["volumes"])


def test_the_processes_do_not_run_as_root() -> None:
    last_stage = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]

    assert re.findall(r"^USER (\w+)$", last_stage, flags=re.MULTILINE) == ["crm"]
    for name in OWN:
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_what_the_image_copies_is_there() -> None:
    for source in re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, flags=re.MULTILINE):
        assert (ROOT / source).exists(), source


def test_files_that_are_no_part_of_the_product_stay_out_of_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()

    assert {".git", ".env", ".venv", "var"} <= set(ignored)
