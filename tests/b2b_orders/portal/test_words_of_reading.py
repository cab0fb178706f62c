"""Every reason that reading a file can give has words for people."""

from __future__ import annotations

import re
from pathlib import Path

from django.utils import translation

from b2b_orders.documents import archive_words, checks, drawing, fetching, listing, rendering
from b2b_orders.documents.models import State
from b2b_orders.documents.payables import WITHHELD
from b2b_orders.documents.reading import pdf
from b2b_orders.portal import words, words_documents
from erp_bridge.errors import BridgeError

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


# --- what indexes of ZIP files, mails and shared pages say -----------------------------------


def codes_of(error: type[BridgeError]) -> set[str]:
    return {error.code}.union(*(codes_of(each) for each in error.__subclasses__()))


def test_every_reason_for_which_a_document_is_missing_has_words():
    own = Path(archive_words.__file__).parent
    written = "".join(path.read_text() for path in own.glob("*.py"))
    codes = (
        codes_of(BridgeError)
        | set(checks._PROBLEMS.values())
        | {"html-instead-of-pdf", "json-instead-of-xml", "html-instead-of-file"}
        | {"empty", "wrong-kind", "wrong-root", "document-of-another-order", "active-content"}
        | {"too-large", "too-many-pages"}
        | set(drawing._KNOWN)
        | set(re.findall(r"\"(render-[\w-]+)\"", written))
        | {"render-gave-up", rendering.BEING_MADE, rendering.XML_GONE}
        | {fetching.BUSY, listing.NO_LONGER_LISTED, "not-held"}
        | {standing.value for standing in WITHHELD}
        | {state.value for state in State if state is not State.AVAILABLE}
        | set(re.findall(r"reason_words\(\"([\w-]+)\"", written))
    )

    assert {"unreachable", "unlisted", "paid", "no-time-left", "bad-signature"} <= codes
    assert {code for code in codes if not archive_words.has_reason_words(code)} == set()


def test_a_code_of_tomorrow_is_worded_by_its_state_and_never_shown_bare():
    with translation.override("en"):
        assert archive_words.reason_words("new-code", "damaged") == archive_words.reason_words(
            "damaged"
        )
        assert archive_words.reason_words("new-code") == "The source did not hand out this file."
        assert archive_words.reason_words("json-instead-of-pdf", "damaged") == (
            "Damaged file: something else instead of the document"
        )


def test_the_slip_of_a_state_is_named_alike_everywhere():
    assert archive_words.kind_words("gare") == "GARE / DARE"
    assert str(words.DOCUMENT_KIND["gare"].name) == "GARE / DARE"
