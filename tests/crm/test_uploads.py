"""Files are kept by what is in them: a name alone lets nothing in, and an archive that is a bomb is refused."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from crm import images, uploads
from crm.errors import InvalidInput

pytestmark = pytest.mark.rule("ACC-1")


def archive(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/"), content)
    return made.getvalue()


def picture(kind: str, size: tuple[int, int] = (40, 30)) -> bytes:
    made = io.BytesIO()
    Image.effect_noise(size, 40).convert("RGB").save(made, kind)
    return made.getvalue()


PNG = picture("PNG")
XLSX = archive(**{"[Content_Types].xml": b"<Types/>", "xl__workbook.xml": b"<workbook/>"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plan.pdf", b"%PDF-1.7 ..."), ("hall.png", PNG), ("price.xlsx", XLSX), ("note.txt", "Заметка".encode()),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1..."), ("draw.dwg", b"AC1032...."), ("a.zip", archive(a=b"1")),
        ("photo.webp", picture("WEBP")), ("photo.jpg", picture("JPEG")), ("scan.tif", picture("TIFF")),
        ("a.gif", picture("GIF")), ("a.bmp", picture("BMP")), ("photo.heic", b"\0\0\0\x18ftypheic"),
    ],
)  # fmt: skip
def test_what_people_send_is_taken(name: str, content: bytes) -> None:
    assert uploads.check_upload(SimpleUploadedFile(name, content))[0] == name


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("page.html", b"<html>", "forbidden_kind"),
        ("logo.svg", b"<svg onload=alert(1)>", "forbidden_kind"),
        ("photo.png", b"<svg onload=alert(1)>", "wrong_content"),
        ("photo.jpg", b"MZ\x90\0", "wrong_content"),
        ("photo.webp", b"not an image at all", "wrong_content"),
        ("photo.webp", b"RIFF\0\0\0\0WEBPVP8 ", "wrong_content"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + b"<script>alert(1)</script>" * 9, "wrong_content"),
        ("photo.png", PNG[: len(PNG) // 2], "wrong_content"),
        ("photo.jpg", picture("JPEG")[:-200], "wrong_content"),
        ("photo.jpg", PNG, "wrong_content"),
        ("plan.dwg", b"PK\x03\x04", "wrong_content"),
        ("price.xls", b"<html><table>", "wrong_content"),
        ("note.txt", b"  <script>alert(1)</script>", "wrong_content"),
        ("price.xlsx", archive(**{"evil.exe": b"MZ"}), "wrong_content"),
        ("price.xlsx", b"PK\x03\x04 torn", "wrong_content"),
        ("up.zip", archive(**{"..__..__etc__passwd": b"x"}), "unsafe_archive"),
        ("abs.zip", archive(__etc__passwd=b"x"), "unsafe_archive"),
        ("empty.pdf", b"", "empty"),
    ],
)
def test_what_is_not_what_it_says_is_refused(name: str, content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        uploads.check_upload(SimpleUploadedFile(name, content))
    assert refused.value.errors[0]["code"] == code


def test_an_archive_that_unfolds_without_end_is_refused(monkeypatch: Any) -> None:
    bomb = archive(**{"xl__workbook.xml": b"\0" * 3_000_000, "[Content_Types].xml": b"<Types/>"})
    with pytest.raises(InvalidInput) as refused:
        uploads.check_upload(SimpleUploadedFile("bomb.xlsx", bomb))
    assert refused.value.errors[0]["code"] == "unsafe_archive"
    monkeypatch.setattr(uploads, "MOST_UNFOLDED", 1_000)
    with pytest.raises(InvalidInput):
        uploads.check_upload(SimpleUploadedFile("big.zip", archive(a=bytes(range(256)) * 8)))


def test_a_name_is_no_path() -> None:
    upload = SimpleUploadedFile("x.txt", b"text")
    upload._name = "..\\..\\etc/../passwd.txt"
    assert uploads.check_upload(upload)[0] == "passwd.txt"


def test_a_picture_larger_than_memory_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    big = SimpleUploadedFile("plan.png", picture("PNG", (200, 100)))
    monkeypatch.setattr(images, "MOST_DECODED", 100)
    assert uploads.check_upload(big)[1] == "image/png"
    assert big.read(4) == b"\x89PNG", "left as it came"
    monkeypatch.setattr(images, "MOST_PIXELS", 19_999)
    with pytest.raises(InvalidInput):
        uploads.check_upload(SimpleUploadedFile("plan.png", picture("PNG", (200, 100))))
