"""How long rows about people are kept: a table of rules, applied by workers at night.

Each rule names the setting that says for how many days; 0 keeps for ever. The reasons stand in
docs/privacy.md. Orders, their documents and who owns what are no matter of retention here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from allauth.account.models import EmailConfirmation
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Q, QuerySet

from b2b_orders.audit.models import Incident, PersonExport
from b2b_orders.audit.retention import forget_old_lines
from b2b_orders.audit.services import Action, record
from b2b_orders.common import clock
from b2b_orders.companies.access import Actor
from b2b_orders.companies.models import (
    Acting,
    CompanyImport,
    Invitation,
    JoinRequest,
    JoinState,
    MapConflict,
)
from b2b_orders.documents.models import JobState, Mailing, Watch
from b2b_orders.ingest.models import Errand, ErrandState, Lookup
from b2b_orders.notifications.models import Notice
from b2b_orders.notifications.noticing import NEWS
from b2b_orders.orders.models import AwaitedNumber

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows go once they are so many days old; without a setting, at once."""

    name: str
    setting: str
    rows: Callable[[datetime], QuerySet[Any]]


def _orphaned_sessions(_before: datetime) -> QuerySet[Any]:
    session = Session.objects.filter(session_key=OuterRef("session_key"))
    found: QuerySet[Any] = UserSession.objects.filter(~Exists(session))
    return found


RULES: Final = (
    # Sessions and links that have ended say nothing to anybody any more.
    Rule("sessions", "", lambda now: Session.objects.filter(expire_date__lt=now)),
    Rule("session_names", "", _orphaned_sessions),
    Rule(
        "person_exports",
        "",
        lambda now: PersonExport.objects.filter(
            Q(expires_at__lt=now) | Q(finished_at__isnull=False, expires_at=None)
        ),
    ),
    Rule(
        "confirmations",
        "PORTAL_KEEP_INVITATION_DAYS",
        lambda before: EmailConfirmation.objects.filter(created__lt=before),
    ),
    Rule(
        "invitations",
        "PORTAL_KEEP_INVITATION_DAYS",
        lambda before: Invitation.objects.filter(
            Q(accepted_at__lt=before) | Q(revoked_at__lt=before) | Q(expires_at__lt=before)
        ),
    ),
    Rule(
        "join_requests",
        "PORTAL_KEEP_INVITATION_DAYS",
        # One that waits for its answer is the company's to answer, however long it takes.
        lambda before: JoinRequest.objects.filter(
            Q(decided_at__lt=before)
            | Q(state=JoinState.WAITING, proved_at=None, asked_at__lt=before)
        ),
    ),
    Rule(
        "incidents",
        "PORTAL_KEEP_INCIDENT_DAYS",
        lambda before: Incident.objects.filter(at__lt=before),
    ),
    Rule(
        "acting",
        "PORTAL_KEEP_ACTING_DAYS",
        lambda before: Acting.objects.filter(ended_at__lt=before),
    ),
    Rule(
        "errands",
        "PORTAL_KEEP_ERRAND_DAYS",
        lambda before: Errand.objects.filter(asked_at__lt=before).exclude(
            state=ErrandState.WAITING
        ),
    ),
    # What an import or a settled conflict of the map of companies said; what it did stays.
    Rule(
        "company_imports",
        "PORTAL_KEEP_INVITATION_DAYS",
        lambda before: CompanyImport.objects.filter(finished_at__lt=before),
    ),
    Rule(
        "map_conflicts",
        "PORTAL_KEEP_INCIDENT_DAYS",
        lambda before: MapConflict.objects.filter(settled_at__lt=before),
    ),
    Rule(
        "lookups",
        "PORTAL_KEEP_LOOKUP_DAYS",
        lambda before: Lookup.objects.filter(asked_at__lt=before),
    ),
    Rule(
        "awaited_numbers",
        "PORTAL_KEEP_AWAITED_DAYS",
        lambda before: AwaitedNumber.objects.filter(kept_at__lt=before),
    ),
    Rule(
        "mailings",
        "PORTAL_KEEP_MAILING_DAYS",
        lambda before: Mailing.objects.filter(
            asked_at__lt=before, state__in=(JobState.DONE, JobState.FAILED)
        ),
    ),
    Rule(
        "notices",
        "PORTAL_KEEP_AWAITED_DAYS",
        # What is news still would be noted anew.
        lambda before: Notice.objects.filter(told_at__lt=min(before, clock.now() - 2 * NEWS)),
    ),
    Rule(
        "watches",
        "PORTAL_KEEP_AWAITED_DAYS",
        lambda before: Watch.objects.filter(told_at__lt=before),
    ),
)


def apply_retention(*, now: datetime, seconds: float) -> dict[str, int]:
    """Delete what is older than the settings say, for some seconds; say how much, by kind.

    What was deleted is a line of the audit record: nobody did it, and it says how much.
    """
    until = time.monotonic() + seconds
    counts: dict[str, int] = {}
    for rule in RULES:
        count = _apply(rule, now, until)
        if count:
            counts[rule.name] = count
    forgotten = forget_old_lines(seconds=max(0.0, until - time.monotonic()))
    if forgotten.lines:
        counts["audit_lines"] = forgotten.lines
    if forgotten.addresses:
        counts["audit_addresses"] = forgotten.addresses
    if counts:
        record(Action.RETENTION_APPLIED, actor=Actor(), detail=counts, now=now)
    return counts


def _apply(rule: Rule, now: datetime, until: float) -> int:
    days: int = getattr(settings, rule.setting) if rule.setting else 0
    if rule.setting and not days:
        return 0
    rows, count = rule.rows(now - timedelta(days=days)), 0
    while time.monotonic() < until:
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:_BATCH])
        if not keys:
            break
        rows.filter(pk__in=keys).delete()
        count += len(keys)
    return count
