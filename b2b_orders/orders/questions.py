"""Questions about an order: asked by its company's people, answered by the seller's.

Who asks need not explain which order, nor what stood on the screen: that is kept with the
question. Question and answer belong to the order, for everybody of the company who may see it;
of questions that wait, the seller's people see whose they are, and the text once they act for
the company.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q

from b2b_orders.audit.services import Action, record
from b2b_orders.common import tenancy
from b2b_orders.common.errors import Conflict, InvalidInput, NotAllowed, NotVisible
from b2b_orders.common.mail import refusal_ends_it, send_each
from b2b_orders.companies.access import Actor, StaffViewer, Viewer
from b2b_orders.companies.viewers import read_standing
from b2b_orders.orders.models import Answer, Question

MOST_ASKED, MOST_ANSWERED = 1000, 2000
# The same text again within this time is a second click.
_SECOND_CLICK = timedelta(minutes=2)
_LOCK = 7072  # first half of our advisory locks: "a question of this person is asked"
# What turns the direction of what stands around it, and so makes a text say something else.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """What somebody of the seller says to a question, as the role they had then."""

    text: str
    at: datetime
    person_name: str
    staff_role: str


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question of an order with its answers.

    `seen` is what the asker saw, for the seller's people alone; see the page that asks.
    """

    id: int
    public_id: uuid.UUID
    text: str
    document: uuid.UUID | None
    asked_at: datetime
    person_name: str
    seen: Mapping[str, Any]
    answers: tuple[AnswerRow, ...] = ()

    @property
    def is_open(self) -> bool:
        """Say whether nobody has answered yet."""
        return not self.answers


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that waits: whose it is and since when, not what it says."""

    id: int
    public_id: uuid.UUID
    company_public_id: uuid.UUID
    company_name: str
    order_public_id: uuid.UUID
    order_title: str
    is_about_document: bool
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer for the person who asked: what their mail tells."""

    email: str
    person_name: str
    language: str
    company: uuid.UUID
    company_name: str
    order: uuid.UUID
    order_title: str
    question: uuid.UUID
    asked: str
    answered: str
    answered_by: str
    staff_role: str


def ask(
    *,
    viewer: Viewer,
    actor: Actor,
    order_id: int,
    order_public_id: uuid.UUID,
    text: str,
    document: uuid.UUID | None,
    seen: Mapping[str, Any],
    now: datetime,
) -> uuid.UUID:
    """Ask about an order that the viewer was shown just now; return the question's public id.

    Raises `NotVisible` for the seller's people, who answer, `InvalidInput` for no text or too
    much, `Conflict` after too many within an hour. A second click asks once.
    """
    if viewer.is_staff:
        raise NotVisible
    text = clean(text, most=MOST_ASKED)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, viewer.person_id % 2**31])
    mine = Question.objects.visible_to(viewer).filter(person_id=viewer.person_id)
    again = mine.filter(
        order_id=order_id, text=text, document=document, asked_at__gt=now - _SECOND_CLICK
    ).first()
    if again is not None:
        return again.public_id
    most = settings.PORTAL_QUESTIONS_AN_HOUR
    if most and mine.filter(asked_at__gt=now - timedelta(hours=1)).count() >= most:
        raise Conflict("too-many-questions")
    question = Question.objects.create(
        company_id=viewer.company_id,
        order_id=order_id,
        person_id=viewer.person_id,
        text=text,
        document=document,
        seen=dict(seen),
        asked_at=now,
    )
    record(
        Action.QUESTION_ASKED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="order",
        object_id=str(order_public_id),
        detail={
            "question": str(question.public_id),
            "document": str(document) if document else "",
        },
        now=now,
    )
    return question.public_id


def answer(
    *,
    viewer: Viewer,
    actor: Actor,
    order_public_id: uuid.UUID,
    public_id: uuid.UUID,
    text: str,
    now: datetime,
) -> None:
    """Answer a question of the company that the viewer acts for, or looks after.

    Raises `NotVisible` for the company's own people and for what the viewer may not see, and
    `InvalidInput` for no text or too much. A second click answers once.
    """
    question = (
        Question.objects.visible_to(viewer)
        .filter(public_id=public_id, order__public_id=order_public_id)
        .first()
    )
    if question is None or not viewer.is_staff:
        raise NotVisible
    text = clean(text, most=MOST_ANSWERED)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, viewer.person_id % 2**31])
    if question.answers.filter(
        person_id=viewer.person_id, text=text, at__gt=now - _SECOND_CLICK
    ).exists():
        return
    Answer.objects.create(
        company_id=viewer.company_id,
        question=question,
        person_id=viewer.person_id,
        staff_role=viewer.staff_role or "",
        text=text,
        at=now,
    )
    Question.objects.filter(pk=question.pk, answered_at=None).update(answered_at=now)
    record(
        Action.QUESTION_ANSWERED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="order",
        object_id=str(order_public_id),
        reason=viewer.reason,
        detail={"question": str(public_id), "acting": viewer.acting_id},
        now=now,
    )


def clean(text: str, *, most: int) -> str:
    """Return a text as it is kept: lines as typed, without signs that show nothing or mislead.

    Raises `InvalidInput` when nothing is left, or more than `most` characters are.
    """
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = "".join(
        sign
        for sign in lines
        if sign in "\n\t" or (sign not in _TURNING and unicodedata.category(sign) != "Cc")
    ).strip()
    if not kept:
        raise InvalidInput("text", "empty")
    if len(kept) > most:
        raise InvalidInput("text", "too-long")
    return kept


def list_questions(*, viewer: Viewer, order_id: int) -> tuple[QuestionRow, ...]:
    """List the questions of an order with their answers, oldest first. Two SQL statements."""
    rows = list(
        Question.objects.visible_to(viewer)
        .filter(order_id=order_id)
        .select_related("person")
        .order_by("asked_at", "pk")
    )
    if not rows:
        return ()
    answers: dict[int, list[AnswerRow]] = {}
    for each in (
        Answer.objects.filter(company_id=viewer.company_id, question__in=rows)
        .select_related("person")
        .order_by("at", "pk")
    ):
        answers.setdefault(each.question_id, []).append(
            AnswerRow(each.text, each.at, each.person.name, each.staff_role)
        )
    return tuple(
        QuestionRow(
            id=row.pk,
            public_id=row.public_id,
            text=row.text,
            document=row.document,
            asked_at=row.asked_at,
            person_name=row.person.name,
            seen=row.seen if viewer.is_staff else {},
            answers=tuple(answers.get(row.pk, ())),
        )
        for row in rows
    )


def open_questions(*, viewer: StaffViewer, limit: int = 100) -> tuple[OpenQuestion, ...]:
    """List the questions that wait for the viewer's team or portfolio, oldest first.

    Runs in the role that can read no text of them. `NotAllowed` for operations, who serve no
    company.
    """
    if viewer.can_operate:
        raise NotAllowed
    with tenancy.scope(role=tenancy.STAFF):
        rows = (
            Question.objects.filter(
                _served_by(viewer),
                answered_at=None,
                company__is_active=True,
                # Of an order that is another company's now, nobody is to be told.
                order__company_id=F("company_id"),
            )
            .order_by("asked_at", "pk")
            .values_list(
                *("id", "public_id", "company__public_id", "company__name"),
                *("order__public_id", "order__title", "document", "asked_at"),
            )
        )
        return tuple(
            OpenQuestion(
                id=pk,
                public_id=public_id,
                company_public_id=company,
                company_name=name,
                order_public_id=order,
                order_title=title,
                is_about_document=document is not None,
                asked_at=asked_at,
            )
            for pk, public_id, company, name, order, title, document, asked_at in rows[:limit]
        )


def _served_by(viewer: StaffViewer) -> Q:
    wanted = Q()
    if viewer.company_ids is not None:
        wanted &= Q(company_id__in=viewer.company_ids)
    if viewer.team_id is not None:
        # A company of no team is everybody's.
        wanted &= Q(company__team_id=viewer.team_id) | Q(company__team_id=None)
    return wanted


# --- the worker's side ----------------------------------------------------------------------


def tell_askers(*, now: datetime, send: Callable[[Answered], None], limit: int = 50) -> int:
    """Mail answers to those who asked; say how many mails went out.

    A mail server that is away is tried again at the next call, everything else once.
    """
    waiting = Answer.objects.filter(told_at=None).order_by("pk")
    return send_each(
        "answer",
        list(waiting.values_list("pk", flat=True)[:limit]),
        lambda pk: _tell(pk, send, now),
    )


@transaction.atomic
def _tell(pk: int, send: Callable[[Answered], None], now: datetime) -> bool:
    """Tell one person; the row stays locked meanwhile, so that no second worker does too."""
    found = Answer.objects.select_for_update(skip_locked=True).filter(pk=pk, told_at=None).first()
    if found is None:
        return False
    news, is_sent = _answered(found), False
    if news is not None:
        with refusal_ends_it("answer", pk):
            send(news)
            is_sent = True
    Answer.objects.filter(pk=pk).update(told_at=now)
    return is_sent


def _answered(found: Answer) -> Answered | None:
    """Say what a person is told, if they may still see the order; nothing otherwise."""
    asker = found.question.person
    viewer = read_standing(asker.pk).viewer_of_company(found.company_id)
    if viewer is None or not asker.is_active:
        return None
    question = (
        Question.objects.visible_to(viewer)
        .filter(pk=found.question_id)
        .select_related("order", "company")
        .first()
    )
    if question is None or question.order.company_id != viewer.company_id:
        return None
    return Answered(
        email=asker.email,
        person_name=asker.name,
        language=asker.language,
        company=question.company.public_id,
        company_name=question.company.name,
        order=question.order.public_id,
        order_title=question.order.title,
        question=question.public_id,
        asked=question.text,
        answered=found.text,
        answered_by=found.person.name,
        staff_role=found.staff_role,
    )
