"""Reading the body of a form post, whatever a site sends: JSON, urlencoded, multipart, in UTF-8 or cp1251.

Nothing here raises for what came from outside: what cannot be read as told is kept as text. Sizes are bounded before
(the body) and here (the number and the depth of fields), so that no body takes a second.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from crm.normalize import clean_text, one_line

MAX_FIELDS = 2_500
MAX_NAME = 200
MAX_DEPTH_SHOWN = 3
REST = "…"
_FORM_LIKE = re.compile(rb"\A[^\s=&{}\[\]<>]{1,300}=")
_ENCODED = re.compile(rb"(?:%[0-9a-fA-F]{2})+")
_ONE = {form % byte: bytes((byte,)) for byte in range(256) for form in (b"%%%02x", b"%%%02X")}
_PARAMETER = re.compile(rb';\s*(name|filename)(\*?)="?((?:\\"|[^";])*)"?', re.IGNORECASE)


@dataclass(frozen=True)
class File:
    """A file that came with a form."""

    field: str
    name: str
    content: bytes


@dataclass
class Parsed:
    """The fields of a post in order, repeated ones too; `is_readable` is False for a body that is not what it says."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    is_readable: bool = True


class _Object(list[tuple[str, Any]]):
    """A JSON object as pairs: repeated keys are not lost."""


def parse(body: bytes, content_type: str) -> Parsed:
    """Read a body as what its content type says, else as what it looks like."""
    kind = content_type.partition(";")[0].strip().lower()
    charset = _charset(content_type)
    if kind == "multipart/form-data" and (boundary := _boundary(content_type)):
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
    return raw.decode("cp1251", errors="replace")


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
        data = json.loads(text, object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        if _FORM_LIKE.match(body):
            return _urlencoded(body, charset)
        return Parsed([("", text)], is_readable=False)
    # The raw body keeps what is beyond.
    return Parsed(list(islice(_flat(data), MAX_FIELDS * 4)))


def _flat(data: Any) -> Iterator[tuple[str, str]]:
    """The leaves of a JSON value with the last parts of their paths, without recursion."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), data)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, _Object):
            pair = _name_and_value(value)
            if pair is not None:
                stack.append(((*path, pair[0])[-MAX_DEPTH_SHOWN:], pair[1]))
                continue
            children = [((*path, key[:MAX_NAME])[-MAX_DEPTH_SHOWN:], child) for key, child in value]
            stack.extend(reversed(children))
        elif isinstance(value, list):
            stack.extend((path, child) for child in reversed(value))
        elif value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            yield ".".join(path), text


def _name_and_value(value: _Object) -> tuple[str, Any] | None:
    """{"name": "Phone", "value": "..."} is one field, as form libraries list them."""
    if len(value) != 2:
        return None
    found = {key.lower(): item for key, item in value}
    name = found.get("name")
    if found.keys() == {"name", "value"} and isinstance(name, str):
        return name[:MAX_NAME], found["value"]
    return None


def _urlencoded(body: bytes, charset: str) -> Parsed:
    pairs = []
    chunks = body.strip().split(b"&", MAX_FIELDS * 4)
    for chunk in chunks:
        if chunk:
            name, _equals, value = chunk.partition(b"=")
            pairs.append(tuple(_decode(_unquote(part.replace(b"+", b" ")), charset) for part in (name, value)))
    return Parsed([(name, value) for name, value in pairs])


def _boundary(content_type: str) -> bytes:
    match = re.search(r'boundary="?([^";,]{1,200})', content_type, re.IGNORECASE)
    return match.group(1).strip().encode("latin-1", "replace") if match else b""


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
        elif content and names["filename"]:
            found.files.append(File(names.get("name", ""), names["filename"], content))
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
