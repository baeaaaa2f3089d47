"""Raw requests: stored first, exactly as they came, and the same one twice is known as such (LEAD-2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from communications import calling
from communications.channels.webform.fields import field_of
from communications.channels.webform.transport import Parsed, parse
from communications.models import Submission, WebForm, WebFormConsent
from communications.reading import RequestRefused, check_request, request_of
from communications.web_forms import names_of
from crm import clock

log = structlog.get_logger(__name__)

# An identical post of the same form within this time is a double click or a retry.
SAME_WITHIN = timedelta(minutes=1)
KEPT_TOGETHER = timedelta(days=1)
CONSENT_FIELD = "_consent"
CONTACTS = frozenset({"phone", "email"})


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
    refused: Sequence[Mapping[str, str]] = (),
    is_taken: bool = False,
) -> Stored:
    """Keep a post exactly as it came, in a transaction of its own; the same post once more is kept as a repeat.

    The unique key decides which of many at once is the first: the caller's key, the site builder's transaction id,
    or the content itself for a minute. After the commit a worker is called to make the lead.
    A post that no lead can be made of is kept as needing attention: `refused` names the fields that its sender is
    asked to mend, else the post itself tells.
    `is_taken`: the caller goes on with submission_continue; should it die before, the tick takes the post up when the
    lease is over.
    """
    fingerprint = fingerprint_of(parsed, body)
    columns: dict[str, Any] = {
        "form": form,
        "body": body,
        "content_type": content_type[:255],
        "fields": [list(pair) for pair in parsed.pairs],
        "meta": {**(meta or {}), "fingerprint": fingerprint},
        "consent": _consent_of(form, parsed),
    }
    read = _to_mend(refused) if refused else _understood(form, parsed, str((meta or {}).get("referer", "")))
    if is_taken and "state" not in read:
        read |= {"state": Submission.State.RUNNING, "claimed_at": clock.now()}
    kind, key = _dedup_key(form, parsed, fingerprint, idempotency_key)
    for _attempt in range(3):
        try:
            return Stored(_insert(read, columns, key))
        except IntegrityError:
            if kind == "same" and _release(key):
                continue
            first = Submission.objects.filter(dedup_key=key).select_related("form").first()
            if first is not None:
                return Stored(_repeat(first, columns, kind), first)
    return Stored(_insert(read, columns, None))


def _insert(read: Mapping[str, Any], columns: Mapping[str, Any], key: str | None) -> Submission:
    with transaction.atomic():
        stored = Submission.objects.create(received_at=clock.now(), dedup_key=key, **{**columns, **read})
        if stored.state == Submission.State.RECEIVED:
            transaction.on_commit(calling.call_worker, robust=True)
        elif stored.state == Submission.State.FAILED:
            absorb_earlier(stored)
    return stored


def _understood(form: WebForm, parsed: Parsed, page: str) -> dict[str, Any]:
    """What reading a post tells at once: what was not understood, and whether there is nobody to answer in it."""
    try:
        with translation.override(settings.LANGUAGE_CODE):
            request = request_of(form, parsed, page=page)
            check_request(request, parsed)
    except RequestRefused as error:
        return {"state": Submission.State.FAILED, "error": error.message, "problems": error.errors}
    except Exception:
        # A bug of ours must not stand between a request and the table that keeps it: processing meets it again.
        log.exception("submission_not_read", form_id=form.pk)
        return {}
    return {"problems": list(request.problems)}


def _to_mend(rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    with translation.override(settings.LANGUAGE_CODE):
        error = _("The visitor was asked to mend: %(fields)s") % {"fields": " ".join(row["message"] for row in rows)}
    return {"state": Submission.State.FAILED, "error": error, "problems": [*rows]}


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


def having_earlier(posts: Sequence[Submission]) -> set[int]:
    """Which of the posts have something to absorb (their keys), asked of the database once for all of them."""
    marks = {name: {str(post.meta.get(name) or "") for post in posts} - {""} for name in ("fingerprint", "visit")}
    kept = Submission.objects.filter(
        Q(meta__fingerprint__in=marks["fingerprint"]) | Q(meta__visit__in=marks["visit"]),
        state__in=[Submission.State.HELD, Submission.State.FAILED],
        form__in={post.form_id for post in posts},
        received_at__gte=clock.now() - KEPT_TOGETHER,
    )
    found = {mark for pair in kept.order_by().values_list("meta__fingerprint", "meta__visit") for mark in pair if mark}
    return {post.pk for post in posts if found & {post.meta.get("fingerprint"), post.meta.get("visit")}}


def absorb_earlier(taken: Submission) -> None:
    """What was held back or sent back to the same visitor before is now a repeat of the post that was taken."""
    same = Q(state=Submission.State.HELD, meta__fingerprint=taken.meta.get("fingerprint", ""))
    if visit := taken.meta.get("visit"):
        same |= Q(state__in=[Submission.State.HELD, Submission.State.FAILED], meta__visit=visit)
    earlier = Submission.objects.filter(same, form=taken.form_id, received_at__gte=clock.now() - KEPT_TOGETHER)
    earlier.filter(pk__lt=taken.pk).update(state=Submission.State.DUPLICATE, duplicate_of=taken, error="")


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


def needing_attention(user: Any) -> QuerySet[Submission]:
    """Posts that could not be processed, newest first, for those who steer: the head and the administrator."""
    rows = Submission.objects.select_related("form", "duplicate_of").order_by("-received_at", "-id")
    return rows.filter(state=Submission.State.FAILED) if user.is_active and user.is_head else rows.none()
