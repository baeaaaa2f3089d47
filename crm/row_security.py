"""Row-level security on PostgreSQL, made of the first lock: the rules of crm.visibility asked for a person who is a
placeholder, compiled by the ORM, with what the database knows of the asker in the placeholder's place (ACC-2).

Each role of people is a role of the database (accounts.identity), and each has its own policy on each table: what is
asked for an administrator has none to weigh. What hangs on records asks whether the record is in sight, and there the
record's own policy answers. Every table of the product stands in one of the lists below; a test sees to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from accounts import identity
from accounts.identity import ALL, CONTROL, MANAGER, NOBODY, OPERATOR, PARTNER
from accounts.models import Role, User
from crm import scope, visibility

LOGIN = re.compile(r"[a-z][a-z0-9_]{0,40}")
STAFF = (MANAGER, OPERATOR, CONTROL)
ROLE_OF = {seen_as: role for role, seen_as in identity.SEEN_AS.items() if seen_as != ALL}

# Placeholders: numbers that stand nowhere else in a query, and what is known of the asker in their place. A scalar
# subselect is read once per statement, not once per row.
USER, PARTNER_OF, COVERED = -(2**62), -(2**62) + 1, -(2**62) + 2
ASKER = {
    USER: "(SELECT nullif(current_setting('crm.user_id', true), '')::bigint)",
    PARTNER_OF: "(SELECT nullif(current_setting('crm.partner_id', true), '')::bigint)",
}
COVERED_USERS = "(SELECT crm_covered_users())::bigint[]"

# Rows seen with the row that a column of theirs points at.
WITH_THEIR = {
    "deals.Deal.tags": "deal",
    "deals.DealLine": "deal",
    "deals.Document": "deal",
    "deals.CopySet": "mother",
    "leads.Lead.tags": "lead",
    "leads.LeadConversion": "lead",
    "communications.WebhookDelivery": "endpoint",
    "objects_registry.ConstructionObject.contacts": "constructionobject",
    "objects_registry.ConstructionObject.companies": "constructionobject",
}
# Rows of one person; what a service tells or keeps for another is the product's own doing.
OF_ONE_PERSON = {
    "crm.Notification": "user",
    "crm.ListJob": "user",
    "crm.IdempotencyKey": "user",
    "communications.WebhookEndpoint": "owner",
    "analytics.TileChoice": "user",
    "analytics.DigestChoice": "user",
}
# No partner ever has to do with these; among the manufacturer's people the pages decide.
MANUFACTURERS = (
    "crm.Event", "crm.Merge", "crm.NotDuplicate", "crm.Exclusion",
    "crm.DuplicateScan", "crm.DuplicateHit", "crm.DuplicateGroup", "crm.DuplicateMember",
    "partners.PartnerDocument", "communications.Submission", "communications.WebhookEvent", "analytics.AdSpend",
    "analytics.SalesPlan", "analytics.BonusRule", "automation.ScheduledRun", "automation.RuleRun",
)  # fmt: skip
# A partner's own row and people; who signs in is looked up before anybody is known.
OF_PARTNERS: dict[str, tuple[Q, bool]] = {
    "accounts.Partner": (Q(pk=PARTNER_OF), True),
    "accounts.User": (Q(partner=PARTNER_OF) | Q(partner__isnull=True), True),
    "partners.PartnerProfile": (Q(partner=PARTNER_OF), False),
    "partners.Handoff": (Q(partner=PARTNER_OF), False),
    "partners.CommissionRule": (Q(partner=PARTNER_OF), False),
    "partners.CommissionEntry": (Q(partner=PARTNER_OF), False),
    "crm.SavedView": (Q(owner__in=visibility.people_where(partner=PARTNER_OF)), False),
}
# A record's page shows those of other records too: of the lead before a deal, of the other side of a hand-over. The
# manufacturer's people read them whoever is responsible there; a partner those written while the record is with it.
SHOWN_ELSEWHERE = {"crm.TimelineEntry": "at", "crm.Attachment": "created_at"}
# Open to whoever the pages let in: catalogues and settings, and what a sign-in needs before anybody is known.
OPEN = (
    "accounts.Team", "accounts.ApiToken", "accounts.CalendarFeed", "accounts.Invitation", "accounts.Letter",
    "accounts.UserSession",
    "admin.LogEntry",
    "crm.CalendarDay", "crm.Pipeline", "crm.Stage", "crm.RefusalReason", "crm.StageMapping", "crm.Source", "crm.Tag",
    "crm.Preference", "objects_registry.Purpose", "objects_registry.SteelConsumption",
    "communications.WebForm", "communications.WebFormConsent", "communications.MessageTemplate",
    "deals.Product", "deals.NumberSeries", "leads.RoutingRule", "leads.TeamTurn", "automation.Rule",
    "auth.Permission", "auth.Group", "auth.Group.permissions", "contenttypes.ContentType", "sessions.Session",
    "account.EmailAddress", "account.EmailConfirmation", "mfa.Authenticator",
)  # fmt: skip


def tables() -> dict[str, Any]:
    """All models of the product by name; those between two are named after the field that makes them."""
    found: dict[str, Any] = {}
    for model in apps.get_models():
        found[model._meta.label] = model
        for field in model._meta.local_many_to_many:
            found[f"{model._meta.label}.{field.name}"] = field.remote_field.through
    return found


def hangs_on_records(model: Any) -> bool:
    """Is it a row that names its record by kind and number?"""
    return {"record_type", "record_id"} <= {field.name for field in model._meta.concrete_fields}


def policies() -> Iterator[tuple[str, str, str]]:
    """Table, role of people ("" is nobody) and which rows are theirs; no policy means no rows."""
    for label, model in tables().items():
        if label in OPEN:
            continue
        for seen_as in (NOBODY, ALL, *STAFF, PARTNER):
            if (rows := _rows(label, model, seen_as)) is not None:
                yield model._meta.db_table, seen_as, rows


def _rows(label: str, model: Any, seen_as: str) -> str | None:
    if seen_as == NOBODY:
        return "true" if label in OF_PARTNERS and OF_PARTNERS[label][1] else None
    if seen_as == ALL:
        return "true"
    if label in OF_PARTNERS:
        return _compiled(model, OF_PARTNERS[label][0]) if seen_as == PARTNER else "true"
    if label in MANUFACTURERS:
        return None if seen_as == PARTNER else "true"
    if label in OF_ONE_PERSON:
        return _compiled(model, Q(**{OF_ONE_PERSON[label]: USER}))
    if label in WITH_THEIR:
        return _compiled(model, _in_sight(WITH_THEIR[label], model))
    asker = placeholder(seen_as)
    with scope.opened():
        scope.remember(f"covered:{USER}", lambda: [COVERED])
        if label in visibility.RULES:
            return _compiled(model, visibility.RULES[label](asker, "view"))
        if label in SHOWN_ELSEWHERE and seen_as != PARTNER:
            return "true"
        if hangs_on_records(model):
            rule = _of_records_in_sight()
            if label in SHOWN_ELSEWHERE:
                rule |= _handed_over(SHOWN_ELSEWHERE[label])
            return _compiled(model, rule, lambda rows: visibility.readable_by(rows, asker))
    # Said in none of the lists: closed to all but the heads, and a test fails.
    return None


def placeholder(seen_as: str) -> User:
    """A person of that role whose number and partner are placeholders."""
    role = ROLE_OF[seen_as]
    return User(pk=USER, role=role, partner_id=PARTNER_OF if role == Role.PARTNER else None)


def _in_sight(column: str, model: Any) -> Q:
    parent = model._meta.get_field(column).related_model._default_manager
    return Q(Exists(parent.filter(pk=OuterRef(f"{column}_id"))))


def _of_records_in_sight() -> Q:
    from crm.models import RECORD_MODELS

    found = visibility.NOTHING
    for kind, label in RECORD_MODELS.items():
        record = apps.get_model(label)._default_manager.filter(pk=OuterRef("record_id"))
        found |= Q(Exists(record), record_type=kind)
    return found


def _handed_over(moment: str) -> Q:
    """Rows of the manufacturer's record from its hand-over to the asker's partner to the end of it."""
    handoffs = apps.get_model("partners.Handoff")._default_manager
    over = Q(ended_at__isnull=True) | Q(ended_at__gte=OuterRef(moment))
    found = handoffs.filter(
        over,
        partner=PARTNER_OF,
        record_type=OuterRef("record_type"),
        record_id=OuterRef("record_id"),
        handed_at__lte=OuterRef(moment),
    )
    return Q(Exists(found.exclude(state="recalled").order_by()))


# -- from the ORM to the text of a policy -----------------------------------------------------------------------------


def _compiled(model: Any, rule: Q, narrowed: Callable[[Any], Any] = lambda rows: rows) -> str:
    """The condition of a queryset, with the asker in the placeholders' place."""
    rows = narrowed(_one_by_one(rule, model))
    query = rows.query
    compiler = query.get_compiler(connection=connection)
    try:
        compiler.pre_sql_setup()
        text, params = compiler.compile(query.where)
    except EmptyResultSet:
        return "false"
    except FullResultSet:
        return "true"
    if [alias for alias, count in query.alias_refcount.items() if count] not in ([], [model._meta.db_table]):
        raise ValueError(f"{model._meta.label}: a rule that joins tables makes no policy; ask by a subquery.")
    return _filled(text, params)


def _one_by_one(rule: Q, model: Any) -> QuerySet[Any]:
    """The rows of a rule, each asked about by itself.

    A list that begins with every row of the asker's is fine once per page; a policy stands in every statement, and
    those nearly always ask about few rows: "is there one" is answered by an index.
    """
    return model._base_manager.filter(_asked_singly(rule))


def _asked_singly(rule: Any) -> Any:
    if not isinstance(rule, Q):
        lookup, value = rule if isinstance(rule, tuple) else ("", None)
        if not (lookup.endswith("__in") and isinstance(value, Subquery)):
            return rule
        column = OuterRef(lookup.removesuffix("__in"))
        found = Q()
        for query in value.query.combined_queries or (value.query,):
            (selected,) = query.values_select
            rows: Any = QuerySet(query.model, query=query.clone())
            found |= Q(Exists(rows.filter(**{selected: column}).values("pk")))
        return found
    made = Q(*[_asked_singly(part) for part in rule.children], _connector=rule.connector)
    return ~made if rule.negated else made


def _filled(text: str, params: Any) -> str:
    first, *pieces = text.split("%s")
    made = first
    for value, piece in zip(params, pieces, strict=True):
        if value == COVERED:
            made = f"{made.removesuffix('IN (')}= ANY ({COVERED_USERS}"
        else:
            made += ASKER[value] if value in ASKER else _quoted(value)
        made += piece
    return made.replace("%%", "%")


def _quoted(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


# -- into the database ------------------------------------------------------------------------------------------------

# Whose records count as the manager's: crm.visibility.covered_user_ids, for a connection that knows but a number.
FUNCTION = f"""
CREATE OR REPLACE FUNCTION crm_covered_users() RETURNS bigint[] LANGUAGE sql STABLE AS $$
  SELECT array_agg(person.id) FROM accounts_user AS me
  LEFT JOIN accounts_team AS team ON team.id = me.team_id AND team.members_see_each_other
  JOIN accounts_user AS person ON person.id = me.id OR person.team_id = team.id
  WHERE me.id = {ASKER[USER]}
$$"""  # noqa: S608 - our own text


def statements(login: str, password: str = "") -> Iterator[str]:
    """What makes the roles and policies, or brings them up to date; safe to run again."""
    if not LOGIN.fullmatch(login):
        raise ValueError(f"{login!r} is no name for the web's login: lower-case letters, digits and _.")
    roles = [f"{login}_{seen_as}" for seen_as in (ALL, *STAFF, PARTNER)]
    for role in [login, *roles]:
        # Another process may be making it at the same moment.
        yield (
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN NOINHERIT; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
    if password:
        yield f"ALTER ROLE {login} LOGIN NOINHERIT PASSWORD {_quoted(password)}"
    # It may turn into them, but what they may is not its own: without an identity it has no rows.
    for role in roles:
        # Roles are the cluster's: databases made at the same moment (a suite's) write the same rows there.
        yield (
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = '{role}'::regrole "
            f"AND member = '{login}'::regrole) THEN GRANT {role} TO {login}; END IF; "
            "EXCEPTION WHEN unique_violation OR internal_error THEN NULL; END $$"
        )
    everyone = ", ".join([login, *roles])
    yield f"GRANT USAGE ON SCHEMA public TO {everyone}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {everyone}"
    yield f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {everyone}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {everyone}"
    yield FUNCTION
    yield from policy_statements(login)


def policy_statements(login: str) -> Iterator[str]:
    """The policies, table by table; those of an earlier release go."""
    made: dict[str, list[str]] = {}
    for table, seen_as, rows in policies():
        role = f"{login}_{seen_as}" if seen_as else login
        made.setdefault(table, []).append(f'CREATE POLICY {role} ON "{table}" TO {role} USING ({rows})')
    for table, lines in made.items():
        for seen_as in ("", ALL, *STAFF, PARTNER):
            yield f'DROP POLICY IF EXISTS {f"{login}_{seen_as}" if seen_as else login} ON "{table}"'
        yield f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY'
        yield from lines


def after_migrations(using: str = DEFAULT_DB_ALIAS, **_kwargs: Any) -> None:
    """Every `migrate` brings roles and policies up to date, where the web has a login of its own (post_migrate)."""
    if settings.WEB_LOGIN and connections[using].vendor == "postgresql":
        secure(settings.WEB_LOGIN, settings.WEB_PASSWORD)


def secure(login: str, password: str = "") -> int:
    """Put roles and policies into the database of this connection; answers the number of tables with policies."""
    with connection.cursor() as cursor:
        for statement in statements(login, password):
            cursor.execute(statement)
    return len({table for table, _seen_as, _rows_ in policies()})


def check_web_login(**_kwargs: Any) -> list[checks.CheckMessage]:
    """A warning where PostgreSQL could hold the isolation and is not asked to."""
    if connection.vendor != "postgresql" or settings.WEB_LOGIN or settings.DEMO:
        return []
    hint = "Set WEB_DATABASE_URL and run migrate; docs/production.md tells how."
    return [
        checks.Warning("The web connects by the owner of the tables: row-level security is off.", hint, id="crm.W001")
    ]


def open_doors(login: str) -> list[str]:
    """Why the second lock would not hold for that login, in words; empty when it does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", [login])
        found = cursor.fetchone()
        cursor.execute(
            "SELECT tablename, rowsecurity, pg_has_role(%s, tableowner, 'MEMBER') FROM pg_tables "
            "WHERE schemaname = 'public' AND EXISTS (SELECT FROM pg_roles WHERE rolname = %s)",
            [login, login],
        )
        secured = {name: (is_on, is_owner) for name, is_on, is_owner in cursor.fetchall()}
        cursor.execute("SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'")
        there = set(cursor.fetchall())
    if found is None:
        return [f"There is no login {login}: run manage.py secure_database."]
    wrong = [f"{login} passes every policy: it must be neither superuser nor BYPASSRLS."] if found[0] else []
    for table in sorted({table for table, _seen_as, _wanted in policies()}):
        is_on, is_owner = secured.get(table, (False, False))
        if not is_on:
            wrong.append(f"{table}: row-level security is off.")
        if is_owner:
            wrong.append(f"{table}: {login} owns it, or may become its owner.")
    wanted = {(table, f"{login}_{seen_as}" if seen_as else login) for table, seen_as, _rows in policies()}
    return wrong + [f"{table}: the policy {name} is missing." for table, name in sorted(wanted - there)]


def is_active() -> bool | None:
    """Whether the database holds back rows from whoever asks now; None where it cannot (SQLite)."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_security_active('leads_lead')")
        return bool(cursor.fetchone()[0])
