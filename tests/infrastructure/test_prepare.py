"""What happens between the installed packages and the first process."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from crm.management.commands import prepare

pytestmark = pytest.mark.django_db


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The commands that `prepare` calls, none of which is carried out."""
    calls: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(prepare, "call_command", lambda name, **options: calls.append((name, options)))
    monkeypatch.setattr(prepare, "get_commands", lambda: {"load_demo": "web"})
    monkeypatch.setattr(prepare, "static_fingerprint", lambda: "files of today")
    return calls


def names(calls: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """The names of the commands in their order."""
    return [name for name, _ in calls]


def test_an_empty_demo_is_filled_and_its_logins_are_printed(called: Any, settings: Any) -> None:
    settings.DEMO = True

    call_command("prepare", verbosity=0)

    assert names(called) == ["migrate", "collectstatic", "load_demo", "load_demo"]
    assert called[-1] == ("load_demo", {"print_logins": True})


def test_a_demo_with_people_in_it_is_left_as_it_is(called: Any, settings: Any) -> None:
    settings.DEMO = True
    User.objects.create_user("somebody@example.com", "a good password", last_name="Somebody")

    call_command("prepare", verbosity=0)

    assert [options for name, options in called if name == "load_demo"] == [{"print_logins": True}]


def test_a_real_installation_gets_no_demo(called: Any) -> None:
    call_command("prepare", verbosity=0)

    assert "load_demo" not in names(called)


def test_the_demo_may_be_wanted_empty(called: Any, settings: Any) -> None:
    settings.DEMO = True

    call_command("prepare", no_demo_data=True, verbosity=0)

    assert "load_demo" not in names(called)


def test_unchanged_static_files_are_not_collected_again(called: Any, settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    call_command("prepare", verbosity=0)
    called.clear()

    call_command("prepare", verbosity=0)

    assert names(called) == ["migrate"]


def test_a_demo_cut_short_is_made_anew(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEMO, settings.VAR_DIR = True, tmp_path
    monkeypatch.setattr(prepare, "embedded_database", lambda: tmp_path / "db.sqlite3")
    monkeypatch.setattr(prepare, "connections", Mock())
    for name in ("db.sqlite3", "db.sqlite3-wal", "demo-is-loading"):
        (tmp_path / name).touch()

    prepare.Command().drop_half_a_demo()

    assert list(tmp_path.iterdir()) == []


def test_a_database_of_somebodys_own_is_never_removed(called: Any, settings: Any, tmp_path: Path) -> None:
    settings.DEMO, settings.VAR_DIR = True, tmp_path
    (tmp_path / "demo-is-loading").touch()

    with pytest.raises(CommandError, match="loaded only in part"):
        call_command("prepare", verbosity=0)

    assert called == []


def test_the_mark_of_loading_is_gone_when_it_is_done(called: Any, settings: Any, tmp_path: Path) -> None:
    settings.DEMO, settings.VAR_DIR = True, tmp_path

    call_command("prepare", verbosity=0)

    assert not prepare.half_done().exists()


def test_a_changed_file_is_seen(settings: Any, tmp_path: Path) -> None:
    settings.STATICFILES_DIRS = [tmp_path]
    sheet = tmp_path / "app.css"
    sheet.write_text("body {}", encoding="utf-8")
    before = prepare.static_fingerprint()
    assert prepare.static_fingerprint() == before

    sheet.write_text("body { color: red }", encoding="utf-8")

    assert prepare.static_fingerprint() != before
