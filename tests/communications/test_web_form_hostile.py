"""Whatever is posted: never an error of ours, never slow, nothing lost."""

from __future__ import annotations

import gc
import gzip
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Role
from communications.channels.webform.fields import read_request
from communications.channels.webform.streaming import KEPT_OF_TOO_LARGE, MAX_BODY
from communications.channels.webform.transport import parse
from communications.models import Submission, WebForm
from leads.models import Lead
from tests.factories import make_user

pytestmark = pytest.mark.django_db

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PHONE = "+79123456789"


@pytest.fixture
def form() -> Iterator[WebForm]:
    # What a process does once, at its first request, is not what is measured here; neither is the searching of all
    # that the tests before have left in memory.
    post(WebForm(key="no-such-form"), b"phone=89123456789")
    read_request(parse(b"phone=89123456789", FORM), {})
    gc.freeze()
    yield WebForm.objects.create(name="Сайт", key="site-key")
    gc.unfreeze()


def post(form: WebForm, body: bytes, content_type: str = JSON, **headers: str) -> Any:
    url = reverse("form-submission", args=[form.key])
    client = Client(raise_request_exception=False)
    return client.generic("POST", url, body, content_type=content_type, headers=headers)


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


MULTIPART = "multipart/form-data; boundary=b"
PHONE_PART = b'Content-Disposition: form-data; name="phone"\r\n\r\n' + PHONE.encode()

# Bodies with a phone in them: each becomes a lead.
READABLE: dict[str, tuple[bytes, str]] = {
    "a byte order mark": (b'\xef\xbb\xbf{"phone": "+79123456789"}', JSON),
    "NUL bytes in JSON": (b'{"phone": "+79123456789", "name": "A\\u0000nna", "message": "\\u0000"}', JSON),
    "NUL bytes in a form": (b"phone=%2B79123456789&name=An%00na&m%00=x%00", FORM),
    "lone surrogates": (b'{"phone": "+79123456789", "name": "\\ud800", "x\\udfff": "\\udc00"}', JSON),
    "repeated keys": (b'{"phone": "nobody", "phone": "+79123456789", "name": "A", "name": "B"}', JSON),
    "nested objects": (b'{"data": {"lead": {"contact": {"phone": ["+79123456789"]}}}}', JSON),
    "a list of fields": (b'[{"name": "Phone", "value": "+79123456789"}]', JSON),
    "numbers": (b'{"phone": 79123456789, "length": NaN, "width": Infinity, "height": -1e999, "area": 1e5}', JSON),
    "a number of a thousand digits": (b'{"phone": "+79123456789", "length": ' + b"9" * 5_000 + b"}", JSON),
    "odd types": (b'{"phone": "+79123456789", "name": {"a": []}, "message": true, "city": null}', JSON),
    "deep keys": (b'{"a":' * 300 + b'{"phone": "+79123456789"}' + b"}" * 300, JSON),
    "2,000 fields": (json.dumps({f"f{n}": n for n in range(2_000)} | {"phone": PHONE}).encode(), JSON),
    "2,000 form fields": (b"&".join(b"f%d=1" % n for n in range(2_000)) + b"&phone=%2B79123456789", FORM),
    "2,000 parts": (
        multipart(*[b'Content-Disposition: form-data; name="f"\r\n\r\n1'] * 2_000, PHONE_PART),
        MULTIPART,
    ),
    "a megabyte of text": (f"phone={PHONE}&message=".encode() + b"x" * 1_000_000, FORM),
    "a megabyte of Russian": (f"phone={PHONE}&message=".encode() + "ж".encode() * 500_000, FORM),
    "a megabyte of digits": (f"phone={PHONE}&message=".encode() + b"1 " * 500_000, FORM),
    "a megabyte of spaces": (f"phone={PHONE}&name=".encode() + b"%20" * 330_000, FORM),
    "broken UTF-8": (b"phone=%2B79123456789&name=\xd0\xff\xfe%D0", FORM),
    "cp1251 with no charset": ("phone=89123456789&имя=Анна".encode("cp1251"), FORM),
    "an unknown charset": (b"phone=89123456789", f"{FORM}; charset=rot13"),
    "a charset that lies": ("phone=89123456789&name=Анна".encode("cp1251"), f"{FORM}; charset=utf-8"),
    "broken percents": (b"phone=89123456789&name=%zz%1&%", FORM),
    "JSON sent as a form": (b'{"phone": "+79123456789"}', FORM),
    "a form sent as JSON": (b"phone=89123456789&name=A", JSON),
    "no content type": (b"phone=89123456789", ""),
    "plain text with a phone": ("Позвоните мне 8 912 345-67-89".encode(), "text/plain"),
    "broken JSON with a phone": (b'{"phone": "+79123456789", ', JSON),
    "a long name": (json.dumps({"phone": PHONE, "name": "Анна " * 2_000, "company": "Я" * 5_000}).encode(), JSON),
    "long field names": (json.dumps({"ж" * 100_000: "1", "phone": PHONE}).encode(), JSON),
    "markup": (json.dumps({"phone": PHONE, "name": "<script>alert(1)</script>", "x": "{{ 7*7 }}"}).encode(), JSON),
    "braces and percents": (json.dumps({"phone": PHONE, "name": "{source} %s %(x)s {0}"}).encode(), JSON),
    "sizes of nonsense": (
        json.dumps({"phone": PHONE, "length": "9" * 400, "width": "1e999999", "area": "-0"}).encode(),
        JSON,
    ),
    "marks too long": (
        json.dumps({"phone": PHONE, "utm_source": "x" * 9_000, "referrer": "h" * 90_000}).encode(),
        JSON,
    ),
    "a broken address of the page": (
        json.dumps({"phone": PHONE, "page_url": "http://[::1", "url": "//["}).encode(),
        JSON,
    ),
    "cookies of nonsense": (f"phone={PHONE}&COOKIES={quote('TILDAUTM=%%%|||=;=;' * 1_000)}".encode(), FORM),
    "a file called ..": (
        multipart(PHONE_PART, b'Content-Disposition: form-data; name="f"; filename=".."\r\n\r\nx'),
        MULTIPART,
    ),
    "a file with a path": (
        multipart(
            PHONE_PART, b'Content-Disposition: form-data; name="f"; filename="../../etc/passwd\x00.pdf"\r\n\r\n%PDF'
        ),
        MULTIPART,
    ),
}
EVIL = "<script>alert(1)</script>'\"; DROP TABLE leads_lead;-- {{7*7}} ${7*7} \u202eevil\u202c 👷🏗️ שלום"
READABLE |= {
    "UTF-16 with its mark": (f"phone={PHONE}&name=Анна".encode("utf-16"), FORM),
    "UTF-16 without its mark": (json.dumps({"phone": PHONE, "name": "A"}).encode("utf-16-le"), JSON),
    "big-endian UTF-16": (json.dumps({"phone": PHONE, "name": "A"}).encode("utf-16-be"), JSON),
    "packed JSON": (gzip.compress(json.dumps({"phone": PHONE}).encode()), JSON),
    "a packed form": (gzip.compress(f"phone={PHONE}".encode()), FORM),
    "repeated form keys": (f"phone=nobody&phone={PHONE}&name=A&name=B&name=C".encode(), FORM),
    "the prototype": (
        json.dumps({"__proto__": {"phone": PHONE}, "constructor": {"prototype": {"x": 1}}}).encode(),
        JSON,
    ),
    "the prototype in brackets": (f"__proto__[phone]={PHONE}&constructor[prototype][x]=1".encode(), FORM),
    "brackets 40 deep": (("a" + "[b]" * 40 + f"[phone]={PHONE}").encode(), FORM),
    "brackets 5,000 deep": (("a" + "[b]" * 5_000 + "[value]=1&" + "a[b][name]=x&" + f"phone={PHONE}").encode(), FORM),
    "brackets of nonsense": (f"a[[]]=1&[=2&]=3&a[=4&[]=5&[][]=6&a[b]=7&a[b][c]=8&a[]=9&phone={PHONE}".encode(), FORM),
    "a field that is also a branch": (f"a[value]=1&a[value][x]=2&a[name]=n&phone={PHONE}".encode(), FORM),
    "2,000 branches": (
        b"&".join(b"a[%d][name]=n&a[%d][value]=v" % (n, n) for n in range(1_000)) + b"&phone=89123456789",
        FORM,
    ),
    "a mail of 60,000 characters": (json.dumps({"email": "a" * 60_000 + "@mail.ru", "phone": PHONE}).encode(), JSON),
    "evil in every field": (
        json.dumps(
            dict.fromkeys(("name", "message", "city", "company", "purpose", "utm_source", EVIL, "page_url"), EVIL)
            | {"phone": f"{PHONE} {EVIL}", "email": f"{EVIL}@mail.ru", "length": EVIL, "referrer": f"javascript:{EVIL}"}
        ).encode(),
        JSON,
    ),
    "dates for names": (json.dumps({"name": "12.05.2026", "2026-05-12": "x", "phone": PHONE}).encode(), JSON),
    "sizes below nothing": (json.dumps({"phone": PHONE, "length": -24, "width": "-60", "area": -1e99}).encode(), JSON),
    "sizes above everything": (json.dumps({"phone": PHONE, "length": 10**300, "width": "1e308"}).encode(), JSON),
    "parts cut short": (multipart(PHONE_PART)[:-4], MULTIPART),
    "a part cut in the middle": (
        multipart(PHONE_PART)[:-6] + b'\r\nContent-Disposition: form-data; name="na',
        MULTIPART,
    ),
    "parts without a boundary in the header": (multipart(PHONE_PART), "multipart/form-data"),
    "a wrong content type": (json.dumps({"phone": PHONE}).encode(), "image/png"),
    "XML": (f"<lead><phone>{PHONE}</phone></lead>".encode(), "application/xml"),
    "a list of lists": (json.dumps([[[["x", PHONE]]], {"a": [[{}]]}]).encode(), JSON),
    "a name without end in a list of fields": (
        json.dumps(
            [{"name": "n" * 90_000, "value": PHONE}, {"name": {"name": {"value": 1}}, "value": [[[]]]}]
        ).encode(),
        JSON,
    ),
}
# Bodies with nobody to answer to: each is kept and shown.
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "100,000 brackets": (b"[" * 100_000, JSON),
    "100,000 closed brackets": (b"[" * 100_000 + b"]" * 100_000, JSON),
    "100,000 objects": (b'{"a":' * 100_000, JSON),
    "bytes": (bytes(range(256)) * 100, "application/octet-stream"),
    "0xff": (b"\xff" * 500_000, JSON),
    "an empty object": (b"{}", JSON),
    "null": (b"null", JSON),
    "only ampersands": (b"&" * 900_000, FORM),
    "ampersands and letters": (b"a&" * 450_000, FORM),
    "percents": (b"%" * 900_000, FORM),
    "encoded letters": (b"a=" + b"%41" * 300_000, FORM),
    "no boundary": (b"--b\r\n", "multipart/form-data"),
    "another boundary": (
        multipart(b'Content-Disposition: form-data; name="a"\r\n\r\n1'),
        "multipart/form-data; boundary=z",
    ),
    "boundaries alone": (b"--b" * 300_000, MULTIPART),
    "parts without names": (multipart(*[b"x: y\r\n\r\n1"] * 50_000), MULTIPART),
    "a header without an end": (b'--b\r\nContent-Disposition: form-data; name="' + b'"; name="' * 100_000, MULTIPART),
    "at signs": (b"message=" + b"a@" * 450_000, FORM),
    "a packed bomb": (gzip.compress(b"[" * 900_000), JSON),
    "broken packing": (b"\x1f\x8b" + bytes(range(256)), JSON),
    "a mail of 60,000 characters alone": (json.dumps({"email": "a" * 60_000 + "@mail.ru"}).encode(), JSON),
    "a mail of at signs": (json.dumps({"email": "@" * 60_000}).encode(), JSON),
    "a phone of 900,000 digits": (b"phone=" + b"8" * 900_000, FORM),
    "only a boundary": (b"--b--\r\n", MULTIPART),
    "half a wide character": (b"\xff\xfe\x00", JSON),
    "nearly sizes": (json.dumps({"Размеры": "1x" * 300_000}).encode(), JSON),
}


@pytest.mark.rule("LEAD-2")
@pytest.mark.parametrize("name", READABLE)
def test_a_strange_post_with_a_phone_becomes_a_lead_quickly(form: WebForm, name: str) -> None:
    body, content_type = READABLE[name]
    began = time.thread_time()
    answer = post(form, body, content_type)
    took = time.thread_time() - began
    assert answer.status_code == 202, answer.content[:500]
    assert took < 1
    assert Lead.objects.get().phone == PHONE
    assert bytes(Submission.objects.get().body) == body


@pytest.mark.rule("LEAD-2")
@pytest.mark.parametrize("name", UNREADABLE)
def test_a_strange_post_without_contact_data_is_kept_quickly(form: WebForm, name: str) -> None:
    body, content_type = UNREADABLE[name]
    began = time.thread_time()
    answer = post(form, body, content_type)
    took = time.thread_time() - began
    assert answer.status_code == 422, answer.content[:500]
    assert took < 1
    kept = Submission.objects.get(pk=answer.json()["id"])
    assert (kept.state, bytes(kept.body)) == ("failed", body)
    assert not Lead.objects.exists()


@pytest.mark.parametrize("body", [b"", b"   \r\n"])
def test_an_empty_post_is_told_what_it_lacks(form: WebForm, body: bytes) -> None:
    answer = post(form, body)
    assert answer.status_code == 422
    assert {row["pointer"] for row in answer.json()["errors"]} == {"/phone", "/email"}


@pytest.mark.parametrize(
    ("size", "content_type"), [(MAX_BODY + 1, FORM), (5 * MAX_BODY, JSON), (9 * MAX_BODY, "text/plain")]
)
def test_a_post_that_is_too_large_is_refused_with_the_limit(form: WebForm, size: int, content_type: str) -> None:
    answer = post(form, b"x" * size, content_type)
    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"
    assert "MB" in answer.json()["detail"] or "МБ" in answer.json()["detail"]
    kept = Submission.objects.get(pk=answer.json()["id"])
    assert kept.state == "failed"
    assert 0 < len(bytes(kept.body)) <= KEPT_OF_TOO_LARGE


def test_a_packed_post_that_unfolds_beyond_the_limit_is_refused(form: WebForm) -> None:
    answer = post(form, gzip.compress(b"phone=89123456789&message=" + b"x" * 50 * MAX_BODY), FORM)
    assert answer.status_code == 413
    assert Submission.objects.get().state == "failed"


def test_a_post_with_more_files_than_anybody_reads_is_refused(form: WebForm) -> None:
    url = reverse("form-submission", args=[form.key])
    answer = Client().generic("POST", url, b"--b", content_type=MULTIPART, CONTENT_LENGTH=str(10**12))
    assert answer.status_code == 413


def test_a_post_of_unknown_length_is_told_to_say_it(form: WebForm) -> None:
    url = reverse("form-submission", args=[form.key])
    headers = {"Transfer-Encoding": "chunked"}
    answer = Client().generic("POST", url, b"", content_type=JSON, headers=headers)
    assert answer.status_code == 411


@pytest.mark.rule("LEAD-2")
@pytest.mark.parametrize("name", ["evil in every field", "markup", "the prototype"])
def test_nothing_that_was_posted_is_shown_unescaped(form: WebForm, name: str) -> None:
    post(form, *READABLE[name])
    lead, submission = Lead.objects.get(), Submission.objects.get()
    Submission.objects.filter(pk=submission.pk).update(state="failed", error=EVIL)
    client = Client()
    client.force_login(make_user(Role.SALES_HEAD))
    pages = [
        f"/leads/{lead.pk}/", f"/requests/lead/{lead.pk}/", "/leads/", "/leads/board/",
        "/settings/submissions/", f"/settings/submissions/{submission.pk}/", f"/settings/forms/{form.pk}/connect/",
    ]  # fmt: skip
    for path in pages:
        page = client.get(path)
        assert page.status_code == 200, path
        text = page.content.decode()
        assert "<script>alert" not in text, path
        assert 'href="javascript:' not in text, path
        assert "{{7*7}}" not in text or "49" not in text.split("{{7*7}}")[0][-5:], path


@pytest.mark.parametrize(
    ("body", "content_type", "name"),
    [
        ("имя=Пётр&телефон=89123456789".encode("cp1251"), FORM, "Пётр"),
        ("имя=Пётр&телефон=89123456789".encode("cp1251"), f"{FORM}; charset=windows-1251", "Пётр"),
        ("имя=Пётр&телефон=89123456789".encode("koi8-r"), f"{FORM}; charset=koi8-r", "Пётр"),
        ('{"имя": "Пётр", "телефон": "89123456789"}'.encode("cp1251"), JSON, "Пётр"),
        (
            multipart('Content-Disposition: form-data; name="имя"\r\n\r\nПётр'.encode("cp1251"), PHONE_PART),
            MULTIPART,
            "Пётр",
        ),
        ("name=Пётр&phone=89123456789".encode("utf-16"), FORM, "Пётр"),
        (b"phone=89123456789&name=" + "Пётр Кузнецов".encode() + b"\xd0", FORM, "Пётр Кузнецов\ufffd"),
        ("phone=89123456789&name=👷 Пётр".encode(), FORM, "👷 Пётр"),
    ],
    ids=["cp1251", "cp1251 named", "koi8-r", "cp1251 JSON", "cp1251 parts", "UTF-16", "a broken letter", "emoji"],
)
def test_letters_are_read_right_in_any_encoding(form: WebForm, body: bytes, content_type: str, name: str) -> None:
    assert post(form, body, content_type).status_code == 202
    assert Lead.objects.get().name == name


@pytest.mark.parametrize("header", ["Referer", "Origin", "User-Agent", "Idempotency-Key", "Accept", "X-Request-ID"])
def test_strange_headers_do_no_harm(form: WebForm, header: str) -> None:
    for value in ("x" * 5_000, "\x00\xff", "http://[", "{}", "text/html"):
        answer = post(form, json.dumps({"phone": PHONE, "n": value}).encode(), JSON, **{header: value})
        assert answer.status_code in {200, 202, 422}, (header, value)


def test_many_posts_from_one_place_are_told_to_wait(form: WebForm, monkeypatch: Any) -> None:
    from communications.channels.webform.guards import FormThrottle

    monkeypatch.setattr(FormThrottle, "THROTTLE_RATES", {"forms": "2/min"})
    answers = [post(form, json.dumps({"phone": PHONE, "n": number}).encode()) for number in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert int(answers[2]["Retry-After"]) > 0


def test_requests_are_taken_while_the_cache_is_away(form: WebForm, monkeypatch: Any) -> None:
    from communications.channels.webform.guards import FormThrottle

    def away(*args: Any) -> bool:
        raise ConnectionError("no cache")

    monkeypatch.setattr(FormThrottle, "allow_request", away)
    assert post(form, json.dumps({"phone": PHONE}).encode()).status_code == 202


@pytest.mark.rule("LEAD-2")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), kind=st.sampled_from([JSON, FORM, MULTIPART, "", "text/plain; charset=utf-16"]))
def test_no_bytes_break_the_reading(caplog: Any, body: bytes, kind: str) -> None:
    request = read_request(parse(body, kind), {})
    assert "form_body_not_read" not in caplog.text
    text = request.text.encode()  # no lone surrogates
    assert b"\x00" not in text


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.rule("LEAD-2")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.dictionaries(
        st.sampled_from(["name", "Размеры", "length", "purpose", "ИНН", "start", "utm_source", "x"]), _values
    )
)
def test_no_fields_break_the_making_of_a_lead(form: WebForm, data: dict[str, Any]) -> None:
    answer = post(form, json.dumps({**data, "phone": PHONE}).encode())
    assert answer.status_code in {202, 429}, answer.content[:500]
    assert connection.needs_rollback is False
