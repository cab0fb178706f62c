"""Lists that people come back to: views by a name, and how each wants a company's lists."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from b2b_orders.audit.services import Action, record
from b2b_orders.common.errors import InvalidInput, NotAllowed, NotVisible
from b2b_orders.companies.access import Actor, Viewer
from b2b_orders.companies.people import administrates
from b2b_orders.orders.columns import Column, read_columns
from b2b_orders.orders.filtering import MAX_QUERY, OrderFilter
from b2b_orders.orders.models import ListPreference, SavedView
from b2b_orders.orders.selecting import fetch

MOST: Final = 50
MAX_NAME: Final = 80
# Shared ones of a company are as many as its people keep; a menu lists so many of them.
_LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A saved view as the viewer sees it."""

    public_id: uuid.UUID
    name: str
    wanted: OrderFilter
    columns: tuple[Column, ...]
    is_shared: bool
    is_own: bool
    owner: str
    can_delete: bool


def list_views(*, viewer: Viewer) -> tuple[ViewRow, ...]:
    """List the viewer's own views and those shared with the company. One SQL statement."""
    return read_habits(viewer=viewer)[0]


def get_view(*, viewer: Viewer, public_id: uuid.UUID) -> ViewRow:
    """Return a view; `NotVisible` for what is neither the viewer's own nor shared."""
    return _row(viewer, _get(viewer, public_id))


def _visible(viewer: Viewer) -> QuerySet[SavedView]:
    # Branches play no part: the list that it leads to is narrowed to the viewer's own.
    rows = SavedView.objects.filter(company_id=viewer.company_id).annotate(
        owner_name=F("person__name")
    )
    if viewer.is_staff:
        return rows.filter(is_shared=True)
    return rows.filter(Q(person_id=viewer.person_id) | Q(is_shared=True))


def _get(viewer: Viewer, public_id: uuid.UUID) -> SavedView:
    found = _visible(viewer).filter(public_id=public_id).first()
    if found is None:
        raise NotVisible
    return found


def _row(viewer: Viewer, view: SavedView) -> ViewRow:
    return _view_row(
        viewer,
        public_id=view.public_id,
        name=view.name,
        query=view.query,
        columns=view.columns,
        is_shared=view.is_shared,
        person_id=view.person_id,
        owner=getattr(view, "owner_name", ""),
    )


def _view_row(
    viewer: Viewer,
    *,
    public_id: uuid.UUID | str,
    name: str,
    query: str,
    columns: object,
    is_shared: bool,
    person_id: int,
    owner: str,
) -> ViewRow:
    is_own = person_id == viewer.person_id and not viewer.is_staff
    return ViewRow(
        public_id=uuid.UUID(str(public_id)),
        name=name,
        wanted=OrderFilter.from_query(query),
        columns=read_columns(viewer, columns),
        is_shared=is_shared,
        is_own=is_own,
        owner=owner,
        can_delete=is_own or (is_shared and _may_tidy(viewer)),
    )


def _may_tidy(viewer: Viewer) -> bool:
    return not viewer.is_staff and administrates(viewer)


def save_view(
    *,
    viewer: Viewer,
    actor: Actor,
    name: str,
    wanted: OrderFilter,
    columns: Sequence[Column],
    is_shared: bool,
    now: datetime,
) -> ViewRow:
    """Keep a list by a name.

    `InvalidInput` for a name that is none or taken, for too many and for too long a filter.
    """
    _require_member(viewer)
    own = SavedView.objects.filter(company_id=viewer.company_id, person_id=viewer.person_id)
    name = _clean_name(name)
    if own.count() >= MOST:
        raise InvalidInput("name", "too-many-views")
    values = {
        "company_id": viewer.company_id,
        "person_id": viewer.person_id,
        "name": name,
        "query": _query(wanted),
        "columns": [each.value for each in columns],
        "is_shared": is_shared,
        "created_at": now,
        "changed_at": now,
    }
    try:
        with transaction.atomic():
            view = SavedView.objects.create(**values)
    except IntegrityError as error:
        raise InvalidInput("name", "name-taken") from error
    if is_shared:
        _record(viewer, actor, view, "shared", now)
    return _row(viewer, view)


def change_view(
    *,
    viewer: Viewer,
    actor: Actor,
    public_id: uuid.UUID,
    name: str,
    is_shared: bool,
    now: datetime,
    shown: tuple[OrderFilter, Sequence[Column]] | None = None,
) -> ViewRow:
    """Rename a view of the viewer's own, share it or not, and have it lead to what is `shown`."""
    view = _own(viewer, public_id)
    was_shared = view.is_shared
    view.name, view.is_shared, view.changed_at = _clean_name(name), is_shared, now
    if shown is not None:
        wanted, columns = shown
        view.query, view.columns = _query(wanted), [each.value for each in columns]
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise InvalidInput("name", "name-taken") from error
    if was_shared or is_shared:
        _record(viewer, actor, view, "changed" if is_shared else "not-shared", now)
    return _row(viewer, view)


def delete_view(*, viewer: Viewer, actor: Actor, public_id: uuid.UUID, now: datetime) -> None:
    """Delete a view of the viewer's own; administrators may delete any that is shared."""
    _require_member(viewer)
    view = _get(viewer, public_id)
    if view.person_id != viewer.person_id and not _may_tidy(viewer):
        raise NotAllowed
    SavedView.objects.filter(pk=view.pk).delete()
    if view.is_shared:
        _record(viewer, actor, view, "deleted", now)


def _own(viewer: Viewer, public_id: uuid.UUID) -> SavedView:
    """Find a view that the viewer may change: another's shared one is seen, and not changed."""
    _require_member(viewer)
    view = _get(viewer, public_id)
    if view.person_id != viewer.person_id:
        raise NotAllowed
    return view


def _require_member(viewer: Viewer) -> None:
    """Keep the seller's people from what is the company's own."""
    if viewer.is_staff:
        raise NotAllowed


def _query(wanted: OrderFilter) -> str:
    query = wanted.to_query()
    if len(query) > MAX_QUERY:
        raise InvalidInput("filter", "filter-too-long")
    return query


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.replace("\0", "").split())
    if not cleaned:
        raise InvalidInput("name", "no-name")
    if len(cleaned) > MAX_NAME:
        raise InvalidInput("name", "long-name")
    return cleaned


def _record(viewer: Viewer, actor: Actor, view: SavedView, how: str, now: datetime) -> None:
    record(
        Action.VIEW_CHANGED,
        actor=actor,
        company_id=viewer.company_id,
        object_kind="view",
        object_id=str(view.public_id),
        detail={"how": how, "name": view.name},
        now=now,
    )


# --- how a person wants lists --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListWish:
    """What a person chose for a company's lists. No columns is the default ones; 0 rows too."""

    columns: tuple[Column, ...] = ()
    page_size: int = 0


def get_list_wish(*, viewer: Viewer) -> ListWish:
    """Return how the viewer wants this company's lists. One SQL statement."""
    return read_habits(viewer=viewer)[1]


# Written out, and both at once, because every list begins with it. Branches play no part: the
# list that a view leads to is narrowed to the viewer's own.
_HABITS: Final = """
    SELECT p.columns::json, p.page_size,
        ARRAY(SELECT json_build_object('public_id', v.public_id, 'name', v.name, 'query', v.query,
                'columns', v.columns, 'is_shared', v.is_shared, 'person_id', v.person_id,
                'owner', o.name)
            FROM orders_savedview v JOIN accounts_person o ON o.id = v.person_id
            WHERE v.company_id = %(company)s
                AND (v.is_shared OR v.person_id = %(owner)s)
            ORDER BY v.name, v.id LIMIT %(listed)s)
    FROM (VALUES (1)) one LEFT JOIN orders_listpreference p
        ON p.company_id = %(company)s AND p.person_id = %(wishes)s"""


def read_habits(*, viewer: Viewer) -> tuple[tuple[ViewRow, ...], ListWish]:
    """List the viewer's and the company's views, and how the viewer wants lists.

    One SQL statement.
    """
    params = {
        "company": viewer.company_id,
        # Staff have no views of their own; and acting leaves nothing to come back to.
        "owner": None if viewer.is_staff else viewer.person_id,
        "wishes": None if viewer.acting_id is not None else viewer.person_id,
        "listed": _LISTED,
    }
    [(columns, page_size, found)] = fetch(_HABITS, params)
    views = tuple(_view_row(viewer, **each) for each in found)
    return views, ListWish(read_columns(viewer, columns), page_size or 0)


def keep_columns(*, viewer: Viewer, columns: Sequence[Column], now: datetime) -> None:
    """Keep which columns the viewer wants, in which order; none is the default ones."""
    if viewer.acting_id is not None:
        raise NotAllowed
    ListPreference.objects.update_or_create(
        company_id=viewer.company_id,
        person_id=viewer.person_id,
        defaults={"columns": [each.value for each in columns], "changed_at": now},
    )


def keep_page_size(*, viewer: Viewer, page_size: int, now: datetime) -> None:
    """Keep how many rows the viewer wants on a page of this company's lists."""
    if viewer.acting_id is not None:
        raise NotAllowed
    ListPreference.objects.update_or_create(
        company_id=viewer.company_id,
        person_id=viewer.person_id,
        defaults={"page_size": page_size, "changed_at": now},
    )
