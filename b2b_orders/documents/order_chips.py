"""Chips of a list of orders that are about documents: whose are missing, whose are new.

They count what `count_documents` shows in a row: "7/8" is missing one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from b2b_orders.companies.access import Right, Viewer
from b2b_orders.documents.models import RuleEffect, State
from b2b_orders.documents.queries import FINANCIAL
from b2b_orders.orders.filtering import Only, add_condition
from b2b_orders.orders.open_orders import ON_ITS_WAY_FOR

# For how long a document that came is new.
NEW_FOR: Final = timedelta(days=7)
MISSING: Final = (State.EXPECTED.value, State.FAILED.value, State.DAMAGED.value)
_WHOSE = """o.id IN (SELECT r.order_id FROM documents_document d
    JOIN orders_sourcerecord r ON r.id = d.record_id
    JOIN companies_company c ON c.id = d.company_id
    WHERE d.company_id = %(company)s AND {wanted} AND d.kind <> ALL(%(d_withheld)s)
        AND NOT EXISTS (SELECT FROM documents_documentrule h
            WHERE h.is_enabled AND h.effect = %(d_hide)s AND h.kind = d.kind
                AND h.connection IN ('', r.connection)
                AND h.customer_type IN ('', c.customer_type)))"""
_STATES = ", ".join(f"'{each}'" for each in MISSING)
_MISSING = _WHOSE.format(wanted=f"d.state IN ({_STATES})")
# Of old orders everything is new on the day that the portal first hears of them.
_NEW = "o.sorted_at >= %(d_placed_since)s AND " + _WHOSE.format(
    wanted=f"d.state = '{State.AVAILABLE.value}' AND d.state_since >= %(d_since)s"
)


def _params(viewer: Viewer, now: datetime) -> Mapping[str, Any]:
    return {
        "company": viewer.company_id,
        "d_withheld": [] if viewer.can(Right.FINANCE) else sorted(FINANCIAL),
        "d_hide": RuleEffect.HIDE.value,
        "d_since": now - NEW_FOR,
        "d_placed_since": now - ON_ITS_WAY_FOR,
    }


def teach_lists() -> None:
    """Have lists of orders know these chips."""
    add_condition(Only.MISSING_DOCUMENTS, lambda viewer, now: (_MISSING, _params(viewer, now)))
    add_condition(Only.NEW_DOCUMENTS, lambda viewer, now: (_NEW, _params(viewer, now)))
