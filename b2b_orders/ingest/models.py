"""Connections to sources, how far each was read, and what waits to be read."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Connection(models.Model):
    """One VTEX account or one ERP with its credentials. `name` is its key everywhere."""

    name = models.CharField(max_length=40, unique=True, db_collation="C")
    kind = models.CharField(max_length=40)
    label = models.CharField(max_length=60)
    # What the kind's Config takes, without secrets.
    settings = models.JSONField(default=dict)
    secret = models.BinaryField()
    is_enabled = models.BooleanField(default=True)
    # What was learned about the source (paths that answer, searches it lacks).
    learned = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    last_success_at = models.DateTimeField(null=True)
    # Set at the first failure that means "down", cleared at the next success.
    down_since = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)
    last_error_code = models.CharField(max_length=40, blank=True)
    retry_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Stream(models.Model):
    """How far one connection was read: one row for each kind of pass and company."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="streams")
    # "backfill", "period" and the like; company is None for a whole account.
    kind = models.CharField(max_length=20)
    company = models.ForeignKey("companies.Company", models.CASCADE, null=True, related_name="+")
    cursor = models.CharField(max_length=200, blank=True)
    high_water = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "kind", "company"),
                nulls_distinct=False,
                name="stream_unique",
            ),
        )

    def __str__(self) -> str:
        return f"{self.connection_id} {self.kind} {self.company_id}"


class Run(models.Model):
    """One pass over a connection, with what it did."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    read = models.IntegerField(default=0)
    new = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.connection_id} {self.kind} {self.started_at}"


class Parked(models.Model):
    """A payload that could not be used: kept with the reason, to be looked at and replayed."""

    connection = models.CharField(max_length=40, db_collation="C")
    external_id = models.CharField(max_length=80, db_collation="C")
    reason = models.CharField(max_length=60)
    message = models.CharField(max_length=300)
    payload = models.BinaryField(default=bytes)
    attempts = models.IntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "external_id", "reason"), name="parked_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.connection}:{self.external_id} {self.reason}"


class InboxItem(models.Model):
    """An order that should be read again: many events of one order make one item."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="inbox")
    external_id = models.CharField(max_length=80, db_collation="C")
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("connection", "external_id"), name="inbox_unique"),
        )
        indexes = (models.Index(fields=("due_at",), name="inbox_due"),)

    def __str__(self) -> str:
        return f"{self.connection_id}:{self.external_id}"


class LookupState(models.TextChoices):
    """How far a live look-up is."""

    WAITING = "waiting"
    FOUND = "found"
    NOT_FOUND = "not_found"
    FAILED = "failed"


class Lookup(models.Model):
    """A number looked up at the sources because a person asked: once per company and 30 s."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.CASCADE, related_name="+")
    # Normalised: two ways of writing one number are one look-up. `written` is what was typed.
    value = models.CharField(max_length=80)
    written = models.CharField(max_length=80, blank=True)
    # For "read this order again" instead of a number.
    order_id = models.BigIntegerField(null=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=LookupState, default=LookupState.WAITING)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # The order that was found, and for each connection what it answered:
    # {"erp": "not-found", "vtex": "unreachable"}
    found_order_id = models.BigIntegerField(null=True)
    answers = models.JSONField(default=dict)

    class Meta:
        indexes = (
            models.Index(fields=("company", "value", "-asked_at"), name="lookup_recent"),
            models.Index(
                fields=("asked_at",), condition=models.Q(state="waiting"), name="lookup_waiting"
            ),
        )

    def __str__(self) -> str:
        return f"{self.company_id} {self.value} {self.state}"
