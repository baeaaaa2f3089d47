"""Raw requests: stored first, processed after, and again when something went wrong (LEAD-2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from communications.channels.webform.fields import field_of, read_request
from communications.channels.webform.transport import Parsed, parse
from communications.models import Submission, WebForm, WebFormConsent
from communications.requests import LeadRequest
from communications.web_forms import labels_of, names_of, own_hosts
from crm import clock
from crm.actors import Actor
from crm.errors import DomainError
from crm.exclusions import HeldBack
from crm.models import StagedRecord

log = structlog.get_logger(__name__)

# An identical post of the same form within this time is a double click or a retry.
SAME_WITHIN = timedelta(minutes=1)
LEASE = timedelta(minutes=2)
RETRY_AFTER = timedelta(seconds=30)
MAX_ATTEMPTS = 5
KEPT_TOGETHER = timedelta(days=1)
CONSENT_FIELD = "_consent"
CONTACTS = frozenset({"phone", "email"})
UNREAD = frozenset({"invalid_phone", "invalid_email"})

Maker = Callable[..., StagedRecord]
_maker: list[Maker] = []


def made_by(maker: Maker) -> None:
    """Register who makes a record of a request: maker(request, *, by); called from AppConfig.ready of the app above."""
    _maker[:] = [maker]


def maker() -> Maker:
    """Who makes a record of a request."""
    return _maker[0]


class RequestRefused(DomainError):
    """A request of which no record can be made; it is kept and shown as needing attention."""

    code = "needs_attention"


@dataclass(frozen=True)
class Stored:
    """The stored submission, and the earlier one when this is the same post once more."""

    submission: Submission
    original: Submission | None = None

    @property
    def first(self) -> Submission:
        """The submission that stands for the request."""
        return self.original or self.submission


def submission_store(
    *,
    form: WebForm,
    body: bytes,
    content_type: str,
    parsed: Parsed,
    meta: Mapping[str, Any] | None = None,
    idempotency_key: str = "",
    is_taken: bool = False,
) -> Stored:
    """Keep a post exactly as it came, in a transaction of its own; the same post once more is kept as a repeat.

    The unique key decides which of many at once is the first: the caller's key, the site builder's transaction id,
    or the content itself for a minute. `is_taken`: the caller goes on with submission_continue; should it die before,
    the tick takes the post up when the lease is over.
    """
    fingerprint = fingerprint_of(parsed, body)
    columns = {
        "form": form,
        "body": body,
        "content_type": content_type[:255],
        "fields": [list(pair) for pair in parsed.pairs],
        "meta": {**(meta or {}), "fingerprint": fingerprint},
        "consent": _consent_of(form, parsed),
    }
    taken = {"state": Submission.State.RUNNING, "claimed_at": clock.now()} if is_taken else {}
    kind, key = _dedup_key(form, parsed, fingerprint, idempotency_key)
    for _attempt in range(3):
        try:
            with transaction.atomic():
                stored = Stored(Submission.objects.create(received_at=clock.now(), dedup_key=key, **taken, **columns))
                _absorb(stored.submission)
                return stored
        except IntegrityError:
            if kind == "same" and _release(key):
                continue
            first = Submission.objects.filter(dedup_key=key).select_related("form").first()
            if first is not None:
                return Stored(_repeat(first, columns, kind), first)
    return Stored(Submission.objects.create(received_at=clock.now(), **taken, **columns))


def submission_keep_beginning(
    *, form: WebForm, body: bytes, size: int, content_type: str, meta: Mapping[str, Any]
) -> Submission:
    """Keep the beginning of a post that is too large, as needing attention; `size` is its length in bytes."""
    why = _("The post was too large (%(size)s MB): only its beginning was kept.")
    parsed = parse(body, content_type)
    return _keep(form, body, content_type, parsed, meta, Submission.State.FAILED, why, {"size": size / 2**20})


def submission_hold(
    *, form: WebForm, body: bytes, content_type: str, parsed: Parsed, meta: Mapping[str, Any], why: str, **shown: Any
) -> Submission:
    """Keep a post that is held back - it looks like a robot's, or is one too many - for a person to look at.

    `why` is an untranslated sentence with `shown` to be put in. The same post taken later makes this one its repeat.
    """
    return _keep(form, body, content_type, parsed, meta, Submission.State.HELD, why, shown)


def _keep(
    form: WebForm,
    body: bytes,
    content_type: str,
    parsed: Parsed,
    meta: Mapping[str, Any],
    state: str,
    why: str,
    shown: Mapping[str, Any],
) -> Submission:
    with translation.override(settings.LANGUAGE_CODE):
        told = {key: number_format(value, 1) if isinstance(value, float) else value for key, value in shown.items()}
        error = translation.gettext(why) % told
    return Submission.objects.create(
        form=form,
        received_at=clock.now(),
        body=body,
        content_type=content_type[:255],
        fields=[list(pair) for pair in parsed.pairs],
        meta={**meta, "fingerprint": fingerprint_of(parsed, body)},
        consent=_consent_of(form, parsed),
        state=state,
        error=error,
    )


def submission_refuse(submission: Submission, *, rows: list[dict[str, str]]) -> Submission:
    """Leave a stored post as needing attention because its sender was asked to mend it; `rows` name the fields."""
    with translation.override(settings.LANGUAGE_CODE):
        error = _("The visitor was asked to mend: %(fields)s") % {"fields": " ".join(row["message"] for row in rows)}
    Submission.objects.filter(pk=submission.pk).update(state=Submission.State.FAILED, error=error, problems=rows)
    submission.refresh_from_db(fields=["state", "error", "problems"])
    return submission


def _absorb(taken: Submission) -> None:
    """What was held back or sent back to the same visitor before is now a repeat of the post that was taken."""
    same = Q(state=Submission.State.HELD, meta__fingerprint=taken.meta["fingerprint"])
    if visit := taken.meta.get("visit"):
        same |= Q(state__in=[Submission.State.HELD, Submission.State.FAILED], meta__visit=visit)
    earlier = Submission.objects.filter(same, form=taken.form, received_at__gte=clock.now() - KEPT_TOGETHER)
    earlier.exclude(pk=taken.pk).update(state=Submission.State.DUPLICATE, duplicate_of=taken, error="")


def _consent_of(form: WebForm, parsed: Parsed) -> WebFormConsent | None:
    """The wording that the sender agreed to: the form says its number in a field of its own."""
    value = next((value for name, value in parsed.pairs if name == CONSENT_FIELD), "")
    if not value.isascii() or not value.isdigit() or len(value) > 6:
        return None
    return WebFormConsent.objects.filter(form=form, version=int(value)).first()


def fingerprint_of(parsed: Parsed, body: bytes) -> str:
    """What is the same for two identical posts; the boundary of multipart is another each time."""
    if not parsed.is_readable:
        return hashlib.sha256(body).hexdigest()
    files = [[item.field, item.name, hashlib.sha256(item.content).hexdigest()] for item in parsed.files]
    return hashlib.sha256(json.dumps([parsed.pairs, files], ensure_ascii=True).encode()).hexdigest()


def _dedup_key(form: WebForm, parsed: Parsed, fingerprint: str, idempotency_key: str) -> tuple[str, str]:
    transaction_id = field_of(parsed, "transaction", names_of(form))
    for kind, value in (("key", idempotency_key), ("tran", transaction_id)):
        if value:
            return kind, f"{form.pk}:{kind}:{hashlib.sha256(value.encode()).hexdigest()}"
    return "same", f"{form.pk}:same:{fingerprint}"


def _release(key: str) -> bool:
    """Content may be sent again after a minute: the older post gives the key up; answers whether one did."""
    older = Submission.objects.filter(dedup_key=key, received_at__lte=clock.now() - SAME_WITHIN)
    return bool(older.update(dedup_key=None))


def _repeat(first: Submission, columns: Mapping[str, Any], kind: str) -> Submission:
    """Keep the same post once more. A caller's key with other content is no repeat: somebody must look at it."""
    state, error = Submission.State.DUPLICATE, ""
    if kind == "key" and first.meta.get("fingerprint") != columns["meta"]["fingerprint"]:
        state = Submission.State.FAILED
        with translation.override(settings.LANGUAGE_CODE):
            error = _("The same Idempotency-Key came with other content than the first time.")
    return Submission.objects.create(received_at=clock.now(), duplicate_of=first, state=state, error=error, **columns)


# -- processing --------------------------------------------------------------------------------------------------------


def submission_process(submission_id: int, *, parsed: Parsed | None = None) -> Submission:
    """Make the record of a stored post, once: whoever claims the row does it; answers the row as it is after that.

    What the rules refuse is left with its sentence as needing attention. What broke is tried again by the tick.
    """
    claimed_at = clock.now()
    if not _claim(_free(), submission_id, claimed_at):
        return Submission.objects.get(pk=submission_id)
    return _process(_read(submission_id), claimed_at, parsed)


def submission_continue(submission: Submission, *, parsed: Parsed) -> Submission:
    """The same for a post that the caller has just stored as taken."""
    return _process(submission, submission.claimed_at, parsed)


def _read(pk: int) -> Submission:
    return Submission.objects.select_related("form", "form__source", "form__responsible").get(pk=pk)


def submission_reprocess(submission: Submission, *, by: Any) -> Submission:
    """ "Process again": once more for a post that needed attention; whoever asks is kept with it."""
    claimed_at = clock.now()
    failed = Submission.objects.filter(state__in=[Submission.State.FAILED, Submission.State.HELD])
    if not _claim(failed, submission.pk, claimed_at):
        return Submission.objects.get(pk=submission.pk)
    actor = Actor.of(by)
    meta = {**submission.meta, "reprocessed_by": str(actor.user or actor.name), "reprocessed_at": str(claimed_at)}
    Submission.objects.filter(pk=submission.pk).update(meta=meta, attempts=0)
    return _process(_read(submission.pk), claimed_at, None)


def process_due(limit: int = 50) -> int:
    """Take up what was left: the process died between storing and processing, or something broke; answers how many."""
    due = list(_free().order_by("received_at", "id").values_list("pk", flat=True)[:limit])
    return sum(submission_process(pk).state == Submission.State.DONE for pk in due)


def needing_attention(user: Any) -> QuerySet[Submission]:
    """Posts that could not be processed, newest first, for those who steer: the head and the administrator."""
    rows = Submission.objects.select_related("form", "duplicate_of").order_by("-received_at", "-id")
    return rows.filter(state=Submission.State.FAILED) if user.is_active and user.is_head else rows.none()


def _free() -> QuerySet[Submission]:
    now = clock.now()
    fresh = Q(state=Submission.State.RECEIVED) & (Q(claimed_at=None) | Q(claimed_at__lt=now - RETRY_AFTER))
    return Submission.objects.filter(fresh | Q(state=Submission.State.RUNNING, claimed_at__lt=now - LEASE))


def _claim(rows: QuerySet[Submission], pk: int, at: Any) -> bool:
    return bool(rows.filter(pk=pk).update(state=Submission.State.RUNNING, claimed_at=at))


def _process(submission: Submission, claimed_at: Any, parsed: Parsed | None) -> Submission:
    try:
        with transaction.atomic(), translation.override(settings.LANGUAGE_CODE):
            record, problems = _make(submission, parsed or parse(bytes(submission.body), submission.content_type))
            done = {"state": Submission.State.DONE, f"{record.RECORD_TYPE}_id": record.pk, "error": ""}
            done["problems"] = problems
            if not _finish(submission, claimed_at, **done):
                raise _LostClaim
    except _LostClaim:
        log.warning("submission_claim_lost", submission_id=submission.pk)
    except HeldBack as error:
        held = {"state": Submission.State.HELD, "exclusion": error.exclusion}
        _finish(submission, claimed_at, **held, error=error.message, problems=[])
    except DomainError as error:
        _finish(submission, claimed_at, state=Submission.State.FAILED, error=error.message, problems=error.errors)
    except Exception as error:
        log.exception("submission_failed", submission_id=submission.pk)
        _put_back(submission, claimed_at, error)
    else:
        for name, value in {**done, "attempts": submission.attempts + 1}.items():
            setattr(submission, name, value)
        return submission
    submission.refresh_from_db(fields=["state", "lead_id", "deal_id", "error", "problems", "attempts", "claimed_at"])
    return submission


class _LostClaim(Exception):
    """The lease ran out meanwhile and another process has the row."""


def _make(submission: Submission, parsed: Parsed) -> tuple[StagedRecord, list[dict[str, str]]]:
    """The record, and what was not understood or not kept of the request."""
    form = submission.form
    request = request_of(form, parsed, page=str(submission.meta.get("referer", "")))
    check_request(request, parsed)
    if submission.exclusion_id is not None and "reprocessed_by" in submission.meta:
        # A person has looked at what the exclusion list held back, and wants a lead after all.
        request = replace(request, despite_exclusion=True)
    made = maker()(request, by=Actor.form(form.name if form is not None else ""))
    return made, list(request.problems)


def request_of(form: WebForm | None, parsed: Parsed, *, page: str = "") -> LeadRequest:
    """The request in a post of a form, read as that form says."""
    if form is None:
        return read_request(parsed, {}, page=page)
    request = read_request(
        parsed,
        names_of(form),
        page=page,
        source=form.source_id or "",
        labels=labels_of(form),
        own_hosts=own_hosts(form),
        marks=form.marks,
    )
    # Somebody who left in the meantime gets no requests.
    keeper = form.responsible if form.responsible is not None and form.responsible.is_active else None
    return replace(request, responsible=keeper)


def check_request(request: LeadRequest, parsed: Parsed) -> None:
    """RequestRefused for a request without a phone and an e-mail, naming what was not understood.

    Without a phone or an e-mail nobody can answer: the post is kept, and somebody looks at it."""
    if request.phones or request.emails:
        return
    rows = list(request.problems)
    unread = {row["code"].removeprefix("invalid_"): row["message"] for row in rows if row["code"] in UNREAD}
    if unread:
        missing = {
            "phone": _("There is no phone in the request either."),
            "email": _("There is no e-mail in the request either."),
        }
        message = " ".join([*unread.values(), *(text for kind, text in missing.items() if kind not in unread)])
    elif parsed.is_readable:
        message = _("The request has neither a phone nor an e-mail in it.")
    else:
        message = _("The request could not be read, and there is neither a phone nor an e-mail in it.")
    rows += [
        {"pointer": f"/{name}", "code": "required", "message": message}
        for name in ("phone", "email")
        if name not in unread
    ]
    refused = " ".join(row["message"] for row in request.problems if row["code"] not in UNREAD)
    raise RequestRefused(f"{message} {refused}".strip(), errors=rows)


def _finish(submission: Submission, claimed_at: Any, **columns: Any) -> bool:
    mine = Submission.objects.filter(pk=submission.pk, state=Submission.State.RUNNING, claimed_at=claimed_at)
    return bool(mine.update(attempts=submission.attempts + 1, **columns))


def _put_back(submission: Submission, claimed_at: Any, error: Exception) -> None:
    """Leave it for the tick; after some attempts somebody has to look."""
    is_last = submission.attempts + 1 >= MAX_ATTEMPTS
    with translation.override(settings.LANGUAGE_CODE):
        text = _("Processing broke off: %(error)s.") % {"error": f"{type(error).__name__}: {error}"[:500]}
    state = Submission.State.FAILED if is_last else Submission.State.RECEIVED
    _finish(submission, claimed_at, state=state, error=text)
