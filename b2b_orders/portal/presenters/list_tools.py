"""What can be done with a list of orders: views, columns, many numbers, a file of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.documents.list_exports import ExportView
from b2b_orders.orders.saved_views import ViewRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses

# Counted exactly up to here: nobody waits for the count of more.
COUNTED: Final = 10_000
# In an address: a view that was opened, and whose list may have been changed since.
OPENED: Final = "~"

_PROBLEM: Final[dict[str, words.Text]] = {
    "no-name": lazy("Give the view a name."),
    "long-name": lazy("The name is too long: 80 characters at most."),
    "name-taken": lazy("You already have a view of this name."),
    "too-many-views": lazy("You have 50 views. Delete one that you do not need."),
    "filter-too-long": lazy("This filter is too long to be kept: choose less."),
    "too-many-rows": lazy("This list is too long for a file. Filter it first."),
    "too-many-exports": lazy("Several lists are already being prepared. Wait for one of them."),
    "nothing-picked": lazy("Select at least one order."),
    "nothing-to-export": lazy("There is no order in this list."),
}
_OUTCOME: Final[dict[str, words.Text]] = {
    "expired": lazy("The file has expired. Ask for it again."),
    "cancelled": lazy("It was cancelled."),
    "deleted": lazy("It was deleted."),
    "given-up": lazy("It could not be prepared. Ask for it again."),
    "no-longer-allowed": lazy("You no longer have access to what was asked for."),
    "rights-changed": lazy("Your rights have changed since. Ask for it again."),
}


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A saved view to open."""

    name: str
    url: str
    owner: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class ListTools:
    """The tools above a list; what is "" or empty is not offered."""

    own_views: tuple[ViewLink, ...]
    shared_views: tuple[ViewLink, ...]
    open_view: str
    views_url: str
    columns_url: str
    many_url: str
    exports_url: str
    picked_url: str
    can_pack: bool
    export_url: str = ""
    export_words: str = ""
    # What the file is to hold, as hidden fields.
    kept: tuple[tuple[str, str], ...] = ()


def view_links(
    views: Iterable[ViewRow], to: Addresses, opened: ViewRow | None
) -> tuple[tuple[ViewLink, ...], tuple[ViewLink, ...]]:
    """Present the viewer's own views, and those of others that are shared."""
    own: list[ViewLink] = []
    shared: list[ViewLink] = []
    for each in views:
        is_open = opened is not None and opened.public_id == each.public_id
        url = to.to("orders", {"visao": str(each.public_id)})
        link = ViewLink(each.name, url, "" if each.is_own else each.owner, is_open)
        (own if each.is_own else shared).append(link)
    return tuple(own), tuple(shared)


def export_words(total: int) -> str:
    """Name the button that makes a file of a list."""
    if total > COUNTED:
        return _("Export more than %(count)s orders") % {"count": formats.count(COUNTED)}
    return ngettext("Export %(count)s order", "Export %(count)s orders", total) % {
        "count": formats.count(total)
    }


def problem_words(code: str) -> str:
    """Word why something cannot be done with a list."""
    return words.text(_PROBLEM, code)


def gone_words(code: str) -> str:
    """Word why a file cannot be taken."""
    return words.text(_OUTCOME, code)


# --- saved views ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ViewItem:
    """A saved view on the page where they are looked after."""

    public_id: str
    name: str
    url: str
    about: str
    is_shared: bool
    is_own: bool
    change_url: str
    delete_url: str
    error: str = ""


def view_items(
    views: Sequence[ViewRow], *, to: Addresses, wrong: str = "", name: str = "", error: str = ""
) -> tuple[ViewItem, ...]:
    """Present views; `wrong` is the one whose new `name` could not be taken, and `error` why."""
    return tuple(
        _view_item(each, to, name, error) if str(each.public_id) == wrong else _view_item(each, to)
        for each in views
    )


def _view_item(row: ViewRow, to: Addresses, typed: str | None = None, error: str = "") -> ViewItem:
    about = []
    if not row.is_own:
        about.append(_("by %(name)s") % {"name": row.owner} if row.owner else "")
    if row.is_shared and row.is_own:
        about.append(_("shared with the company"))
    return ViewItem(
        public_id=str(row.public_id),
        name=row.name if typed is None else typed,
        url=to.to("orders", {"visao": str(row.public_id)}),
        about=" · ".join(each for each in about if each),
        is_shared=row.is_shared,
        is_own=row.is_own,
        change_url=to.to("change-view", public_id=row.public_id) if row.is_own else "",
        delete_url=to.to("delete-view", public_id=row.public_id) if row.can_delete else "",
        error=error,
    )


# --- files that workers write --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExportItem:
    """A list as a file, worded. `percent` is how far it is, while it is being written."""

    heading: str
    detail: str
    state: words.Chip
    progress: str
    percent: int
    is_unfinished: bool
    why: str
    url: str
    size: str
    drop_url: str


def export_items(
    exports: Iterable[ExportView], *, to: Addresses, now: datetime
) -> tuple[ExportItem, ...]:
    """Present files."""
    return tuple(_export_item(each, to, now) for each in exports)


def _export_item(export: ExportView, to: Addresses, now: datetime) -> ExportItem:
    is_past = export.expires_at is not None and export.expires_at <= now
    is_over = not export.is_unfinished and bool(export.outcome or is_past)
    counted = formats.count(export.total)
    detail = _("requested at %(time)s") % {"time": formats.moment(export.asked_at, now)}
    if not export.is_unfinished and not is_over:
        until = formats.moment(export.expires_at, now)
        detail += " · " + _("available until %(time)s") % {"time": until}
    name = ngettext("%(count)s order", "%(count)s orders", export.total) % {"count": counted}
    if is_over:
        name = _("Orders")
    return ExportItem(
        heading=f"{name} · {export.format.upper()}",
        detail=detail,
        state=_state(export, is_over=is_over),
        progress=_("%(done)s of %(all)s orders")
        % {"done": formats.count(export.written), "all": counted},
        percent=min(100, export.written * 100 // max(1, export.total)),
        is_unfinished=export.is_unfinished,
        why=gone_words(export.outcome or "expired") if is_over else "",
        url=""
        if is_over or export.is_unfinished
        else to.to("take-export", public_id=export.public_id),
        size=formats.size(export.size),
        drop_url=to.to("drop-export", public_id=export.public_id),
    )


def _state(export: ExportView, *, is_over: bool) -> words.Chip:
    if export.is_unfinished:
        is_begun = export.state == "running"
        return words.Chip(_("Being prepared") if is_begun else _("Waiting"), "info", "clock")
    if export.outcome == "given-up":
        return words.Chip(_("Failed"), "bad", "alert")
    if is_over:
        return words.Chip(_("Over"), "plain", "minus")
    return words.Chip(_("Ready"), "good", "check")
