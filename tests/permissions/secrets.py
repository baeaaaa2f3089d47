"""What a person must not be told: numbers, names and phones of everything out of their sight, told from each other.

The rows of a `SecretWorld` get numbers, words and phones that nobody writes by chance, so that one look at an answer
(page, JSON, table, letter) finds all of them. Whose they are follows from the world's own table, not from the rule
under test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

from django.apps import apps
from django.db import connection
from python_calamine import CalamineWorkbook

from accounts.models import Partner, Role
from communications.models import Message
from crm import clock, events, services
from crm.contact_points import OWNERS, add_points, read_points
from crm.exporting import XLSX_TYPE
from crm.models import Activity, Attachment, ContactPoint, Notification
from deals.models import Deal, Document
from leads.models import Lead
from partners.models import Handoff
from tests.permissions.world import MODELS, WORDS, World

# Who is shown nothing of others: a manager, an operator, those who control the partners, a partner.
WHO = ("stranger", "operator", "control", "partner_b")
# Each table counts on from a number of its own; no other number of nine digits in an answer begins with 73.
FIRST, STEP = 730_000_001, 100_000
NUMBERED = (
    "leads.Lead", "deals.Deal", "crm.Contact", "crm.Company", "objects_registry.ConstructionObject", "crm.Activity",
    "crm.Attachment", "crm.ContactPoint", "crm.Notification", "deals.Document", "communications.Message",
    "partners.Handoff", "accounts.Partner",
)  # fmt: skip
TOKEN = re.compile(
    r"(?<![0-9a-z])73[0-9]{7}(?![0-9a-z])|слово[0-9]{2}|(?:тайна|заметка|внутренняя) [a-z_]+|дилер [аб]\b|"
    r"\b[a-z_]+(?:-internal)?\.txt|9127770[0-9]{3}"
)
BETWEEN_DIGITS = re.compile(r"(?<=[0-9])[\s\u00a0\u202f()\u2011-]{1,3}(?=[0-9])")
# Earlier titles of a twin's record, of which its history tells whoever sees the twin.
ONCE_ITS_TITLE = {"control": {"deal_handed"}, "partner_b": {"deal_waiting"}}


def tokens(text: str) -> set[str]:
    """Whatever of a secret world stands in a text."""
    text = text.casefold()
    return set(TOKEN.findall(text)) | set(TOKEN.findall(BETWEEN_DIGITS.sub("", text)))


def text_of(answer: Any) -> str:
    """What an answer says: its body, read to the end, and where it leads; of a workbook the cells below the first."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    leads_to = " ".join(str(answer.get(name, "")) for name in ("Location", "HX-Location", "HX-Redirect", "HX-Trigger"))
    if answer.get("Content-Type") != XLSX_TYPE:
        return f"{body.decode(errors='replace')} {leads_to}"
    sheet = CalamineWorkbook.from_filelike(BytesIO(body)).get_sheet_by_index(0).to_python()
    # The first line says the filter, which is what was asked for.
    return str(sheet[1:])


def _number_apart() -> None:
    """Let the tables go on from numbers that are told from each other, and from whatever else stands on a page."""
    with connection.cursor() as cursor:
        for place, label in enumerate(NUMBERED):
            table, start = apps.get_model(label)._meta.db_table, FIRST + STEP * place
            if connection.vendor == "postgresql":
                cursor.execute(f"ALTER TABLE {table} ALTER COLUMN id RESTART WITH {start}")
            else:
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, start])


class SecretWorld(World):
    """The small company, each of whose rows is recognised by a number, a word, a phone or a text of its own."""

    def __init__(self) -> None:
        _number_apart()
        super().__init__()
        with events.silence():
            self._tell_apart()
        self._secrets = {who: self._secrets_from(who) for who in WHO}
        self._points_now = {who: self._pointing(who) for who in WHO}

    def _tell_apart(self) -> None:
        head = self.people["head"]
        for letter, who in (("А", "partner_a"), ("Б", "partner_b")):
            Partner.objects.filter(pk=self.people[who].partner_id).update(name=f"Дилер {letter}")
        for number, (name, record) in enumerate(self.records.items()):
            if record.RECORD_TYPE in OWNERS:
                add_points(record, read_points(phones=f"+79127770{number:03d}"))
            due = clock.now() + timedelta(days=1)
            person = record.responsible or head
            services.activity_create(record, title=f"тайна {name}", due_at=due, responsible=person, by=head)
            at = {"record_type": record.RECORD_TYPE, "record_id": record.pk}
            Notification.objects.create(user=head, action="note", data={"text": f"заметка {name}"}, **at)
        self._papers(self.records["deal_own"])
        for record in self.records.values():
            record.refresh_from_db()

    def _papers(self, deal: Deal) -> None:
        at = {"record_type": "deal", "record_id": deal.pk}
        file = Attachment.objects.filter(**at)[0]
        Document.objects.create(
            deal=deal, kind="invoice", year=2026, number=1, printed="тайна invoice", date=clock.today(), content={},
            total=5, attachment=file,
        )  # fmt: skip
        Message.objects.create(
            direction="out", channel="email", state="failed", address="x@example.org", subject="тайна letter", **at
        )

    def foreign(self, who: str) -> dict[str, Any]:
        """The records a person does not see, by name."""
        seen = self.seen(who)
        return {name: record for name, record in self.records.items() if name not in seen}

    def own(self, who: str, kind: str) -> Any:
        """A record of a kind that the person sees, or None."""
        return next((self.records[name] for name in sorted(self.seen(who)) if name.startswith(f"{kind}_")), None)

    def ids(self, who: str, model: Any) -> list[int]:
        """The numbers of rows that hang on records out of sight."""
        rows = model._default_manager.all()
        foreign = {(row.RECORD_TYPE, row.pk) for row in self.foreign(who).values()}
        keys = rows.values_list("pk", "record_type", "record_id")
        return sorted(pk for pk, kind, record_id in keys if (kind, record_id) in foreign)

    def _secrets_from(self, who: str) -> set[str]:
        foreign = self.foreign(who)
        found = {str(row.pk) for row in foreign.values()}
        found |= {WORDS[name] for name in foreign.keys() - ONCE_ITS_TITLE.get(who, set())}
        for name in foreign:
            found |= {f"{word} {name}" for word in ("тайна", "заметка", "внутренняя")}
            found |= {f"{name}.txt", f"{name}-internal.txt"}
        found |= {f"9127770{number:03d}" for number, name in enumerate(self.records) if name in foreign}
        for model in (Activity, Attachment, ContactPoint, Notification, Message):
            found |= {str(pk) for pk in self.ids(who, model)}
        found |= {"тайна invoice", "тайна letter", *map(str, Document.objects.values_list("pk", flat=True))}
        person = self.people[who]
        if person.role == Role.PARTNER:
            others = Handoff.objects.exclude(partner=person.partner_id).values_list("pk", "partner")
            found |= {str(pk) for pair in others for pk in pair}
            found |= {"дилер а", *(f"внутренняя {name}" for name in self.records)}
            found |= {f"{name}-internal.txt" for name in self.records}
        return found

    def told(self, who: str, answer: Any, *, asked: Iterable[Any] = ()) -> list[str]:
        """What of the rows out of sight an answer tells, beside what the asker said themselves."""
        return sorted(tokens(text_of(answer)) & self._secrets[who] - tokens(" ".join(map(str, asked))))

    def harm(self, who: str) -> Iterator[str]:
        """What became of rows out of sight, and which rows now point at them that did not before."""
        foreign = self.foreign(who)
        for model in MODELS:
            rows = {name: row for name, row in foreign.items() if type(row) is model}
            found = dict(model._base_manager.values_list("pk", "updated_at"))
            yield from (f"{name} was changed" for name, row in rows.items() if found.get(row.pk) != row.updated_at)
        yield from (f"{kind} {pk} points at {name}" for kind, pk, name in self._pointing(who) - self._points_now[who])

    def _pointing(self, who: str) -> set[tuple[str, int, str]]:
        """Leads and deals that are not out of sight themselves, and the client or object out of sight they name."""
        foreign = self.foreign(who).values()
        found = set()
        for model in (Lead, Deal):
            others = model._base_manager.exclude(pk__in=[row.pk for row in foreign if type(row) is model])
            for name in ("contact", "company", "object"):
                hidden = [row.pk for row in foreign if name == row.RECORD_TYPE]
                rows = others.filter(**{f"{name}__in": hidden}).values_list("pk", flat=True)
                found |= {(model.RECORD_TYPE, pk, name) for pk in rows}
        return found
