"""How connections do, worded for operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from b2b_orders.audit.queries import IncidentRow
from b2b_orders.ingest.figures import (
    MOST_COUNTED,
    Bounded,
    Concern,
    ConnectionFigures,
    LaneFigures,
    Progress,
    SubscriptionFigures,
    concerns,
)
from b2b_orders.ingest.operations import RunRow
from b2b_orders.portal import formats, words
from b2b_orders.portal import words_operations as operations
from b2b_orders.portal.words import Chip


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment as people read it, and for machines and hover; no text when there is none."""

    text: str = ""
    iso: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionName:
    """A connection as people call it; `sub` is its name where that says something else."""

    name: str
    text: str
    sub: str = ""

    @property
    def whole(self) -> str:
        """Give both where only one text fits."""
        return f"{self.text} ({self.sub})" if self.sub else self.text


@dataclass(frozen=True, slots=True)
class ConcernItem:
    """Something that deserves attention, and where to look."""

    text: str
    error: str
    tone: str
    icon: str
    url: str


@dataclass(frozen=True, slots=True)
class FactItem:
    """A label with its value; `note` explains the value where it needs it."""

    label: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class SourceItem:
    """A connection as a line of the overview."""

    label: str
    system: str
    url: str
    state: Chip
    last_success: Moment
    backlog: str
    lag: str
    calls: str
    next_try: Moment
    subscriptions: tuple[Chip, ...]


@dataclass(frozen=True, slots=True)
class LaneItem:
    """A kind of work."""

    name: str
    state: Chip
    started: Moment
    succeeded: Moment
    due: Moment
    error: str


@dataclass(frozen=True, slots=True)
class ProgressItem:
    """How far a long reading is."""

    name: str
    text: str
    percent: int | None
    left: str


@dataclass(frozen=True, slots=True)
class SubscriptionItem:
    """A feed or a hook; `can_take_over` when it is somebody else's."""

    kind: str
    name: str
    state: Chip
    facts: tuple[FactItem, ...]
    error: str
    can_take_over: bool


@dataclass(frozen=True, slots=True)
class RunItem:
    """One pass over a connection."""

    connection: ConnectionName
    kind: str
    started: Moment
    took: str
    read: str
    new: str
    changed: str
    unchanged: str
    failed: str
    error: str


@dataclass(frozen=True, slots=True)
class IncidentItem:
    """Something that went wrong."""

    what: str
    at: Moment
    connection: ConnectionName
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """All that is told of one connection."""

    name: str
    label: str
    system: str
    state: Chip
    facts: tuple[FactItem, ...]
    lanes: tuple[LaneItem, ...]
    progress: tuple[ProgressItem, ...]
    subscriptions: tuple[SubscriptionItem, ...]
    is_outage: bool
    is_on: bool
    outage_until: Moment
    parked: str
    parked_url: str
    runs_url: str


def moment(value: datetime | None, now: datetime) -> Moment:
    """Word a moment."""
    if value is None:
        return Moment()
    return Moment(formats.moment(value, now), formats.iso(value), formats.full_moment(value))


def connection_name(name: str, labels: Mapping[str, str]) -> ConnectionName:
    """Call a connection as people do; one that is gone goes by its name."""
    label = labels.get(name) or name
    return ConnectionName(name, label, "" if label.casefold() == name.casefold() else name)


def connection_names(labels: Mapping[str, str]) -> tuple[ConnectionName, ...]:
    """Present all connections, for choosing one."""
    return tuple(connection_name(name, labels) for name in labels)


def bounded(value: Bounded) -> str:
    """Word a count that may have stopped early."""
    return formats.bounded(value.value, MOST_COUNTED)


def connection_url(name: str) -> str:
    """Build the address of a connection's page."""
    return reverse("portal:operations-connection", kwargs={"name": name})


def concern_items(
    figures: Iterable[ConnectionFigures], *, now: datetime
) -> tuple[ConcernItem, ...]:
    """Word what deserves attention at all connections, the gravest first."""
    found = [_concern(concern, now) for each in figures for concern in concerns(each, now)]
    return tuple(sorted(found, key=lambda item: item.tone != "bad"))


def _concern(concern: Concern, now: datetime) -> ConcernItem:
    part = operations.SUBSCRIPTION_KIND | operations.LANE
    values = {
        "label": concern.label,
        "part": words.text(part, concern.part),
        "since": formats.moment(concern.since, now) or "…",
        "count": formats.bounded(concern.count, MOST_COUNTED),
    }
    tone, icon = operations.CONCERN_TONE.get(concern.code, ("bad", "alert"))
    url = connection_url(concern.connection)
    if concern.code == "parked-lately":
        query = urlencode({"connection": concern.connection})
        url = f"{reverse('portal:operations-parked')}?{query}"
    return ConcernItem(
        text=words.text(operations.CONCERN, concern.code) % values,
        # What the source or the network said stays on the connection's page, as it was said.
        error=str(operations.SOURCE_ERROR.get(concern.error_code, concern.error)),
        tone=tone,
        icon=icon,
        url=url,
    )


# --- connections -----------------------------------------------------------------------------


def source_items(rows: Iterable[ConnectionFigures], *, now: datetime) -> tuple[SourceItem, ...]:
    """Present all connections, those in trouble first."""
    order = ["down", "outage", "never", "ok", "off"]
    return tuple(
        SourceItem(
            label=row.label,
            system=_system(row),
            url=connection_url(row.name),
            state=words.chip(words.SOURCE_STATE, row.state),
            last_success=moment(row.last_success_at, now),
            backlog=_backlog(row),
            lag=formats.duration(row.lag(now).total_seconds()) if row.oldest_due_at else "",
            calls=_calls(row),
            next_try=moment(row.next_try_at, now),
            subscriptions=tuple(_subscription_chip(each) for each in row.subscriptions),
        )
        for row in sorted(rows, key=lambda row: (order.index(row.state), row.name))
    )


def _system(row: ConnectionFigures) -> str:
    """Say which kind of source it is, where its name does not say so already."""
    text = words.text(words.SYSTEM, row.system) if row.system else _("of a newer version")
    return "" if text == row.label else text


def _backlog(row: ConnectionFigures) -> str:
    values = {"due": bounded(row.backlog), "later": bounded(row.later)}
    return _("%(due)s due, %(later)s later") % values


def _calls(row: ConnectionFigures) -> str:
    calls = row.calls
    if not calls.calls:
        return _("not asked")
    return _("%(failures)s of %(calls)s (%(rate)s)") % {
        "failures": formats.count(calls.failures),
        "calls": formats.count(calls.calls),
        "rate": formats.percent(calls.error_rate),
    }


def _subscription_chip(row: SubscriptionFigures) -> Chip:
    chip = _subscription_state(row)
    kind = words.text(operations.SUBSCRIPTION_KIND, row.kind)
    return Chip(f"{kind}: {chip.text}", chip.tone, chip.icon)


def _subscription_state(row: SubscriptionFigures) -> Chip:
    if row.kind == "hook" and row.state == "unknown":
        # Only a connection with the option `hook` has one.
        return Chip(_("Not used"), "plain", "minus")
    return words.chip(operations.SUBSCRIPTION, row.state)


def connection_page(row: ConnectionFigures, *, now: datetime) -> ConnectionPage:
    """Present one connection."""
    query = urlencode({"connection": row.name})
    return ConnectionPage(
        name=row.name,
        label=row.label,
        system=_system(row),
        state=words.chip(words.SOURCE_STATE, row.state),
        facts=tuple(_facts(row, now)),
        lanes=tuple(_lane(lane, now) for lane in row.lanes),
        progress=tuple(_progress(each) for each in row.progress),
        subscriptions=tuple(_subscription(each, now) for each in row.subscriptions),
        is_outage=row.state == "outage",
        is_on=row.state != "off",
        outage_until=moment(row.outage_until, now),
        parked=bounded(row.parked),
        parked_url=f"{reverse('portal:operations-parked')}?{query}",
        runs_url=f"{reverse('portal:operations-runs')}?{query}",
    )


def _facts(row: ConnectionFigures, now: datetime) -> Iterable[FactItem]:
    never = _("never")
    yield FactItem(_("Last success"), formats.moment(row.last_success_at, now) or never)
    if row.down_since:
        yield FactItem(_("Not answering since"), formats.moment(row.down_since, now))
    if row.outage_since:
        text = _("%(since)s until %(until)s") % {
            "since": formats.moment(row.outage_since, now),
            "until": formats.moment(row.outage_until, now),
        }
        yield FactItem(_("Outage rehearsed"), text)
    if row.error:
        code = words.text(operations.SOURCE_ERROR, row.error_code) if row.error_code else ""
        yield FactItem(_("Last error"), code or row.error, row.error if code else "")
    yield FactItem(_("Next try"), _next_try(row, now))
    yield FactItem(
        _("Circuit breaker"), words.chip(operations.BREAKER, row.breaker).text, _failures(row)
    )
    yield FactItem(_("Waiting in the inbox"), _backlog(row))
    yield FactItem(
        _("Oldest that is due"),
        formats.duration(row.lag(now).total_seconds()) if row.oldest_due_at else _("nothing due"),
    )
    yield FactItem(_("Failed calls, last hour"), _calls(row), _calls_note(row))
    yield FactItem(_("Parked"), bounded(row.parked))


def _next_try(row: ConnectionFigures, now: datetime) -> str:
    if row.next_try_at is None:
        return _("never")
    return formats.moment(row.next_try_at, now) if row.next_try_at > now else _("now")


def _failures(row: ConnectionFigures) -> str:
    if not row.failures:
        return ""
    return _("%(count)s failures in a row") % {"count": formats.count(row.failures)}


def _calls_note(row: ConnectionFigures) -> str:
    if not row.calls.calls:
        return ""
    values = {
        "milliseconds": formats.count(round(row.calls.mean_seconds * 1000)),
        "throttled": formats.count(row.calls.throttled),
    }
    if not row.calls.throttled:
        return _("%(milliseconds)s ms a call") % values
    return _("%(milliseconds)s ms a call, asked to wait %(throttled)s times") % values


def _lane(lane: LaneFigures, now: datetime) -> LaneItem:
    if lane.is_running(now):
        state = Chip(_("Running"), "info", "refresh")
    elif lane.failures:
        state = Chip(
            _("Failed %(count)s times") % {"count": formats.count(lane.failures)}, "bad", "alert"
        )
    elif lane.succeeded_at is None:
        state = Chip(_("Not run yet"), "plain", "dots")
    else:
        state = Chip(_("Fine"), "good", "check")
    return LaneItem(
        name=words.text(operations.LANE, lane.name),
        state=state,
        started=moment(lane.started_at, now),
        succeeded=moment(lane.succeeded_at, now),
        due=moment(lane.due_at, now),
        error=lane.error,
    )


def _progress(row: Progress) -> ProgressItem:
    values = {
        "done": formats.count(row.done),
        "total": formats.count(row.total) if row.total is not None else "?",
    }
    if row.unit == "companies":
        text = _("%(done)s of %(total)s companies") % values
    else:
        text = _("%(done)s of %(total)s orders") % values
    left = ""
    if row.is_finished:
        left = _("finished")
    elif row.seconds_left is not None:
        left = _("about %(time)s left") % {"time": formats.duration(row.seconds_left)}
    return ProgressItem(words.text(operations.STREAM, row.kind), text, row.percent, left)


def _subscription(row: SubscriptionFigures, now: datetime) -> SubscriptionItem:
    facts = [
        FactItem(_("Checked"), formats.moment(row.checked_at, now) or _("never")),
        FactItem(_("Configured by us"), formats.moment(row.configured_at, now) or _("never")),
        FactItem(_("Repaired"), formats.count(row.repairs)),
        FactItem(_("Last event"), formats.moment(row.last_event_at, now) or _("never")),
    ]
    if row.quantity is not None:
        facts.append(FactItem(_("Waiting in it"), formats.count(row.quantity)))
    if row.oldest_seconds is not None and row.quantity:
        facts.append(FactItem(_("Age of the oldest"), formats.duration(row.oldest_seconds)))
    return SubscriptionItem(
        kind=row.kind,
        name=words.text(operations.SUBSCRIPTION_KIND, row.kind),
        state=_subscription_state(row),
        facts=tuple(facts),
        error=row.error,
        can_take_over=row.state == "foreign",
    )


# --- runs and incidents ------------------------------------------------------------------------


def run_items(
    rows: Iterable[RunRow], labels: Mapping[str, str], *, now: datetime
) -> tuple[RunItem, ...]:
    """Present passes, newest first."""
    return tuple(
        RunItem(
            connection=connection_name(row.connection, labels),
            kind=words.text(operations.RUN_KIND, row.kind),
            started=moment(row.started_at, now),
            took=formats.duration((row.finished_at - row.started_at).total_seconds())
            if row.finished_at
            else _("running"),
            read=formats.count(row.read),
            new=formats.count(row.new),
            changed=formats.count(row.changed),
            unchanged=formats.count(row.unchanged),
            failed=formats.count(row.failed),
            error=words.text(operations.PASS_ENDED, row.error),
        )
        for row in rows
    )


def incident_items(
    rows: Iterable[IncidentRow], labels: Mapping[str, str], *, now: datetime
) -> tuple[IncidentItem, ...]:
    """Present incidents, newest first."""
    return tuple(
        IncidentItem(
            what=words.incident(row.code),
            at=moment(row.at, now),
            connection=connection_name(row.connection, labels),
            subject=_subject(row),
            detail=", ".join(_detail(row)),
        )
        for row in rows
    )


def _subject(row: IncidentRow) -> str:
    kind = words.text(operations.SUBJECT, row.object_kind)
    return f"{kind} {row.object_id}".strip()


def _detail(row: IncidentRow) -> Sequence[str]:
    who = [text for text in (row.person, row.address) if text]
    return who + [
        f"{words.text(operations.DETAIL, name)}: {_detail_value(name, value)}"
        for name, value in sorted(row.detail.items(), key=_detail_place)
        if isinstance(value, str | int | float) and str(value)
    ]


def _detail_place(item: tuple[str, object]) -> int:
    """Say where a detail stands: those with words first; the database keeps no order."""
    known = tuple(operations.DETAIL)
    return known.index(item[0]) if item[0] in known else len(known)


def _detail_value(name: str, value: str | float) -> str:
    kind = words.DOCUMENT_KIND.get(str(value)) if name == "kind" else None
    return str(kind.name) if kind else str(value)
