"""Sends what waits in the outbox: claim, begin, send, mark; each step a transaction of its own (docs/adr/0003).

A letter is claimed before the network is touched, marked as begun before the first byte of its text, and marked again
when the mail server has answered. A worker that dies before the text was begun leaves a row that is simply sent later;
one that dies after it leaves a row that may or may not have left: it is never sent again by itself, a person is asked.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from communications.colleagues import may_leave
from communications.models import Message
from communications.openings import html_of
from communications.services import told
from crm import clock, notify, timeline
from crm.actors import Actor
from crm.claims import back_off, claim_one
from crm.exclusions import is_excluded
from crm.models import Attachment, ContactPoint
from crm.together import apart

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=10)
MAX_ATTEMPTS = 12
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=4)
# What nothing came to send for so long is shown instead of sent: the words of a letter have their day.
TOO_LATE = timedelta(days=7)
PERMANENT = 500


class Lost(Exception):
    """The row was taken away meanwhile (the lease ran out): this attempt must not touch it, nor send."""


class Unsure(Exception):
    """The connection broke while the letter was being handed over: it may have arrived."""


class Permanent(Exception):
    """The other side will never take this letter."""


class Transient(Exception):
    """It may go better later."""


def send_due(limit: int = 100, *, only: Q | None = None, backend: str | None = None) -> int:
    """Send messages that are due, over one connection; answers how many left. Safe to run in many workers at once.

    `only` narrows it to some messages, `backend` names another mail backend than the settings' (both for the demo).
    """
    sweep()
    post = Post(backend)
    sent = 0
    try:
        for _number in range(limit):
            message = _claim(only)
            if message is None:
                break
            sent += _send(message, post)
            if post.is_down:
                break
    finally:
        post.close()
    return sent


def sweep() -> int:
    """Take up the messages whose worker died; answers how many.

    Of whose text nothing had been said yet, those are sent again; of the others it is unknown whether they left, so
    they are shown to a person.
    """
    stuck = Message.objects.filter(state=Message.State.SENDING, claimed_at__lt=clock.now() - LEASE)
    return sum(
        _finish(message, Message.State.FAILED, error=_("The worker stopped."), unsure=True)
        if message.handed_at
        else _put_off(message, _("The worker stopped."))
        for message in stuck
    )


def _claim(only: Q | None) -> Message | None:
    now = clock.now()
    free = Message.objects.filter(
        only or Q(),
        state=Message.State.QUEUED,
        direction=Message.Direction.OUT,
        channel=ContactPoint.Kind.EMAIL,
        not_before__lte=now,
    ).order_by("not_before", "id")
    pk = claim_one(free, state=Message.State.SENDING, claimed_at=now, handed_at=None)
    return Message.objects.get(pk=pk) if pk is not None else None


def _send(message: Message, post: Post) -> int:
    # The list is of clients: our own people, whom notices go to, may well stand on it so that they make no leads.
    if message.record_type and is_excluded(message.address):
        # Put on the list while the letter waited; whoever takes the address out can send it again.
        return _finish(message, Message.State.FAILED, error=_("The address is on the exclusion list.")) and 0
    if not may_leave(message):
        return _finish(message, Message.State.CANCELLED, error=_("The person is switched off.")) and 0
    if message.not_before < clock.now() - TOO_LATE:
        return _finish(message, Message.State.FAILED, error=_("Its day passed while nothing was running.")) and 0
    try:
        post.send(as_email(message), begin=lambda: _begin(message))
    except Lost:
        log.warning("message_taken_over", message_id=message.pk)
    except Unsure as error:
        _finish(message, Message.State.FAILED, error=str(error), unsure=True)
    except Permanent as error:
        _finish(message, Message.State.FAILED, error=str(error))
    except Transient as error:
        _put_off(message, str(error))
    else:
        return _finish(message, Message.State.SENT)
    return 0


def _begin(message: Message) -> None:
    """Note that the text goes out now: from here on nobody but a person sends it again. Raises Lost."""
    now = clock.now()
    if not _mine(message).update(handed_at=now):
        raise Lost
    message.handed_at = now


def _mine(message: Message) -> QuerySet[Message]:
    """The row as long as it is this attempt's, as far as it has come."""
    return Message.objects.filter(
        pk=message.pk,
        state=Message.State.SENDING,
        claimed_at=message.claimed_at,
        attempts=message.attempts,
        handed_at=message.handed_at,
    )


def as_email(message: Message) -> EmailMessage:
    """The letter as it leaves, with its file and the Message-ID it was given when it was queued.

    Raises Permanent or Transient where its file cannot be read.
    """
    headers = {"Message-ID": message.message_id}
    if message.created_by_id is None:
        # Written by a robot: other machines must not answer it (RFC 3834).
        headers["Auto-Submitted"] = "auto-generated"
    sender = message.sender or settings.DEFAULT_FROM_EMAIL
    letter = EmailMultiAlternatives(message.subject, message.text, sender, [message.address], headers=headers)
    # Notices to our own people are plain text.
    if html := html_of(message) if message.record_type else message.html:
        letter.attach_alternative(html, "text/html")
    if message.attachment is not None:
        letter.attach(message.attachment.name, _content(message.attachment), message.attachment.content_type)
    return letter


def _content(attachment: Attachment) -> bytes:
    """The file of a letter; Permanent where it is gone, Transient where the disk does not give it now."""
    try:
        with attachment.file.open("rb") as file:
            return bytes(file.read())
    except (FileNotFoundError, ValueError) as error:
        raise Permanent(_("The file «%(name)s» is not there any more.") % {"name": attachment.name}) from error
    except OSError as error:
        raise Transient(f"{type(error).__name__}: {error}") from error


@apart
def _finish(message: Message, state: str, *, error: str = "", unsure: bool = False) -> int:
    """Write the end of an attempt, unless the row is no longer this attempt's; answers how many rows were written."""
    columns: dict[str, Any] = {"state": state, "error": error[:4000], "is_unsure": unsure}
    columns["attempts"] = message.attempts + 1
    if state == Message.State.SENT:
        columns["sent_at"] = clock.now()
    written = _mine(message).update(**columns)
    record = message.record
    if not written or record is None:
        return written
    actor = Actor.system(_("Outbox"))
    if state == Message.State.SENT:
        timeline.record(record, "message_sent", actor, told(message), internal=message.is_internal)
        return written
    action = "message_unsure" if unsure else "message_failed"
    timeline.record(record, action, actor, told(message, error=error[:500]), internal=message.is_internal)
    notify.tell(record.responsible_id, record, "message", action, told(message, error=error[:500]), by=actor)
    log.warning("message_not_sent", message_id=message.pk, unsure=unsure, error=error)
    return written


def _put_off(message: Message, error: str) -> int:
    """Try again later, longer each time; after the last attempt it has failed. Answers how many rows were written."""
    if message.attempts + 1 >= MAX_ATTEMPTS:
        return _finish(message, Message.State.FAILED, error=error)
    pause = back_off(message.attempts, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
    return _mine(message).update(
        state=Message.State.QUEUED,
        attempts=message.attempts + 1,
        not_before=clock.now() + pause,
        error=error[:4000],
    )


class Post:
    """One connection to the mail server for a batch, and what its failures mean."""

    def __init__(self, backend: str | None = None) -> None:
        self._backend = backend
        self._connection: BaseEmailBackend | None = None
        self._begin: Callable[[], None] = lambda: None
        self._begun = False
        self.is_down = False

    def send(self, letter: EmailMessage, *, begin: Callable[[], None] = lambda: None) -> None:
        """Hand one letter over, calling `begin` just before its text goes out.

        Raises Unsure, Permanent or Transient, and what `begin` raises.
        """
        connection = self._opened()
        self._begun, self._begin = False, begin
        try:
            if not isinstance(getattr(connection, "connection", None), smtplib.SMTP):
                begin()  # a file or a list of the tests: all of it is the text
            connection.send_messages([letter])
        except Lost:
            self.close()  # the server waits for the text of a letter that does not come
            raise
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _text in error.recipients.values()]
            self._refuse(min(codes), str(error.recipients), error)
        except smtplib.SMTPResponseException as error:
            self._refuse(error.smtp_code, _line(error), error)
        except (smtplib.SMTPException, OSError) as error:
            self.close()
            if self._begun:
                raise Unsure(f"{type(error).__name__}: {error}") from error
            raise Transient(f"{type(error).__name__}: {error}") from error
        except ValueError as error:
            raise Permanent(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Say goodbye; a server that is gone already is no trouble."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except (smtplib.SMTPException, OSError) as error:
                log.info("mail_connection_closed_badly", error=str(error))

    def _refuse(self, code: int, text: str, error: Exception) -> None:
        if isinstance(error, smtplib.SMTPAuthenticationError) or code < PERMANENT:
            raise Transient(text) from error
        raise Permanent(text) from error

    def _opened(self) -> BaseEmailBackend:
        """The open connection; one that fell asleep between two letters is opened anew."""
        client: Any = getattr(self._connection, "connection", None)
        if isinstance(client, smtplib.SMTP) and not _is_awake(client):
            self.close()
        if self._connection is None:
            connection = get_connection(self._backend)
            try:
                connection.open()
            except (smtplib.SMTPException, OSError) as error:
                self.is_down = True
                raise Transient(f"{type(error).__name__}: {error}") from error
            self._connection = connection
            client = getattr(connection, "connection", None)
            if isinstance(client, smtplib.SMTP):
                client.data = self._watched(client.data)  # type: ignore[assignment, method-assign]
        return self._connection

    def _watched(self, data: Callable[[Any], tuple[int, bytes]]) -> Callable[[Any], tuple[int, bytes]]:
        """Note that the letter's text is on its way: from here a broken line means "unknown", before it "not sent"."""

        def hand_over(letter: Any) -> tuple[int, bytes]:
            self._begin()
            self._begun = True
            return data(letter)

        return hand_over


def _is_awake(client: smtplib.SMTP) -> bool:
    try:
        return client.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _line(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return f"{error.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
