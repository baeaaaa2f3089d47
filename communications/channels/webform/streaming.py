"""Taking the body of a post in: bounded, and with what is too large in it left out by name instead of all refused."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Any

MB = 1024 * 1024
MAX_BODY = MB
MAX_FILE = 10 * MB
MAX_FILES = 10
# All that is kept of a post with files, and all that is read of one before it is refused as a whole.
MAX_KEPT = 25 * MB
MAX_READ = 100 * MB
KEPT_OF_TOO_LARGE = 64 * 1024
CUT_MARK = b"X-Too-Large: "
GZIP = b"\x1f\x8b"
_CHUNK = 256 * 1024
_MAX_HEAD = 16 * 1024
_FILE_NAME = re.compile(rb"filename\*?=", re.IGNORECASE)


@dataclass(frozen=True)
class Taken:
    """A body as it is kept; `is_whole` is False where only its beginning is."""

    body: bytes
    is_whole: bool = True
    size: int = 0


def take_plain(stream: Any, length: int) -> Taken:
    """A body without files: whole up to the limit, else its beginning."""
    body = stream.read(min(length, MAX_BODY) if length <= MAX_BODY else KEPT_OF_TOO_LARGE)
    if length > MAX_BODY:
        return Taken(body, is_whole=False, size=length)
    if body[:2] == GZIP and (unpacked := gunzip(body)) is not None and len(unpacked) > MAX_BODY:
        return Taken(body[:KEPT_OF_TOO_LARGE], is_whole=False, size=length)
    return Taken(body, size=length)


def gunzip(body: bytes, limit: int = MAX_BODY) -> bytes | None:
    """The contents of a packed body, no more than a little above the limit; None for what is broken."""
    try:
        return zlib.decompressobj(wbits=31).decompress(body, limit + 1)
    except zlib.error:
        return None


def take_multipart(stream: Any, boundary: bytes) -> Taken:
    """A body with files, read piece by piece: of a file above the limit only its head is kept, and its size."""
    delimiter = b"\r\n--" + boundary
    kept = bytearray()
    part = _Part()
    buffer, read = bytearray(b"\r\n"), 0
    while chunk := stream.read(_CHUNK):
        read += len(chunk)
        buffer += chunk
        while (at := buffer.find(delimiter)) >= 0:
            part.add(bytes(buffer[:at]))
            part.close(kept)
            part = _Part(bytes(buffer[at : at + len(delimiter)]))
            del buffer[: at + len(delimiter)]
        # What may be the beginning of a delimiter waits for the next piece.
        safe = len(buffer) - len(delimiter)
        if safe > 0:
            part.add(bytes(buffer[:safe]))
            del buffer[:safe]
    part.add(bytes(buffer))
    part.close(kept)
    return Taken(bytes(kept[2:] if kept[:2] == b"\r\n" else kept), size=read)


class _Part:
    """One part on its way: its delimiter, and its content as long as it is small enough."""

    def __init__(self, delimiter: bytes = b"") -> None:
        self.delimiter = delimiter
        self.content = bytearray()
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Some more of the content."""
        self.size += len(piece)
        if len(self.content) <= MAX_FILE + _MAX_HEAD:
            self.content += piece

    def close(self, kept: bytearray) -> None:
        """Put the part to what is kept, without what is too large in it."""
        kept += self.delimiter
        head, separator, content = bytes(self.content).partition(b"\r\n\r\n")
        is_file = _FILE_NAME.search(head[:_MAX_HEAD]) is not None
        limit = MAX_FILE if is_file else MAX_BODY
        if self.size <= limit and len(kept) + self.size <= MAX_KEPT:
            kept += self.content
        elif separator:
            kept += head[:_MAX_HEAD] + b"\r\n" + CUT_MARK + str(self.size).encode() + separator
            kept += b"" if is_file or len(kept) > MAX_KEPT else content[:MAX_BODY]
