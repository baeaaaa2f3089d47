"""What of a post is not understood or not kept is told: to the sender, on the lead, on the screen of attention."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Role
from communications.channels.webform import streaming
from communications.channels.webform.transport import parse
from communications.models import Submission, WebForm
from crm.models import Attachment, TimelineEntry
from leads.models import Lead
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-2")]
URL = "/api/v1/forms/site-key/submissions/"
EVENING = "звоните вечером"


@pytest.fixture(autouse=True)
def form() -> WebForm:
    return WebForm.objects.create(name="Сайт", key="site-key")


def post(data: dict[str, Any], **headers: str) -> Any:
    return Client().post(URL, json.dumps(data), content_type="application/json", headers=headers)


def screen_of(submission: Submission) -> str:
    client = Client()
    client.force_login(make_user(Role.SALES_HEAD))
    return client.get(f"/settings/submissions/{submission.pk}/").content.decode()


@pytest.mark.parametrize("name", ["phone", "Телефон", "your-phone"])
def test_a_phone_that_is_none_is_quoted_and_its_field_named(name: str) -> None:
    answer = post({"name": "Анна", name: EVENING})
    assert answer.status_code == 422
    told = answer.json()
    rows = {row["pointer"]: row for row in told["errors"]}
    assert rows[f"/{name}"]["code"] == "invalid_phone"
    assert f"Телефон не распознан: «{EVENING}»." in rows[f"/{name}"]["message"]
    assert rows["/email"]["code"] == "required"
    assert EVENING in told["detail"]
    submission = Submission.objects.get(pk=told["id"])
    assert submission.state == "failed"
    assert f"Телефон не распознан: «{EVENING}»." in submission.error
    assert f"Телефон не распознан: «{EVENING}»." in screen_of(submission)
    listed = Client()
    listed.force_login(make_user(Role.SALES_HEAD))
    assert f"«{EVENING}»" in listed.get("/settings/submissions/").content.decode()


def test_a_phone_that_is_none_beside_a_good_mail_is_told_on_the_lead() -> None:
    answer = post({"name": "Анна", "phone": EVENING, "email": "a@mail.ru"})
    assert answer.status_code == 202
    assert answer.json()["problems"][0]["code"] == "invalid_phone"
    lead = Lead.objects.get()
    assert f"Телефон: {EVENING}" in lead.request_text
    head = make_user(Role.SALES_HEAD)
    client = Client()
    client.force_login(head)
    assert f"Телефон не распознан: «{EVENING}»." in client.get(f"/requests/lead/{lead.pk}/").content.decode()
    assert TimelineEntry.objects.filter(record_type="lead", record_id=lead.pk, action="note").count() == 1


def test_a_browser_reads_what_was_not_understood() -> None:
    page = Client().post(URL, {"phone": EVENING}, headers={"Accept": "text/html"})
    assert page.status_code == 422
    assert f"«{EVENING}»" in page.content.decode()


def test_the_panel_of_the_request_is_for_those_who_see_the_lead() -> None:
    post({"name": "Анна", "phone": "89123456789"})
    lead = Lead.objects.get()
    owner, head, stranger = make_user(), make_user(Role.SALES_HEAD), make_user()
    Lead.objects.filter(pk=lead.pk).update(responsible=owner)
    client = Client()
    for user, status in ((owner, 200), (head, 200), (stranger, 404)):
        client.force_login(user)
        answer = client.get(f"/requests/lead/{lead.pk}/")
        assert answer.status_code == status
        if user == owner:
            assert "Сайт" in answer.content.decode()
            assert "/settings/submissions/" not in answer.content.decode()


# -- files ------------------------------------------------------------------------------------------------------------


def upload(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_an_allowed_file_hangs_on_the_lead_and_a_forbidden_one_is_refused_by_name() -> None:
    plan, virus = upload("plan.pdf", b"%PDF-1.4 plan"), upload("setup.exe", b"MZ" + b"x" * 100)
    answer = Client().post(URL, {"phone": "89123456789", "plan": plan, "extra": virus})
    assert answer.status_code == 202
    (problem,) = answer.json()["problems"]
    assert (problem["pointer"], problem["code"]) == ("/extra", "forbidden_kind")
    assert "«setup.exe»" in problem["message"]
    lead = Lead.objects.get()
    kept = Attachment.objects.get(record_type="lead", record_id=lead.pk)
    assert (kept.name, kept.file.read()) == ("plan.pdf", b"%PDF-1.4 plan")
    client = Client()
    client.force_login(make_user(Role.SALES_HEAD))
    assert "«setup.exe»" in client.get(f"/leads/{lead.pk}/").content.decode()
    assert "«setup.exe»" in client.get(f"/requests/lead/{lead.pk}/").content.decode()
    assert "«setup.exe»" in screen_of(Submission.objects.get())


def test_a_program_that_calls_itself_a_picture_is_refused() -> None:
    answer = Client().post(URL, {"phone": "89123456789", "photo": upload("photo.jpg", b"MZ\x90\x00" * 50)})
    assert answer.status_code == 202
    assert answer.json()["problems"][0]["code"] == "wrong_content"
    assert not Attachment.objects.exists()


def test_a_file_that_is_too_large_is_refused_by_name_and_the_request_stays() -> None:
    big = upload("фото участка.jpg", b"\xff\xd8\xff" + b"x" * (streaming.MAX_FILE + 1))
    small = upload("plan.pdf", b"%PDF-1.4")
    answer = Client().post(URL, {"name": "Анна", "big": big, "phone": "89123456789", "plan": small})
    assert answer.status_code == 202
    (problem,) = answer.json()["problems"]
    assert problem["code"] == "too_large"
    assert "«фото участка.jpg»" in problem["message"]
    lead = Lead.objects.get()
    assert (lead.name, lead.phone) == ("Анна", "+79123456789")
    assert [item.name for item in Attachment.objects.all()] == ["plan.pdf"]
    assert len(bytes(Submission.objects.get().body)) < 10_000


def test_a_file_refused_beside_a_phone_refused_is_on_the_screen_of_attention() -> None:
    answer = Client().post(URL, {"phone": EVENING, "f": upload("setup.exe", b"MZ")})
    assert answer.status_code == 422
    page = screen_of(Submission.objects.get())
    assert "«setup.exe»" in page
    assert f"«{EVENING}»" in page


def test_more_files_than_are_taken_are_named() -> None:
    files = [upload(f"plan{number}.pdf", b"%PDF-1.4") for number in range(streaming.MAX_FILES + 1)]
    answer = Client().post(URL, {"phone": "89123456789", "files": files})
    assert "«plan10.pdf»" in answer.json()["problems"][0]["message"]
    assert Attachment.objects.count() == streaming.MAX_FILES


@pytest.mark.parametrize("piece", [1, 7, 64, 100_000])
def test_a_stream_is_kept_byte_for_byte_however_it_is_cut(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    body = (
        b'preamble\r\n--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--\r\n--b\r\n'
        b'Content-Disposition: form-data; name="f"; filename="x.pdf"\r\n\r\n%PDF\r\n-\r\n--b--\r\n'
    )
    monkeypatch.setattr(streaming, "_CHUNK", piece)
    taken = streaming.take_multipart(io.BytesIO(body), b"b")
    assert (taken.body, taken.size) == (body, len(body))
    monkeypatch.setattr(streaming, "MAX_FILE", 5)
    cut = parse(streaming.take_multipart(io.BytesIO(body), b"b").body, "multipart/form-data; boundary=b")
    assert cut.pairs == [("a", "1\n--")]
    assert [(item.name, item.is_cut, item.content) for item in cut.files] == [("x.pdf", True, b"")]


def test_a_file_of_a_lead_is_not_kept_twice_when_processing_is_repeated(tmp_path: Path) -> None:
    Client().post(URL, {"phone": EVENING, "plan": upload("plan.pdf", b"%PDF-1.4")})
    submission = Submission.objects.get()
    assert not Attachment.objects.exists()
    WebForm.objects.update(field_map={"phone": "text"})
    client = Client()
    client.force_login(make_user(Role.SALES_HEAD))
    client.post(f"/settings/submissions/{submission.pk}/again/")
    submission.refresh_from_db()
    assert submission.state == "failed"
    assert not Attachment.objects.exists()
