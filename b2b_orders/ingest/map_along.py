"""What people of a merged company wrote about its orders goes along with them, and comes back.

By a merge the company is another one from then on, and so are its letters, its own numbers, what
its people follow and what operations decided of its orders. By a move or a split only orders go:
what people of the old company wrote stays theirs, out of everybody's sight, until the orders come
back; whoever follows one that does not is told of it no more. Links to documents are never taken
along: they were given away in the old company's name, and end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import models
from django.db.models import Exists, OuterRef, QuerySet

from b2b_orders.documents.models import ShareLink, Watch
from b2b_orders.notifications.models import Follow, FollowedOrder, Notice
from b2b_orders.orders.models import AddedNumber, Answer, Decision, Question

_ALONG: Final[Mapping[str, type[models.Model]]] = {
    "decisions": Decision,
    "numbers": AddedNumber,
    "questions": Question,
    "answers": Answer,
    "watches": Watch,
    "follows": Follow,
}


def take_along(*, from_company: int, to_company: int, now: datetime) -> dict[str, Any]:
    """Give a merged company's letters to the other one; return what `bring_back` needs.

    In the transaction that rewrites the map, before any order has moved: numbers and decisions
    count for an order only once it is the same company's.
    """
    ShareLink.objects.filter(company_id=from_company, revoked_at=None).update(revoked_at=now)
    return {
        name: _give(model, _rows(model, from_company), to_company) for name, model in _ALONG.items()
    }


def bring_back(*, along: Mapping[str, Any], from_company: int, to_company: int) -> None:
    """Give a company back what went along, as far as it is where it went."""
    for name, model in _ALONG.items():
        rows = _rows(model, from_company).filter(pk__in=along.get(name, ()))
        _give(model, rows, to_company)


def _rows(model: type[models.Model], company_id: int) -> QuerySet[Any]:
    return model._default_manager.filter(company_id=company_id)  # noqa: SLF001 Django's own name


def _give(model: type[models.Model], rows: QuerySet[Any], company_id: int) -> list[int]:
    if model is AddedNumber:
        # The other company may have the same number at the same record, from before.
        same = {"connection", "external_id", "written"}
        there = AddedNumber.objects.filter(
            company_id=company_id,
            removed_at=None,
            **{name: OuterRef(name) for name in same},
        )
        rows = rows.exclude(Exists(there), removed_at=None)
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    rows.filter(pk__in=ids).update(company_id=company_id)
    if model is Follow:
        # With what they know and have noted, which is too much to be named row by row.
        FollowedOrder.objects.filter(follow_id__in=ids).update(company_id=company_id)
        Notice.objects.filter(follow_id__in=ids).update(company_id=company_id)
    return ids
