"""The figures of `operations` as Prometheus reads them: all from the database, at each scrape.

So every web process answers the same, and none keeps counters of its own. Labels name
connections, lanes and kinds; never a company, an order or a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from b2b_orders.audit.sealing import SealFigures, seal_figures
from b2b_orders.common.tenancy import STAFF, scope
from b2b_orders.ingest.figures import ConnectionFigures, concerns
from b2b_orders.ingest.operations import ListCounts, measure, measure_lists

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "b2b_orders_"


def metrics_text(*, now: datetime) -> bytes:
    """Write all figures in Prometheus' text format; runs as the staff role."""
    with scope(role=STAFF):
        figures, lists = measure(now=now), measure_lists(now=now)
        seals = seal_figures(now=now)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(figures, lists, now))
    registry.register(_OfRecord(seals))
    return generate_latest(registry)


class _Family:
    """One figure of many connections, lanes or kinds."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self.metric = GaugeMetricFamily(_PREFIX + name, text, labels=labels)

    def add(self, labels: Sequence[str], value: float | datetime | None) -> None:
        """Add a sample; one that is not known is left out."""
        if isinstance(value, datetime):
            value = value.timestamp()
        if value is not None:
            self.metric.add_metric(labels, value)


class _Figures(Collector):
    """Hands figures that were read before to the registry."""

    def __init__(
        self, figures: Sequence[ConnectionFigures], lists: ListCounts, now: datetime
    ) -> None:
        self._figures, self._lists, self._now = figures, lists, now

    def collect(self) -> Iterable[Metric]:
        """Build the families."""
        yield from self._of_sources()
        yield from self._of_lanes()
        yield from self._of_progress()
        yield from self._of_subscriptions()
        yield from self._of_attention()
        yield from self._of_lists()

    def _of_sources(self) -> Iterator[Metric]:
        families = {
            name: _Family(name, text, "connection")
            for name, text in (
                ("source_up", "1 when the source answers, 0 when it is down or was never reached"),
                ("source_enabled", "1 when the connection is in use"),
                ("source_outage_rehearsed", "1 while an outage of the source is rehearsed"),
                ("source_last_success_timestamp_seconds", "when the source last answered"),
                ("source_breaker_open", "1 while the source is left alone after failures"),
                ("source_calls_last_hour", "calls of the last hour"),
                ("source_failures_last_hour", "failed calls of the last hour"),
                ("source_throttled_last_hour", "calls of the last hour that it asked to wait for"),
                ("source_call_seconds_last_hour", "time spent in calls of the last hour"),
                ("inbox_due", "orders that are due to be read; counting stops at 10001"),
                ("inbox_later", "orders to be read later; counting stops at 10001"),
                ("inbox_lag_seconds", "for how long the oldest order has been due"),
                ("parked", "items that could not be used; counting stops at 10001"),
            )
        }
        for row in self._figures:
            calls = row.calls
            values: tuple[float | datetime | None, ...] = (
                row.state == "ok",
                row.state != "off",
                row.state == "outage",
                row.last_success_at,
                row.breaker == "open",
                calls.calls,
                calls.failures,
                calls.throttled,
                calls.seconds,
                row.backlog.value,
                row.later.value,
                row.lag(self._now).total_seconds(),
                row.parked.value,
            )
            for family, value in zip(families.values(), values, strict=True):
                family.add([row.name], value)
        yield from (family.metric for family in families.values())

    def _of_lanes(self) -> Iterator[Metric]:
        failures = _Family(
            "lane_failures", "how often it ended early in a row", "connection", "lane"
        )
        success = _Family(
            "lane_last_success_timestamp_seconds", "when it last ran well", "connection", "lane"
        )
        overdue = _Family(
            "lane_overdue_seconds", "for how long nobody took it up", "connection", "lane"
        )
        for row in self._figures:
            for lane in row.lanes:
                labels = [row.name, lane.name]
                failures.add(labels, lane.failures)
                success.add(labels, lane.succeeded_at)
                waits = row.state in {"ok", "down", "never"} and not lane.is_running(self._now)
                late = max(0.0, (self._now - lane.due_at).total_seconds())
                overdue.add(labels, late if waits else 0.0)
        yield from (family.metric for family in (failures, success, overdue))

    def _of_progress(self) -> Iterator[Metric]:
        ratio = _Family(
            "history_ratio", "which part of a long reading is done", "connection", "kind"
        )
        for row in self._figures:
            for each in row.progress:
                percent = each.percent
                ratio.add([row.name, each.kind], None if percent is None else percent / 100)
        yield ratio.metric

    def _of_subscriptions(self) -> Iterator[Metric]:
        labels = ("connection", "kind")
        families = [
            _Family("subscription_ours", "1 when feed or hook are as we set them", *labels),
            _Family("subscription_repairs", "how often we set them again", *labels),
            _Family("subscription_events", "events that wait in the feed", *labels),
            _Family("subscription_oldest_seconds", "age of the oldest event in it", *labels),
            _Family("subscription_last_event_timestamp_seconds", "when one last came", *labels),
            _Family("subscription_checked_timestamp_seconds", "when it was last seen", *labels),
        ]
        for row in self._figures:
            for each in row.subscriptions:
                values: tuple[float | datetime | None, ...] = (
                    each.state == "ours",
                    each.repairs,
                    each.quantity,
                    each.oldest_seconds,
                    each.last_event_at,
                    each.checked_at,
                )
                for family, value in zip(families, values, strict=True):
                    family.add([row.name, each.kind], value)
        yield from (family.metric for family in families)

    def _of_attention(self) -> Iterator[Metric]:
        family = _Family(
            "attention", "1 for what operations' page says needs attention", "connection", "kind"
        )
        for row in self._figures:
            for kind in sorted({concern.code for concern in concerns(row, self._now)}):
                family.add([row.name, kind], 1)
        yield family.metric

    def _of_lists(self) -> Iterator[Metric]:
        incidents = _Family("incidents_last_day", "incidents of the last 24 hours", "kind")
        for code, count in sorted(self._lists.incidents.items()):
            incidents.add([code], count)
        errands = _Family("errands_waiting", "errands of operations that no worker has done yet")
        errands.add([], self._lists.errands.value)
        yield from (incidents.metric, errands.metric)
        for name, text, many in (
            ("unmapped_statuses", "words for statuses that nobody knows", self._lists.unmapped),
            ("orders_without_company", "orders that fit no company", self._lists.unassigned),
            ("divergences", "fields on which two sources disagree", self._lists.divergences),
        ):
            family = _Family(name, f"{text}; counting stops at 10001")
            family.add([], many.value)
            yield family.metric


class _OfRecord(Collector):
    """Hands over how the audit record's sealing does."""

    def __init__(self, figures: SealFigures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Build the families."""
        for name, text, value in (
            ("audit_seals", "seals of the audit record", self._figures.number),
            (
                "audit_last_seal_timestamp_seconds",
                "when the newest seal of the audit record was made",
                self._figures.sealed_at,
            ),
            (
                "audit_unsealed_seconds",
                "for how long the oldest line of the audit record has waited for its seal",
                self._figures.waits.total_seconds(),
            ),
        ):
            family = _Family(name, text)
            family.add([], value)
            yield family.metric
