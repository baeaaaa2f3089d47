"""Keeps the Russian catalogue: takes the texts out of the code and the templates, and says what is not translated.

python scripts/messages.py            write what the code asks for into the .po, and compile it
python scripts/messages.py --check    change nothing, list what is wrong

The texts are found by Python alone, so that every machine finds the same; the gettext tools are not needed.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("ru",)
APPS = (
    "accounts", "analytics", "automation", "communications", "crm", "deals", "leads", "objects_registry", "partners",
    "web",
)  # fmt: skip

# Where the text stands among a call's arguments: context, singular, plural.
CALLS: dict[str, tuple[int | None, int, int | None]] = {
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdrf]|\{\w*\}")
HEADER = {
    "Project-Id-Version": "crm",
    "Report-Msgid-Bugs-To": "",
    "Language": "ru",
    "Language-Team": "Russian",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    # Django's own Russian catalogue counts so; one with fewer forms would be read wrongly beside it.
    "Plural-Forms": "nplurals=4; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && "
    "(n%100<12 || n%100>14) ? 1 : n%10==0 || (n%10>=5 && n%10<=9) || (n%100>=11 && n%100<=14)? 2 : 3);",
}

Key = tuple[str | None, str]


@dataclass
class Message:
    """A text of the code: its plural, if it has one, and the files that say it."""

    plural: str | None = None
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """One place that says a text."""

    context: str | None
    text: str
    plural: str | None


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _imported(tree: ast.AST) -> dict[str, str]:
    """Map the names that a module gave to Django's functions to the functions."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            names |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in CALLS}
    return names


def in_python(source: str, names: dict[str, str] | None = None) -> Iterator[Found]:
    """Find the texts of a module; text put together at run time cannot be translated and is not found."""
    tree = ast.parse(source)
    names = _imported(tree) if names is None else names
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name):
            kind = names.get(called.id)
        elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            kind = called.attr if called.value.id == "translation" and called.attr in CALLS else None
        else:
            kind = None
        if kind is None:
            continue
        parts = [_constant(argument) for argument in node.args]
        context, text, plural = (parts[at] if at is not None and at < len(parts) else None for at in CALLS[kind])
        if text:
            yield Found(context, text, plural)


def in_template(source: str) -> Iterator[Found]:
    """Find the texts of a template, by way of the Python-like text that Django makes of it for xgettext."""
    calls = {name: name for name in CALLS} | {"_": "gettext"}
    names = "|".join(calls)
    text = templatize(source)
    for match in re.finditer(rf"(?<!\w)(?:{names})\(", text):
        yield from _call_at(text, match.start(), calls)


def _call_at(text: str, start: int, calls: dict[str, str]) -> Iterator[Found]:
    """Read the one call that starts here: it ends at the first bracket that makes it valid Python."""
    end = text.find(")", start)
    while end != -1:
        try:
            yield from in_python(text[start : end + 1].strip(), calls)
        except SyntaxError:
            end = text.find(")", end + 1)
        else:
            return


def sources(root: Path) -> Iterator[tuple[Path, Iterator[Found]]]:
    """All files that speak to people, in an order that does not depend on the machine."""
    for app in APPS:
        for path in sorted((root / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path, in_python(path.read_text(encoding="utf-8"))
    for path in sorted((root / "templates").rglob("*")):
        if path.suffix in {".html", ".txt"}:
            yield path, in_template(path.read_text(encoding="utf-8"))


def collect(root: Path = ROOT) -> dict[Key, Message]:
    """Gather the texts of the whole project."""
    messages: dict[Key, Message] = {}
    for path, found in sources(root):
        name = path.relative_to(root).as_posix()
        for one in found:
            message = messages.setdefault((one.context, one.text), Message())
            message.plural = message.plural or one.plural
            if name not in message.files:
                message.files.append(name)
    return messages


def catalogue_path(language: str, root: Path = ROOT) -> Path:
    """Tell where a language's texts are kept."""
    return root / "locale" / language / "LC_MESSAGES" / "django.po"


def refreshed(messages: dict[Key, Message], old: polib.POFile | None) -> polib.POFile:
    """Make the catalogue anew from the code's texts, with the translations there are."""
    known = {(entry.msgctxt, entry.msgid): entry for entry in old or [] if not entry.obsolete and not entry.fuzzy}
    made = polib.POFile(wrapwidth=120)
    made.metadata = dict(HEADER)
    for (context, text), message in messages.items():
        entry = polib.POEntry(
            msgctxt=context, msgid=text, msgid_plural=message.plural or "",
            occurrences=[(name, "") for name in message.files],
        )  # fmt: skip
        if "%(" in text or "%d" in text or "%s" in text:
            entry.flags.append("python-format")
        before = known.get((context, text))
        if message.plural:
            entry.msgstr_plural = (
                before.msgstr_plural if before and before.msgid_plural else dict.fromkeys(range(4), "")
            )
        else:
            entry.msgstr = before.msgstr if before and not before.msgid_plural else ""
        made.append(entry)
    return made


def translations(entry: polib.POEntry) -> list[str]:
    """List what stands for the text: one sentence, or one for each plural form."""
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def entry_faults(entry: polib.POEntry) -> Iterator[str]:
    """Say what is wrong with one translation."""
    words = translations(entry)
    if entry.fuzzy or not all(words) or (entry.msgid_plural and len(words) != 4):
        yield f"not translated: {entry.msgid!r}"
        return
    wanted = sorted(set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid)))
    for text in words:
        if sorted(set(PLACEHOLDER.findall(text))) != wanted:
            yield f"other placeholders than in the code: {entry.msgid!r} - {text!r}"
        if text[:1].isspace() != entry.msgid[:1].isspace() or text[-1:].isspace() != entry.msgid[-1:].isspace():
            yield f"other spaces around it than in the code: {entry.msgid!r}"


def faults(root: Path = ROOT, language: str = "ru") -> list[str]:
    """List everything that keeps the catalogue from saying each text of the code in its language."""
    path = catalogue_path(language, root)
    if not path.exists():
        return [f"there is no {path.relative_to(root)}"]
    messages, kept = collect(root), polib.pofile(str(path))
    entries = {(entry.msgctxt, entry.msgid): entry for entry in kept if not entry.obsolete}
    found = []
    for key, message in messages.items():
        entry = entries.get(key)
        if entry is None or bool(entry.msgid_plural) != bool(message.plural):
            found.append(f"not in the catalogue: {key[1]!r} ({message.files[0]})")
        else:
            found += entry_faults(entry)
    found += [f"said nowhere any more: {key[1]!r}" for key in entries if key not in messages]
    return found + compiled_faults(path, kept)


def compiled_faults(path: Path, kept: polib.POFile) -> list[str]:
    """Compare the compiled catalogue, which is what the product reads, with its source."""
    compiled = path.with_suffix(".mo")
    if not compiled.exists():
        return [f"{compiled.name} is not made"]
    inside = {(entry.msgctxt, entry.msgid): translations(entry) for entry in polib.mofile(str(compiled))}
    wanted = {(entry.msgctxt, entry.msgid): translations(entry) for entry in kept.translated_entries()}
    return [] if inside == wanted else [f"{compiled.name} says something else than {path.name}: compile it"]


def write(language: str, messages: dict[Key, Message]) -> polib.POFile:
    """Bring one language's catalogue up to date and compile it."""
    path = catalogue_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = refreshed(messages, polib.pofile(str(path)) if path.exists() else None)
    made.save(str(path))
    made.save_as_mofile(str(path.with_suffix(".mo")))
    return made


def main() -> int:
    """Write or check, as asked; fail while anything is untranslated."""
    if "--check" not in sys.argv[1:]:
        messages = collect()
        for language in LANGUAGES:
            made = write(language, messages)
            print(f"{language}: {len(made.translated_entries())} of {len(made)} texts are translated.")
    found = [fault for language in LANGUAGES for fault in faults(language=language)]
    print("\n".join(found[:50]))
    if len(found) > 50:
        print(f"... and {len(found) - 50} more.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
