"""Compiles the translations: a .mo that is missing or older than its .po is made anew where the product runs."""

import os
from pathlib import Path

import polib


def compile_catalogues(locale_dir: Path) -> list[Path]:
    """Make each .mo that is missing or older than its .po; return those made."""
    made = []
    for source in sorted(locale_dir.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        # Several processes may start at once; each must find a whole file.
        draft = target.with_suffix(f".mo.{os.getpid()}.tmp")
        polib.pofile(str(source)).save_as_mofile(str(draft))
        draft.replace(target)
        made.append(target)
    return made
