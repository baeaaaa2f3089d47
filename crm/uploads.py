"""Which files are kept: by size and by kind, read from the content and not only from the name."""

from __future__ import annotations

import mimetypes
import zipfile
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from crm import images
from crm.errors import InvalidInput

# Kinds of file that people send about a building.
KINDS = """
    pdf doc docx xls xlsx ods odt rtf txt csv ppt pptx png jpg jpeg gif webp heic tif tiff bmp dwg dxf zip
    rar 7z eml msg mp3 wav ogg m4a mp4 mov
"""
ALLOWED = frozenset(KINDS.split())
OLE = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)
ARCHIVES = ("zip", "docx", "xlsx", "pptx", "odt", "ods")
SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "pdf": (b"%PDF",),
    "png": (b"\x89PNG",),
    "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",),
    "gif": (b"GIF8",),
    "bmp": (b"BM",),
    "tif": (b"II*\0", b"MM\0*"),
    "tiff": (b"II*\0", b"MM\0*"),
    "webp": (b"RIFF",),
    "wav": (b"RIFF",),
    "ogg": (b"OggS",),
    "dwg": (b"AC10",),
    "rar": (b"Rar!",),
    "7z": (b"7z\xbc\xaf\x27\x1c",),
    "rtf": (b"{\\rtf",),
    "doc": OLE,
    "xls": OLE,
    "ppt": OLE,
    "msg": OLE,
    **dict.fromkeys(ARCHIVES, (b"PK",)),
}
# Where a kind is not told by its first bytes: what stands further on.
LATER: dict[str, tuple[int, tuple[bytes, ...]]] = {
    "webp": (8, (b"WEBP",)),
    "wav": (8, (b"WAVE",)),
    "heic": (4, (b"ftyp",)),
    "mp4": (4, (b"ftyp",)),
    "m4a": (4, (b"ftyp",)),
    "mov": (4, (b"ftyp", b"moov", b"wide", b"mdat", b"free")),
}
# An office file is an archive that has this in it.
PARTS = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/", "odt": "content.xml", "ods": "content.xml"}
# Beyond that an archive is no document but a bomb: bytes when unfolded, members, and how many times its size.
MOST_UNFOLDED = 1024 * 1024 * 1024
MOST_MEMBERS = 10_000
MOST_TIMES = 300
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
        or not _fits_later(suffix, head)
    ):
        raise _wrong(name)
    if suffix in images.FORMATS and not images.is_sound(upload, suffix):
        raise _wrong(name)
    if suffix in ARCHIVES:
        _check_archive(upload, name, suffix)
    return name, mimetypes.guess_type(name)[0] or "application/octet-stream"


def _wrong(name: str) -> InvalidInput:
    return _refuse(_("The content of «%(name)s» is not what its name says.") % {"name": name}, "wrong_content")


def _fits_later(suffix: str, head: bytes) -> bool:
    """Does what stands behind the first bytes fit the kind?"""
    if suffix not in LATER:
        return True
    place, marks = LATER[suffix]
    return head[place:].startswith(marks)


def _check_archive(upload: Any, name: str, suffix: str) -> None:
    """Look at the table of contents alone: nothing is unfolded here, and nothing needs to be to know a bomb."""
    try:
        with zipfile.ZipFile(upload) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise _wrong(name) from error
    finally:
        upload.seek(0)
    if (part := PARTS.get(suffix)) and not any(member.filename.startswith(part) for member in members):
        raise _wrong(name)
    unfolded = sum(member.file_size for member in members)
    paths = [PurePosixPath(member.filename.replace("\\", "/")) for member in members]
    if (
        len(members) > MOST_MEMBERS
        or unfolded > MOST_UNFOLDED
        or unfolded > max(upload.size, 4_096) * MOST_TIMES
        or any(path.is_absolute() or ".." in path.parts for path in paths)
    ):
        text = _("«%(name)s» is an archive that unfolds beyond all measure or out of its folder.")
        raise _refuse(text % {"name": name}, "unsafe_archive")


def _refuse(message: str, code: str) -> InvalidInput:
    return InvalidInput(message, errors=[{"pointer": "/file", "code": code, "message": message}])
