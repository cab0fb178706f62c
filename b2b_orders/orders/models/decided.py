"""What operations decided: what statuses mean, which records are one order."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class StatusRule(models.Model):
    """What operations say a word of one source means; an empty axis is the connector's.

    `key` is the word as it is compared, see `statuses.key_of`.
    """

    connection = models.CharField(max_length=40, db_collation="C")
    raw = models.CharField(max_length=100)
    key = models.CharField(max_length=100, db_collation="C")
    fulfilment = models.CharField(max_length=20, blank=True)
    billing = models.CharField(max_length=16, blank=True)
    payment = models.CharField(max_length=12, blank=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    changed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("connection", "key"), name="status_rule_unique"),
        )

    def __str__(self) -> str:
        return f"{self.connection}: {self.raw}"


class UnmappedStatus(models.Model):
    """A word for a status that neither its connector nor a rule knows, with an example."""

    connection = models.CharField(max_length=40, db_collation="C")
    raw = models.CharField(max_length=100)
    key = models.CharField(max_length=100, db_collation="C")
    external_id = models.CharField(max_length=80, db_collation="C")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("connection", "key"), name="unmapped_status_unique"),
        )

    def __str__(self) -> str:
        return f"{self.connection}: {self.raw}"


class DecisionKind(models.TextChoices):
    """What operations decided of two records."""

    JOIN = "join"
    SPLIT = "split"


class Decision(models.Model):
    """Two records that are one order, or are not, because a person says so.

    It names records by their source's keys: it outlives them, and comes into force again
    when they come back. It counts only while both are the company's. A record that is
    taken out of an order makes one row for each that it was with; they share an `act`.
    """

    act = models.UUIDField(default=uuid.uuid4)
    kind = models.CharField(max_length=5, choices=DecisionKind)
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    connection_a = models.CharField(max_length=40, db_collation="C")
    external_a = models.CharField(max_length=80, db_collation="C")
    connection_b = models.CharField(max_length=40, db_collation="C")
    external_b = models.CharField(max_length=80, db_collation="C")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    reason = models.CharField(max_length=200)
    at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        indexes = (
            # Read with every batch: hand-made, so a company has few.
            models.Index(
                fields=("company",),
                name="decision_in_force",
                condition=models.Q(undone_at=None),
            ),
            models.Index(fields=("act",), name="decision_act"),
        )

    def __str__(self) -> str:
        return (
            f"{self.kind} {self.connection_a}:{self.external_a}"
            f" {self.connection_b}:{self.external_b}"
        )
