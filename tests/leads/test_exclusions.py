"""The exclusion list: who is on it makes no lead and gets no letter, nothing is lost, all of it can be taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from communications import outbox
from communications.models import Message, Submission, WebForm
from communications.services import message_queue
from crm import jobs
from crm.clients import contact_create
from crm.errors import InvalidInput
from crm.exclusions import clean_value, exclusion_remove, exclusions_keep, is_excluded
from crm.models import Change, Exclusion, ListJob, TimelineEntry
from leads.models import Lead
from leads.services import lead_create
from tests.factories import make_client, make_deal, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.rule("LEAD-15")]


@pytest.fixture
def head() -> Any:
    return make_user(Role.SALES_HEAD)


@pytest.fixture
def form() -> WebForm:
    return WebForm.objects.create(name="Сайт", key="site-key")


def post(form: WebForm, **body: str) -> Any:
    body = {"name": "Пётр", **body}
    return Client().post(reverse("form-submission", args=[form.key]), json.dumps(body), content_type="application/json")


def exclude(head: Any, kind: str, value: str) -> Exclusion:
    (row,) = exclusions_keep(kind=kind, values=value, reason="Шлёт рекламу", by=head)
    return row


# -- coming in --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "body"),
    [
        ("phone", "8 (912) 345-67-89", {"phone": "+7 912 345 67 89"}),
        ("phone", "8 (912) 345-67-89", {"phone": "89123456789", "email": "other@example.org"}),
        ("email", "Spam@Ads.example", {"email": "spam@ads.example"}),
        ("domain", "ads.example", {"email": "anybody@ads.example"}),
        ("domain", "@Ads.example", {"email": "anybody@mail.ads.example", "phone": "89120000000"}),
    ],
)
def test_a_request_of_somebody_on_the_list_is_kept_and_makes_no_lead(
    head: Any, form: WebForm, kind: str, value: str, body: dict[str, str]
) -> None:
    row = exclude(head, kind, value)
    answer = post(form, **body)
    assert (answer.status_code, answer.json()["status"]) == (202, "received")  # a sender of spam is told nothing
    assert not Lead.objects.exists()
    kept = Submission.objects.get()
    assert (kept.state, kept.exclusion) == ("held", row)
    assert row.value in kept.error
    assert dict(kept.fields)["name"] == "Пётр"


@pytest.mark.parametrize("body", [{"email": "someone@badads.example"}, {"email": "spam@ads.example.org"}])
def test_others_are_not_held_back(head: Any, form: WebForm, body: dict[str, str]) -> None:
    exclude(head, "domain", "ads.example")
    exclude(head, "email", "spam@ads.example.net")
    assert post(form, **body).status_code == 202
    assert Lead.objects.count() == 1


def test_held_requests_are_counted_listed_and_made_leads_after_all(head: Any, form: WebForm, client: Client) -> None:
    row = exclude(head, "phone", "89123456789")
    for text in ("раз", "два"):
        post(form, phone="89123456789", comment=text)
    client.force_login(head)
    page = client.get(reverse("settings-exclusions"))
    assert page.context["held_total"] == 2
    assert [item.held for item in page.context["page"]] == [2]
    listed = client.get(f"{reverse('settings-submissions')}?state=&exclusion={row.pk}")
    assert len(listed.context["lines"]) == 2
    assert "Обработать ещё раз" in listed.content.decode()
    one = Submission.objects.order_by("pk").first()
    answer = client.post(reverse("settings-submission-again", args=[one.pk]))
    lead = Lead.objects.get()
    assert answer.headers["Location"] == lead.get_absolute_url()
    one.refresh_from_db()
    assert (one.state, one.lead_id, one.exclusion) == ("done", lead.pk, row)
    client.post(reverse("settings-submission-again", args=[one.pk]))
    assert Lead.objects.count() == 1
    assert post(form, phone="89123456789", comment="три").status_code == 202  # the list stays in force


def test_whoever_is_taken_out_comes_through_again(head: Any, form: WebForm) -> None:
    row = exclude(head, "phone", "89123456789")
    post(form, phone="89123456789")
    exclusion_remove(row, by=head)
    assert post(form, phone="89123456789", comment="ещё").status_code == 202
    held = Submission.objects.get(state="held")
    assert held.exclusion == row  # what was held back still says by what


# -- going out --------------------------------------------------------------------------------------------------------


def test_no_letter_is_written_and_one_that_waits_does_not_leave(head: Any, mail_server: Any) -> None:
    owner = make_user()
    contact = make_client(owner, email="petr@ads.example")
    deal = make_deal(owner, contact=contact)
    message = message_queue(record=deal, contact=contact, channel="email", text="Здравствуйте", by=owner)
    exclude(head, "domain", "ads.example")
    outbox.send_due()
    message.refresh_from_db()
    assert (message.state, mail_server.messages) == ("failed", [])
    assert "исключений" in message.error
    with pytest.raises(InvalidInput):
        message_queue(record=deal, contact=contact, channel="email", text="Ещё раз", by=owner)
    assert Message.objects.count() == 1


# -- keeping the list -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("phone", "8(912)345-67-89", "+79123456789"),
        ("whatsapp", "79123456789", "+79123456789"),
        ("email", " PETR@Mail.RU ", "petr@mail.ru"),
        ("domain", "https://www.x", None),
        ("domain", "WWW.Ads.Example.", "ads.example"),
        ("domain", "gmail.com", None),
        ("domain", "localhost", None),
        ("telegram", "@Spam_Bot", "spam_bot"),
        ("telegram", "123456789", "123456789"),
        ("telegram", "ab", None),
        ("phone", "звоните вечером", None),
        ("email", "@", None),
        ("fax", "1", None),
    ],
)
def test_values_are_kept_in_one_form_and_what_is_none_is_refused(kind: str, value: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(InvalidInput):
            clean_value(kind, value)
    else:
        assert clean_value(kind, value) == kept


def test_only_the_head_keeps_the_list_and_it_is_audited(head: Any) -> None:
    manager = make_user()
    with pytest.raises(PermissionDenied):
        exclusions_keep(kind="phone", values="89123456789", reason="x", by=manager)
    row = exclude(head, "phone", "89123456789")
    with pytest.raises(PermissionDenied):
        exclusion_remove(row, by=manager)
    exclusion_remove(row, by=head)
    exclusion_remove(row, by=head)
    fields = Change.objects.filter(record_type="exclusion").order_by("id").values_list("field", flat=True)
    assert list(fields) == ["created", "deleted"]
    assert not is_excluded("+79123456789")


def test_the_page_adds_finds_takes_out_and_puts_back(head: Any, client: Client) -> None:
    client.force_login(head)
    url = reverse("settings-exclusion-add")
    wrong = client.post(url, {"kind": "phone", "value": "89123456789, нет", "reason": "спам"})
    assert wrong.status_code == 422
    assert not Exclusion.objects.exists()
    client.post(url, {"kind": "phone", "value": "89123456789\n89123456780", "reason": "Реклама окон"})
    assert Exclusion.objects.count() == 2
    client.post(url, {"kind": "domain", "value": "ads.example", "reason": "Рассылка"})
    for search, count in (("8 912 345-67-89", 1), ("окон", 2), ("ads", 1), ("нет такого", 0), ("", 3)):
        assert len(client.get(reverse("settings-exclusions"), {"search": search}).context["page"].rows) == count
    row = Exclusion.objects.get(kind="domain")
    answer = client.post(reverse("settings-exclusion-remove", args=[row.pk]), follow=True)
    assert Exclusion.objects.count() == 2
    tags = [message.extra_tags for message in answer.context["messages"]]
    client.post(tags[0].removeprefix("undo:"))
    assert Exclusion.objects.count() == 3


# -- spam / not a client ----------------------------------------------------------------------------------------------


def some_lead(owner: Any, **data: Any) -> Lead:
    lead = lead_create(
        by=owner, data={"name": "Спамер", **data}, phones="89123456789, 89123456780", emails="a@ads.example"
    )
    return Lead.objects.get(pk=lead.pk)


def test_two_clicks_close_the_lead_and_put_its_phones_on_the_list_and_one_takes_it_back(client: Client) -> None:
    owner = make_user()
    lead = some_lead(owner)
    before = lead.stage
    client.force_login(owner)
    card = client.get(lead.get_absolute_url()).content.decode()
    url = reverse("lead-spam", args=[lead.pk])
    assert f'action="{url}"' in card
    answer = client.post(url, headers={"HX-Request": "true"})
    toast = json.loads(answer.headers["HX-Trigger"])["toast"]
    lead.refresh_from_db()
    assert lead.stage == "lead:erroneous"
    assert lead.refusal_reason.name_ru == "Спам"
    assert "+7 (912) 345-67-89" in lead.refusal_comment
    assert {(row.kind, row.value) for row in Exclusion.objects.all()} == {
        ("phone", "+79123456789"), ("phone", "+79123456780"), ("email", "a@ads.example"),
    }  # fmt: skip
    assert Exclusion.objects.first().added_by == owner
    assert client.post(toast["undo_url"], headers={"HX-Request": "true"}).status_code == 204
    lead.refresh_from_db()
    assert (lead.stage, Exclusion.objects.count()) == (before, 0)


def test_what_was_on_the_list_before_stays_on_it_after_the_undo(head: Any, client: Client) -> None:
    exclude(head, "phone", "89123456789")
    lead = some_lead(head)
    client.force_login(head)
    answer = client.post(reverse("lead-spam", args=[lead.pk]), headers={"HX-Request": "true"})
    client.post(json.loads(answer.headers["HX-Trigger"])["toast"]["undo_url"])
    assert [row.value for row in Exclusion.objects.all()] == ["+79123456789"]


@pytest.mark.parametrize("who", ["stranger", "teammate", "control"])
def test_a_foreign_lead_is_no_ones_spam(client: Client, who: str) -> None:
    lead = some_lead(make_user())
    client.force_login(make_user(Role.PARTNER_CONTROL if who == "control" else Role.SALES_MANAGER))
    assert client.post(reverse("lead-spam", args=[lead.pk])).status_code == 404
    assert not Exclusion.objects.exists()


def test_a_closed_lead_is_told_to_be_closed(head: Any, client: Client) -> None:
    lead = some_lead(head)
    client.force_login(head)
    client.post(reverse("lead-spam", args=[lead.pk]))
    assert client.post(reverse("lead-spam", args=[lead.pk])).status_code == 422
    assert Exclusion.objects.count() == 3


def test_selected_leads_are_closed_together_and_taken_back_together(client: Client) -> None:
    owner = make_user()
    first = some_lead(owner)
    second = lead_create(by=owner, data={"name": "Второй"}, phones="89120000001")
    client.force_login(owner)
    listed = client.get(reverse("lead-list")).content.decode()
    assert reverse("lead-bulk-spam") in listed
    assert reverse("lead-spam", args=[0]) in client.get(reverse("lead-board")).content.decode()
    chosen = {"ids": [first.pk, second.pk]}
    preview = client.post(reverse("lead-bulk-spam"), chosen, headers={"HX-Request": "true"}).content.decode()
    assert "Закроется как спам 2 лида." in preview
    assert "4" in preview
    assert not Exclusion.objects.exists()
    answer = client.post(reverse("lead-bulk-spam"), chosen | {"confirmed": "1"}, headers={"HX-Request": "true"})
    assert set(Lead.objects.values_list("stage", flat=True)) == {"lead:erroneous"}
    assert Exclusion.objects.count() == 4
    client.post(json.loads(answer.headers["HX-Trigger"])["toast"]["undo_url"])
    assert "lead:erroneous" not in set(Lead.objects.values_list("stage", flat=True))
    assert not Exclusion.objects.exists()


def test_a_closed_one_among_the_selected_stays_with_its_reason(client: Client) -> None:
    owner = make_user(language="en")
    first = some_lead(owner)
    second = lead_create(by=owner, data={"name": "Второй"}, phones="89120000001")
    client.force_login(owner)
    client.post(reverse("lead-spam", args=[second.pk]))
    chosen = {"ids": [first.pk, second.pk]}
    preview = client.post(reverse("lead-bulk-spam"), chosen, headers={"HX-Request": "true"}).content.decode()
    assert "1 stays as it is" in preview
    report = client.post(reverse("lead-bulk-spam"), chosen | {"confirmed": "1"}, headers={"HX-Request": "true"})
    assert "is closed already" in report.content.decode()
    assert Lead.objects.get(pk=first.pk).stage == "lead:erroneous"


@pytest.mark.rule("ACC-1")
def test_many_are_closed_by_a_worker_and_only_ones_own(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "AT_ONCE", 2)
    owner, stranger = make_user(), make_user()
    own = [lead_create(by=owner, data={"name": "Спам"}, phones=f"8912000001{number}") for number in range(4)]
    foreign = lead_create(by=stranger, data={"name": "Чужой"}, phones="89120000020")
    client.force_login(owner)
    chosen = {"ids": [lead.pk for lead in [*own, foreign]], "confirmed": "1"}
    client.post(reverse("lead-bulk-spam"), chosen, headers={"HX-Request": "true"})
    jobs.run_due()
    job = ListJob.objects.get()
    assert (job.kind, job.total, job.done, job.state) == ("spam", 4, 4, "done")
    assert Lead.objects.get(pk=foreign.pk).stage == "lead:handed_over"
    jobs.job_undo(job)
    jobs.run_due()
    assert not Lead.objects.filter(stage="lead:erroneous").exists()
    assert not Exclusion.objects.exists()


def test_by_api_many_at_once_and_leads_only(client: Client) -> None:
    owner = make_user(Role.SALES_HEAD)
    lead = some_lead(owner)
    contact = contact_create(by=owner, data={"name": "Иванов Пётр"}, phones="89120000033")
    client.force_login(owner)
    for url, pk, ok in (("leads", lead.pk, True), ("contacts", contact.pk, False)):
        body = {"action": "spam", "ids": [pk]}
        answer = client.post(f"/api/v1/{url}/bulk/", body, content_type="application/json").json()
        assert answer["results"][0]["ok"] is ok
    assert Lead.objects.get(pk=lead.pk).stage == "lead:erroneous"


def test_the_history_says_who_and_why(head: Any) -> None:
    from leads.spam import lead_mark_spam

    lead = some_lead(head)
    lead_mark_spam(lead, by=head)
    entry = TimelineEntry.objects.filter(record_type="lead", record_id=lead.pk, action="stage").first()
    assert entry is not None
    assert "Спам" in entry.data["refusal"]
