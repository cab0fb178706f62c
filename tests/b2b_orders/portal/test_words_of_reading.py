"""Every reason that reading a file can give has words for people."""

from __future__ import annotations

import re
from pathlib import Path

from b2b_orders.documents import checks
from b2b_orders.documents.reading import pdf
from b2b_orders.portal import words, words_documents

READING = Path(checks.__file__).parent / "reading"


def test_every_refusal_has_words():
    derived = {"too-large", "too-many-pages", "active-content"}

    assert (set(checks._PROBLEMS.values()) | derived) - set(words.INCIDENT) == set()


def test_every_doubt_has_words():
    sources = "".join(path.read_text() for path in READING.glob("*.py"))
    found = set(re.findall(r'(?:warnings|policies)\.append\("(\w+)"\)', sources))
    found |= set(re.findall(r'doubts\["(\w+)"\]', sources))
    found |= set(pdf._ACTIVE.values()) | {"active_hidden"}

    assert {"signed_by_another", "amount_differs", "many_pages"} <= found
    assert found - set(words_documents.FINDING) == set()
