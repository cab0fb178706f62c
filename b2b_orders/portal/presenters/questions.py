"""Questions about an order: on its timeline, for who answers, and the list of those that wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.documents.queries import DocumentRow
from b2b_orders.orders.queries import OrderDetail
from b2b_orders.orders.questions import MOST_ANSWERED, MOST_ASKED, OpenQuestion, QuestionRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.presenters.documents import document_name
from erp_bridge.records import Money

# Of an order with more papers, the rest is not kept with a question.
_MOST_DOCUMENTS = 300


@dataclass(frozen=True, slots=True)
class Choice:
    """What a question can be about."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Answering:
    """An answer that could not be taken: to which question, as typed, and why."""

    question: UUID
    typed: str
    error: str


@dataclass(frozen=True, slots=True)
class StaffQuestion:
    """A question for who answers it, with what its asker saw."""

    id: str
    number: str
    heading: str
    text: str
    about: str
    seen_at: str
    seen: tuple[str, ...]
    answer_url: str
    is_open: bool
    answers: tuple[tuple[str, str], ...]
    typed: str
    error: str


@dataclass(frozen=True, slots=True)
class WaitingItem:
    """A question that waits: whose, about which order, and for how long."""

    number: str
    order: str
    company: str
    about: str
    age: str
    asked: str
    iso: str
    url: str


# --- what the asker sees --------------------------------------------------------------------


def snapshot(
    detail: OrderDetail, documents: Sequence[DocumentRow], *, now: datetime
) -> dict[str, Any]:
    """Keep what stands on the asker's page: no more than their rights show them."""
    total = detail.row.total
    return {
        "at": now.isoformat(),
        "fulfilment": str(detail.row.fulfilment),
        "status_raw": detail.row.status_raw,
        "total": [f"{total.amount:f}", total.currency] if total else None,
        "sources": [
            {"system": str(source.system), "as_of": source.as_of.isoformat()}
            for source in detail.sources
        ],
        "documents": [
            {"id": str(row.public_id), "state": row.state} for row in documents[:_MOST_DOCUMENTS]
        ],
    }


def document_choices(documents: Iterable[DocumentRow], chosen: str) -> tuple[Choice, ...]:
    """List what a question can be about: the order, or one of its documents."""
    whole = Choice("", _("The whole order"), not chosen)
    return (
        whole,
        *(
            Choice(str(row.public_id), document_name(row), str(row.public_id) == chosen)
            for row in documents
        ),
    )


def problem(code: str) -> str:
    """Word why a question or an answer cannot be taken."""
    return {
        "empty": _("Write what you want to know."),
        "too-long": _("Write at most %(count)s characters.") % {"count": formats.count(MOST_ASKED)},
        "too-many-questions": _(
            "These are many questions within an hour. Wait a little, or call support."
        ),
    }[code]


def answer_problem(code: str) -> str:
    """Word why an answer cannot be taken."""
    if code == "empty":
        return _("Write an answer.")
    return _("Write at most %(count)s characters.") % {"count": formats.count(MOST_ANSWERED)}


# --- on the order's page --------------------------------------------------------------------


def questions_for_staff(
    questions: Iterable[QuestionRow],
    documents: Sequence[DocumentRow],
    *,
    viewer: Viewer,
    order: UUID,
    to: Addresses,
    now: datetime,
    answering: Answering | None,
) -> tuple[StaffQuestion, ...]:
    """Present questions to the seller's people; the company's own see the timeline."""
    if not viewer.is_staff:
        return ()
    names = {str(row.public_id): document_name(row) for row in documents}
    found = []
    for row in questions:
        mine = answering if answering and answering.question == row.public_id else None
        found.append(
            StaffQuestion(
                id=f"answer-{row.public_id}",
                number=str(row.id),
                heading=_("%(name)s asked at %(time)s")
                % {"name": row.person_name, "time": formats.moment(row.asked_at, now)},
                text=row.text,
                # One that this viewer may not see is not named either.
                about=names.get(str(row.document), "") if row.document else "",
                seen_at=formats.moment(row.asked_at, now),
                seen=tuple(_seen(row.seen, names, row.document, now, viewer=viewer)),
                answer_url=to.to("answer-question", order=order, public_id=row.public_id),
                is_open=row.is_open,
                answers=tuple(
                    (words.staff_name(each.person_name, each.staff_role), each.text)
                    for each in row.answers
                ),
                typed=mine.typed if mine else "",
                error=mine.error if mine else "",
            )
        )
    return tuple(found)


def _seen(
    seen: Mapping[str, Any],
    names: Mapping[str, str],
    about: UUID | None,
    now: datetime,
    *,
    viewer: Viewer,
) -> Iterator[str]:
    """Word what the asker saw, as far as who answers may see it, too."""
    for source in seen.get("sources", ()):
        yield _("%(source)s as of %(time)s") % {
            "source": words.text(words.SYSTEM, source["system"]),
            "time": formats.moment(datetime.fromisoformat(source["as_of"]), now),
        }
    if code := seen.get("fulfilment"):
        yield _("Status: %(status)s") % {
            "status": words.fulfilment(code, seen.get("status_raw", "")).text
        }
    if seen.get("total") and Right.PRICES in viewer.rights:
        amount, currency = seen["total"]
        yield _("Total: %(amount)s") % {"amount": formats.money(Money(Decimal(amount), currency))}
    for row in seen.get("documents", ()):
        # What was there for the taking is nothing to wonder about, unless it is the question.
        if row["id"] in names and (row["state"] != "available" or row["id"] == str(about)):
            yield f"{names[row['id']]}: {words.chip(words.DOCUMENT_STATE, row['state']).text}"


# --- what waits -----------------------------------------------------------------------------


def waiting_items(
    questions: Iterable[OpenQuestion], *, entered: frozenset[UUID], acts: bool, now: datetime
) -> tuple[WaitingItem, ...]:
    """Present what waits. `entered` are companies whose pages are open to the reader now."""
    return tuple(
        WaitingItem(
            number=str(row.id),
            order=row.order_title,
            company=row.company_name,
            about=_("A document") if row.is_about_document else _("The whole order"),
            age=formats.duration((now - row.asked_at).total_seconds()),
            asked=formats.full_moment(row.asked_at),
            iso=formats.iso(row.asked_at),
            url=_way_to(row, is_open=not acts or row.company_public_id in entered),
        )
        for row in questions
    )


def _way_to(row: OpenQuestion, *, is_open: bool) -> str:
    if is_open:
        page = Addresses(row.company_public_id).to("order", public_id=row.order_public_id)
        return f"{page}#answer-{row.public_id}"
    query = {
        "order": str(row.order_public_id),
        "q": row.order_title,
        "reason": _("question %(number)s") % {"number": row.id},
    }
    return f"{reverse('portal:act')}?{urlencode(query)}"
