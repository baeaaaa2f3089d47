"""What the environment may say, and what a bad value gets: one sentence that names the variable."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from crm.embedded import demo_secret, valkey_socket
from crm.env import BadSettingError, Env

ROOT = Path(__file__).resolve().parent.parent.parent
INSTALLED = {
    "SECRET_KEY": "a secret key that is long enough for the check",
    "ALLOWED_HOSTS": "crm.example.com",
    "DATABASE_URL": "postgresql://crm:secret@db:5432/crm",
    "REDIS_URL": "redis://cache:6379/0",
    "EMAIL_URL": "smtp+tls://crm:secret@mail.example.com:587",
    "DEFAULT_FROM_EMAIL": "crm@example.com",
}


def start(tmp_path: Path, show: str = "1", **changes: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a fresh process and print one expression over them."""
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT), **changes}
    command = [sys.executable, "-c", f"from crm import settings as s; print({show})"]
    return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("DEBUG", "maybe"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", ""),
        ("ALLOWED_HOSTS", ""),
        ("DATABASE_URL", "mysql://crm@db/crm"),
        ("WEB_DATABASE_URL", "sqlite:///db.sqlite3"),
        ("WEB_DATABASE_URL", "postgresql://CRM-web:x@db:5432/crm"),
        ("DATABASE_URL", "postgresql://crm@db:54x2/crm"),
        ("DATABASE_URL", "postgresql://crm@db:5432/"),
        ("DATABASE_URL", "sqlite:////no/such/folder/db.sqlite3"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", ""),
        ("CELERY_BROKER_URL", "amqp://guest@localhost"),
        ("EMAIL_URL", "mail.example.com"),
        ("DEFAULT_FROM_EMAIL", "nobody"),
        ("CSRF_TRUSTED_ORIGINS", "crm.example.com"),
        ("WEB_WORKERS", "0"),
        ("LANGUAGE_CODE", "de"),
        ("COMPANY_TIME_ZONE", "Europe/Nowhere"),
        ("LOG_FORMAT", "xml"),
        ("MAX_UPLOAD_MB", "-1"),
    ],
)
def test_a_bad_value_stops_the_start_with_a_sentence_that_names_it(tmp_path: Path, name: str, value: str) -> None:
    ended = start(tmp_path, **{**INSTALLED, name: value})

    assert ended.returncode == 1
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith(f"{name}: ")
    assert lines[0].endswith(".")


def test_a_bad_url_is_not_repeated_for_it_may_hold_a_password(tmp_path: Path) -> None:
    ended = start(tmp_path, **{**INSTALLED, "DATABASE_URL": "mysql://crm:hunter2@db/crm"})

    assert "hunter2" not in ended.stderr


def test_commands_stop_with_the_same_sentence(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "PORT": "eighty"}
    ended = subprocess.run(
        [sys.executable, ROOT / "manage.py", "check"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr.strip() == "PORT: expected a whole number, got 'eighty'."


def test_with_no_environment_one_gets_the_demo_on_this_machine_only(tmp_path: Path) -> None:
    ended = start(tmp_path, "s.DEMO, s.DEBUG, s.HOST, s.ALLOWED_HOSTS[0], s.DATABASES['default']['ENGINE']")

    assert ended.stdout.strip() == "True False 127.0.0.1 localhost django.db.backends.sqlite3"


def test_a_real_installation_has_safe_cookies_and_no_movable_clock(tmp_path: Path) -> None:
    shown = "s.DEMO, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.CLOCK_MOVABLE, s.SECURE_HSTS_SECONDS > 0"

    assert start(tmp_path, shown, **INSTALLED).stdout.strip() == "False True True False True"


def test_the_broker_is_redis_unless_another_is_named(tmp_path: Path) -> None:
    own = start(tmp_path, "s.CELERY_BROKER_URL", **INSTALLED)
    other = start(tmp_path, "s.CELERY_BROKER_URL", **INSTALLED, CELERY_BROKER_URL="redis://queue:6379/2")

    assert (own.stdout.strip(), other.stdout.strip()) == ("redis://cache:6379/0", "redis://queue:6379/2")


def test_postgresql_may_be_reached_through_a_socket(tmp_path: Path) -> None:
    url = "postgresql://crm@/crm?host=/run/postgresql"
    ended = start(tmp_path, "s.DATABASES['default']['HOST']", **{**INSTALLED, "DATABASE_URL": url})

    assert ended.stdout.strip() == "/run/postgresql"


def test_passwords_are_hashed_with_argon2(tmp_path: Path) -> None:
    assert "Argon2" in start(tmp_path, "s.PASSWORD_HASHERS[0]").stdout


def test_each_tick_expires_within_its_period(tmp_path: Path) -> None:
    shown = "[(t['schedule'], t['options']['expires']) for t in s.CELERY_BEAT_SCHEDULE.values()]"
    ended = start(tmp_path, f"all(e <= p if isinstance(p, float) else e for p, e in {shown})")

    assert ended.stdout.strip() == "True"


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from a file, with a line end\n", encoding="utf-8")

    assert Env({"SECRET_KEY_FILE": str(file)}).secret("SECRET_KEY") == "from a file, with a line end"


def test_a_secret_file_that_is_not_there_is_named() -> None:
    with pytest.raises(BadSettingError, match="SECRET_KEY_FILE: the file '/nowhere' cannot be read"):
        Env({"SECRET_KEY_FILE": "/nowhere"}).secret("SECRET_KEY")


def test_a_secret_given_twice_is_refused() -> None:
    with pytest.raises(BadSettingError, match="not both"):
        Env({"SECRET_KEY_FILE": "/nowhere", "SECRET_KEY": "x"}).secret("SECRET_KEY")


def test_the_demo_makes_its_secret_once_for_its_owner_only(tmp_path: Path) -> None:
    first = demo_secret(tmp_path / "var")

    assert len(first) >= 32
    assert demo_secret(tmp_path / "var") == first
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret_key"]


def test_a_long_checkout_path_still_gets_a_socket_the_system_takes() -> None:
    long = Path("/") / "a-long-folder-name" / ("x" * 90)

    assert valkey_socket(Path("/srv/crm/var")) == Path("/srv/crm/var/valkey.sock")
    assert len(os.fsencode(valkey_socket(long))) < 108
    assert valkey_socket(long) != valkey_socket(long / "other")


def test_the_example_names_exactly_the_variables_that_are_read() -> None:
    code = "".join((ROOT / "crm" / name).read_text(encoding="utf-8") for name in ("settings.py", "addresses.py"))
    read = set(
        re.findall(
            r'env\.(?:text|flag|number|choice|items|origins?|networks|zone|secret)\(\s*["\']([A-Z_]+)["\']', code
        )
    )
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", example, flags=re.MULTILINE))

    # Compose alone reads the passwords of the database that it brings along.
    assert named - {"POSTGRES_PASSWORD", "POSTGRES_WEB_PASSWORD"} == read
