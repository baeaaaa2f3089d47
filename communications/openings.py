"""Did the client open the letter? A tiny image in its HTML part is asked for by the client's mail programme.

The address of the image is signed, so that nobody can claim openings; the first one counts as the event, once, and the
later ones are only counted. Many programmes load no images or load them by themselves: it is a hint, no proof
(docs/letters.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urljoin

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.html import format_html_join, urlize
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from accounts import identity
from communications.models import Message
from crm import clock, events, preferences
from crm.actors import Actor
from crm.claims import claim_one
from crm.models import TimelineEntry

SETTING = "letters_track_openings"
_SIGNER = signing.Signer(sep=".", salt="communications.openings")
_LINE = mark_safe("<br>")
_BREAK = re.compile(r"\n[ \t]*\n+")


def is_tracked(message: Message) -> bool:
    """Letters to clients are, unless the company does not want it; what is for our own people never is.

    A quote goes to the client too: internal is its file, which partners do not see. Our own people's hang on no record.
    """
    return bool(message.record_type) and bool(preferences.get(SETTING))


def image_url(message: Message) -> str:
    """The address of a letter's image, as it stands in the letter."""
    path = reverse("letter-image", args=[_SIGNER.sign(str(message.pk))])
    return urljoin(settings.PUBLIC_URL, path)


def html_of(message: Message) -> str:
    """The letter's text as HTML, all of it escaped: paragraphs, lines, links; with the image where it is tracked."""
    parts = _BREAK.split(message.text)
    blocks = [format_html_join(_LINE, "{}", ((_linked(line),) for line in part.split("\n"))) for part in parts]
    image = image_url(message) if is_tracked(message) else ""
    return render_to_string("emails/letter.html", {"subject": message.subject, "blocks": blocks, "image": image})


def _linked(line: str) -> SafeString:
    return mark_safe(urlize(line.rstrip("\r"), nofollow=False, autoescape=True))  # noqa: S308 - urlize escapes it


def letter_of(token: str) -> int | None:
    """The key of the letter that an address of an image is of; None where nobody has signed it."""
    try:
        return int(_SIGNER.unsign(token))
    except (signing.BadSignature, ValueError):
        return None


@identity.as_system()  # Whoever reads a letter is nobody to us, and nothing is told to them.
def opening_note(pk: int) -> bool:
    """Note that a letter was opened; answers whether it was for the first time. Two short statements, no more."""
    if not preferences.get(SETTING):
        return False  # the letter left before it was switched off
    left = Message.objects.filter(Q(state=Message.State.SENT) | Q(is_unsure=True), pk=pk, direction="out")
    if left.filter(opened_at__isnull=True).update(opened_at=clock.now(), open_count=1):
        return True
    left.update(open_count=F("open_count") + 1)
    return False


def openings_tell(limit: int = 200) -> int:
    """Publish the event of letters opened for the first time; answers how many. Safe in many workers at once.

    It is not done where the image is handed out: rules take their time, and a mail programme does not wait.
    """
    told = 0
    for _number in range(limit):
        with transaction.atomic():
            waiting = Message.objects.filter(opened_at__isnull=False, is_open_told=False).order_by("opened_at", "id")
            pk = claim_one(waiting, is_open_told=True)
            if pk is None:
                break
            _tell(Message.objects.get(pk=pk))
            told += 1
    return told


def _tell(message: Message) -> None:
    record = message.record
    if record is None or record.deleted_at is not None or message.opened_at is None:
        return
    with translation.override(settings.LANGUAGE_CODE):
        client = Actor.system(_("Client"))
    data = {"message": message.pk, "opened_at": message.opened_at.isoformat()}
    events.publish("letter_opened", record, client, data)


def opened_notes(entries: Sequence[TimelineEntry]) -> Mapping[int, str]:
    """What is known by now of the letters that lines of a timeline tell of: "Opened 26.11 14:05"."""
    letters = {entry.pk: entry.data.get("id") for entry in entries}
    rows = Message.objects.filter(pk__in=set(letters.values()) - {None}, opened_at__isnull=False)
    opened = {
        pk: _words(at, count) for pk, at, count in rows.values_list("pk", "opened_at", "open_count") if at is not None
    }
    return {key: opened[pk] for key, pk in letters.items() if pk in opened}


def _words(at: datetime, count: int) -> str:
    local = timezone.localtime(at)
    this_year = local.year == timezone.localtime(clock.now()).year
    text = _("Opened %(at)s") % {"at": date_format(local, "d.m H:i" if this_year else "d.m.Y H:i")}
    return _("%(text)s, times: %(count)s") % {"text": text, "count": count} if count > 1 else text
