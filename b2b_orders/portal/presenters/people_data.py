"""Files of people's data, as pages list them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from b2b_orders.ingest.person_export import ExportView
from b2b_orders.portal import formats
from b2b_orders.portal.presenters.operations import Moment, moment


@dataclass(frozen=True, slots=True)
class ExportItem:
    """A file that can be taken, or is being made: then it has no address yet."""

    asked: Moment
    until: str
    url: str


def export_items(rows: Iterable[ExportView], *, page: str, now: datetime) -> tuple[ExportItem, ...]:
    """Present files; `page` is the address that hands them out."""
    return tuple(
        ExportItem(
            asked=moment(row.asked_at, now),
            until=formats.moment(row.expires_at, now),
            url=reverse(page, kwargs={"public_id": row.public_id}) if row.is_ready else "",
        )
        for row in rows
    )
