"""Measures what keeping partners apart costs: pages of one partner of a hundred beside an administrator's.

    .venv/bin/python scripts/postgres.py .venv/bin/python -m bench.isolation --write

A million records lie in the partners' pipelines, half leads and half deals, a hundredth of them each partner's. The
same addresses are asked for by an administrator and by a partner's user, with the policies of PostgreSQL and without,
all in turn in one process, so that whatever else the machine does burdens all four alike.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from bench.__main__ import start_django
from bench.report import write

LOGIN = "crm_bench"
PARTNERS = 100
AIM = 1.5  # a partner's page beside the administrator's, both with the policies on
PAGES = {
    "list of leads": "/leads/?pipeline=partner_lead",
    "list of deals": "/deals/?pipeline=partner_deal",
    "list, one stage": "/deals/?pipeline=partner_deal&stage=partner_deal:negotiation",
    "list, part of a name": "/deals/?pipeline=partner_deal&q=герасим",
    "list, tail of a phone": "/leads/?pipeline=partner_lead&q=4571",
    "board of leads": "/leads/board/?pipeline=partner_lead",
    "board of deals": "/deals/board/?pipeline=partner_deal",
    "list of contacts": "/contacts/",
    "contacts, part of a name": "/contacts/?q=герасим",
    "search over all": "/search/?q=герасим",
    "API, list of deals": "/api/v1/deals/?pipeline=partner_deal&limit=50",
}


def main() -> int:
    """Fill, measure, tell; the exit code says whether the aim is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.isolation", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of a million records")
    parser.add_argument("--times", type=int, default=40, help="how often each page is asked for")
    parser.add_argument("--only", default="", help="measure only what has this in its name")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start_django(folder)
        return run(options)


def run(options: argparse.Namespace) -> int:
    """The whole measurement on an empty database."""
    from django.core.management import call_command

    from bench.measure import Result, measure

    call_command("collectstatic", verbosity=0, interactive=False)
    call_command("migrate", verbosity=0, interactive=False)
    records = int(1_000_000 * options.scale)
    people = fill(records)
    results: dict[str, Result] = {item.name: item for item in measure(works(people, options.only), options.times)}
    pages = [name for name in PAGES if f"{name}: administrator" in results]
    text = f"{table(pages, results)}\n\n{closing(records)}"
    print(text)
    if options.write:
        write("isolation", text)
    missed = [name for name in pages if _ratio(results, name, "partner, policies", "administrator, policies") > AIM]
    for name in missed:
        print(f"MISSED  {name}: more than {AIM:g} times the administrator's time")
    return 1 if missed else 0


# -- rows -------------------------------------------------------------------------------------------------------------


def fill(records: int) -> dict[str, Any]:
    """The company of `bench.data` at a tenth, a hundred partners, and their records; answers who asks."""
    from accounts.models import Role
    from accounts.services import user_create
    from bench.bulk import indexes_last
    from bench.data import Sizes
    from bench.data import fill as fill_company
    from crm import row_security, scope
    from partners.services import partner_create, partner_user_create

    sizes = Sizes().scaled(min(1.0, records / 1_000_000))
    head = fill_company(sizes)
    with scope.opened():
        administrator = user_create(by=None, email="admin@example.com", role=Role.ADMINISTRATOR, last_name="Админов")
        users = []
        for number in range(PARTNERS):
            partner = partner_create(by=head, data={"name": f"Партнёр {number}"})
            email = f"p{number}@example.com"
            users.append(partner_user_create(partner, by=head, email=email, password=None, last_name="Партнёров"))
        with indexes_last():
            _records(records // 2, head, users, sizes)
    row_security.secure(LOGIN)
    return {"administrator": administrator, "partner": users[PARTNERS // 2]}


def _records(count: int, head: Any, users: list[Any], sizes: Any) -> None:
    """So many leads and deals, spread over the partners by number, of a pair that was really handed over."""
    from bench.data import FAMILIES, FIRST, NAMES, multiply, pick, spread, stages_of
    from deals.models import Deal
    from deals.services import deal_create
    from leads.models import Lead
    from leads.services import lead_create
    from partners.handoff import hand_over
    from partners.stages import PARTNER_DEAL, PARTNER_LEAD

    lead = lead_create(by=head, data={"name": "Иван Партнёров", "title": "Образец"}, phones="+79990000004")
    deal = deal_create(by=head, data={"title": "Образец", "amount": 1_000_000})
    partner = users[0].partner
    name = f"{pick(FAMILIES)} || ' ' || {pick(NAMES, 1)}"
    digits = "'7901' || lpad((g * 37 % 10000000)::text, 7, '0')"
    turn = f"[1 + g % {len(users)}]"
    common = {
        "partner_id": f"(ARRAY{[user.partner_id for user in users]}){turn}",
        "responsible_id": f"(ARRAY{[user.pk for user in users]}){turn}",
        "title": f"'Цех ' || g || ' — ' || {name}",
        "search_text": f"'цех ' || g || ' ' || lower({name}) || ' ' || {digits}",
        "created_at": spread(365, 5),
        "updated_at": spread(90, 6),
        "last_activity_at": spread(90, 6),
        "stage_entered_at": spread(120, 7),
        "contact_id": f"{FIRST} + 1 + g % {sizes.contacts}",
    }
    for record, pipeline, more in (
        (lead, PARTNER_LEAD, {"name": name, "phone": "'+' || " + digits}),
        (deal, PARTNER_DEAL, {"amount": "(500000 + g::bigint * 7919 % 30000000)::numeric"}),
    ):
        twin = hand_over(record=record, partner=partner, by=head, responsible=users[0]).twin_id
        model = Lead if pipeline == PARTNER_LEAD else Deal
        columns = {**common, **more, "stage_id": pick(stages_of(pipeline), 11)}
        multiply(model, twin, count, columns, first=5_000_000)


# -- who asks ---------------------------------------------------------------------------------------------------------


def works(people: dict[str, Any], only: str) -> list[Any]:
    """Each page by both, with the policies and without."""
    from django.test import Client

    from bench.measure import Work

    found = []
    for name, address in PAGES.items():
        if only not in name:
            continue
        for who, user in people.items():
            client = Client(HTTP_HOST="localhost")
            client.force_login(user)
            for is_guarded in (False, True):
                label = f"{name}: {who}{', policies' if is_guarded else ''}"
                found.append(Work(label, _asker(client, address, is_guarded=is_guarded)))
    return found


def _asker(client: Any, address: str, *, is_guarded: bool) -> Callable[[], Any]:
    from django.conf import settings
    from django.db import connection

    from accounts import identity

    def ask() -> Any:
        settings.WEB_LOGIN = LOGIN if is_guarded else ""
        connection.execute_wrappers[:] = [one for one in connection.execute_wrappers if one is not identity.carry]
        connection.has_carried = False
        identity.watch(connection)
        try:
            return client.get(address)
        finally:
            with connection.cursor() as cursor:
                cursor.cursor.execute("RESET ROLE")

    return ask


# -- the table --------------------------------------------------------------------------------------------------------


def _ratio(results: dict[str, Any], page: str, one: str, other: str) -> float:
    """The p95 of one way of asking beside another's."""
    return float(results[f"{page}: {one}"].p95 / results[f"{page}: {other}"].p95)


def table(pages: list[str], results: dict[str, Any]) -> str:
    """Markdown: the ratios that are aimed at and the cost of the policies first, then milliseconds."""
    names = (
        "page", "partner beside administrator, with policies", "policies for the administrator",
        "policies for the partner", "administrator, ms", "with policies", "partner, ms", "with policies",
    )  # fmt: skip
    rows = [f"| {' | '.join(names)} |", f"| --- |{' ---: |' * (len(names) - 1)}"]
    for page in pages:
        ratios = [
            _ratio(results, page, "partner, policies", "administrator, policies"),
            _ratio(results, page, "administrator, policies", "administrator"),
            _ratio(results, page, "partner, policies", "partner"),
        ]
        ways = ("administrator", "administrator, policies", "partner", "partner, policies")
        cells = [f"{ratio:.2f} ×" for ratio in ratios] + [f"{results[f'{page}: {way}'].p95:.1f}" for way in ways]
        rows.append(f"| {page} | {' | '.join(cells)} |")
    return "\n".join(rows)


def closing(records: int) -> str:
    """What was measured."""
    return (
        f"{records:,} records in the partners' pipelines, {records // PARTNERS:,} of them the partner's; p95. Load of "
        f"the machine while measuring: {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    sys.exit(main())
