"""Doing a call once, however often it is sent: the answer is kept under the caller's key and given again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from crm import clock
from crm.errors import DomainError, InvalidInput
from crm.models import IdempotencyKey

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
KEPT_FOR = timedelta(days=2)
# Headers of an answer that are a part of it: where the made thing is, and the way back.
KEPT_HEADERS = ("Location", "Undo-Location")


class KeyReused(DomainError):
    """The same key came with another call."""

    code = "idempotency_key_reused"
    title = gettext_lazy("The idempotency key was used for another call")


def key_of(request: Request) -> str:
    """The caller's key, or an empty text; InvalidInput for one that cannot be kept."""
    key = request.headers.get(HEADER)
    if key is None:
        return ""
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        message = _("%(header)s: from 1 to %(most)s printable ASCII characters.") % {
            "header": HEADER,
            "most": LONGEST_KEY,
        }
        raise InvalidInput(message, errors=[{"pointer": "", "code": "invalid_key", "message": message}])
    return key


def required_key_of(request: Request) -> str:
    """The caller's key for a call that must never be doubled by a retry; InvalidInput when there is none."""
    if key := key_of(request):
        return key
    message = _("This call needs the header %(header)s, so that sending it again makes nothing twice.") % {
        "header": HEADER
    }
    raise InvalidInput(message, errors=[{"pointer": "", "code": "key_required", "message": message}])


def once(request: Request, key: str, work: Callable[[], Response]) -> Response:
    """Run `work` in one transaction with the row of its key, or give the kept answer.

    A second call that comes while the first still runs waits for it at the row. A call that fails leaves no row, so
    that it can be mended and sent again under the same key.
    """
    path = request.path[:500]
    body_hash = _body_hash(request)
    user: Any = request.user
    with transaction.atomic():
        fresh = IdempotencyKey(
            user=user,
            key=key,
            method=request.method or "",
            path=path,
            body_hash=body_hash,
            created_at=clock.now(),
        )
        IdempotencyKey.objects.bulk_create([fresh], ignore_conflicts=True)
        row = IdempotencyKey.objects.select_for_update().get(user=user, key=key)
        if row.status is not None:
            return _repeated(row, request.method or "", path, body_hash)
        response = work()
        _keep(row, response)
    refresh(response)
    _keep(row, response)
    return response


def refresh(response: Response) -> Response:
    """Show the record as it is after the commit, with what the rules did to it."""
    again = getattr(response, "render_again", None)
    if again is not None:
        response.data = again()
    return response


def forget_old_keys() -> int:
    """Drop answers that are older than the promise; answers how many."""
    return IdempotencyKey.objects.filter(created_at__lt=clock.now() - KEPT_FOR).delete()[0]


def _repeated(row: IdempotencyKey, method: str, path: str, body_hash: str) -> Response:
    if (row.method, row.path, row.body_hash) != (method, path, body_hash):
        raise KeyReused(_("This key was already used for another call: take a new one."))
    return Response(row.response, status=row.status, headers={**row.headers, "Idempotent-Replayed": "true"})


def _keep(row: IdempotencyKey, response: Response) -> None:
    row.status = response.status_code
    row.response = None if response.data is None else json.loads(JSONRenderer().render(response.data))
    row.headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    row.save(update_fields=["status", "response", "headers"])


def _body_hash(request: Request) -> str:
    """The body's hash; of a form with files the names, values and contents, for its boundaries differ each time."""
    digest = hashlib.sha256(request.META.get("QUERY_STRING", "").encode())
    if not (request.content_type or "").startswith("multipart/"):
        # Read here first: the parsers find the body kept by Django.
        digest.update(request._request.body)
        return digest.hexdigest()
    for name, upload in request.FILES.items():
        digest.update(repr((name, upload.name)).encode())
        for chunk in upload.chunks():
            digest.update(chunk)
        upload.seek(0)
    fields = [(name, values) for name, values in request.POST.lists() if name not in request.FILES]
    digest.update(repr(sorted(fields)).encode())
    return digest.hexdigest()
