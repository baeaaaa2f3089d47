"""Which files are kept: by size and by kind, read from the content and not only from the name."""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from crm.errors import InvalidInput

# Kinds of file that people send about a building.
KINDS = """
    pdf doc docx xls xlsx ods odt rtf txt csv ppt pptx png jpg jpeg gif webp heic tif tiff bmp dwg dxf zip
    rar 7z eml msg mp3 wav ogg m4a mp4 mov
"""
ALLOWED = frozenset(KINDS.split())
SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "pdf": (b"%PDF",),
    "png": (b"\x89PNG",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "gif": (b"GIF8",),
    "zip": (b"PK",),
    "docx": (b"PK",),
    "xlsx": (b"PK",),
    "pptx": (b"PK",),
}
EXECUTABLE = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe")
MARKUP = (b"<!doctype html", b"<html", b"<script", b"<svg", b"<?xml")


def check_upload(upload: Any) -> tuple[str, str]:
    """Answer the clean name and content type of an upload, or raise InvalidInput that names the file."""
    name = PurePosixPath(str(upload.name).replace("\\", "/")).name.replace("\x00", "")[-255:] or "file"
    limit = settings.MAX_UPLOAD_MB
    if upload.size > limit * 1024 * 1024:
        raise _refuse(_("«%(name)s» is larger than %(limit)s MB.") % {"name": name, "limit": limit}, "too_large")
    if upload.size == 0:
        raise _refuse(_("«%(name)s» is empty.") % {"name": name}, "empty")
    suffix = PurePosixPath(name).suffix.lower().lstrip(".")
    if suffix not in ALLOWED:
        raise _refuse(_("Files like «%(name)s» are not accepted.") % {"name": name}, "forbidden_kind")
    head = upload.read(512)
    upload.seek(0)
    expected = SIGNATURES.get(suffix)
    if (
        head.startswith(EXECUTABLE)
        or (suffix != "eml" and head.lstrip().lower().startswith(MARKUP))
        or (expected and not head.startswith(expected))
    ):
        raise _refuse(_("The content of «%(name)s» is not what its name says.") % {"name": name}, "wrong_content")
    return name, mimetypes.guess_type(name)[0] or "application/octet-stream"


def _refuse(message: str, code: str) -> InvalidInput:
    return InvalidInput(message, errors=[{"pointer": "/file", "code": code, "message": message}])
