"""What people follow, what they are to be told of it, and when they want to hear."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from b2b_orders.common.visibility import VisibleQuerySet


class Follow(models.Model):
    """One order, or every order that a filter finds, of which a person wants to hear.

    Exactly one of `order` and `query` is set; `query` is what
    `orders.filtering.OrderFilter.to_query()` wrote. What the person may see is asked anew
    whenever something is told.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    order = models.ForeignKey("orders.Order", models.CASCADE, null=True, related_name="+")
    query = models.CharField(max_length=2000, blank=True)
    name = models.CharField(max_length=80, blank=True)
    # Kinds of notices; empty means all.
    kinds = models.JSONField(default=list)
    created_at = models.DateTimeField()
    # What was known of the order when it was last looked at, so that only changes are told.
    seen = models.JSONField(default=dict)
    checked_at = models.DateTimeField()

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
        indexes = (models.Index(fields=("company", "person"), name="follow_of_person"),)

    def __str__(self) -> str:
        return f"{self.person_id} follows {self.order_id or self.name}"


class Notice(models.Model):
    """One thing that a person is to be told; many of them make one mail.

    `key` names what happened, so that it is told once however often it is seen.
    """

    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    follow = models.ForeignKey(Follow, models.SET_NULL, null=True, related_name="+")
    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=160, db_collation="C")
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
    # "at_once" (at most one mail an hour), "daily" or "off".
    rhythm = models.CharField(max_length=10, default="at_once")
    # The hour of a daily mail, and between which hours none is sent, in the person's zone.
    daily_at = models.SmallIntegerField(default=8)
    quiet_from = models.SmallIntegerField(null=True)
    quiet_until = models.SmallIntegerField(null=True)
    # Kinds that are not wanted.
    without = models.JSONField(default=list)
    # When the last mail went out.
    mailed_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.person_id} {self.rhythm}"
