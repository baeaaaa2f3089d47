"""A crawl over every address of the API with the ids of other people's rows: nothing answers, nothing is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from python_calamine import CalamineWorkbook

from accounts.models import Role
from accounts.services import token_create
from crm import clients, clock, services
from crm.contact_points import points_of
from crm.exporting import XLSX_TYPE
from crm.merging import merge
from crm.models import ListJob
from deals.services import deal_create
from leads.copies import make_copies
from leads.services import lead_create
from objects_registry.services import object_create
from partners.handoff import hand_over
from tests.factories import make_user

pytestmark = pytest.mark.django_db
MARK = "Заповедник"
# Dictionaries that everybody reads; a partner's own people, account and organisation.
PUBLIC = {"api/v1/sources/", "api/v1/purposes/"}


@dataclass(frozen=True)
class Route:
    """One address of the API with the methods it has."""

    pattern: str
    methods: tuple[str, ...]


def routes(patterns: Any = None, prefix: str = "") -> Iterator[Route]:
    """Every address under /api/v1/ that has named methods."""
    for item in get_resolver().url_patterns if patterns is None else patterns:
        text = prefix + str(item.pattern).removeprefix("^").removesuffix("$").removesuffix("\\Z")
        if isinstance(item, URLResolver):
            yield from routes(item.url_patterns, text)
        elif isinstance(item, URLPattern) and text.startswith("api/v1/"):
            actions = getattr(item.callback, "actions", None)
            names = actions or getattr(getattr(item.callback, "view_class", None), "http_method_names", ())
            yield Route(text, tuple(name for name in names if name in {"get", "post", "patch", "put", "delete"}))


def foreign_world() -> dict[str, list[Any]]:
    """Rows of the manufacturer and of another partner, all of them with the mark; their ids by the word of the URL."""
    manager, head = make_user(last_name=MARK), make_user(Role.SALES_HEAD, last_name=MARK)
    other = make_user(Role.PARTNER, last_name=MARK)
    company = clients.company_create(by=manager, data={"name": f"ООО {MARK}", "responsible": manager})
    data = {"last_name": MARK, "company": company, "responsible": manager}
    contact = clients.contact_create(by=manager, data=data, phones="+79125550101")
    building = object_create(by=manager, data={"name": MARK, "address": MARK, "width": 24, "length": 60})
    double = object_create(by=manager, data={"name": f"{MARK} 2"})
    values = {"contact": contact, "company": company, "object": building, "responsible": manager}
    lead = lead_create(by=manager, data={"name": MARK, **values}, phones="+79125550101")
    deal = deal_create(by=manager, data={"title": MARK, **values})
    handed = deal_create(by=manager, data={"title": f"{MARK} у партнёра", **values})
    hand_over(record=handed, partner=other.partner, by=manager)
    theirs = deal_create(by=other, data={"title": f"{MARK} чужой"})
    copies = make_copies(deal_id=deal.pk, by=manager, count=1, key="a")
    done = merge(record_type="object", main_id=building.pk, other_ids=[double.pk], by=head)
    ids: dict[str, list[Any]] = {"leads": [lead.pk], "deals": [deal.pk, handed.pk, theirs.pk]}
    ids |= {"contacts": [contact.pk], "companies": [company.pk], "objects": [building.pk, double.pk]}
    ids |= {"merges": [done.pk], "copy-sets": [copies.pk], "tasks": [], "files": [], "points": []}
    for record in (lead, deal, contact, company, building, theirs):
        services.note_add(record, text=MARK, by=head)
        due = clock.now() + timedelta(days=1)
        task = services.activity_create(record, title=MARK, due_at=due, responsible=manager, by=head)
        upload = SimpleUploadedFile(f"{MARK}.txt", MARK.encode())
        ids["tasks"].append(task.pk)
        ids["files"].append(services.attachment_add(record, upload=upload, by=head).pk)
    ids["points"] = [point.pk for point in points_of(contact)]
    ids["people"], ids["partners"] = [manager.pk, other.pk], [other.partner_id]
    ids["jobs"] = [ListJob.objects.create(user=manager, kind="tag", state="done").pk]
    ids["me"] = [token_create(user=manager, by=manager, name=MARK, scopes=["read"])[0].pk]
    return ids


def addresses(route: Route, ids: dict[str, list[Any]]) -> Iterator[str]:
    """The address with the ids of other people's rows put in."""
    parts = route.pattern.split("/")
    word = parts[2]
    hole = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)|<\w+:(\w+)>")
    names = [found.group(1) or found.group(2) for found in hole.finditer(route.pattern)]
    if not names:
        yield route.pattern
        return
    for pk in ids.get(word, [1]):
        inner = {"file_id": ids["files"], "point_id": ids["points"]}.get(names[-1], [0])
        for number in inner:
            values = iter([str(pk), str(number)])
            yield hole.sub(lambda _found, values=values: next(values), route.pattern)


def bodies(ids: dict[str, list[Any]], user: Any) -> dict[str, Any]:
    """A body that would be right for each action, if the row were the caller's."""
    due = "2027-01-01T09:00:00Z"
    return {
        "move": {"to": "proposal_sent", "data": {"amount": 5}},
        "assign": {"responsible": user.pk},
        "notes": {"text": "мы тут"},
        "tasks": {"title": "мы тут", "due_at": due},
        "convert": {"kind": "person", "contact": {"last_name": "Мы"}},
        "client": {"contact": ids["contacts"][0]},
        "object": {"existing": ids["objects"][0]},
        "copies": {"count": 1},
        "lines": {"lines": []},
        "found": {"query": f"search={MARK}", "action": "tag", "add": ["мы тут"]},
        "export": {"query": f"search={MARK}"},
        "merge": {"main": ids["objects"][0], "others": [ids["objects"][1]]},
        "not-duplicates": {"ids": ids["objects"]},
        "hand-over": {"partner": user.partner_id},
        "hand-on": {"partner": user.partner_id, "reason": "Наш регион"},
        "recall": {"reason": "Наш регион"},
        "feedback": {"product": 5, "partner": 5},
        "deals": {"title": "Наш", "contact": ids["contacts"][0]},
        "leads": {"name": "Наш", "company": ids["companies"][0]},
    }


def crawl(program: Any, ids: dict[str, list[Any]]) -> tuple[int, list[str]]:
    """Call everything; answers how many calls there were and which of them told or did what they must not."""
    wanted, calls, leaks = bodies(ids, program.user), 0, []
    for route in routes():
        for address in addresses(route, ids):
            tail = address.rstrip("/").rsplit("/", 1)[-1]
            names_a_row = address != route.pattern
            for method in route.methods:
                body = wanted.get(tail, {}) if method != "get" else None
                queries = [""] if names_a_row or method != "get" else ["", *searches(ids)]
                for query in queries:
                    answer = program.call(method, f"/{address}{query}", body)
                    calls += 1
                    if answer.status_code >= 500 or tells(answer) or (names_a_row and answer.status_code < 300):
                        leaks.append(f"{method} {address}{query}: {answer.status_code}")
    return calls, leaks


# Parameters that only cut down or arrange what is seen anyway: they name no row and no client.
NAMING_NOBODY = frozenset(
    {
        "actor_kind", "after", "amount_from", "amount_to", "area_from", "area_to", "as", "at_from", "at_to", "by",
        "channel", "client_type", "close_from", "close_to", "closed_from", "closed_to", "columns", "company_person",
        "copies", "count", "created_from", "created_to", "cursor", "date_from", "date_to", "days", "done_from",
        "done_to", "due_from", "due_to", "endpoint", "field", "form", "from", "got_to", "height_from", "height_to",
        "is_active", "is_repeat", "kind", "length_from", "length_to", "limit", "lost_from", "mine", "mode", "model",
        "month", "next_step", "no_campaign", "no_city", "no_close_date", "no_company", "no_products", "no_purpose",
        "no_refusal_reason", "no_region", "no_responsible", "no_source", "no_team", "norm_exceeded", "ordering",
        "orders", "period", "pipeline", "product", "purpose", "reached", "received_from", "record_type",
        "refusal_reason", "role", "route", "rule", "sort", "source", "stage", "start_from", "start_to", "state", "sure",
        "tag", "team", "to", "tonnage_from", "tonnage_to", "touched", "type", "updated_since", "utm_campaign",
        "width_from", "width_to", "year",
    }
)  # fmt: skip


def foreign_values(ids: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """What to ask for by each parameter that can name somebody's row or client."""
    record = ids["deals"]
    return {
        "search": [MARK, "5550101"], "q": [MARK, "5550101"], "name": [MARK], "company_name": [MARK], "city": ["Тверь"],
        "region": ["Тверь"], "phones": ["%2B79125550101"], "emails": ["x@example.com"], "inn": ["7707083893"],
        "id": [",".join(map(str, record))], "company": ids["companies"], "contact": ids["contacts"],
        "object": ids["objects"], "deal": record, "mother": record, "record_id": record, "partner": ids["partners"],
        "responsible": ids["people"], "actor_user": ids["people"], "of": ids["people"],
        "upsell_by": ids["people"], "ids": record,
    }  # fmt: skip


def described_queries(ids: dict[str, list[Any]]) -> Iterator[str]:
    """Every list and report of the description by every parameter that can name somebody; a new one is to be said."""
    values = foreign_values(ids)
    for path, operations in SchemaGenerator().get_schema(public=True)["paths"].items():
        if "{" in path:
            continue
        names = {row["name"] for row in operations.get("get", {}).get("parameters", []) if row["in"] == "query"}
        unknown = names - values.keys() - NAMING_NOBODY
        assert not unknown, f"{path}: say in this file what to ask for by {sorted(unknown)}"
        for name in sorted(names & values.keys()):
            yield from (f"{path}?{name}={value}" for value in values[name])


def searches(ids: dict[str, list[Any]]) -> list[str]:
    """Ways to ask a list for other people's rows."""
    several = ",".join(str(pk) for pk in ids["deals"])
    return [
        f"?search={MARK}", "?search=5550101", f"?id={several}", f"?company={ids['companies'][0]}",
        f"?contact={ids['contacts'][0]}", "?count=exact&expand=responsible", "?phones=%2B79125550101", f"?name={MARK}",
        f"?q={MARK}",
    ]  # fmt: skip


def tells(answer: Any) -> bool:
    """Does the body name anything of the others?"""
    if getattr(answer, "streaming", False):
        content = b"".join(answer)
        if answer["Content-Type"] != XLSX_TYPE:
            return True
        sheet = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
        # The first line says the filter, which here is what was asked for.
        return MARK.casefold() in str(sheet[1:]).casefold()
    if not answer.content:
        return False
    if MARK.casefold() in answer.content.decode().casefold():
        return True
    body = answer.json() if answer["Content-Type"].startswith("application/json") else {}
    return isinstance(body, dict) and bool(body.get("count"))


@pytest.mark.rule("ACC-1")
def test_a_partner_meets_nothing_of_others_anywhere(caller: Any) -> None:
    ids = {**foreign_world(), "stages": ["deal:negotiation", "lead:new"]}
    program = caller(make_user(Role.PARTNER))
    calls, leaks = crawl(program, ids)
    assert calls > 150
    assert not leaks, "\n".join(leaks)


@pytest.mark.rule("ACC-1", "ACC-2")
def test_no_parameter_of_the_description_tells_a_partner_of_others(caller: Any) -> None:
    ids, program = foreign_world(), caller(make_user(Role.PARTNER))
    asked = list(described_queries(ids))
    answers = {url: program.call("get", url) for url in asked}
    told = [f"{url}: {row.status_code}" for url, row in answers.items() if row.status_code >= 500 or tells(row)]
    assert len(asked) > 80
    assert not told, "\n".join(told)


@pytest.mark.rule("ACC-1")
def test_neither_does_a_manager_who_has_nothing(caller: Any) -> None:
    ids = {**foreign_world(), "stages": ["partner_deal:received"]}
    calls, leaks = crawl(caller(make_user()), ids)
    people = [leak for leak in leaks if not leak.startswith(("get api/v1/users/", "get api/v1/partners/"))]
    assert calls > 150
    assert not people, "\n".join(people)


@pytest.mark.rule("ACC-1")
def test_the_crawl_notices_a_gate_left_open(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = foreign_world()
    monkeypatch.setattr("crm.visibility.restrict", lambda rows, _user, _action="view": rows)
    _calls, leaks = crawl(caller(make_user(Role.PARTNER)), ids)
    assert len(leaks) > 30
    assert any("timeline" in leak for leak in leaks)
    assert any("files" in leak for leak in leaks)
