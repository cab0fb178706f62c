"""Files of an order: what exists where, in which state, and what we hold."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from b2b_orders.common.visibility import OfRecordQuerySet, VisibleQuerySet


class State(models.TextChoices):
    """What became of a document."""

    EXPECTED = "expected"
    AVAILABLE = "available"
    FAILED = "failed"
    DAMAGED = "damaged"
    CANCELLED = "cancelled"
    REPLACED = "replaced"
    NOT_APPLICABLE = "not_applicable"


class Origin(models.TextChoices):
    """Why a document's row is there."""

    # Its source lists it.
    SOURCE = "source"
    # A rule says that it should be there; no source lists it yet.
    RULE = "rule"
    # We made it of an XML that we hold.
    RENDERED = "rendered"


class StoredFile(models.Model):
    """Bytes that we hold, by their SHA-256; kept as issued."""

    sha256 = models.CharField(max_length=64, primary_key=True, db_collation="C")
    size = models.BigIntegerField()
    content_type = models.CharField(max_length=100)
    stored_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.sha256


class Document(models.Model):
    """One file of an order, listed, expected or rendered. Identity: its source record and key.

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
    settled_on = models.DateField(null=True)
    # Of a paper to pay, as the source states them; checked before they are shown.
    typeable_line = models.CharField(max_length=60, blank=True, db_default="")
    pix = models.TextField(blank=True, db_default="")
    payee_name = models.CharField(max_length=150, blank=True, db_default="")
    payee_tax_id = models.CharField(max_length=20, blank=True, db_default="", db_collation="C")
    # Who was to be paid before that changed between two readings: name, tax_id, changed_at.
    payee_before = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    # When a person had the source asked whether it is still to be paid, and the code of why
    # there was no answer.
    asked_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=40, blank=True, db_default="")
    # The key, within the same record, of the file that took its place.
    replaced_by = models.CharField(max_length=120, blank=True, db_default="", db_collation="C")

    origin = models.CharField(max_length=8, choices=Origin, db_default=Origin.SOURCE)
    # The rule that made it expected, and that says why it does not apply or is hidden.
    rule = models.ForeignKey("DocumentRule", models.SET_NULL, null=True, related_name="+")
    # The document that it was rendered from.
    made_from = models.ForeignKey("self", models.CASCADE, null=True, related_name="rendered")

    # What reading the file found: its verdict (`serve`, `warn`, ...), the reasons as codes,
    # how its signature is, and what it says (an NF-e's facts without its items).
    verdict = models.CharField(max_length=40, blank=True, db_default="")
    findings = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    signature = models.CharField(max_length=40, blank=True, db_default="")
    facts = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    checked_at = models.DateTimeField(null=True)
    # The company for which it was checked: given to another, it is checked again.
    checked_for = models.BigIntegerField(null=True)

    # How often the source was asked for it, how often in vain since it last answered, when
    # and why; and when a worker asks again by itself, None when it does not.
    tries = models.IntegerField(default=0, db_default=0)
    failures = models.IntegerField(default=0, db_default=0)
    tried_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=60, blank=True, db_default="")
    due_at = models.DateTimeField(null=True)
    # The check that the order has been told of.
    learned_at = models.DateTimeField(null=True)

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
        indexes = (
            models.Index(
                fields=("due_at",), condition=models.Q(due_at__isnull=False), name="document_due"
            ),
            # Checks that no order has been told of yet: few at any time.
            models.Index(
                fields=("checked_at",),
                name="document_unlearned",
                condition=models.Q(checked_at__isnull=False)
                & (models.Q(learned_at=None) | models.Q(learned_at__lt=models.F("checked_at"))),
            ),
            models.Index(fields=("state_since",), name="document_state_since"),
            # A company's latest.
            models.Index(
                fields=("company", "-state_since", "-id"),
                name="document_latest",
                condition=models.Q(state="available"),
            ),
            # What a company's orders lack: few, among years of what is there.
            models.Index(
                fields=("company", "record"),
                name="document_missing",
                condition=models.Q(state__in=(State.EXPECTED, State.FAILED, State.DAMAGED)),
            ),
            models.Index(
                fields=("checked_at",),
                condition=models.Q(checked_at__isnull=False),
                name="document_checked",
            ),
            models.Index(
                fields=("company", "access_key"),
                condition=~models.Q(access_key=""),
                name="document_by_key",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"


class RuleEffect(models.TextChoices):
    """What a rule says of documents of a kind."""

    EXPECT = "expect"
    NOT_APPLICABLE = "not_applicable"
    # Not shown at all: not in a page, ZIP, export or API.
    HIDE = "hide"


class DocumentRule(models.Model):
    """Which documents an invoice should have, which it need not, and which stay hidden.

    Data of operations. The first rule of a kind that fits decides, by `position`; `hide`
    stands above the others. Empty `connection` and `customer_type` mean any; `conditions`
    are what the invoice must fulfil, see `documents.rules`.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10)
    effect = models.CharField(max_length=15, choices=RuleEffect)
    connection = models.CharField(max_length=40, blank=True, db_collation="C")
    customer_type = models.CharField(max_length=40, blank=True)
    conditions = models.JSONField(default=dict)
    position = models.IntegerField(default=0)
    is_enabled = models.BooleanField(default=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.effect} {self.kind}"


class Watch(models.Model):
    """A person who wants to be told when a document is there."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="watches")
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    asked_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("document", "person"), name="watch_unique"),)

    def __str__(self) -> str:
        return f"{self.person_id} waits for {self.document_id}"


class JobState(models.TextChoices):
    """How far something is that a worker does."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Rendering(models.Model):
    """A page that we make of an XML. Identity: the XML's hash, the library and its settings.

    The same XML gives the same bytes, so the file is shared by every document of that XML
    in the company; `key` is `sha256:library version:layout:cancelled`.
    """

    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    document = models.ForeignKey(Document, models.CASCADE, related_name="renderings")
    key = models.CharField(max_length=120, db_collation="C")
    state = models.CharField(max_length=10, choices=JobState, default=JobState.WAITING)
    # Why it failed: a code that pages word.
    reason = models.CharField(max_length=60, blank=True)
    file = models.ForeignKey(StoredFile, models.PROTECT, null=True, related_name="+")
    # Somebody waits for it, and how often it was begun.
    is_urgent = models.BooleanField(db_default=False, default=False)
    tries = models.SmallIntegerField(db_default=0, default=0)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("document", "key"), name="rendering_unique"),
        )
        indexes = (
            # What waits is a handful; a sweep looks for it every few seconds.
            models.Index(
                fields=("asked_at",),
                condition=models.Q(state__in=("waiting", "running")),
                name="rendering_to_do",
            ),
            models.Index(fields=("company", "key"), name="rendering_same"),
        )

    def __str__(self) -> str:
        return f"{self.document_id} {self.state}"


class Pack(models.Model):
    """Many documents that a person asked for as ZIP files, built by a worker.

    `filter` is what was asked for; the worker builds with the person's rights of that
    moment. It can be taken until `expires_at`.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # Set when an agent asked for it while acting: who it belongs to then, and why.
    acting = models.ForeignKey("companies.Acting", models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=10)
    filter = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.WAITING)
    outcome = models.CharField(max_length=60, blank=True)
    total = models.IntegerField(default=0)
    taken = models.IntegerField(default=0)
    missing = models.IntegerField(default=0)
    # Where a killed worker's work is taken up again.
    cursor = models.JSONField(default=dict)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        indexes = (models.Index(fields=("company", "person", "-asked_at"), name="pack_latest"),)

    def __str__(self) -> str:
        return f"{self.public_id} {self.state}"


class PackPart(models.Model):
    """One ZIP file of a pack."""

    pack = models.ForeignKey(Pack, models.CASCADE, related_name="parts")
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    number = models.IntegerField()
    # Where it is in the document store; never part of an address.
    name = models.CharField(max_length=200)
    size = models.BigIntegerField()
    count = models.IntegerField()
    # Whoever takes it must still see all of these.
    documents = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    made_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("pack", "number"), name="pack_part_unique"),)

    def __str__(self) -> str:
        return f"{self.pack_id}/{self.number}"


class ListExport(models.Model):
    """A list of orders that a person asked for as a file, too large to be made while they wait.

    A worker writes it with the person's rights of that moment; it can be taken until
    `expires_at`. `query` is what `orders.filtering.OrderFilter.to_query()` wrote.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # Set when an agent asked for it while acting: who it belongs to then, and why.
    acting = models.ForeignKey("companies.Acting", models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    # Whether one of the seller's people asked for it, whose rights are not a member's.
    is_staff = models.BooleanField(default=False, db_default=False)
    language = models.CharField(max_length=10)
    time_zone = models.CharField(max_length=40, blank=True, db_default="")
    # "csv" or "xlsx".
    format = models.CharField(max_length=4)
    query = models.CharField(max_length=2000, blank=True)
    columns = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.WAITING)
    outcome = models.CharField(max_length=60, blank=True)
    total = models.IntegerField(default=0)
    written = models.IntegerField(default=0)
    # Where it is in the document store; never part of an address.
    name = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField(default=0)
    # A digest of the rights and branches with which it was written.
    sight = models.CharField(max_length=32, blank=True, db_default="")
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=("company", "person", "-asked_at"), name="list_export_latest"),
        )

    def __str__(self) -> str:
        return f"{self.public_id} {self.state}"


class ShareLink(models.Model):
    """An address that opens one document without logging in, until it expires or is revoked.

    Only the SHA-256 of its secret is kept; the address itself is shown once.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    document = models.ForeignKey(Document, models.CASCADE, related_name="shares")
    token_hash = models.CharField(max_length=64, unique=True, db_collation="C")
    label = models.CharField(max_length=100, blank=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    openings = models.IntegerField(default=0)
    opened_at = models.DateTimeField(null=True)

    objects = VisibleQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.public_id)


class Mailing(models.Model):
    """A document that somebody had e-mailed; a worker sends it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    document = models.ForeignKey(Document, models.CASCADE, related_name="mailings")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    staff_role = models.CharField(max_length=10, blank=True)
    recipient = models.EmailField()
    # One of the company's people; any other address needs a reason and is marked.
    is_known = models.BooleanField()
    reason = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.WAITING)
    outcome = models.CharField(max_length=60, blank=True)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = VisibleQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.document_id} to {self.recipient}"


class CalendarFeed(models.Model):
    """A private address under which a person's calendar reads a company's due dates.

    Only the SHA-256 of its secret is kept. It shows what the person may see at each reading.
    """

    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True, db_collation="C")
    created_at = models.DateTimeField()
    # How often it is read, for its person to see whether somebody else reads it too.
    read_at = models.DateTimeField(null=True)
    times_read = models.IntegerField(default=0, db_default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("company", "person"), name="calendar_feed_unique"),
        )

    def __str__(self) -> str:
        return f"{self.person_id} of {self.company_id}"
