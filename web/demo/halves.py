"""Two cores, one SQLite file: the later half of the demo's year is played on a copy, whose new rows are brought home.

SQLite has one writer at a time, so a second process in the same file would only wait. The two halves know nothing of
each other; the numbers of the later half's rows begin where those of the earlier cannot reach.
"""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.db import connection, connections

from crm.models import RECORD_MODELS, record_model

# How many rows of a table one lead makes at most, on average: of records, whose numbers people see, and of others.
RECORDS_PER_LEAD, ROWS_PER_LEAD = 1.2, 100


def can_halve() -> bool:
    """Is the database a file of SQLite, and can this system fork a process and has two cores for it?"""
    is_file = connection.vendor == "sqlite" and Path(str(connection.settings_dict["NAME"])).is_file()
    return is_file and hasattr(os, "fork") and (os.cpu_count() or 1) > 1


def play_both(early: Callable[[], None], late: Callable[[], None], *, leads: int) -> None:
    """Play the early half here and the late one in a second process, then bring its rows home."""
    handle, name = tempfile.mkstemp(suffix=".sqlite3")
    os.close(handle)
    copy = Path(name)
    try:
        before = _start_copy(copy, leads)
        connections.close_all()
        process = multiprocessing.get_context("fork").Process(target=_elsewhere, args=(str(copy), late))
        process.start()
        try:
            early()
        finally:
            process.join()
        if process.exitcode:
            raise RuntimeError(f"The second half of the demo failed (exit code {process.exitcode}).")
        _bring_home(copy, before)
    finally:
        for path in copy.parent.glob(f"{copy.name}*"):
            path.unlink(missing_ok=True)


def _start_copy(copy: Path, leads: int) -> dict[str, int]:
    """Copy the database, and let the copy count from higher numbers; answers them by table."""
    connection.ensure_connection()
    records = {record_model(name)._meta.db_table for name in RECORD_MODELS}
    with sqlite3.connect(copy) as other:
        connection.connection.backup(other)
        before = {}
        for (table,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = {row[1] for row in other.execute(f'PRAGMA table_info("{table}")')}
            if "id" not in columns:
                continue
            last = other.execute(f'SELECT max(id) FROM "{table}"').fetchone()[0] or 0  # noqa: S608 - our own tables
            share = RECORDS_PER_LEAD if table in records else ROWS_PER_LEAD
            before[table] = last + -(-int(leads * share) // 100) * 100
            other.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            other.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, before[table]))
    other.close()
    return before


def _elsewhere(name: str, play: Callable[[], None]) -> None:
    connection.settings_dict["NAME"] = name
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")
    play()
    connections.close_all()


def _bring_home(copy: Path, before: dict[str, int]) -> None:
    connection.ensure_connection()
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        cursor.execute("ATTACH DATABASE %s AS half", [str(copy)])
        cursor.execute("BEGIN IMMEDIATE")
        for table, last in before.items():
            cursor.execute(f'INSERT INTO "{table}" SELECT * FROM half."{table}" WHERE id > %s', [last])  # noqa: S608
        cursor.execute("COMMIT")
        cursor.execute("DETACH DATABASE half")
    connection.check_constraints()
