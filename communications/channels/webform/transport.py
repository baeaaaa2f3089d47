"""Reading the body of a form post, whatever a site sends: JSON, urlencoded, multipart, in UTF-8 or cp1251.

Nothing here raises for what came from outside: what cannot be read as told is kept as text. Sizes are bounded before
(the body) and here (the number and the depth of fields), so that no body takes a second.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import islice

import structlog

from communications.channels.webform.nesting import MAX_NAME, Fields, flat, unbracketed
from communications.channels.webform.streaming import CUT_MARK, GZIP, gunzip
from crm.normalize import clean_text, one_line

log = structlog.get_logger(__name__)

MAX_FIELDS = 2_500
REST = "…"
_FORM_LIKE = re.compile(rb"\A[^\s=&{}\[\]<>]{1,300}=")
_ENCODED = re.compile(rb"(?:%[0-9a-fA-F]{2})+")
_ONE = {form % byte: bytes((byte,)) for byte in range(256) for form in (b"%%%02x", b"%%%02X")}
_RUSSIAN_UTF8 = re.compile(rb"[\xd0\xd1][\x80-\xbf]")
_HIGH = re.compile(rb"[\x80-\xff]")
_PARAMETER = re.compile(rb';\s*(name|filename)(\*?)="?((?:\\"|[^";])*)"?', re.IGNORECASE)


@dataclass(frozen=True)
class File:
    """A file that came with a form."""

    field: str
    name: str
    content: bytes
    is_cut: bool = False


@dataclass
class Parsed:
    """The fields of a post in order, repeated ones too; `is_readable` is False for a body that is not what it says."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    is_readable: bool = True


def parse(body: bytes, content_type: str) -> Parsed:
    """Read a body as what its content type says, else as what it looks like; never raises."""
    try:
        return _parse(body, content_type)
    except Exception:
        # A bug of ours must not stand between a request and the table that keeps it.
        log.exception("form_body_not_read", content_type=content_type[:100], size=len(body))
        return _bounded(Parsed([("", _decode(body))], is_readable=False))


def _parse(body: bytes, content_type: str) -> Parsed:
    kind = content_type.partition(";")[0].strip().lower()
    charset = _charset(content_type)
    if body[:2] == GZIP:
        body = gunzip(body) or body
    if wide := _wide_charset(body):
        body, charset = body.decode(wide, errors="replace").encode(), "utf-8"
    if kind == "multipart/form-data" and (boundary := boundary_of(content_type) or _guessed_boundary(body)):
        found = _multipart(body, boundary, charset)
    elif kind.endswith("json") or _looks_like_json(body):
        found = _json(body, charset)
    elif kind == "application/x-www-form-urlencoded" or _FORM_LIKE.match(body):
        found = _urlencoded(body, charset)
    else:
        found = Parsed([("", _decode(body, charset))])
    return _bounded(found)


# -- text --------------------------------------------------------------------------------------------------------------


def _decode(raw: bytes, charset: str = "") -> str:
    """The text of some bytes: the charset that was named, UTF-8, and for old sites cp1251."""
    for name in dict.fromkeys((charset, "utf-8-sig")):
        if name:
            try:
                return raw.decode(name)
            except (LookupError, UnicodeError, ValueError):
                continue
    # UTF-8 with some broken letters is still UTF-8: most of what is not ASCII are whole Russian letters.
    letters = 2 * len(_RUSSIAN_UTF8.findall(raw))
    is_utf8 = letters and letters * 2 > len(_HIGH.findall(raw))
    return raw.decode("utf-8" if is_utf8 else "cp1251", errors="replace")


def _wide_charset(body: bytes) -> str:
    """UTF-16 by its mark, or by the zeros beside the first letters."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    zeros = "".join("0" if byte == 0 else "x" for byte in body[:4])
    return {"x0x0": "utf-16-le", "0x0x": "utf-16-be"}.get(zeros, "")


def _unquote(raw: bytes) -> bytes:
    """Percent-decoding that takes no longer for a megabyte of percents."""
    return _ENCODED.sub(lambda run: _ONE.get(run[0]) or bytes.fromhex(run[0].replace(b"%", b"").decode()), raw)


def _charset(content_type: str) -> str:
    match = re.search(r"charset\s*=\s*\"?([\w.:-]{1,40})", content_type, re.IGNORECASE)
    # Codecs such as rot13 or base64 are no charsets of a text.
    known = {"utf-8", "utf8", "cp1251", "windows-1251", "koi8-r", "iso-8859-5", "utf-16"}
    return match.group(1).lower() if match and match.group(1).lower() in known else ""


def _bounded(found: Parsed) -> Parsed:
    """Clean names and values; what is above the number of fields is kept together as text."""
    pairs = [
        (one_line(name[: MAX_NAME * 2], MAX_NAME), clean_text(value, len(value)))
        for name, value in found.pairs[:MAX_FIELDS]
    ]
    if rest := found.pairs[MAX_FIELDS:]:
        pairs.append((REST, clean_text("\n".join(f"{name}: {value}" for name, value in rest), 1_000_000)))
    found.pairs = pairs
    return found


# -- the three forms ---------------------------------------------------------------------------------------------------


def _looks_like_json(body: bytes) -> bool:
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def _json(body: bytes, charset: str) -> Parsed:
    text = _decode(body, charset).strip()
    try:
        # Numbers stay text: NaN, a million digits and 1e9999 are then no trouble at all.
        data = json.loads(text, object_pairs_hook=Fields, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        if _FORM_LIKE.match(body):
            return _urlencoded(body, charset)
        return Parsed([("", text)], is_readable=False)
    # The raw body keeps what is beyond.
    return Parsed(list(islice(flat(data), MAX_FIELDS * 4)))


def _urlencoded(body: bytes, charset: str) -> Parsed:
    pairs = []
    chunks = body.strip().split(b"&", MAX_FIELDS * 4)
    for chunk in chunks:
        if chunk:
            name, _equals, value = chunk.partition(b"=")
            pairs.append(tuple(_decode(_unquote(part.replace(b"+", b" ")), charset) for part in (name, value)))
    return Parsed(unbracketed((name, value) for name, value in pairs))


def boundary_of(content_type: str) -> bytes:
    """What stands between the parts of a body with files; empty when the header does not say."""
    match = re.search(r'boundary="?([^";,]{1,200})', content_type, re.IGNORECASE)
    return match.group(1).strip().encode("latin-1", "replace") if match else b""


def _guessed_boundary(body: bytes) -> bytes:
    """A script that sets the header by hand forgets the boundary; the body begins with it."""
    match = re.match(rb"--([^\r\n]{1,200})\r?\n", body)
    return match.group(1) if match else b""


def _multipart(body: bytes, boundary: bytes, charset: str) -> Parsed:
    found = Parsed()
    parts = body.split(b"--" + boundary, MAX_FIELDS * 4)
    for part in parts[1:]:
        head, separator, content = part.partition(b"\r\n\r\n")
        if not separator:
            head, separator, content = part.partition(b"\n\n")
        if not separator:
            continue
        content = content.removesuffix(b"\n").removesuffix(b"\r")
        names = _disposition(head, charset)
        if "filename" not in names:
            found.pairs.append((names.get("name", ""), _decode(content, charset)))
        elif names["filename"] and (content or CUT_MARK in head):
            found.files.append(File(names.get("name", ""), names["filename"], content, CUT_MARK in head))
    found.pairs = unbracketed(found.pairs)
    found.is_readable = len(parts) > 1
    if not found.is_readable:
        found.pairs.append(("", _decode(body, charset)))
    return found


def _disposition(head: bytes, charset: str) -> dict[str, str]:
    """The name and the file name of a part; filename* (RFC 5987) wins over filename."""
    found: dict[str, str] = {}
    for line in head[:4000].splitlines():
        if not line.lower().startswith(b"content-disposition:"):
            continue
        for key, star, raw in _PARAMETER.findall(line):
            name = key.decode().lower()
            if star:
                found[name] = _decode(_unquote(raw.rpartition(b"'")[2]))
            else:
                found.setdefault(name, _decode(raw.replace(b'\\"', b'"'), charset))
    return found
