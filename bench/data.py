"""Fills a PostgreSQL database with a company of a hundred thousand leads in some minutes.

One record of each kind is made by the services; the database multiplies it with `INSERT ... SELECT`, with names,
stages, people and times spread by a hash of the row's number. So a new column needs no change here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from accounts.models import Role, User
from accounts.services import user_create
from communications.models import WebForm
from crm import clock, pipelines, scope, services, stages_seen
from crm.actors import Actor
from crm.clients import company_create, contact_create
from crm.models import Activity, Company, Contact, ContactPoint, Source, TimelineEntry
from deals.models import Deal
from deals.services import deal_create
from leads.models import Lead
from leads.services import lead_create
from objects_registry.models import ConstructionObject, Purpose
from objects_registry.services import object_create

# Numbers of the multiplied rows begin here.
FIRST = 1000
FAMILIES = "Абрамов Белов Быков Воронин Герасимов Голубев Данилов Егоров Жуков Зайцев Исаев Карпов Козлов Лебедев Макаров Медведев Никитин Орехов Панов Рябов".split()  # noqa: SIM905, E501
NAMES = "Александр Андрей Борис Виктор Глеб Денис Евгений Иван Кирилл Леонид Максим Николай Олег Павел Роман".split()  # noqa: SIM905
CITIES = "Казань Пермь Екатеринбург Самара Тольятти Краснодар Ростов Подольск Выборг Новосибирск Бердск Челябинск Воронеж Ижевск".split()  # noqa: SIM905, E501


@dataclass(frozen=True)
class Sizes:
    """How many rows of each kind."""

    leads: int = 100_000
    deals: int = 100_000
    contacts: int = 100_000
    companies: int = 50_000
    objects: int = 20_000
    timeline: int = 500_000

    def scaled(self, share: float) -> Sizes:
        """A smaller company of the same shape, but large enough to be measured."""
        return Sizes(**{name: max(5_000, int(value * share)) for name, value in vars(self).items()})


def pick(values: list[Any], seed: int = 0) -> str:
    """SQL: one of the values by a hash of the row's number."""
    rows = ", ".join(str(value) if isinstance(value, int) else f"'{value}'" for value in values)
    return f"(ARRAY[{rows}])[1 + abs(hashint4((g + {seed * 7919})::int)) % {len(values)}]"


def spread(days: int, seed: int) -> str:
    """SQL: a moment within so many days before now."""
    return f"now() - interval '1 minute' * (abs(hashint4((g + {seed * 104729})::int)) % {days * 1440})"


def multiply(
    model: type[models.Model], template: int, count: int, changes: Mapping[str, str], *, first: int = FIRST
) -> None:
    """Insert so many copies of one row, numbered on from `first`, with some columns by SQL of the number `g`."""
    columns = [str(field.column) for field in model._meta.concrete_fields if field.column != "id"]
    unknown = set(changes) - set(columns)
    if unknown:
        raise ValueError(f"{model.__name__} has no columns {sorted(unknown)}")
    quoted = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(changes.get(name, f't."{name}"') for name in columns)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{table}" (id, {quoted}) SELECT {first} + g, {values} '
            f'FROM "{table}" t CROSS JOIN generate_series(1, {count}) g WHERE t.id = {template}'
        )
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {first + count + 1})")


def people() -> list[User]:
    """A head and a dozen managers."""
    head = user_create(by=None, email="head@example.com", role=Role.SALES_HEAD, last_name="Соколов", first_name="Пётр")
    managers = [
        user_create(
            by=None, email=f"m{n}@example.com", role=Role.SALES_MANAGER, last_name=FAMILIES[n], first_name=NAMES[n]
        )
        for n in range(12)
    ]
    return [head, *managers]


def stages_of(pipeline: str) -> list[str]:
    """Keys of stages as a year leaves them: one record of eight is open, the rest are closed."""
    rows = pipelines.stages_of(pipeline)
    is_open = [stage.key for stage in rows if stage.is_open]
    closed = [stage.key for stage in rows if not stage.is_open]
    return is_open + closed * max(1, round(7 * len(is_open) / len(closed)))


def fill(sizes: Sizes) -> User:
    """Fill the empty database; answers the sales head."""
    with scope.opened():
        users = people()
        _templates_and_copies(sizes, users)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return users[0]


def _templates_and_copies(sizes: Sizes, users: list[User]) -> None:
    head, owners = users[0], [user.pk for user in users[1:]]
    WebForm.objects.create(name="Сайт", key="bench-site", source=Source.objects.get(pk="direct"))
    name = f"{pick(FAMILIES)} || ' ' || {pick(NAMES, 1)}"
    phone = "'+7900' || lpad((g * 37 % 10000000)::text, 7, '0')"
    digits = "'7900' || lpad((g * 37 % 10000000)::text, 7, '0')"
    mail = "'client' || g || '@example.org'"
    city = pick(CITIES, 2)
    common = {
        "responsible_id": pick(owners, 3),
        "source_id": pick(list(Source.objects.values_list("pk", flat=True)), 4),
        "city": city,
        "created_at": spread(365, 5),
        "updated_at": spread(90, 6),
        "last_activity_at": spread(90, 6),
        "stage_entered_at": spread(120, 7),
    }
    reach = {"phone": phone, "email": mail}
    companies = {
        "name": f"'ООО «' || {pick(FAMILIES, 8)} || ' ' || g || '»'",
        "name_key": f"lower({pick(FAMILIES, 8)}) || ' ' || g",
        "inn": "(5200000000 + g)::text",
        "search_text": f"concat_ws(' ', 'ооо', lower({pick(FAMILIES, 8)}), g, 5200000000 + g, {digits})",
        "stage_id": pick(stages_of("company"), 9),
    }
    company = company_create(by=head, data={"name": "ООО «Образец»"}, phones="+79990000001")
    multiply(Company, company.pk, sizes.companies, {**common, **reach, **companies})
    contacts = {
        "last_name": pick(FAMILIES),
        "first_name": pick(NAMES, 1),
        # As many namesakes as a large company has.
        "name_key": f"lower({pick(FAMILIES)}) || ' ' || lower({pick(NAMES, 1)}) || ' ' || g / 3",
        "company_id": f"CASE WHEN g % 2 = 0 THEN {FIRST} + 1 + g % {sizes.companies} END",
        "search_text": f"lower({name}) || ' ' || lower({city}) || ' ' || {digits} || ' client' || g || ' example org'",
        "stage_id": pick(stages_of("contact"), 9),
    }
    contact = contact_create(by=head, data={"name": "Иван Образцов"}, phones="+79990000002")
    multiply(Contact, contact.pk, sizes.contacts, {**common, **reach, **contacts})
    _objects(sizes, head, common)
    _requests(sizes, head, common, reach, f"lower({name}) || ' ' || lower({city}) || ' ' || {digits}", name)
    _what_hangs_on_them(sizes, head, owners, phone)


def _building() -> dict[str, str]:
    width, length = "(12 + g % 5 * 6)::numeric", "(24 + g % 97)::numeric"
    return {"width": width, "length": length, "height": "(5 + g % 7)::numeric", "area": f"{width} * {length}"}


def _objects(sizes: Sizes, head: User, common: dict[str, str]) -> None:
    data = {"purpose": Purpose.objects.order_by("order")[0], "width": 24, "length": 60, "height": 6, "city": "Тверь"}
    obj = object_create(by=head, data=data)
    sides = _building()
    columns = {
        **{key: value for key, value in common.items() if key != "source_id"},
        **sides,
        "name": f"'Склад ' || g || ', ' || {pick(CITIES, 2)}",
        "search_text": f"'склад ' || g || ' ' || lower({pick(CITIES, 2)})",
        "place_key": f"lower({pick(CITIES, 2)}) || ' ' || g % 4000",
        "short_side": f"least({sides['width']}, {sides['length']})",
        "long_side": f"greatest({sides['width']}, {sides['length']})",
        "stage_id": pick(stages_of("object"), 9),
    }
    multiply(ConstructionObject, obj.pk, sizes.objects, columns)


def _requests(sizes: Sizes, head: User, common: dict[str, str], reach: dict[str, str], search: str, name: str) -> None:
    links = {
        "contact_id": f"{FIRST} + 1 + g % {sizes.contacts}",
        "company_id": f"CASE WHEN g % 2 = 0 THEN {FIRST} + 1 + g % {sizes.companies} END",
        "object_id": f"CASE WHEN g % 3 = 0 THEN {FIRST} + 1 + g % {sizes.objects} END",
        "amount": "(500000 + g::bigint * 7919 % 30000000)::numeric",
        "next_activity_at": f"CASE WHEN g % 3 > 0 THEN {spread(20, 10)} + interval '12 days' END",
        "next_activity_title": "CASE WHEN g % 3 > 0 THEN 'Перезвонить' ELSE '' END",
    }
    title = f"'Склад ' || g || ' — ' || {name}"
    # Without what it is to be, no deal may go on to the costing.
    purpose = {"purpose_id": pick(list(Purpose.objects.values_list("pk", flat=True)), 15)}
    shared = {**common, **_building(), **purpose, "title": title, "search_text": f"'склад ' || g || ' ' || {search}"}
    lead = lead_create(by=head, data={"name": "Пётр Образцов", "title": "Образец"}, phones="+79990000003")
    lead_columns = {**shared, **reach, **links, "name": name, "stage_id": pick(stages_of("lead"), 11)}
    # Open leads have no client yet.
    lead_columns["contact_id"] = f"CASE WHEN g % 4 = 0 THEN {links['contact_id']} END"
    lead_columns["company_id"] = "NULL::bigint"
    deal = deal_create(by=head, data={"title": "Образец", "amount": 1_000_000})
    deal_columns = {"stage_id": pick(stages_of("deal"), 12)}
    multiply(Deal, deal.pk, sizes.deals, {**shared, **links, **deal_columns})
    multiply(Lead, lead.pk, sizes.leads, lead_columns)
    for model in (Lead, Deal):
        is_open = ", ".join(f"'{stage.key}'" for stage in pipelines.all_stages() if stage.is_open)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {model._meta.db_table} SET closed_at = stage_entered_at "
                f"WHERE stage_id NOT IN ({is_open}) AND id > {FIRST}"
            )


def _what_hangs_on_them(sizes: Sizes, head: User, owners: list[int], phone: str) -> None:
    actor = Actor.of(head)
    note = TimelineEntry.objects.create(
        record_type="deal", record_id=1, action="note", data={"text": "Созвонились"}, **actor.as_columns()
    )
    half = sizes.timeline // 2
    record = f"{FIRST} + 1 + g % least({sizes.deals}, {sizes.leads})"
    columns = {
        "record_id": record,
        "at": spread(365, 13),
        "record_type": f"CASE WHEN g <= {half} THEN 'deal' ELSE 'lead' END",
    }
    multiply(TimelineEntry, note.pk, sizes.timeline, columns)
    _ways(Lead, "lead")
    _ways(Deal, "deal")
    task = services.activity_create(
        Deal.objects.order_by("pk")[0], title="Перезвонить", due_at=clock.now(), responsible=head, by=head
    )
    columns = {
        "record_id": f"{FIRST} + g",
        "due_at": f"{spread(20, 10)} + interval '12 days'",
        "responsible_id": pick(owners, 3),
        "key": "NULL",
    }
    multiply(Activity, task.pk, sizes.deals // 2, columns)
    _points(sizes, phone)


def _ways(model: Any, pipeline: str) -> None:
    """The history of every record from its first day to the stage where it stands: some four moves each.

    What is open or won has passed the stages of the main path before it, what is lost a part of it by chance; one in
    nine steps of a way was skipped.
    """
    path = [stage.key for stage in pipelines.main_path(pipeline) if stage.is_open]
    placed = ", ".join(f"'{key}'" for key in path)
    won = ", ".join(f"'{stage.key}'" for stage in pipelines.stages_of(pipeline) if stage.kind == "success")
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"""
            INSERT INTO crm_stagehistory (record_type, record_id, at, actor_kind, actor_name, pipeline_id,
                from_stage_id, to_stage_id, reason, seconds, is_back)
            SELECT '{model.RECORD_TYPE}', id, at, 'user', '', '{pipeline}',
                lag(stage) OVER way, stage, '',
                extract(epoch FROM at - lag(at) OVER way)::bigint, false
            FROM (
                SELECT r.id, step.place, step.stage,
                    r.created_at + (interval '1 minute')
                        * ((step.place - 1) * (20 + abs(hashint4(r.id::int + 77)) % 20000)) AS at
                FROM (
                    SELECT id, created_at, stage_id, CASE
                        WHEN stage_id IN ({won}) THEN {len(path)}
                        WHEN stage_id IN ({placed}) THEN array_position(ARRAY[{placed}]::varchar[], stage_id)
                        ELSE 1 + abs(hashint4(id::int + 55)) % {len(path)} END AS got
                    FROM {table} WHERE id > {FIRST}
                ) r
                CROSS JOIN LATERAL (
                    SELECT place, stage FROM unnest(ARRAY[{placed}]::varchar[]) WITH ORDINALITY AS p (stage, place)
                    WHERE place <= r.got AND (place = 1 OR stage = r.stage_id OR (r.id * 7 + place) % 9 > 0)
                    UNION ALL
                    SELECT {len(path)} + 1, r.stage_id WHERE r.stage_id NOT IN ({placed})
                ) step
            ) moves
            WINDOW way AS (PARTITION BY id ORDER BY place)
        """)
    stages_seen.refresh_all(model.RECORD_TYPE)


def _points(sizes: Sizes, phone: str) -> None:
    """A phone and an address of each contact, a phone of each company."""
    point = ContactPoint.objects.filter(kind="phone").order_by("pk")[0]
    mail, office = "'client' || g || '@example.org'", "'+7831' || lpad((g * 41 % 10000000)::text, 7, '0')"
    first = FIRST
    for record_type, kind, value, count in (
        ("contact", "phone", phone, sizes.contacts),
        ("contact", "email", mail, sizes.contacts),
        ("company", "phone", office, sizes.companies),
    ):
        columns = {
            "record_type": f"'{record_type}'",
            "record_id": f"{FIRST} + g",
            "kind": f"'{kind}'",
            "value": value,
            "reversed_value": f"reverse({value})",
            "original": value,
        }
        multiply(ContactPoint, point.pk, count, columns, first=first)
        first += count
