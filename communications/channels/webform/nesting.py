"""Nested fields of a post - JSON objects and lists, PHP's brackets - as a flat list of fields with telling names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from communications.channels.webform.names import is_known, own_meaning
from crm.normalize.text import word_set

MAX_NAME = 200
MAX_DEPTH_SHOWN = 4
MAX_BRACKETS = 50
_BRACKETS = re.compile(r"[^\[\]]+(?:\[[^\[\]]*\])+")
_KEYS = re.compile(r"[^\[\]]+|(?<=\[)(?=\])")
# How form libraries and other CRMs list a field: its name under one of these, what was typed under one of those.
_NAME_KEYS = ("code", "field_code", "name", "field_name", "title", "label", "question", "q", "key", "id")
_VALUE_KEYS = ("value", "values", "answer", "a")
_ABOUT_KEYS = word_set(
    """
    raw_value required enum enum_id enum_code value_type value_id field_id field_type slug is_system options checked
    placeholder order t is_computed sort visible
    """
)
_PHONE_KEYS = ("code", "country_code", "dial_code", "prefix", "number", "phone")


class Fields(list[tuple[str, Any]]):
    """An object as pairs: repeated keys are not lost."""


def flat(data: Any) -> Iterator[tuple[str, str]]:
    """The leaves of a JSON value with the last parts of their paths, without recursion."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), data)]
    while stack:
        path, value = stack.pop()
        value = _plainer(path, value)
        if isinstance(value, Fields):
            if (named := _named_field(path, value)) is not None:
                stack.append(named)
                continue
            children = [((*path, key[:MAX_NAME])[-MAX_DEPTH_SHOWN:], child) for key, child in value]
            stack.extend(reversed(children))
        elif isinstance(value, list):
            stack.extend((path, child) for child in reversed(value))
        elif value is not None:
            yield ".".join(path), str(value).lower() if isinstance(value, bool) else str(value)


def unbracketed(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of a form in which "a[0][value]" and "a[0][name]" are told together; other names stay as they are."""
    found: list[tuple[bool, list[tuple[str, str]]]] = []
    families: dict[str, list[tuple[str, str]]] = {}
    for name, value in pairs:
        if len(name) > MAX_NAME * 10 or name.count("[") > MAX_BRACKETS or not _BRACKETS.fullmatch(name):
            found.append((False, [(name, value)]))
            continue
        head = name.partition("[")[0]
        if head not in families:
            families[head] = []
            found.append((True, families[head]))
        families[head].append((name, value))
    return [pair for is_family, part in found for pair in (_group(part) if is_family else part)]


def _group(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """One family of bracketed names: as it came, unless it lists fields by name and value."""
    tree = _tree(pairs)
    if _lists_fields(tree):
        return list(flat(tree))
    return pairs


def _tree(pairs: Iterable[tuple[str, str]]) -> Fields:
    """The structure that bracketed names describe."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        *parents, last = _KEYS.findall(name)
        place = root
        for key in parents:
            inner = place.setdefault(key, {})
            if not isinstance(inner, dict):
                inner = place[key] = {"": inner}
            place = inner
        if isinstance(place.get(last), dict):
            place[last].setdefault("", []).append(value)
        else:
            place.setdefault(last, []).append(value)
    return _as_fields(root)


def _as_fields(place: dict[str, Any]) -> Any:
    children = [(key, _as_fields(value) if isinstance(value, dict) else _leaf(value)) for key, value in place.items()]
    if children and all(not key or key.isdigit() for key, _child in children):
        return [child for _key, child in children]
    return Fields(children)


def _leaf(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


def _lists_fields(tree: Any) -> bool:
    stack = [tree]
    while stack:
        value = stack.pop()
        if isinstance(value, Fields):
            if _named_field((), value) is not None:
                return True
            stack += [child for _key, child in value]
        elif isinstance(value, list):
            stack += value
    return False


def _named_field(path: tuple[str, ...], value: Fields) -> tuple[tuple[str, ...], Any] | None:
    """{"name": "Phone", "value": "..."} is one field, as form libraries list them; so is {"VALUE": ...} by itself."""
    found = {key.lower(): child for key, child in value[:20]}
    key = next((key for key in _VALUE_KEYS if key in found), None)
    kind = found.get("type")
    others = found.keys() - {key, "type"}
    if key is None or len(value) > 20 or not others <= {*_NAME_KEYS, *_ABOUT_KEYS}:
        return None
    names = [text for name in _NAME_KEYS if name in others and isinstance(text := found[name], str) and text.strip()]
    if isinstance(kind, str) and own_meaning(kind) in {"phone", "email"}:
        names.append(kind)
    known = next((text for text in names if is_known(text)), "")
    shown = [
        found[name] for name in ("title", "label", "field_name", "name", "question", "q") if found.get(name) in names
    ]
    name = known or next(iter(shown or names), "")
    if not name or (path and is_known(path[-1]) and not known):
        return (path, found[key]) if path and key in {"value", "values"} else None
    return (name[:MAX_NAME],), found[key]


def _plainer(path: tuple[str, ...], value: Any) -> Any:
    """A name in a list of words, a phone in code and number: one text."""
    meaning = own_meaning(path[-1]) if path else ""
    if meaning == "name" and isinstance(value, list) and not isinstance(value, Fields) and 1 < len(value) <= 4:
        words = [item for item in value if isinstance(item, str)]
        return " ".join(words) if len(words) == len(value) else value
    if meaning == "phone" and isinstance(value, Fields) and len(value) <= 4:
        parts = {key.lower(): child for key, child in value}
        if parts.keys() <= set(_PHONE_KEYS) and all(isinstance(child, str) for child in parts.values()):
            return "".join(parts[key] for key in _PHONE_KEYS if key in parts)
    return value
