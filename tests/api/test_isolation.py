"""A crawl over every call of the API with the rows of other people: nothing answers, nothing is told.

Each role is given what it may not see in the path, as a parameter of every list and report, and in the bodies of calls
about its own rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import ApiToken
from automation.models import ScheduledRun
from communications.models import Message, Submission, WebhookEndpoint
from crm.models import Activity, Attachment, ContactPoint, Exclusion, ListJob, Merge, Notification, SavedView
from deals.models import CopySet, Document
from tests.permissions.secrets import WHO, SecretWorld
from tests.permissions.test_url_matrix import Rows
from tests.permissions.world import WORDS

pytestmark = [pytest.mark.django_db, pytest.mark.rule("ACC-1", "ACC-2")]
KIND_OF = {"leads": "lead", "deals": "deal", "contacts": "contact", "companies": "company", "objects": "object"}
HANGING = {"tasks": Activity, "files": Attachment, "points": ContactPoint, "letters": Message}
# Rows that hang on nobody's record; none of them is of those who ask.
OF_OTHERS: dict[str, Any] = {
    "merges": Merge, "views": SavedView, "jobs": ListJob, "copy-sets": CopySet, "documents": Document,
    "robot-runs": ScheduledRun, "notifications": Notification, "submissions": Submission, "webhooks": WebhookEndpoint,
    "exclusions": Exclusion,
}  # fmt: skip


@dataclass(frozen=True)
class Route:
    """One address of the API with the methods it has."""

    pattern: str
    methods: tuple[str, ...]

    @property
    def word(self) -> str:
        """The kind of rows it is about."""
        return self.pattern.split("/")[2]

    def filled(self, first: Any, second: Any) -> str:
        """The address with numbers in its holes."""
        values = iter([str(first), str(second)])
        return HOLE.sub(lambda _found: next(values), self.pattern)


HOLE = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)|<\w+:(\w+)>")


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


class Asker:
    """A program of one person, and the numbers of what that person does not see."""

    def __init__(self, world: SecretWorld, who: str, caller: Any) -> None:
        self.world, self.who, self.program = world, who, caller(world.people[who])
        self.calls, self.wrong = 0, list[str]()
        foreign = world.foreign(who).values()
        self.ids: dict[str, list[Any]] = {
            word: [row.pk for row in foreign if kind == row.RECORD_TYPE] for word, kind in KIND_OF.items()
        }
        self.ids |= {word: world.ids(who, model) for word, model in HANGING.items()}
        self.ids |= {word: list(model.objects.values_list("pk", flat=True)) for word, model in OF_OTHERS.items()}
        self.ids["me"] = list(ApiToken.objects.exclude(user=world.people[who]).values_list("pk", flat=True))
        self.ids["people"] = self.ids["users"] = [world.people[name].pk for name in ("owner", "partner_a")]
        # Control sees all partners.
        self.ids["partners"] = [world.people["partner_a"].partner_id] if who != "control" else []
        stages = {"partner_b": ["deal:negotiation", "lead:new"], "stranger": ["partner_deal:received"]}
        self.ids["stages"] = stages.get(who, [1])

    def call(self, method: str, url: str, body: Any = None, *, names_a_row: bool = False) -> int:
        """One call; what it tells or does that it must not is noted down."""
        answer = self.program.call(method, url, body)
        self.calls += 1
        code = answer.status_code
        told = self.world.told(self.who, answer, asked=[url, body])
        if told or code >= 500 or code == 429 or (names_a_row and code < 300):
            self.wrong.append(f"{self.who} {method} {url}: {code} {told}")
        return int(code)

    def asks_for_foreign_rows(self) -> None:
        """Each address with the number of a row out of sight, as a whole call would be."""
        for number, route in enumerate(routes()):
            known = self.ids.get(route.word, [1])
            if not known:
                continue
            wanted = bodies(self.ids, self.world.people[self.who], route.word)
            address = route.filled(known[number % len(known)], self._inner(route, number))
            for method in route.methods:
                body = wanted.get(tail_of(address), {}) if method != "get" else None
                self.call(method, f"/{address}", body, names_a_row=address != route.pattern)

    def brings_foreign_rows_along(self) -> None:
        """Each call about a row of the asker's own with what is out of sight within it; nothing of it stays."""
        for number, route in enumerate(routes()):
            kind = KIND_OF.get(route.word)
            own = self.world.own(self.who, kind) if kind else None
            if own is None or "(?P<" not in route.pattern:
                continue
            address = route.filled(own.pk, self._inner(route, number))
            wanted = bodies(self.ids, self.world.people[self.who], route.word)
            links = [{name: self.ids[word][0]} for name, word in LINKS.items()]
            for method in route.methods:
                given = links if method == "patch" else [wanted.get(tail_of(address), {})]
                for body in given if method != "get" else [None]:
                    with transaction.atomic():
                        inner = route.pattern.count("(?P<") > 1
                        if self.call(method, f"/{address}", body, names_a_row=inner) < 300 and body:
                            self.wrong += [f"{method} {address}: {what}" for what in self.world.harm(self.who)]
                        transaction.set_rollback(True)

    def asks_lists_for_them(self) -> None:
        """Every list and report of the description by every parameter that can name somebody's row or client."""
        values = foreign_values(self.ids, self.world.foreign(self.who))
        for path, names in described_lists():
            unknown = names - values.keys() - NAMING_NOBODY
            assert not unknown, f"{path}: say in this file what to ask for by {sorted(unknown)}"
            self.call("get", path)
            for name in sorted(names & values.keys()):
                for value in values[name]:
                    self.call("get", f"{path}?{name}={value}" + "&count=exact" * ("count" in names))

    def _inner(self, route: Route, number: int) -> Any:
        names = [found.group(1) or found.group(2) for found in HOLE.finditer(route.pattern)]
        inner = {"file_id": "files", "point_id": "points", "document": "documents"}.get(names[-1] if names else "")
        return self.ids[inner][number % len(self.ids[inner])] if inner else 0


LINKS = {"contact": "contacts", "company": "companies", "object": "objects"}


def tail_of(address: str) -> str:
    return address.rstrip("/").rsplit("/", 1)[-1]


def bodies(ids: dict[str, list[Any]], user: Any, word: str) -> dict[str, Any]:
    """A body that would be right for each action, if the rows in it were the caller's."""
    rows = ids.get(word) or [1]
    return {
        "move": {"to": "proposal_sent", "data": {"amount": 5}},
        "assign": {"responsible": user.pk},
        "notes": {"text": "мы тут"},
        "tasks": {"title": "мы тут", "due_at": "2027-01-01T09:00:00Z"},
        "convert": {"kind": "person", "contact": {"existing": ids["contacts"][0]}},
        "client": {"contact": ids["contacts"][0]},
        "object": {"existing": ids["objects"][0]},
        "copies": {"count": 1},
        "lines": {"lines": []},
        "bulk": {"ids": rows, "action": "assign", "responsible": user.pk},
        "found": {"query": f"search={WORDS['deal_own']}", "action": "tag", "add": ["мы тут"]},
        "export": {"query": f"search={WORDS['deal_own']}"},
        "merge": {"main": rows[0], "others": rows[1:2]},
        "not-duplicates": {"ids": rows},
        "hand-over": {"partner": (ids["partners"] or [1])[0]},
        "hand-on": {"partner": (ids["partners"] or [1])[0], "reason": "Наш регион"},
        "recall": {"reason": "Наш регион"},
        "feedback": {"product": 5, "partner": 5},
        "deals": {"title": "Наш", "contact": ids["contacts"][0]},
        "leads": {"name": "Наш", "company": ids["companies"][0]},
        "contacts": {"last_name": "Наш", "company": ids["companies"][0]},
    }


# Parameters that only cut down or arrange what is seen anyway: they name no row and no client.
NAMING_NOBODY = frozenset(
    {
        "actor_kind", "after", "amount_from", "amount_to", "area_from", "area_to", "as", "at_from", "at_to", "by",
        "channel", "client_type", "close_from", "close_to", "closed_from", "closed_to", "columns", "company_person",
        "compare", "copies", "count", "created_from", "created_to", "cursor", "date_from", "date_to", "days",
        "done_from", "done_to", "due_from", "due_to", "endpoint", "field", "foreseen", "form", "from", "goal",
        "goal_for", "goal_in", "got_to", "has_lead", "height_from", "height_to", "is_active", "is_repeat", "kind",
        "length_from", "length_to", "limit", "lost_from", "mine", "mode", "model", "month", "next_step",
        "no_campaign", "no_city", "no_client", "no_close_date", "no_company", "no_partner", "no_products",
        "no_purpose", "no_refusal_reason", "no_region", "no_responsible", "no_source", "no_team", "norm_exceeded",
        "ordering", "orders", "period", "pipeline", "product", "purpose", "reached", "received_from", "record_type",
        "refusal_reason", "requested_from", "requested_to", "role", "route", "rule", "sort", "source", "stage",
        "start_from", "start_to", "state", "sure", "tag", "team", "to", "tonnage_from", "tonnage_to", "touched",
        "type", "unrecorded", "updated_since", "utm_campaign", "waited", "width_from", "width_to", "year",
    }
)  # fmt: skip


def foreign_values(ids: dict[str, list[Any]], foreign: dict[str, Any]) -> dict[str, list[Any]]:
    """What to ask for by each parameter that can name somebody's row or client; each answer tells the rest of it."""
    record, word = ids["deals"][:1], [WORDS["contact_own"]]
    phone = next(number for number, name in enumerate(WORDS) if name == "contact_own")
    return {
        "search": [*word, f"70{phone:03d}"], "q": [*word, f"9127770{phone:03d}"], "name": word, "company_name": word,
        "city": ["Тверь"], "region": ["Тверь"], "phones": [f"%2B79127770{phone:03d}"], "emails": ["x@example.com"],
        "inn": ["7707083893"], "id": [",".join(map(str, ids["deals"]))], "company": ids["companies"][:1],
        "contact": ids["contacts"][:1], "object": ids["objects"][:1], "deal": record, "mother": record,
        "record_id": record, "partner": ids["partners"] or [0], "responsible": ids["people"],
        "actor_user": ids["people"], "of": ids["people"], "upsell_by": ids["people"], "ids": record,
    }  # fmt: skip


def described_lists() -> Iterator[tuple[str, set[str]]]:
    """Every list and report of the description with the parameters it takes."""
    for path, operations in SchemaGenerator().get_schema(public=True)["paths"].items():
        if "{" not in path and "get" in operations:
            rows = operations["get"].get("parameters", [])
            yield path, {row["name"] for row in rows if row["in"] == "query"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> SecretWorld:
    """The small company, with rows of somebody else's beside the records, and no budget of calls in the way."""
    for scope in ("token", "lookups"):
        monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, scope, "1000000/min")
    made = SecretWorld()
    Rows(made)
    CopySet.objects.create(mother=made.records["deal_own"], key="x", count=1)
    return made


def test_no_call_tells_or_does_anything_of_what_is_out_of_sight(world: SecretWorld, caller: Any) -> None:
    for who in WHO:
        asker = Asker(world, who, caller)
        asker.asks_for_foreign_rows()
        asker.asks_lists_for_them()
        asker.brings_foreign_rows_along()
        asker.wrong += list(world.harm(who))
        assert asker.calls > 400, who
        assert not asker.wrong, "\n".join(asker.wrong)


def test_the_crawl_notices_a_gate_left_open_and_the_database_holds_it_shut(
    world: SecretWorld, caller: Any, monkeypatch: pytest.MonkeyPatch, first_lock_alone: Any
) -> None:
    monkeypatch.setattr("crm.visibility.restrict", lambda rows, _user, _action="view": rows)
    monkeypatch.setattr("crm.visibility.readable_by", lambda rows, _user: rows)
    with first_lock_alone():
        asker = Asker(world, "partner_b", caller)
        asker.asks_lists_for_them()
        for word, tails in (("deals", ("", "timeline/", "files/")), ("contacts", ("", "points/"))):
            for tail in tails:
                asker.call("get", f"/api/v1/{word}/{asker.ids[word][0]}/{tail}", names_a_row=True)
    assert len(asker.wrong) > 30
    assert any("timeline" in line for line in asker.wrong)
    assert any("files" in line for line in asker.wrong)


@pytest.mark.postgres
def test_with_the_first_lock_taken_out_the_database_answers_the_same_crawl(
    world: SecretWorld, caller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.visibility.restrict", lambda rows, _user, _action="view": rows)
    monkeypatch.setattr("crm.visibility.readable_by", lambda rows, _user: rows)
    asker = Asker(world, "partner_b", caller)
    asker.asks_lists_for_them()
    asker.asks_for_foreign_rows()
    assert not asker.wrong, "\n".join(asker.wrong)
