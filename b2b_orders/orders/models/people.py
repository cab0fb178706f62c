"""What people add to orders: numbers, questions, and the lists they come back to."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from b2b_orders.common.visibility import OfOrderQuerySet, VisibleQuerySet
from b2b_orders.orders.models.merged import Order


class AddedNumber(models.Model):
    """A number by which the customer knows an order, told to us by a person, not by a source.

    Like a decision it names the record by its source's keys and outlives it. Sources' own
    values stay as they are.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    connection = models.CharField(max_length=40, db_collation="C")
    external_id = models.CharField(max_length=80, db_collation="C")
    written = models.CharField(max_length=60)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    staff_role = models.CharField(max_length=10, blank=True)
    added_at = models.DateTimeField()
    # When a worker has made it findable.
    taken_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    objects = VisibleQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("company", "connection", "external_id", "written"),
                condition=models.Q(removed_at=None),
                name="added_number_once",
            ),
        )
        indexes = (
            models.Index(fields=("connection", "external_id"), name="added_number_record"),
            # What no worker has taken over yet: few at any time.
            models.Index(
                fields=("id",), name="added_number_waiting", condition=models.Q(taken_at=None)
            ),
        )

    def __str__(self) -> str:
        return self.written


class AwaitedNumber(models.Model):
    """A number that a person of staff did not find, and is told of when it comes."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # Normalised as `OrderNumber.value` is.
    value = models.CharField(max_length=80, db_collation="C")
    written = models.CharField(max_length=80)
    kept_at = models.DateTimeField()
    found_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("person", "value"),
                condition=models.Q(found_at=None),
                name="awaited_number_once",
            ),
        )

    def __str__(self) -> str:
        return self.written


class Question(models.Model):
    """What somebody of a company asks about an order, with what they saw when they asked."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    order = models.ForeignKey(Order, models.CASCADE, related_name="questions")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    text = models.CharField(max_length=1000)
    # The document it is about, if any, and the state of everything as the asker saw it.
    document = models.UUIDField(null=True)
    seen = models.JSONField(default=dict)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    objects = OfOrderQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(
                fields=("asked_at",),
                name="question_open",
                condition=models.Q(answered_at=None),
            ),
        )

    def __str__(self) -> str:
        return self.text[:60]


class Answer(models.Model):
    """What the seller says to a question; the asker is told by mail."""

    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    question = models.ForeignKey(Question, models.CASCADE, related_name="answers")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # What the person was to the company when they answered.
    staff_role = models.CharField(max_length=10, blank=True, db_default="")
    text = models.CharField(max_length=2000)
    at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=("at",), name="answer_to_tell", condition=models.Q(told_at=None)),
        )

    def __str__(self) -> str:
        return self.text[:60]


class SavedView(models.Model):
    """A list that somebody comes back to: its filter, order and columns, by a name.

    `query` is `filtering.OrderFilter.to_query()`; whoever opens a shared one sees what they
    may see of it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=2000, blank=True)
    columns = models.JSONField(default=list)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = VisibleQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("company", "person", "name"), name="saved_view_unique"),
        )

    def __str__(self) -> str:
        return self.name


class ListPreference(models.Model):
    """How a person wants the lists of a company: which columns in which order, how many rows."""

    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    columns = models.JSONField(default=list)
    page_size = models.SmallIntegerField(default=20)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("company", "person"), name="list_preference_unique"),
        )

    def __str__(self) -> str:
        return f"{self.person_id} in {self.company_id}"
