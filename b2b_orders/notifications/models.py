"""What people follow, what they are to be told of it, and when they want to hear.

An order that turns out to be part of another one is deleted, and what people follow is not to
go with it: so nothing here hangs on an order by a constraint. Its address lives on as an alias,
by which it is found again.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from b2b_orders.common.visibility import VisibleQuerySet


class Kind(models.TextChoices):
    """Of what people are told."""

    ORDER = "order"
    STATUS = "status"
    INVOICED = "invoiced"
    PROMISE = "promise"
    DOCUMENT = "document"
    BOLETO = "boleto"
    DUE = "due"
    OVERDUE = "overdue"


class Rhythm(models.TextChoices):
    """How often a person is written to."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    OFF = "off"


class Follow(models.Model):
    """One order, or every order that a filter finds, of which a person wants to hear.

    Exactly one of `order` and `query` is set; `query` is what
    `orders.filtering.OrderFilter.to_query()` wrote. What the person may see is asked anew
    whenever something is told.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    order = models.ForeignKey(
        "orders.Order", models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    # The address by which it was followed.
    order_key = models.UUIDField(null=True)
    query = models.CharField(max_length=2000, blank=True)
    name = models.CharField(max_length=80, blank=True)
    # Kinds of notices; empty means all.
    kinds = models.JSONField(default=list)
    created_at = models.DateTimeField()
    # When it was last looked at; what it knows of its orders is in `FollowedOrder`.
    checked_at = models.DateTimeField()
    # Since when its person does not see the order any more.
    gone_at = models.DateTimeField(null=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("person", "order"),
                condition=models.Q(order__isnull=False),
                name="follow_order_once",
            ),
            models.CheckConstraint(
                condition=models.Q(order__isnull=True) ^ models.Q(query=""),
                name="follow_order_or_query",
            ),
        )
        indexes = (
            models.Index(fields=("company", "person"), name="follow_of_person"),
            # Whose turn it is to be looked at again.
            models.Index(fields=("checked_at",), name="follow_turn"),
        )

    def __str__(self) -> str:
        return f"{self.person_id} follows {self.order_id or self.name}"


class FollowedOrder(models.Model):
    """What a follow knows of one order, so that only changes are told.

    Of a filter there are rows of orders outside it too: one that comes in later is told of.
    """

    follow = models.ForeignKey(Follow, models.CASCADE, related_name="known")
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    order = models.ForeignKey(
        "orders.Order", models.DO_NOTHING, related_name="+", db_constraint=False
    )
    is_in = models.BooleanField()
    # {"fulfilment", "origins", "promised_on", "invoices"}
    state = models.JSONField(default=dict)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("follow", "order"), name="followed_order_once"),
        )

    def __str__(self) -> str:
        return f"{self.follow_id} knows {self.order_id}"


class Mark(models.Model):
    """How far a sweep over changes has come: everything up to this moment and id was looked at."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()
    last_id = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} up to {self.at}"


class Notice(models.Model):
    """One thing that a person is to be told; many of them make one mail.

    `key` names what happened, so that it is told once however often it is seen.
    """

    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    follow = models.ForeignKey(Follow, models.SET_NULL, null=True, related_name="+")
    order = models.ForeignKey(
        "orders.Order", models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=160, db_collation="C")
    # "order" is the order's address; the rest is what was before, or which document or boleto.
    detail = models.JSONField(default=dict)
    happened_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("person", "key"), name="notice_once"),)
        indexes = (
            models.Index(
                fields=("person", "happened_at"),
                condition=models.Q(told_at=None),
                name="notice_untold",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} for {self.person_id}"


class NotificationChoice(models.Model):
    """When and of what a person wants to hear. Without a row: the usual way."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+"
    )
    # At once is at most one mail an hour.
    rhythm = models.CharField(max_length=10, choices=Rhythm, default=Rhythm.AT_ONCE)
    # The hour of a daily mail, and between which hours none is sent, in the person's zone.
    daily_at = models.SmallIntegerField(default=8)
    quiet_from = models.SmallIntegerField(null=True)
    quiet_until = models.SmallIntegerField(null=True)
    # How many days before it is due a boleto is told of.
    due_days = models.SmallIntegerField(default=3, db_default=3)
    # Kinds that are not wanted.
    without = models.JSONField(default=list)
    # When the last mail went out.
    mailed_at = models.DateTimeField(null=True)
    # A mail on trial that the person asked for and that no worker has sent yet.
    test_asked_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(
                fields=("test_asked_at",),
                condition=models.Q(test_asked_at__isnull=False),
                name="choice_test",
            ),
        )

    def __str__(self) -> str:
        return f"{self.person_id} {self.rhythm}"
