"""Plays the months of a deal in delayed demand in some seconds, and shows what happened on which day."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Role, User
from automation import engine
from automation.selectors import planned_for
from communications import outbox
from communications.models import Message
from communications.services import message_received
from crm import clock, events, scope, timeline
from crm.actors import Actor
from crm.contact_points import add_points, read_points
from crm.models import Activity, Contact, Event, TimelineEntry
from crm.services import record_create
from crm.stages import move
from deals.models import Deal
from deals.services import deal_create

MEMORY = "django.core.mail.backends.locmem.EmailBackend"


class Command(BaseCommand):
    """manage.py play_delayed_demand [--deal ID] [--days N] [--reply-on N] [--send] [--keep]"""

    help = "Moves the clock day by day through delayed demand (60, 30, 30 days) and prints what happens to a deal."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--deal", type=int, help="number of the deal to play; without it one is made up")
        parser.add_argument("--days", type=int, default=125, help="how many days to play")
        parser.add_argument("--reply-on", type=int, metavar="DAY", help="the day on which the client writes back")
        parser.add_argument("--send", action="store_true", help="hand the letters to the mail server as well")
        parser.add_argument("--keep", action="store_true", help="keep what happened instead of taking it all back")

    def handle(self, **options: Any) -> None:
        if options["keep"] and not settings.CLOCK_MOVABLE:
            raise CommandError(_("Months of the future are kept only where the clock may be moved (CLOCK_MOVABLE)."))
        if not 1 <= options["days"] <= 1000:
            raise CommandError(_("Play between 1 and 1000 days."))
        with clock.frozen(clock.now()), scope.opened(), transaction.atomic():
            self._play(options)
            if not options["keep"]:
                # One transaction holds the whole play, so that taking it back leaves no trace.
                transaction.set_rollback(True)

    def _play(self, options: dict[str, Any]) -> None:
        self.backend = None if options["send"] else MEMORY
        self.last_seen = TimelineEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self.last_event = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self.letters = len(getattr(mail, "outbox", []))
        deal = self._deal(options["deal"])
        self._live(deal)
        self._title(deal)
        self.first_day = clock.today()
        self._day(deal)
        begun = clock.now()
        for day in range(1, options["days"] + 1):
            self._live_until(deal, begun + timedelta(days=day))
            if day == options["reply_on"]:
                self._reply(deal)
                self._live(deal)
                self._day(deal)
        self._sum_up(deal, kept=options["keep"])

    # -- what happens -------------------------------------------------------------------------------------------------

    def _live(self, deal: Deal) -> None:
        """What workers would do by now, for this deal alone."""
        only = Q(record_type="deal", record_id=deal.pk)
        self._tell_handlers()
        while engine.run_due(only=only):
            self._tell_handlers()
        outbox.send_due(only=only, backend=self.backend)

    def _live_until(self, deal: Deal, end: datetime) -> None:
        """Stop at every moment for which something is planned: at night, between two of them, robots do nothing."""
        while (due := next((run.due_at for run in planned_for(deal)), end)) < end:
            clock.travel(seconds=max(0.0, (due - clock.now()).total_seconds()))
            self._live(deal)
            self._day(deal)
            if planned_for(deal) and planned_for(deal)[0].due_at <= due:
                break  # it could not be done and waits for its next attempt
        clock.travel(seconds=(end - clock.now()).total_seconds())
        self._live(deal)
        self._day(deal)

    def _tell_handlers(self) -> None:
        """Handlers hear of events after commit; here, inside one transaction, they are told until all is quiet."""
        waiting = {"state__in": [Event.State.PENDING, Event.State.RUNNING], "not_before__lte": clock.now()}
        while found := list(Event.objects.filter(pk__gt=self.last_event, **waiting).order_by("pk")):
            for event in found:
                events.dispatch(event.pk, event)

    def _deal(self, pk: int | None) -> Deal:
        if pk is None:
            return self._made_up()
        try:
            deal = Deal.objects.alive().get(pk=pk, pipeline="deal")
        except Deal.DoesNotExist as error:
            raise CommandError(_("There is no deal №%(id)s in the main pipeline.") % {"id": pk}) from error
        if deal.stage != "deal:delayed_demand":
            reason = _("Delayed demand is played.")
            move(deal, "delayed_demand", by=Actor.system(), reason=reason, override=True)
        return deal

    def _made_up(self) -> Deal:
        """A deal in negotiation whose construction begins in nine months: the rule sends it to wait."""
        people = User.objects.filter(is_active=True, role=Role.SALES_MANAGER).order_by("pk")
        owner = people.first() or User.objects.create_user(
            "play@example.com", last_name="Орлова", first_name="Анна", role=Role.SALES_MANAGER
        )
        contact = record_create(
            Contact,
            data={
                "last_name": "Ильин",
                "first_name": "Пётр",
                "patronymic": "Сергеевич",
                "messages_consent": True,
                "responsible": owner,
            },
            by=owner,
            pipeline="contact",
        )
        add_points(contact, read_points(emails="ilyin@example.com"))
        data = {
            "contact": contact,
            "width": 24,
            "length": 60,
            "city": "Тверь",
            "amount": 12_500_000,
            "construction_start": clock.today() + timedelta(days=270),
        }
        return deal_create(by=owner, data=data, stage="negotiation")

    def _reply(self, deal: Deal) -> None:
        if (contact := deal.contact) is None:
            raise CommandError(_("The deal has no contact who could write back."))
        message_received(
            record=contact,
            channel="email",
            address=contact.email,
            subject=_("We are ready to go on"),
            text=_("Please call us."),
            contact=contact,
            by=Actor.system(),
        )

    # -- what is shown ------------------------------------------------------------------------------------------------

    def _title(self, deal: Deal) -> None:
        deal.refresh_from_db()
        self.stdout.write(
            _("Deal №%(id)s «%(title)s», responsible: %(name)s")
            % {"id": deal.pk, "title": deal.title, "name": deal.responsible or "—"}
        )
        for run in planned_for(deal):
            due = run.due_at.astimezone(clock.company_zone())
            self.stdout.write(_("  planned for %(day)s: %(what)s") % {"day": f"{due:%d.%m.%Y %H:%M}", "what": run.rule})

    def _day(self, deal: Deal) -> None:
        local = clock.now().astimezone(clock.company_zone())
        head = f"{(local.date() - self.first_day).days:>4}  {local:%d.%m.%Y}  "
        entries = TimelineEntry.objects.filter(record_type="deal", record_id=deal.pk, pk__gt=self.last_seen)
        for entry in entries.order_by("pk"):
            who = entry.actor_name or entry.get_actor_kind_display()
            self.stdout.write(f"{head}{who}: {timeline.sentence(entry)}")
            self.last_seen = entry.pk
        for letter in getattr(mail, "outbox", [])[self.letters :]:
            self.letters += 1
            body = "\n".join(f"      | {line}" for line in str(letter.body).strip().splitlines())
            self.stdout.write(f"      | {letter.from_email} → {', '.join(letter.to)}\n      | {letter.subject}\n{body}")

    def _sum_up(self, deal: Deal, *, kept: bool) -> None:
        deal.refresh_from_db()
        mine = {"record_type": "deal", "record_id": deal.pk}
        self.stdout.write(
            _("In the end: stage «%(stage)s», letters sent: %(letters)s, tasks: %(tasks)s, still planned: %(planned)s.")
            % {
                "stage": deal.stage_row.name,
                "letters": Message.objects.filter(state=Message.State.SENT, **mine).count(),
                "tasks": Activity.objects.filter(**mine).count(),
                "planned": len(planned_for(deal)),
            }
        )
        if not kept:
            self.stdout.write(_("All of it was taken back; --keep would have kept it."))
