"""Proof of work: a visitor's browser solves a small task while they type; a robot pays for each of its thousand posts.

The task is the signature of the note of when the page was opened (`_started`): nothing is stored to give it out, it is
another for every visit and cannot be made up. Solved are eight small parts instead of one large one, so that the time
hardly varies. What was solved is good for one post, within a day.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
from django.core.cache import cache
from django.http import HttpRequest

from communications.channels.webform import guards
from communications.channels.webform.guards import STARTED_FIELD, value_of, visit_of
from communications.channels.webform.transport import Parsed
from communications.models import Submission, WebForm
from communications.submissions import fingerprint_of

log = structlog.get_logger(__name__)

WORK_FIELD = "_work"
# On average 8 * 2**12 hashes: a fifth of a second on a desk, about one on a phone.
ROUNDS, BITS = 8, 12
GOOD_FOR = 24 * 3600
_ANSWER = re.compile(rf"[0-9]{{1,8}}(?:\.[0-9]{{1,8}}){{{ROUNDS - 1}}}", re.ASCII)


class Work(StrEnum):
    """What a post says of its task."""

    NOT_ASKED = ""
    NONE = "none"
    DONE = "done"
    WRONG = "wrong"


def work_of(form: WebForm, parsed: Parsed) -> Work:
    """What became of the task; only pages and snippets of ours are asked, and without scripts there is no answer."""
    started = value_of(parsed, STARTED_FIELD)
    if not form.asks_work or not started:
        return Work.NOT_ASKED
    answer = value_of(parsed, WORK_FIELD)
    if not answer:
        return Work.NONE
    visit = visit_of(started)
    if visit is None or visit[1] > GOOD_FOR or not is_solved(task_of(started), answer):
        return Work.WRONG
    return Work.DONE


def task_of(started: str) -> str:
    """The task that goes with the note of a visit: its signature."""
    return started.rpartition(":")[2]


def is_solved(task: str, answer: str) -> bool:
    """Has each part a number that makes the hash begin with zeros?"""
    if not _ANSWER.fullmatch(answer):
        return False
    return all(is_part(task, number, nonce) for number, nonce in enumerate(answer.split(".")))


def is_part(task: str, number: int, nonce: str) -> bool:
    """One of the parts: the first bits of the hash are zeros."""
    digest = hashlib.sha256(f"{task}:{number}:{nonce}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> (32 - BITS) == 0


@dataclass(frozen=True)
class Judged:
    """Whether the post is taken; `wait`: so many seconds, for too many came without the task."""

    is_taken: bool = True
    wait: int = 0


def judge(request: HttpRequest, form: WebForm, parsed: Parsed, post: dict[str, Any]) -> Judged:
    """Judge a post by its task, which is then used up by it; what was found is noted with the post's data."""
    done = work_of(form, parsed)
    if done is Work.NOT_ASKED:
        return Judged()
    post["meta"] = {**post["meta"], "work": str(done)}
    if done is Work.NONE:
        wait = guards.workless_wait(request, form)
        return Judged(is_taken=not wait, wait=wait)
    return Judged(is_taken=done is Work.DONE and _spend(parsed, fingerprint_of(parsed, post["body"])))


def settle(form: WebForm, parsed: Parsed, kept: Submission) -> None:
    """A post that was sent back to be mended has not used its task up."""
    if form.asks_work and kept.state == Submission.State.FAILED and value_of(parsed, WORK_FIELD):
        try:
            cache.delete(_key(parsed))
        except Exception as error:
            log.warning("form_work_not_given_back", error=repr(error))


def _spend(parsed: Parsed, fingerprint: str) -> bool:
    """Use the task up; False when another post has used it. Without the cache nobody is refused."""
    key = _key(parsed)
    try:
        return bool(cache.add(key, fingerprint, GOOD_FOR)) or cache.get(key) == fingerprint
    except Exception as error:
        log.warning("form_work_not_spent", error=repr(error))
        return True


def _key(parsed: Parsed) -> str:
    task = task_of(value_of(parsed, STARTED_FIELD))
    return f"forms:work:{hashlib.sha256(task.encode()).hexdigest()}"
