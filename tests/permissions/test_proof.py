"""The proof of ACC-1 and ACC-2 in the browser: no page and no form tells or takes anything of what is out of sight.

Numbers out of sight in the path are asked by the table of all pages (test_url_matrix), the calls of the API by
tests/api/test_isolation.py; here they come as filters, searches and fields of forms, role by role.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path, reverse

from deals.models import Deal
from tests.permissions.secrets import WHO, SecretWorld
from tests.permissions.test_url_matrix import ROLES, Rows
from tests.permissions.world import WORDS

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-1", "ACC-2")]
HTMX = {"HX-Request": "true"}
# The manager's own deal with its clients and object: out of sight for all four.
SIDE = ("contact", "company", "object", "deal", "lead")
# Pages that ask for no rows by what they are given, and those that end the session or belong to nobody.
WITHOUT_QUERIES = ("settings-", "accounts:", "web:styleguide", "hosted-", "web:session", "set_language", "letter-image")
WITHOUT_FORMS = ("accounts:sessions-end", "accounts:session-end", "set_language", "hosted-", "web:session")
# An operator recognises callers and is told their name, and only that (LEAD-12).
RECOGNISES = {("operator", name) for name in ("web:search", "web:palette", "client-matches")}
# Control takes a record back from its partner: the manufacturer's own goes on, out of control's sight or not (PART-4).
GOES_ON = {("control", "handoff-recall"), ("control", "handoff-hand-on")}


class OwnRows(Rows):
    """The same table with the asker's own record in each path, where there is one."""

    def __init__(self, world: SecretWorld, who: str) -> None:
        self.who = who
        super().__init__(world)

    def own(self, kind: str) -> Any:
        """A record that the asker sees."""
        return self.world.own(self.who, kind) or super().own(kind)  # type: ignore[attr-defined]


def signed_in(user: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def let_in(who: str, codes: str) -> bool:
    """Does the table of all pages let that role in? Whom it keeps out whatever the rows it has asked already."""
    return codes.split()[ROLES.index(who)] != "403"


def queries(world: SecretWorld) -> Iterator[dict[str, Any]]:
    """Ways to ask a page for others' rows: by a word, a phone, their links, their people."""
    word, phone = WORDS["contact_own"], f"9127770{list(WORDS).index('contact_own'):03d}"
    yield dict.fromkeys(("q", "search", "name", "last_name", "company_name"), word)
    yield {**dict.fromkeys(("q", "search"), phone[-4:]), "phone": f"+7{phone}"}
    rows = {kind: world.records[f"{kind}_own"].pk for kind in SIDE}
    yield {**rows, "pipeline": "all", "like": rows["deal"], "record_type": "deal", "record_id": rows["deal"]}
    owner, partner = world.people["owner"].pk, world.people["partner_a"].partner_id
    yield {"responsible": owner, "of": owner, "person": owner, "partner": partner, "pipeline": "all"}


def asked_pages(world: SecretWorld, who: str) -> list[str]:
    """What the pages of that person tell when they are asked for what is out of sight."""
    client, wrong = signed_in(world.people[who]), []
    for name, (method, args, codes) in Rows(world).rows.items():
        if method != "GET" or name.startswith(WITHOUT_QUERIES) or any(isinstance(arg, int) for arg in args):
            continue
        for query in queries(world) if let_in(who, codes) else ():
            answer = client.get(reverse(name, args=args), query, headers=HTMX)
            told = world.told(who, answer, asked=query.values())
            if (who, name) in RECOGNISES:
                told = [word for word in told if not word.startswith("слово")]
            if told or answer.status_code >= 500:
                wrong.append(f"{who} {name} {query}: {answer.status_code} {told}")
    return wrong


def form(world: SecretWorld, name: str) -> dict[str, Any]:
    """A filled form in which every field that can name a row names one out of sight."""
    rows = {kind: world.records[f"{kind}_own"].pk for kind in SIDE}
    kind = next((kind for kind in SIDE if name.startswith(f"{kind}-")), "deal")
    others = [world.records[f"{kind}_own"].pk, world.records[f"{kind}_foreign"].pk]
    return {
        **rows, "ids": others, "other": others, "deals": rows["deal"], "mother": rows["deal"], "record": rows["deal"],
        "existing": rows["object"], "main": others[0], "other_type": kind, "record_type": "deal",
        "record_id": rows["deal"], "query": f"search={WORDS['deal_own']}", "title": "Наш", "name": "Наш",
        "last_name": "Наш", "text": "мы тут", "phone": "+79127770000", "to": "proposal_sent", "reason": "Наше",
        "fields": "1", "due_at": "2030-01-01T10:00", "add": "наше", "as": "csv", "kind": "person",
        "partner": world.people["partner_a"].partner_id,
    }  # fmt: skip


def posted_forms(world: SecretWorld, who: str) -> list[str]:
    """What came of posting to every address, about the person's own record where there is one; nothing of it stays."""
    client, wrong = signed_in(world.people[who]), []
    with transaction.atomic():
        rows = OwnRows(world, who).rows
        for name, (_method, args, codes) in rows.items():
            if name.startswith(WITHOUT_FORMS) or not let_in(who, codes):
                continue
            given = form(world, name)
            with transaction.atomic():
                answer = client.post(reverse(name, args=args), given, headers=HTMX)
                told = world.told(who, answer, asked=[*map(str, given.values())])
                if told or answer.status_code >= 500:
                    wrong.append(f"{who} {name}: {answer.status_code} {told}")
                if answer.status_code < 400 and (who, name) not in GOES_ON:
                    wrong += [f"{who} {name}: {harm}" for harm in world.harm(who)]
                transaction.set_rollback(True)
        transaction.set_rollback(True)
    return wrong


def test_no_page_tells_and_no_form_takes_what_is_out_of_sight() -> None:
    world = SecretWorld()
    # The look finds what is there: the head is told all of it.
    head = signed_in(world.people["head"])
    told = world.told("stranger", head.get("/deals/", {"pipeline": "all"}))
    assert {str(world.records["deal_own"].pk), WORDS["deal_own"]} <= set(told)
    wrong = []
    for who in WHO:
        with transaction.atomic():
            wrong += asked_pages(world, who)
            transaction.set_rollback(True)
        wrong += posted_forms(world, who)
    assert not wrong, "\n".join(wrong)


# -- the proof itself -------------------------------------------------------------------------------------------------


def forgetful(request: HttpRequest) -> HttpResponse:
    """A page that forgot to ask whose rows they are."""
    rows = Deal.objects.all()  # Nothing more: this is what the locks are for.
    return HttpResponse("".join(f"<a href='{row.get_absolute_url()}'>{row.title}</a>" for row in rows))


urlpatterns = [path("forgetful/", forgetful, name="forgetful"), path("", include("crm.urls"))]


class WithForgetful(Rows):
    """The table with that page in it."""

    def _pages(self) -> None:
        self.add("forgetful", "200 200 200 200 200 200 200")


def test_a_page_without_visible_to_is_found_and_the_database_holds_it(
    settings: Any, monkeypatch: pytest.MonkeyPatch, first_lock_alone: Any
) -> None:
    world = SecretWorld()
    settings.ROOT_URLCONF = __name__
    monkeypatch.setattr(f"{__name__}.Rows", WithForgetful)
    for name in ("_records", "_settings", "_webhooks", "_rest"):
        monkeypatch.setattr(Rows, name, lambda _self: None)
    for who in WHO:
        with first_lock_alone():
            found = asked_pages(world, who)
        assert found, who
        assert all("forgetful" in line for line in found), found
        # On PostgreSQL the second lock hands the same page no foreign row; on SQLite there is none.
        assert bool(asked_pages(world, who)) is (connection.vendor != "postgresql"), who
