"""Who did what with a company's orders and documents, as the company itself reads it.

Staff of the seller are in it by name, role and reason. Whoever sees the whole company reads
all lines of it; whoever sees some establishments reads what was done with orders and documents
of these, because all other lines tell of the company as a whole. Lines of other companies are
behind both walls. What a line names is named only if the viewer may see it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import NotVisible
from b2b_orders.common.paging import Cursor, PageOf
from b2b_orders.companies.access import Actor, Right, Viewer
from b2b_orders.companies.models import Membership
from b2b_orders.documents.models import Document
from b2b_orders.documents.names import title_of
from b2b_orders.documents.queries import shows_amount, visible_documents
from b2b_orders.orders.models import Order, OrderAlias
from b2b_orders.orders.queries import search

# A number that was typed leads to so many orders at most.
_ORDERS: Final = 50


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """Which lines are asked for; empty means any."""

    person: uuid.UUID | None = None
    staff_only: bool = False
    # A number of an order, as it is typed; its documents count as the order.
    order: str = ""
    document: uuid.UUID | None = None
    actions: tuple[Action, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessedDocument:
    """What a document is named by; amounts only for who may see them."""

    kind: str
    title: str
    invoice_number: str
    instalment: str
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One line: who, in which role and why, when, what, from where.

    `order` and `order_title` say to which order it leads, `document` which document it was;
    "" and None for what is gone or not visible.
    """

    id: int
    at: datetime
    action: str
    person_id: int | None
    person_name: str
    staff_role: str
    reason: str
    address: str
    object_kind: str
    object_id: str
    detail: Mapping[str, Any]
    order: uuid.UUID | None = None
    order_title: str = ""
    document: AccessedDocument | None = None
    # Of a line about somebody of the company, by their name now.
    object_name: str = ""


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody of the company, now or formerly, to ask for."""

    public_id: uuid.UUID
    name: str


_LINES: Final = "SELECT e.* FROM audit_auditevent AS e WHERE e.company_id = %(company)s"
_NEWEST_FIRST: Final = "ORDER BY e.at DESC, e.id DESC"
_COLUMNS: Final = """
    SELECT e.id, e.at, e.action, e.person_id, coalesce(p.name, ''), e.staff_role, e.reason,
        coalesce(host(e.address), ''), e.object_kind, e.object_id, e.detail::json
"""
# What a document and its order are named by; a record's payload is large.
_NAMING: Final = (
    *("public_id", "kind", "title", "invoice_number", "instalment", "amount"),
    *("record__order__public_id", "record__order__title"),
)
# For whoever sees some establishments, lines are looked through so many at a time, and so
# often for one page: a branch where nothing happened costs no more than another.
_WINDOW: Final = 10_000
_WINDOWS: Final = 5
# What a line is about, for whoever sees some establishments only.
_UUID: Final = "CASE WHEN e.object_id ~ '^[0-9a-f-]{36}$' THEN e.object_id::uuid END"
_SEEN: Final = "o.company_id = %(company)s AND o.establishment_id = ANY(%(establishments)s)"
_OF_ESTABLISHMENTS: Final = f"""(
    e.object_kind = 'order' AND (
        EXISTS (SELECT FROM orders_order AS o WHERE o.public_id = {_UUID} AND {_SEEN})
        OR EXISTS (SELECT FROM orders_orderalias AS a JOIN orders_order AS o ON o.id = a.order_id
            WHERE a.public_id = {_UUID} AND {_SEEN}))
    OR e.object_kind = 'document' AND EXISTS (
        SELECT FROM documents_document AS d JOIN orders_sourcerecord AS r ON r.id = d.record_id
        JOIN orders_order AS o ON o.id = r.order_id WHERE d.public_id = {_UUID} AND {_SEEN}))
"""  # noqa: S608 only our own words


def list_accesses(
    *,
    viewer: Viewer,
    wanted: AccessFilter,
    after: str | None = None,
    limit: int = 50,
) -> PageOf[AccessRow]:
    """List what was done, newest first; `NotVisible` without the right to read the record."""
    _require(viewer)
    sql, params = _condition(viewer, wanted)
    rows: list[AccessRow] = []
    cursor = Cursor.decode(after) if after else None
    for _ in range(_WINDOWS):
        found, cursor = _window(viewer, sql, params, cursor, limit - len(rows))
        rows += found
        if cursor is None or len(rows) == limit:
            break
    return PageOf(tuple(_named(viewer, rows)), cursor.encode() if cursor else None)


def _window(
    viewer: Viewer, sql: str, params: Mapping[str, Any], after: Cursor | None, limit: int
) -> tuple[list[AccessRow], Cursor | None]:
    """Read what the viewer sees of the next lines, and where to go on."""
    is_whole = viewer.establishment_ids is None
    given = {**params, "most": limit + 1, "window": limit + 1 if is_whole else _WINDOW}
    if after is not None:
        sql += " AND (e.at, e.id) < (%(at)s::text::timestamptz, %(pk)s::bigint)"
        given |= {"at": after.at.isoformat(), "pk": after.pk}
    lines = f"{sql} {_NEWEST_FIRST} LIMIT %(window)s"
    seen = "true" if is_whole else _OF_ESTABLISHMENTS
    found = _read(f"({lines})", seen, given)
    if len(found) > limit:
        last = found[limit - 1]
        return found[:limit], Cursor(last.at, last.id)
    if is_whole:
        return found, None
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT e.at, e.id FROM ({lines}) AS e {_NEWEST_FIRST}"  # noqa: S608 placeholders
            " OFFSET %(window)s - 1",
            {name: value for name, value in given.items() if name != "most"},
        )
        end = cursor.fetchone()
    return found, Cursor(*end) if end else None


def list_order_accesses(*, viewer: Viewer, order_id: int, limit: int = 5) -> tuple[AccessRow, ...]:
    """List who opened an order or took its documents last; nothing without the right."""
    if not viewer.can(Right.ACCESS_RECORD):
        return ()
    about = _about_orders(viewer, [order_id])
    sql = f"{_LINES} AND e.object_id = ANY(%(about)s) AND e.action = ANY(%(actions)s)"
    params = {
        "company": viewer.company_id,
        "about": about,
        "actions": [action.value for action in (*OPENINGS, *TAKINGS)],
        "most": limit,
    }
    rows = _read(f"({sql} {_NEWEST_FIRST} LIMIT %(most)s)", "true", params)
    return tuple(_named(viewer, rows))


def list_known_people(*, viewer: Viewer) -> tuple[KnownPerson, ...]:
    """List the people of the company, former ones too, by name."""
    _require(viewer)
    rows = (
        Membership.objects.filter(company_id=viewer.company_id)
        .order_by("person__name", "person_id")
        .values_list("person__public_id", "person__name")
    )
    return tuple(KnownPerson(*row) for row in rows)


def record_reading(
    *, viewer: Viewer, actor: Actor, detail: Mapping[str, Any], now: datetime
) -> None:
    """Note that somebody read the record, or took it away: that is a line itself."""
    _require(viewer)
    record(
        Action.ACCESS_RECORD_READ,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="access_record",
        detail=detail,
        now=now,
    )


OPENINGS: Final = (Action.ORDER_VIEWED,)
TAKINGS: Final = (
    Action.DOCUMENT_DOWNLOADED,
    Action.DOCUMENT_VIEWED,
    Action.PAYMENT_SHOWN,
    Action.DOCUMENTS_PACKED,
    Action.PACK_ASKED,
    Action.PACK_TAKEN,
    Action.DOCUMENT_SHARED,
    Action.SHARE_OPENED,
    Action.DOCUMENT_MAILED,
)


def _require(viewer: Viewer) -> None:
    if not viewer.can(Right.ACCESS_RECORD):
        raise NotVisible


def _condition(viewer: Viewer, wanted: AccessFilter) -> tuple[str, dict[str, Any]]:
    sql = _LINES
    params: dict[str, Any] = {"company": viewer.company_id}
    if viewer.establishment_ids is not None:
        params["establishments"] = sorted(viewer.establishment_ids)
    given: tuple[tuple[str, str, Any], ...] = (
        (
            "AND e.person_id = (SELECT id FROM accounts_person WHERE public_id = %(person)s)",
            "person",
            wanted.person,
        ),
        ("AND e.at >= %(since)s", "since", wanted.since),
        ("AND e.at < %(until)s", "until", wanted.until),
        ("AND e.action = ANY(%(actions)s)", "actions", [a.value for a in wanted.actions]),
        (
            "AND e.object_kind = 'document' AND e.object_id = %(document)s",
            "document",
            str(wanted.document) if wanted.document else None,
        ),
        (
            "AND e.object_id = ANY(%(about)s)",
            "about",
            _about_number(viewer, wanted.order) if wanted.order else None,
        ),
    )
    for condition, name, value in given:
        # No order has a typed number: then there is no line either.
        if value or (name == "about" and value is not None):
            sql += f" {condition}"
            params[name] = value
    return sql + (" AND e.staff_role <> ''" if wanted.staff_only else ""), params


def _about_number(viewer: Viewer, text: str) -> list[str]:
    found = search(viewer=viewer, text=text, limit=_ORDERS)
    return _about_orders(viewer, [row.id for row in found.rows])


def _about_orders(viewer: Viewer, order_ids: Iterable[int]) -> list[str]:
    """Return by which ids lines name orders and their documents: former addresses too."""
    visible = Order.objects.visible_to(viewer).filter(pk__in=list(order_ids))
    ids = [*visible.values_list("public_id", flat=True)]
    aliases = OrderAlias.objects.visible_to(viewer).filter(order__in=visible)
    ids += aliases.values_list("public_id", flat=True)
    documents = visible_documents(viewer=viewer).filter(record__order__in=visible)
    ids += documents.values_list("public_id", flat=True)
    return [str(each) for each in ids]


def _read(lines: str, seen: str, params: Mapping[str, Any]) -> list[AccessRow]:
    sql = (
        f"{_COLUMNS} FROM {lines} AS e LEFT JOIN accounts_person AS p ON p.id = e.person_id"
        f" WHERE {seen} {_NEWEST_FIRST} LIMIT %(most)s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, dict(params))
        return [AccessRow(*row) for row in cursor.fetchall()]


def _named(viewer: Viewer, rows: Iterable[AccessRow]) -> list[AccessRow]:
    """Say which order and document each line is about, as far as the viewer sees them."""
    rows = list(rows)
    orders = _orders(viewer, _ids(rows, "order"))
    documents = {
        str(document.public_id): (document.record.order, _accessed(viewer, document))
        for document in visible_documents(viewer=viewer)
        .filter(public_id__in=_ids(rows, "document"))
        .select_related("record__order")
        .only(*_NAMING)
    }
    people = _people(viewer, _ids(rows, "person"))
    return [_name(row, orders, documents, people) for row in rows]


def _accessed(viewer: Viewer, document: Document) -> AccessedDocument:
    shows = shows_amount(viewer=viewer, kind=document.kind)
    return AccessedDocument(
        kind=document.kind,
        title=title_of(document, shows_prices=shows),
        invoice_number=document.invoice_number,
        instalment=document.instalment,
        amount=document.amount if shows else None,
    )


def _people(viewer: Viewer, ids: list[uuid.UUID]) -> dict[str, str]:
    members = Membership.objects.filter(company_id=viewer.company_id, person__public_id__in=ids)
    found = members.values_list("person__public_id", "person__name") if ids else ()
    return {str(public_id): name for public_id, name in found}


def _ids(rows: Iterable[AccessRow], kind: str) -> list[uuid.UUID]:
    found = []
    for row in rows:
        if row.object_kind == kind:
            try:
                found.append(uuid.UUID(row.object_id))
            except ValueError:
                continue
    return found


def _orders(viewer: Viewer, ids: list[uuid.UUID]) -> dict[str, tuple[uuid.UUID, str]]:
    visible = Order.objects.visible_to(viewer)
    found = {
        str(public_id): (public_id, title)
        for public_id, title in visible.filter(public_id__in=ids).values_list("public_id", "title")
    }
    missing = [each for each in ids if str(each) not in found]
    if missing:
        aliases = OrderAlias.objects.visible_to(viewer).filter(public_id__in=missing)
        for alias, public_id, title in aliases.values_list(
            "public_id", "order__public_id", "order__title"
        ):
            found[str(alias)] = (public_id, title)
    return found


def _name(
    row: AccessRow,
    orders: Mapping[str, tuple[uuid.UUID, str]],
    documents: Mapping[str, tuple[Order | None, AccessedDocument]],
    people: Mapping[str, str],
) -> AccessRow:
    order: uuid.UUID | None = None
    number, document = "", None
    if row.object_kind == "order" and row.object_id in orders:
        order, number = orders[row.object_id]
    elif row.object_kind == "document" and row.object_id in documents:
        found, document = documents[row.object_id]
        if found is not None:
            order, number = found.public_id, found.title
    return AccessRow(
        *(row.id, row.at, row.action, row.person_id, row.person_name, row.staff_role),
        *(row.reason, row.address, row.object_kind, row.object_id, row.detail),
        order=order,
        order_title=number,
        document=document,
        object_name=people.get(row.object_id, "") if row.object_kind == "person" else "",
    )
