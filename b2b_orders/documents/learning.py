"""What checked files teach the orders they belong to: the worker's side of a check.

The web process checks what it hands out and may not change orders. It leaves what a file
says with the document; here a worker gives that to the order. What an order learned follows
wholly from its documents, so it may be worked out again at any time: a file that is refused
at its next check takes back what it said.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from django.db import DataError, transaction
from django.db.models import F, Q

from b2b_orders.documents.expecting import refresh_expected
from b2b_orders.documents.fetching import HANDED_OUT
from b2b_orders.documents.models import Document
from b2b_orders.orders.supplements import learn
from b2b_orders.orders.unite import TITLE_OF_FILE
from erp_bridge.identifiers import access_key_parts
from erp_bridge.records import EventRecord, InvoiceRecord, OrderRecord, System, TitleRecord

Value = TypeVar("Value")
logger = logging.getLogger(__name__)
CANCELLED, CORRECTED, REGISTERED = "nfe-cancelled", "nfe-corrected", "nfe-event"
_RETURN: Final = "4"
_PRODUCTION: Final = "production"
_CORRECTION: Final = "110110"
_CANCELLATIONS: Final = frozenset({"110111", "110112"})
# A parcel's number counts only where the word for it stands before it.
_TRACKING = re.compile(
    r"\b(?:c[oó]d(?:igo)?\.?\s*(?:de\s+)?)?(?:rastre(?:io|amento|ador)|tracking|objeto)\b"
    r"[\s:.\-nNº°]*([A-Z]{2}[0-9]{9}[A-Z]{2})\b",
    re.IGNORECASE,
)
_PARCEL = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")
_TRACKING_FIELD = re.compile(r"rastre|tracking|objeto", re.IGNORECASE)


def learn_waiting(*, now: datetime, limit: int = 50) -> int:
    """Tell orders of checks that they do not know of yet; say of how many orders."""
    waiting = Document.objects.filter(
        Q(learned_at=None) | Q(learned_at__lt=F("checked_at")), checked_at__isnull=False
    )
    records = list(
        dict.fromkeys(waiting.order_by("checked_at").values_list("record_id", flat=True)[:limit])
    )
    for record_id in records:
        try:
            learn_record(record_id=record_id, now=now)
        except (DataError, ValueError, TypeError, AttributeError, ArithmeticError):
            # Told once; the next check of one of its files tries again.
            logger.exception("a file taught nothing", extra={"record_id": record_id})
            Document.objects.filter(record_id=record_id).update(learned_at=F("checked_at"))
    return len(records)


@transaction.atomic
def learn_record(*, record_id: int, now: datetime) -> bool:
    """Give an order all that its checked files say; say whether that was news."""
    documents = list(
        Document.objects.filter(record_id=record_id, checked_at__isnull=False).order_by("pk")
    )
    taught: dict[str, OrderRecord] = {}
    for document in documents:
        # A file that is refused, or of which nobody knows what it is, teaches nothing. What
        # was checked for another company is checked again before it counts.
        is_ours = document.company_id is not None and document.checked_for == document.company_id
        if document.verdict in HANDED_OUT and is_ours:
            for key, lesson in lessons_of(document.facts):
                taught.setdefault(key, lesson)
    company_id = next((each.company_id for each in documents if each.company_id), None)
    is_news = company_id is not None and learn(
        record_id=record_id, company_id=company_id, taught=taught, now=now
    )
    # Cancelled or not is learned from these very files, whether or not the order changed.
    refresh_expected(record_ids=[record_id], now=now)
    for document in documents:
        # One that was checked again meanwhile is learned from again.
        if document.learned_at != document.checked_at:
            Document.objects.filter(pk=document.pk).update(learned_at=document.checked_at)
    return is_news


# --- from a file's facts to a record: pure --------------------------------------------------------


def lessons_of(facts: Mapping[str, Any]) -> Iterator[tuple[str, OrderRecord]]:
    """Say what a file's facts teach, by the key of what they are about."""
    parts = access_key_parts(str(facts.get("access_key") or ""))
    if parts is None:
        return
    root = str(facts.get("root") or "")
    if root in {"nfeProc", "NFe"} and facts.get("environment") in {None, _PRODUCTION}:
        yield f"nfe:{parts.key}", _invoice_lesson(facts, parts.key)
    elif root == "procEventoNFe" and (event := _event(facts, parts.number, parts.series)):
        name = f"event:{parts.key}:{facts.get('event_type')}:{facts.get('sequence')}"
        yield name[:80], OrderRecord(System.ERP, "", events=(event,))


def _invoice_lesson(facts: Mapping[str, Any], key: str) -> OrderRecord:
    parts = access_key_parts(key)
    assert parts is not None  # noqa: S101 the caller took it apart
    is_return = str(facts.get("purpose") or "") == _RETURN
    invoice = InvoiceRecord(
        number=parts.number,
        series=parts.series,
        access_key=key,
        emitter=parts.emitter,
        issued_on=_day(facts.get("issued_at")),
        total=_amount(facts.get("total")),
        carrier=str(facts.get("carrier") or "")[:150],
        tracking_number=tracking_of(facts),
        is_return=is_return,
    )
    if is_return:
        # What came back is no debt, and its number of an order is not this one's.
        return OrderRecord(System.ERP, "", invoices=(invoice,))
    titles = (_title(each, key, parts.number) for each in facts.get("installments") or ())
    numbers = (" ".join(str(each).split())[:60] for each in facts.get("customer_pos") or ())
    return OrderRecord(
        System.ERP,
        "",
        invoices=(invoice,),
        titles=tuple(titles),
        customer_numbers=tuple(dict.fromkeys(filter(None, numbers))),
    )


def _title(given: Mapping[str, Any], key: str, number: str) -> TitleRecord:
    """Read an instalment as the invoice announced it: whether it was paid, it cannot say."""
    instalment = str(given.get("number") or "")
    return TitleRecord(
        key=f"{TITLE_OF_FILE}{key}:{instalment}"[:120],
        instalment=instalment[:20],
        invoice_number=number,
        due_on=_day(given.get("due_date")),
        amount=_amount(given.get("amount")),
    )


def _event(facts: Mapping[str, Any], number: str, series: str) -> EventRecord | None:
    at = _moment(facts.get("event_at")) or _moment(facts.get("registered_at"))
    kind = str(facts.get("event_type") or "")
    if at is None:
        return None
    invoice = f"{number}/{series}"
    if kind == _CORRECTION:
        return EventRecord(at, CORRECTED, " ".join(str(facts.get("correction") or "").split()))
    if kind in _CANCELLATIONS:
        return EventRecord(at, CANCELLED, invoice)
    return EventRecord(at, REGISTERED, f"{invoice} · {kind}")


def tracking_of(facts: Mapping[str, Any]) -> str:
    """Return the one parcel number that a file states as such; "" for none or several."""
    found = {code.upper() for code in _TRACKING.findall(str(facts.get("extra_info") or ""))}
    notes = facts.get("contributor_notes")
    for name, text in (notes if isinstance(notes, Mapping) else {}).items():
        if _TRACKING_FIELD.search(str(name)):
            found.update(_PARCEL.findall(str(text).upper()))
    return found.pop() if len(found) == 1 else ""


def _day(value: object) -> date | None:
    """Read the day as it is written: the emitter's, in no other time zone."""
    return _read(lambda text: date.fromisoformat(text[:10]), value)


def _moment(value: object) -> datetime | None:
    found = _read(datetime.fromisoformat, value)
    return found if found and found.tzinfo else None


def _amount(value: object) -> Decimal | None:
    found = _read(Decimal, value)
    return found if found is not None and found.is_finite() else None


def _read(convert: Callable[[str], Value], value: object) -> Value | None:
    try:
        return convert(str(value)) if value else None
    except (ValueError, InvalidOperation):
        return None
