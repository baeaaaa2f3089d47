"""Tasks as an iCalendar file (RFC 5545): the few properties that calendars on phones and desks understand.

Lines end in CRLF and are folded at 75 octets, never within a character; text is escaped; moments are UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

OCTETS = 75
# Line ends and what a calendar file may not hold: control characters, and the separators that some readers break at.
LINE_END = re.compile(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class Entry:
    """One event: `uid` stays the same for as long as the thing exists, `is_done` no longer takes up time."""

    uid: str
    title: str
    starts: datetime
    lasts: timedelta
    made: datetime
    text: str = ""
    url: str = ""
    is_done: bool = False


def calendar(name: str, entries: Iterable[Entry], now: datetime) -> bytes:
    """The whole file, in UTF-8."""
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//CRM//Tasks//RU", "CALSCALE:GREGORIAN", "METHOD:PUBLISH",
        f"X-WR-CALNAME:{escaped(name)}", "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H",
    ]  # fmt: skip
    for entry in entries:
        lines += _event(entry, now)
    lines.append("END:VCALENDAR")
    return b"".join(part + b"\r\n" for line in lines for part in folded(line))


def _event(entry: Entry, now: datetime) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{escaped(entry.uid)}"
    yield f"DTSTAMP:{utc(now)}"
    yield f"CREATED:{utc(entry.made)}"
    yield f"DTSTART:{utc(entry.starts)}"
    yield f"DTEND:{utc(entry.starts + entry.lasts)}"
    yield f"SUMMARY:{escaped(entry.title)}"
    if entry.text:
        yield f"DESCRIPTION:{escaped(entry.text)}"
    if entry.url:
        yield f"URL:{CONTROL.sub('', LINE_END.sub('', entry.url))}"
    yield "STATUS:CONFIRMED"
    yield f"TRANSP:{'TRANSPARENT' if entry.is_done else 'OPAQUE'}"
    yield "END:VEVENT"


def utc(moment: datetime) -> str:
    """A moment as the file has it."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def escaped(text: str) -> str:
    """A value of kind TEXT: backslash, comma, semicolon and line ends escaped, control characters left out."""
    plain = CONTROL.sub("", LINE_END.sub("\n", text))
    for sign, instead in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        plain = plain.replace(sign, instead)
    return plain


def folded(line: str) -> Iterator[bytes]:
    """A content line in pieces of 75 octets at most; those after the first begin with a space."""
    piece = b""
    for char in line:
        octets = char.encode()
        if len(piece) + len(octets) > OCTETS:
            yield piece
            piece = b" "
        piece += octets
    yield piece
