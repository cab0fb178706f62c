"""The catalogues of words: what can be translated, what is, and the compiled files.

Django's own tools need GNU gettext; these need only Babel, so that a test can hold the
catalogues to the source on any machine.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

LANGUAGES = ("pt_BR", "es", "en")
# What a text is passed to for its words; under another name it would never get any.
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
}
_PARTS = {"_": 1, "gettext": 1, "ngettext": 2}
_CALL = re.compile(r"\b(ngettext|gettext|_)\(")

MessageId = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A text of the source with the file that has it."""

    id: MessageId
    place: str


def messages() -> Iterator[Found]:
    """Find every translatable text of the product's Python and templates."""
    root: Path = settings.BASE_DIR
    for path in sorted((root / "b2b_orders").rglob("*.py")):
        yield from _in_python(path, str(path.relative_to(root)))
    templates = (*(root / "templates").rglob("*.html"), *(root / "templates").rglob("*.txt"))
    for path in sorted(templates):
        for message in in_template(path.read_text()):
            yield Found(message, str(path.relative_to(root)))


def _in_python(path: Path, place: str) -> Iterator[Found]:
    source = io.BytesIO(path.read_bytes())
    for _line, message, _comments, _context in extract("python", source, keywords=KEYWORDS):
        yield Found(message, place)


def in_template(source: str) -> Iterator[MessageId]:
    """Find the texts of a template: Django rewrites it as calls, whose literals are read."""
    rewritten = templatize(source)
    for call in _CALL.finditer(rewritten):
        literals = _literals(rewritten[call.end() :], _PARTS[call[1]])
        if literals:
            yield literals[0] if len(literals) == 1 else tuple(literals)


def _literals(text: str, wanted: int) -> list[str]:
    """Read that many string literals from the beginning of a call's arguments."""
    found: list[str] = []
    for literal in re.finditer(r"""\s*u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*,?""", text):
        if len(found) == wanted or (literal.start() and not found):
            break
        found.append(str(ast.literal_eval(literal[1])))
    return found if len(found) == wanted else []


def po_path(language: str) -> Path:
    """Say where a language's catalogue is."""
    root: Path = settings.BASE_DIR
    return root / "b2b_orders" / "locale" / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """Read a language's catalogue; an empty one when there is none."""
    path = po_path(language)
    if not path.exists():
        return Catalog(locale=language, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> Catalog:
    """Bring a catalogue up to the source: new texts come in empty, gone ones go."""
    known = read(language)
    fresh = Catalog(
        locale=language,
        header_comment=f"# The words of B2B Orders in {language}. See `manage.py build_messages`.",
        project="b2b-orders",
        version="1",
        msgid_bugs_address="none",
        last_translator="B2B Orders",
        language_team="B2B Orders",
        charset="utf-8",
        fuzzy=False,
    )
    # Nothing that changes without a change of words: a build twice is the same file.
    fresh.creation_date = fresh.revision_date = known.creation_date
    for found in messages():
        old = known.get(found.id)
        fresh.add(found.id, old.string if old else None, locations=[(found.place, 0)])
    return fresh


def compiled(catalog: Catalog) -> bytes:
    """Compile a catalogue."""
    output = io.BytesIO()
    write_mo(output, catalog)
    return output.getvalue()


def build(language: str) -> int:
    """Write a language's catalogue and its compiled file; return how many texts lack words."""
    catalog = update(language)
    path = po_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=100, sort_output=True)
    path.with_suffix(".mo").write_bytes(compiled(read(language)))
    return len(missing(catalog))


def missing(catalog: Catalog) -> list[MessageId]:
    """List the texts without words; English is the source itself."""
    if str(catalog.locale) == "en":
        return []
    return [
        _id(message.id) for message in catalog if message.id and not all(_strings(message.string))
    ]


def _id(value: str | tuple[str, ...] | list[str]) -> MessageId:
    return value if isinstance(value, str) else tuple(value)


def _strings(value: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (value or "",) if isinstance(value, str | None) else tuple(value)
