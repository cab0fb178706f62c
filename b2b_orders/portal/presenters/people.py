"""Pages of a company's administration, made ready to be shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.audit.invitations import InvitationRow
from b2b_orders.audit.people_import import ImportRow
from b2b_orders.companies.access import RIGHT_OF_FIELD, RIGHTS_OF_ROLE, Right, Role, Viewer
from b2b_orders.companies.people import Branch, Grant, PersonRow
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.words import Chip
from b2b_orders.portal.words_people import (
    COLUMN,
    INVITATION_STATE,
    LINE_PROBLEM,
    RIGHT,
    ROLE,
)

AS_ROLE, YES, NO = "", "yes", "no"


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of the administration; `count` is empty where nothing waits."""

    text: str
    url: str
    count: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class BranchItem:
    """An establishment that somebody sees; its number is never broken."""

    name: str
    tax_id: str


@dataclass(frozen=True, slots=True)
class PersonItem:
    """A line of the list of people."""

    name: str
    email: str
    url: str
    role: str
    scope: str
    branches: tuple[BranchItem, ...]
    differs: str
    last_seen: str
    has_second_factor: bool
    state: Chip
    is_self: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several; `hint` says what it means."""

    value: str
    text: str
    is_chosen: bool
    hint: str = ""


@dataclass(frozen=True, slots=True)
class RightField:
    """A right that may differ from the role's."""

    name: str
    text: str
    means: str
    choices: tuple[Choice, ...]
    # What it comes to, for who may only read.
    is_had: bool


@dataclass(frozen=True, slots=True)
class GrantForm:
    """The fields for what somebody may see."""

    roles: tuple[Choice, ...]
    is_whole: bool
    may_be_whole: bool
    branches: tuple[Choice, ...]
    rights: tuple[RightField, ...]


@dataclass(frozen=True, slots=True)
class InvitationItem:
    """A line of the list of invitations."""

    public_id: str
    email: str
    name: str
    role: str
    scope: str
    branches: tuple[BranchItem, ...]
    asked: str
    expires: str
    state: Chip
    note: str
    again_url: str
    revoke_url: str


@dataclass(frozen=True, slots=True)
class LineItem:
    """A line of a list that was uploaded."""

    number: int
    email: str
    name: str
    role: str
    scope: str
    column: str
    problem: str


def tabs(to: Addresses, viewer: Viewer, path: str, *, waiting: int) -> tuple[Tab, ...]:
    """List the pages of the administration that the viewer sees."""
    pages = [("people", _("People"), ""), ("invitations", _("Invitations"), "")]
    if viewer.establishment_ids is None:
        count = formats.count(waiting) if waiting else ""
        pages += [("wishes", _("Requests"), count), ("company-settings", _("Settings"), "")]
    if viewer.can(Right.ACCESS_RECORD):
        pages.append(("access-record", _("Access record"), ""))
    return tuple(
        Tab(text, to.to(name), count, _is_here(path, to.to(name))) for name, text, count in pages
    )


def seen_day(row: PersonRow) -> str:
    """Name the day when somebody was last seen, by whatever company they came.

    The hour is theirs: it would tell what somebody does who belongs to another company, too.
    """
    seen = row.last_seen
    return formats.day(formats.local(seen).date()) if seen else _("never")


def _is_here(path: str, url: str) -> bool:
    return path == url or path.startswith(f"{url}/")


def person_item(row: PersonRow, to: Addresses) -> PersonItem:
    """Word one person of the list."""
    return PersonItem(
        name=row.name,
        email=row.email,
        url=to.to("person", public_id=row.public_id),
        role=role_name(row.grant.role),
        scope=scope_words(row.grant, row.branches),
        branches=branch_items(row.grant, row.branches),
        differs=differing_words(row.grant),
        last_seen=seen_day(row),
        has_second_factor=row.has_second_factor,
        state=state_chip(row),
        is_self=row.is_self,
    )


def state_chip(row: PersonRow) -> Chip:
    """Word whether somebody is in the company, and sees anything of it."""
    if row.is_active and row.grant.establishment_ids == frozenset():
        return Chip(_("Sees nothing yet"), "warn", "alert")
    if row.is_active:
        return Chip(_("Active"), "good", "check")
    return Chip(_("Removed"), "plain", "minus")


def role_name(role: str) -> str:
    """Word a role."""
    return str(ROLE[role].name) if role in ROLE else role


def scope_words(grant: Grant, branches: Iterable[Branch]) -> str:
    """Word which part of the company somebody sees."""
    if grant.establishment_ids is None:
        return _("Whole company")
    listed = [branch_name(branch) for branch in branches if branch.id in grant.establishment_ids]
    return ", ".join(listed) if listed else _("Nothing")


def branch_items(grant: Grant, branches: Iterable[Branch]) -> tuple[BranchItem, ...]:
    """Present the establishments that somebody sees; none for the whole company."""
    seen = grant.establishment_ids or frozenset()
    return tuple(
        BranchItem(branch.name, formats.tax_id(branch.tax_id))
        for branch in branches
        if branch.id in seen
    )


def branch_name(branch: Branch) -> str:
    """Word an establishment."""
    number = formats.tax_id(branch.tax_id)
    return f"{branch.name} · {number}" if branch.name else number


def differing_words(grant: Grant) -> str:
    """Word the rights that differ from the role's."""
    usual = RIGHTS_OF_ROLE[grant.role]
    parts = []
    for name, right in RIGHT_OF_FIELD.items():
        has = right in grant.rights
        if has != (right in usual):
            text = str(RIGHT[name].name)
            parts.append(
                _("with %(right)s") % {"right": text.lower()}
                if has
                else _("without %(right)s") % {"right": text.lower()}
            )
    return ", ".join(parts)


def grant_form(viewer: Viewer, branches: tuple[Branch, ...], grant: Grant) -> GrantForm:
    """Build the fields for what somebody may see."""
    chosen = grant.establishment_ids or frozenset()
    return GrantForm(
        roles=tuple(
            Choice(role, str(ROLE[role].name), role == grant.role, str(ROLE[role].means))
            for role in Role
        ),
        is_whole=grant.establishment_ids is None and viewer.establishment_ids is None,
        may_be_whole=viewer.establishment_ids is None,
        branches=tuple(
            _branch_choice(branch, is_chosen=branch.id in chosen) for branch in branches
        ),
        rights=tuple(_right_field(name, right, grant) for name, right in RIGHT_OF_FIELD.items()),
    )


def _branch_choice(branch: Branch, *, is_chosen: bool) -> Choice:
    """Offer an establishment; its number stands apart, since it must not break."""
    number = formats.tax_id(branch.tax_id)
    return Choice(str(branch.id), branch.name or number, is_chosen, number if branch.name else "")


def _right_field(name: str, right: Right, grant: Grant) -> RightField:
    given = grant.own.get(name)
    value = AS_ROLE if given is None else (YES if given else NO)
    options = ((AS_ROLE, _("As the role")), (YES, _("Yes")), (NO, _("No")))
    return RightField(
        name=name,
        text=str(RIGHT[name].name),
        means=str(RIGHT[name].means),
        choices=tuple(Choice(code, text, code == value) for code, text in options),
        is_had=right in grant.rights,
    )


def read_grant(given: Mapping[str, str], establishments: Iterable[str]) -> Grant:
    """Read the fields for what somebody may see; an unknown role is read as the least."""
    role = Role(given["role"]) if given.get("role") in Role.values else Role.VIEWER
    usual = RIGHTS_OF_ROLE[role]
    own = {}
    for name, right in RIGHT_OF_FIELD.items():
        value = given.get(name)
        # What the role has anyway is not kept apart from it.
        if value in {YES, NO} and (value == YES) != (right in usual):
            own[name] = value == YES
    ids = None
    if given.get("scope") != "company":
        ids = frozenset(int(text) for text in establishments if text.isascii() and text.isdigit())
    return Grant(role, ids, own)


def invitation_item(
    row: InvitationRow, branches: tuple[Branch, ...], to: Addresses, now: datetime
) -> InvitationItem:
    """Word one invitation."""
    note = ""
    if row.outcome:
        code = "failed"
        note = _("The mail server did not take it. Check the address, then send it again.")
    elif row.is_expired:
        code = "expired"
    else:
        code = "sent" if row.sent_at else "sending"
    return InvitationItem(
        public_id=str(row.public_id),
        email=row.email,
        name=row.name,
        role=role_name(row.grant.role),
        scope=scope_words(row.grant, branches),
        branches=branch_items(row.grant, branches),
        asked=_asked(row, now),
        expires=formats.moment(row.expires_at, now),
        state=words.chip(INVITATION_STATE, code),
        note=note,
        again_url=to.to("invite-again", public_id=row.public_id),
        revoke_url=to.to("revoke-invitation", public_id=row.public_id),
    )


def _asked(row: InvitationRow, now: datetime) -> str:
    moment = formats.moment(row.asked_at, now)
    if not row.invited_by:
        return moment
    return _("%(moment)s, by %(person)s") % {"moment": moment, "person": row.invited_by}


def line_item(row: ImportRow, branches: tuple[Branch, ...]) -> LineItem:
    """Word one line of a list."""
    by_id = {branch.id: branch for branch in branches}
    named = [branch_name(by_id[pk]) for pk in row.establishment_ids if pk in by_id]
    return LineItem(
        number=row.number,
        email=row.email,
        name=row.name,
        role=role_name(row.role),
        scope=row.branches if row.problem else (", ".join(named) or _("Whole company")),
        column=words.text(COLUMN, row.field) if row.field else "",
        problem=words.text(LINE_PROBLEM, row.problem) if row.problem else "",
    )


def count_words(count: int) -> str:
    """Word how many people are listed."""
    return ngettext("%(count)s person", "%(count)s people", count) % {"count": formats.count(count)}


def export_head() -> list[str]:
    """Name the columns of the exported list."""
    return [
        _("Name"),
        _("E-mail"),
        _("Role"),
        _("Sees"),
        _("Rights"),
        _("Last visit"),
        _("Second factor"),
        _("State"),
    ]
