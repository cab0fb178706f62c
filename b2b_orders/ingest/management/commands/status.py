"""`manage.py status [NAME]`: how every connection does, and what needs attention."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from b2b_orders.common import clock
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
from b2b_orders.ingest.operations import ListCounts, measure, measure_lists

_STATE = {
    "ok": "answers",
    "down": "DOWN",
    "never": "never reached",
    "outage": "outage rehearsed",
    "off": "switched off",
}
_CONCERN = {
    "down": "has not answered since {since}",
    "never": "was never reached",
    "outage": "its outage is rehearsed since {since}",
    "subscription-missing": "its {part} is not configured",
    "subscription-foreign": "its {part} is configured for another purpose",
    "subscription-forbidden": "our key may not see or set its {part}",
    "subscription-failing": "its {part} cannot be checked",
    "feed-ageing": "its feed holds {count} events, the oldest since {since}",
    "lane-failing": "{part} ended early {count} times in a row",
    "lane-late": "{part} is due since {since} and no worker took it up",
    "backlog-late": "{count} orders wait to be read, the oldest since {since}",
    "parked-lately": "{count} items were parked in the last 24 hours",
}


class Command(BaseCommand):
    help = (
        "Say how every connection does, or the one that is named. Exits 1, with the reasons,"
        " when something needs attention."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?")
        parser.add_argument("--json", action="store_true", help="write it for a machine")

    def handle(self, *_: Any, **options: Any) -> None:
        now, name = clock.now(), options["name"]
        figures = measure(now=now, name=name)
        if name and not figures:
            raise CommandError(f"there is no connection {name!r}")
        lists = measure_lists(now=now)
        found = [concern for each in figures for concern in concerns(each, now)]
        if options["json"]:
            self.stdout.write(_as_json(figures, lists, found))
        else:
            self.stdout.write("\n".join(_lines(figures, lists, now)))
        if found:
            reasons = "\n".join(f"  {concern.connection}: {_words(concern)}" for concern in found)
            raise CommandError(f"Needs attention:\n{reasons}")


def _as_json(
    figures: Sequence[ConnectionFigures], lists: ListCounts, found: Sequence[Concern]
) -> str:
    body = {
        "connections": [asdict(each) for each in figures],
        "lists": asdict(lists),
        "attention": [asdict(concern) for concern in found],
    }
    return json.dumps(body, cls=DjangoJSONEncoder, indent=2)


def _words(concern: Concern) -> str:
    values = {"part": concern.part, "since": _moment(concern.since), "count": concern.count}
    text = _CONCERN.get(concern.code, concern.code).format(**values)
    return f"{text}: {concern.error}" if concern.error else text


def _lines(figures: Iterable[ConnectionFigures], lists: ListCounts, now: datetime) -> Iterator[str]:
    for each in figures:
        yield from _connection(each, now)
        yield ""
    incidents = ", ".join(f"{count} {code}" for code, count in sorted(lists.incidents.items()))
    yield f"Incidents of the last day: {incidents or 'none'}"
    yield f"Errands that wait: {_bounded(lists.errands)}"
    yield (
        f"Lists: {_bounded(lists.unmapped)} unmapped statuses,"
        f" {_bounded(lists.unassigned)} orders without a company,"
        f" {_bounded(lists.divergences)} divergences"
    )


def _connection(each: ConnectionFigures, now: datetime) -> Iterator[str]:
    system = each.system or "of a newer version"
    yield f"{each.name} ({each.label}, {system}): {_STATE[each.state]}"
    yield _line("last success", _moment(each.last_success_at))
    if each.down_since:
        yield _line("down since", _moment(each.down_since))
    if each.outage_until:
        yield _line("outage until", _moment(each.outage_until))
    if each.error:
        yield _line("last error", f"{each.error_code or 'unknown'}: {each.error}")
    yield _line("next try", _moment(each.next_try_at))
    yield _line("breaker", f"{each.breaker}, {each.failures} failures in a row")
    lag = f", the oldest for {_seconds(each.lag(now).total_seconds())}"
    due = f"{_bounded(each.backlog)} due{lag if each.oldest_due_at else ''}"
    yield _line("inbox", f"{due}, {_bounded(each.later)} later")
    yield _line(
        "parked", f"{_bounded(each.parked)}, {_bounded(each.parked_lately)} in the last day"
    )
    calls = each.calls
    yield _line(
        "last hour",
        f"{calls.calls} calls, {calls.failures} failed ({calls.error_rate:.1%}),"
        f" {calls.throttled} throttled",
    )
    for row in each.subscriptions:
        yield _line(row.kind, _subscription(row))
    for progress in each.progress:
        yield _line(progress.kind, _progress(progress))
    for lane in each.lanes:
        yield _line(f"lane {lane.name}", _lane(lane, now))


def _subscription(row: SubscriptionFigures) -> str:
    text = f"{row.state}, checked {_moment(row.checked_at)}, repaired {row.repairs} times"
    if row.quantity is not None:
        text += f", {row.quantity} in it"
    if row.oldest_seconds is not None and row.quantity:
        text += f", the oldest {_seconds(row.oldest_seconds)} old"
    return text


def _progress(row: Progress) -> str:
    text = f"{row.done} of {'?' if row.total is None else row.total} {row.unit}"
    if row.percent is not None:
        text += f" ({row.percent} %)"
    if row.is_finished:
        return f"{text}, finished"
    if row.seconds_left is not None:
        text += f", about {_seconds(row.seconds_left)} left"
    return text


def _lane(lane: LaneFigures, now: datetime) -> str:
    if lane.is_running(now):
        text = f"runs since {_moment(lane.started_at)}"
    else:
        text = f"due {_moment(lane.due_at)}, last success {_moment(lane.succeeded_at)}"
    return f"{text}, failed {lane.failures} times: {lane.error}" if lane.failures else text


def _line(label: str, text: str) -> str:
    """Put a label before a text, which goes on below itself where it passes 80 columns."""
    width, indent = 80, " " * 19
    line, lines = f"  {label:<16} ", []
    for word in text.split():
        if len(line) + len(word) + 1 > width and line.strip():
            lines.append(line)
            line = indent + word
        else:
            line += word if line.endswith(" ") else f" {word}"
    return "\n".join([*lines, line])


def _moment(value: datetime | None) -> str:
    return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S") if value else "never"


def _seconds(value: float) -> str:
    whole = round(value)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if whole >= 2 * length:
            return f"{whole // length} {unit}"
    return f"{whole} s"


def _bounded(value: Bounded) -> str:
    return str(value.value) if value.is_exact else f"more than {MOST_COUNTED}"
