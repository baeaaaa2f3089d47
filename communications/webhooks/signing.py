"""Signatures by Standard Webhooks: v1 is base64 of HMAC-SHA256 over "id.timestamp.body".

A secret is no column: it is made of the endpoint's seed and the key of the installation, so that a copy of the
database alone lets nobody sign. With SECRET_KEY_FALLBACKS messages bear a signature by each key.
"""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256

from django.conf import settings
from django.utils.crypto import salted_hmac

from communications.models import WebhookEndpoint
from crm import clock

PREFIX = "whsec_"


def secret_of(endpoint: WebhookEndpoint) -> str:
    """The secret as its receiver keeps it: shown once, when it is made."""
    return PREFIX + base64.b64encode(_key(endpoint.seed, settings.SECRET_KEY)).decode()


def headers_of(endpoint: WebhookEndpoint, uid: str, moment: int, body: bytes) -> dict[str, str]:
    """The three headers of a message sent at `moment` (seconds since 1970); after a rotation both secrets sign."""
    seeds = [endpoint.seed]
    if endpoint.old_seed and endpoint.old_until is not None and endpoint.old_until > clock.now():
        seeds.append(endpoint.old_seed)
    keys = [_key(seed, secret) for seed in seeds for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    signatures = " ".join(f"v1,{_signature(key, uid, moment, body)}" for key in keys)
    return {"webhook-id": uid, "webhook-timestamp": str(moment), "webhook-signature": signatures}


def _signature(key: bytes, uid: str, moment: int, body: bytes) -> str:
    return base64.b64encode(hmac.new(key, f"{uid}.{moment}.".encode() + body, sha256).digest()).decode()


def _key(seed: str, secret: str) -> bytes:
    return salted_hmac("communications.webhooks", seed, secret=secret, algorithm="sha256").digest()
