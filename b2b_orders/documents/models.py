"""Files of an order: what exists where, in which state, and what we hold."""

from __future__ import annotations

import uuid

from django.db import models

from b2b_orders.common.visibility import OfRecordQuerySet


class State(models.TextChoices):
    """What became of a document."""

    EXPECTED = "expected"
    AVAILABLE = "available"
    FAILED = "failed"
    DAMAGED = "damaged"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    NOT_APPLICABLE = "not_applicable"


class StoredFile(models.Model):
    """Bytes that we hold, by their SHA-256; kept as issued."""

    sha256 = models.CharField(max_length=64, primary_key=True, db_collation="C")
    size = models.BigIntegerField()
    content_type = models.CharField(max_length=100)
    stored_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.sha256


class Document(models.Model):
    """One file of an order, as one source lists it. Identity: its source record and key.

    It hangs on the source record, not on the order, so that joining and splitting
    orders never touches it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="+")
    record = models.ForeignKey("orders.SourceRecord", models.CASCADE, related_name="documents")
    key = models.CharField(max_length=120, db_collation="C")
    kind = models.CharField(max_length=10)
    position = models.IntegerField(default=0)
    title = models.CharField(max_length=300, blank=True)
    invoice_number = models.CharField(max_length=40, blank=True)
    invoice_series = models.CharField(max_length=10, blank=True)
    # Of the NF-e inside, once its XML was fetched and checked.
    access_key = models.CharField(max_length=44, blank=True, db_collation="C")
    instalment = models.CharField(max_length=20, blank=True)
    issued_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    amount = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    title_state = models.CharField(max_length=10, blank=True)

    state = models.CharField(max_length=15, choices=State, default=State.AVAILABLE)
    # Why it is in that state: a code that pages word ("html-instead-of-pdf").
    reason = models.CharField(max_length=60, blank=True)
    state_since = models.DateTimeField()
    # When the source last listed it, and when we last fetched it.
    listed_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True)
    file = models.ForeignKey(StoredFile, models.PROTECT, null=True, related_name="+")

    objects = OfRecordQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("record", "key"), name="document_unique"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"
