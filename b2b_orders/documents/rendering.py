"""Pages that we make of checked XMLs: the DANFE of an NF-e, the DACTE of a CT-e, the CC-e.

A rendered page is a document like any other (its own row, rights, audit), named as made by us.
It stands in only while the source has no right one of its own. The web process never draws:
it leaves a `Rendering` and hands out the file once a worker has made it. What is made is known
by the XML's bytes, the library's edition and whether the note is cancelled; when one of them
changes, the page that was right before is not handed out any more.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from django.db import connection, transaction
from django.db.models import Q

from b2b_orders.common.errors import NotVisible
from b2b_orders.companies.access import Viewer
from b2b_orders.documents import storage
from b2b_orders.documents.drawing import EDITION, MAX_XML_BYTES
from b2b_orders.documents.expecting import INVOICE_CANCELLED, refresh_expected
from b2b_orders.documents.fetching import HANDED_OUT
from b2b_orders.documents.models import Document, JobState, Origin, Rendering, State, StoredFile
from b2b_orders.documents.queries import visible_documents
from erp_bridge.records import DocumentKind

BEING_MADE: Final = "being-made"
XML_GONE: Final = "render-xml-gone"
# Of a file that is not handed out nothing is made, nor of a cancellation.
USABLE: Final = HANDED_OUT - {"event_cancels"}
CANCELLED: Final = "cancelled"
LETTER: Final = "correction_letter"
# An NF-e with more items is drawn when somebody asks for it: it takes seconds.
AHEAD_ITEMS: Final = 60
_XML_KINDS: Final = frozenset(
    {DocumentKind.NFE_XML, DocumentKind.CTE_XML, DocumentKind.EVENT_XML, DocumentKind.OTHER}
)
# By the root of the XML and the model that its access key names: NFC-e and others differ.
_MADE_OF: Final[Mapping[tuple[str, str], DocumentKind]] = MappingProxyType(
    {
        ("nfeProc", "55"): DocumentKind.DANFE,
        ("NFe", "55"): DocumentKind.DANFE,
        ("cteProc", "57"): DocumentKind.DACTE,
        ("CTe", "57"): DocumentKind.DACTE,
        ("procEventoNFe", "55"): DocumentKind.CCE,
    }
)
PAGES: Final = frozenset(_MADE_OF.values())


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a page: its file, or a problem, which is `BEING_MADE` while it is made."""

    file: StoredFile | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a page is; `xml` is the document that it is made of, and holds the same facts."""

    kind: str
    invoice_number: str
    is_ready: bool
    problem: str
    xml: uuid.UUID


# --- handing out ---------------------------------------------------------------------------


def file_for(document: Document, *, now: datetime) -> Made:
    """Return the file of a rendered document, or have it made; runs in the web process.

    However many ask at once, it is made once.
    """
    recipe = recipe_of(document)
    if recipe is None:
        return Made(None, XML_GONE)
    made = _look_up(document, recipe.key)
    if made is None:
        request_rendering(document, recipe, is_urgent=True, now=now)
    return made or Made(None, BEING_MADE)


def get_progress(*, viewer: Viewer, public_id: uuid.UUID, now: datetime) -> Progress:
    """Return how far a rendered page is; `NotVisible` for what is not the viewer's or not ours.

    One that nobody has asked for yet is asked for: whoever waits does not wait in vain.
    """
    document = (
        visible_documents(viewer=viewer)
        .filter(public_id=public_id, origin=Origin.RENDERED)
        .select_related("made_from__file")
        .first()
    )
    if document is None or document.made_from is None:
        raise NotVisible
    problem = file_for(document, now=now).problem
    return Progress(
        kind=document.kind,
        invoice_number=document.invoice_number,
        is_ready=not problem,
        problem="" if problem == BEING_MADE else problem,
        xml=document.made_from.public_id,
    )


def _look_up(document: Document, key: str) -> Made | None:
    """Find what was made or tried under a key; None when it is to be asked for (again)."""
    row = Rendering.objects.filter(document=document, key=key).select_related("file").first()
    if row is None:
        return None
    if row.state == JobState.DONE:
        return Made(row.file) if storage.is_held(row.file) else None
    if row.state == JobState.FAILED:
        # Its XML was gone and is here again, or there would be no recipe.
        return None if row.reason == XML_GONE else Made(None, row.reason)
    return Made(None, BEING_MADE) if row.is_urgent else None


def request_rendering(
    document: Document, recipe: Recipe, *, is_urgent: bool, now: datetime
) -> None:
    """Write down that a page is to be made; the same request again changes nothing.

    What was made or given up and is asked for all the same has lost its bytes.
    """
    rows = Rendering.objects.filter(document=document, key=recipe.key)
    if rows.exists():
        rows.filter(state__in=(JobState.DONE, JobState.FAILED)).update(
            state=JobState.WAITING, file=None, reason="", tries=0, asked_at=now
        )
        if is_urgent:
            rows.update(is_urgent=True)
        return
    if document.company_id is not None:
        row = Rendering(
            company_id=document.company_id,
            document=document,
            key=recipe.key,
            is_urgent=is_urgent,
            asked_at=now,
        )
        # Another process may have written it since: its row is as good.
        Rendering.objects.bulk_create([row], ignore_conflicts=True)


# --- what to make ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a page is made of and how; `key` is the same for the same page."""

    kind: str
    xml: StoredFile
    is_cancelled: bool
    issuer: str
    key: str


def recipe_of(document: Document) -> Recipe | None:
    """Say how a rendered document is made now; None when its XML is not to be used any more."""
    xml = document.made_from
    if xml is None or made_kind(xml) != document.kind or not storage.is_held(xml.file):
        return None
    return _recipe(document.kind, xml)


def _recipe(kind: str, xml: Document) -> Recipe | None:
    if xml.file is None:
        return None
    # A letter of correction looks the same whatever became of its note.
    is_cancelled = kind != DocumentKind.CCE and is_cancelled_note(xml)
    issuer = _issuer_of(xml) if kind == DocumentKind.CCE else ""
    layout = f"{kind}-{uuid.uuid5(uuid.NAMESPACE_OID, issuer).hex[:8]}" if issuer else kind
    mark = CANCELLED if is_cancelled else "valid"
    return Recipe(
        kind, xml.file, is_cancelled, issuer, f"{xml.file.sha256}:{EDITION}:{layout}:{mark}"
    )


def made_kind(xml: Document) -> DocumentKind | None:
    """Say what is made of a checked file, by what was found inside; None for most."""
    if (
        xml.origin != Origin.SOURCE
        or xml.verdict not in USABLE
        or xml.checked_at is None
        # Whose it is was judged for another company.
        or xml.checked_for != xml.company_id
        or xml.file is None
        or xml.file.size > MAX_XML_BYTES
    ):
        return None
    root = str(xml.facts.get("root", ""))
    kind = _MADE_OF.get((root, _access_key(xml)[20:22]))
    if kind is DocumentKind.CCE and LETTER not in xml.findings:
        return None
    return kind


def is_cancelled_note(xml: Document) -> bool:
    """Say whether we know that a note was cancelled: by its own file or by an event's."""
    if xml.state == State.CANCELLED or CANCELLED in xml.findings:
        return True
    key = _access_key(xml)
    events = Document.objects.filter(company=xml.company, access_key=key, verdict="event_cancels")
    return bool(key) and events.exists()


def _issuer_of(letter: Document) -> str:
    """Find the name of who issued a letter's note, in the note."""
    notes = Document.objects.filter(
        company=letter.company,
        access_key=_access_key(letter),
        verdict__in=("serve", "warn"),
        origin=Origin.SOURCE,
    )
    for facts in notes.order_by("pk").values_list("facts", flat=True):
        emitter = facts.get("emitter")
        if isinstance(emitter, dict) and emitter.get("name"):
            return str(emitter["name"])
    return ""


def _access_key(xml: Document) -> str:
    return xml.access_key or str(xml.facts.get("access_key") or "")


# --- the rows of rendered documents, made by workers -------------------------------------------


def orders_to_look_at(
    *, since: datetime, after: int, limit: int, with_joined: bool = False
) -> list[int]:
    """Return orders with a usable XML in which something became of a document since then.

    They come by their ids, those behind `after`. `with_joined` also returns those that changed
    themselves, which may bring a page and an old XML together; it reads all orders.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT r.order_id
            FROM documents_document d JOIN orders_sourcerecord r ON r.id = d.record_id
            WHERE (d.checked_at >= %(since)s OR d.state_since >= %(since)s
                    OR (%(with_joined)s AND EXISTS (
                        SELECT 1 FROM orders_order o
                        WHERE o.id = r.order_id AND o.changed_at >= %(since)s)))
                AND d.origin <> 'rendered' AND r.order_id > %(after)s
                AND EXISTS (
                    SELECT 1 FROM documents_document x
                        JOIN orders_sourcerecord xr ON xr.id = x.record_id
                    WHERE xr.order_id = r.order_id AND x.verdict = ANY(%(usable)s)
                        AND x.checked_at IS NOT NULL AND x.file_id IS NOT NULL)
            ORDER BY r.order_id LIMIT %(limit)s""",
            {
                "since": since,
                "after": after,
                "limit": limit,
                "with_joined": with_joined,
                "usable": sorted(USABLE),
            },
        )
        return [order for (order,) in cursor.fetchall()]


def update_rendered(*, order_ids: Collection[int], now: datetime) -> None:
    """Bring the rendered documents of orders up to what their files say; safe to repeat."""
    found: dict[int, list[Document]] = {}
    documents = (
        Document.objects.filter(record__order_id__in=order_ids, company__isnull=False)
        .select_related("record", "file")
        .defer("record__payload", "record__facts")
        .order_by("pk")
    )
    for document in documents:
        if document.record.order_id is not None:
            found.setdefault(document.record.order_id, []).append(document)
    changed: set[int] = set()
    for of_order in found.values():
        changed |= _update_order(of_order, now)
    # What stands in for a page that was waited for is not waited for any more.
    refresh_expected(record_ids=sorted(changed), now=now)


def _update_order(documents: Sequence[Document], now: datetime) -> set[int]:
    """Bring one order's pages up to date; return the records where one came or changed."""
    changed: set[int] = set()
    rendered = {d.made_from_id: d for d in documents if d.origin == Origin.RENDERED}
    wanted = _wanted(documents)
    with transaction.atomic():
        new = [_new(kind, xml, now) for xml, kind in wanted if xml.pk not in rendered]
        # Two workers may look at one order at once: the second finds the first's rows.
        Document.objects.bulk_create(new, ignore_conflicts=True)
        changed.update(each.record_id for each in new)
        made = {
            d.made_from_id: d
            for d in Document.objects.filter(
                made_from__in=[xml for xml, _ in wanted], origin=Origin.RENDERED
            )
        }
        for xml, kind in wanted:
            if document := made.get(xml.pk):
                document.made_from = xml
                own = _own(kind, xml, documents, is_only=_is_only(xml, kind, wanted))
                if _update(document, own, _recipe(kind, xml), now):
                    changed.add(document.record_id)
        keep = {xml.pk for xml, _ in wanted}
        gone = [d for of, d in rendered.items() if of not in keep]
        for document in gone:
            if _set_state(document, State.NOT_APPLICABLE, XML_GONE, now):
                changed.add(document.record_id)
    return changed


def _wanted(documents: Iterable[Document]) -> list[tuple[Document, DocumentKind]]:
    """Choose the XMLs to render, of several files of one note the first."""
    chosen: dict[tuple[str, ...], tuple[Document, DocumentKind]] = {}
    for document in documents:
        if document.kind in _XML_KINDS and (kind := made_kind(document)):
            note = (kind.value, _access_key(document), _sequence(document))
            chosen.setdefault(note, (document, kind))
    return list(chosen.values())


def _is_only(
    xml: Document, kind: DocumentKind, wanted: Iterable[tuple[Document, DocumentKind]]
) -> bool:
    return all(other.pk == xml.pk for other, of in wanted if of is kind)


def _own(
    kind: DocumentKind, xml: Document, documents: Iterable[Document], *, is_only: bool
) -> Document | None:
    """Find the source's own page of a note, if it has a right one."""
    series, number = _series_and_number(xml)
    for document in documents:
        if (document.origin, document.kind, document.state) != (
            Origin.SOURCE,
            kind.value,
            State.AVAILABLE,
        ):
            continue
        if document.access_key:
            fits = document.access_key == _access_key(xml)
        elif document.invoice_number:
            fits = document.invoice_number == number
            fits = fits and document.invoice_series in {series, ""}
        else:
            fits = is_only
        if fits and (kind is not DocumentKind.CCE or document.instalment == _sequence(xml)):
            return document
    return None


def _new(kind: DocumentKind, xml: Document, now: datetime) -> Document:
    series, number = _series_and_number(xml)
    return Document(
        company_id=xml.company_id,
        record_id=xml.record_id,
        key=f"rendered:{xml.pk}",
        origin=Origin.RENDERED,
        made_from=xml,
        kind=kind.value,
        position=xml.position,
        invoice_number=number,
        invoice_series=series,
        access_key=_access_key(xml),
        instalment=_sequence(xml),
        issued_on=xml.issued_on,
        state=State.AVAILABLE,
        state_since=now,
        listed_at=now,
    )


def _series_and_number(xml: Document) -> tuple[str, str]:
    """Read series and number off the access key; a CT-e goes with the note that it was listed for.

    So the page stands beside its XML.
    """
    if xml.invoice_number:
        return xml.invoice_series, xml.invoice_number
    key = _access_key(xml)
    return str(int(key[22:25])), str(int(key[25:34]))


def _sequence(xml: Document) -> str:
    """Return which letter of its note it is; "" for everything else."""
    return str(xml.facts.get("sequence") or "")[:20]


def _update(document: Document, own: Document | None, recipe: Recipe | None, now: datetime) -> bool:
    """Bring a page up to date; say whether its state changed."""
    if own is not None:
        is_beside = own.record_id == document.record_id
        if document.replaced_by != (own.key if is_beside else ""):
            document.replaced_by = own.key if is_beside else ""
            Document.objects.filter(pk=document.pk).update(replaced_by=document.replaced_by)
        return _set_state(document, State.REPLACED, "own-document", now)
    if recipe is None:
        return False
    rows = {row.key: row for row in Rendering.objects.filter(document=document)}
    row = rows.get(recipe.key)
    if row is not None and row.state == JobState.FAILED:
        is_news = _set_state(document, State.FAILED, row.reason, now)
    elif recipe.is_cancelled:
        # It can be had, with the word across it, but must not look like a note that stands.
        is_news = _set_state(document, State.CANCELLED, INVOICE_CANCELLED, now)
    else:
        is_news = _set_state(document, State.AVAILABLE, "", now)
    # Pages of an older edition of the library say the same; those of another mark do not.
    mark = recipe.key.rpartition(":")[2]
    same = [row for key, row in rows.items() if key.rpartition(":")[2] == mark]
    if document.file_id is not None and document.file_id not in {row.file_id for row in same}:
        # It says of a cancelled note that it stands.
        Document.objects.filter(pk=document.pk).update(file=None, fetched_at=None)
    if not same and _is_small(document):
        request_rendering(document, recipe, is_urgent=False, now=now)
    return is_news


def _is_small(document: Document) -> bool:
    if document.kind != DocumentKind.DANFE or document.made_from is None:
        return True
    count = document.made_from.facts.get("item_count")
    return isinstance(count, int) and count <= AHEAD_ITEMS


def _set_state(document: Document, state: State, reason: str, now: datetime) -> bool:
    if (document.state, document.reason) == (state, reason):
        return False
    Document.objects.filter(pk=document.pk).update(state=state, reason=reason, state_since=now)
    return True


# --- what a worker notes -------------------------------------------------------------------------


def find_same(row: Rendering) -> StoredFile | None:
    """Find the page that was already made for another document of the same XML."""
    same = Rendering.objects.filter(
        ~Q(pk=row.pk), company_id=row.company_id, key=row.key, state=JobState.DONE
    ).select_related("file")
    return next((other.file for other in same if storage.is_held(other.file)), None)


@transaction.atomic
def note_made(row: Rendering, file: StoredFile, *, now: datetime) -> None:
    """Note that a page is there."""
    Rendering.objects.filter(pk=row.pk).update(
        state=JobState.DONE, file=file, reason="", finished_at=now
    )
    offered = Document.objects.filter(pk=row.document_id)
    offered.update(file=file, fetched_at=now)
    offered.filter(state=State.FAILED).update(state=State.AVAILABLE, reason="", state_since=now)


@transaction.atomic
def note_failed(row: Rendering, reason: str, *, now: datetime) -> None:
    """Note that a page cannot be made, and why."""
    Rendering.objects.filter(pk=row.pk).update(
        state=JobState.FAILED, reason=reason, file=None, finished_at=now
    )
    offered = Document.objects.filter(pk=row.document_id, state=State.AVAILABLE)
    offered.update(state=State.FAILED, reason=reason, file=None, state_since=now)
