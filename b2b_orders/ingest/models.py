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
    # Half open: until then one try, of whichever process, finds out whether it works again.
    probe_until = models.DateTimeField(null=True)
    # A rehearsed outage: the source counts as down and is not asked.
    outage_since = models.DateTimeField(null=True)
    outage_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Lane(models.Model):
    """One kind of work on a connection: when it is due, and how it went the last time.

    Beat hands out what is due; a lost message or a killed worker only delays it.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="lanes")
    name = models.CharField(max_length=12, db_collation="C")
    due_at = models.DateTimeField()
    # When a worker was last told, and when one began and ended.
    queued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("connection", "name"), name="lane_unique"),)
        indexes = (models.Index(fields=("due_at",), name="lane_due"),)

    def __str__(self) -> str:
        return f"{self.connection_id} {self.name}"


class Stream(models.Model):
    """How far one connection was read: one row for each kind of pass and company."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="streams")
    # "backfill", "period" and the like; company is None for a whole account.
    kind = models.CharField(max_length=20)
    company = models.ForeignKey("companies.Company", models.CASCADE, null=True, related_name="+")
    cursor = models.CharField(max_length=200, blank=True)
    high_water = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()
    # Of a reading that takes long: since when, how many orders there are, how many are done.
    began_at = models.DateTimeField(null=True)
    total = models.IntegerField(null=True)
    done = models.IntegerField(default=0)

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


class Subject(models.TextChoices):
    """What a parked row is about, and so how it is tried again."""

    ORDER = "order"
    # A part of a pass, such as a period: the next pass reads it again.
    PART = "part"


class Parked(models.Model):
    """A payload that could not be used: kept with the reason, to be looked at and replayed."""

    subject = models.CharField(max_length=5, choices=Subject, default=Subject.ORDER)
    connection = models.CharField(max_length=40, db_collation="C")
    external_id = models.CharField(max_length=80, db_collation="C")
    reason = models.CharField(max_length=60)
    message = models.CharField(max_length=300)
    payload = models.BinaryField(default=bytes)
    attempts = models.IntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    # Set when operations decided that it needs no further try; it stays as a record.
    discarded_at = models.DateTimeField(null=True)
    discarded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    discard_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "external_id", "reason"), name="parked_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.connection}:{self.external_id} {self.reason}"


class Origin(models.TextChoices):
    """Why an order is to be read again."""

    FEED = "feed"
    HOOK = "hook"
    LIST = "list"
    AGAIN = "again"
    PERSON = "person"


class InboxItem(models.Model):
    """An order that should be read again: many events of one order make one item.

    `events` counts them. Whoever read the order deletes the item only while it still has
    the count it had before: what came in between is read once more.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="inbox")
    external_id = models.CharField(max_length=80, db_collation="C")
    origin = models.CharField(max_length=6, choices=Origin, default=Origin.AGAIN)
    events = models.IntegerField(default=1)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("connection", "external_id"), name="inbox_unique"),
        )
        indexes = (models.Index(fields=("connection", "due_at"), name="inbox_due"),)

    def __str__(self) -> str:
        return f"{self.connection_id}:{self.external_id}"


class SubscriptionKind(models.TextChoices):
    """How a VTEX account tells of changes."""

    FEED = "feed"
    HOOK = "hook"


class SubscriptionState(models.TextChoices):
    """Whether the account's configuration is the one we want."""

    UNKNOWN = "unknown"
    OURS = "ours"
    MISSING = "missing"
    # Somebody else's, under our key: neither changed nor consumed until operations say so.
    FOREIGN = "foreign"
    FORBIDDEN = "forbidden"
    FAILING = "failing"


class Subscription(models.Model):
    """The feed or the hook of one VTEX connection: as we set it, and as it was found."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="subscriptions")
    kind = models.CharField(max_length=4, choices=SubscriptionKind)
    state = models.CharField(
        max_length=9, choices=SubscriptionState, default=SubscriptionState.UNKNOWN
    )
    # What we last set; a configuration found that is neither this nor what is wanted is foreign.
    own_config = models.JSONField(default=dict)
    found_config = models.JSONField(default=dict)
    checked_at = models.DateTimeField(null=True)
    configured_at = models.DateTimeField(null=True)
    repairs = models.IntegerField(default=0)
    last_event_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    # The feed's queue as the account tells it.
    quantity = models.IntegerField(null=True)
    oldest_seconds = models.FloatField(null=True)
    # The hook's path and secret: digests to compare with, and both encrypted to configure by.
    path_digest = models.CharField(max_length=64, blank=True, db_collation="C")
    secret_digest = models.CharField(max_length=64, blank=True, db_collation="C")
    secret = models.BinaryField(default=bytes)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("connection", "kind"), name="subscription_unique"),
            models.UniqueConstraint(
                fields=("path_digest",),
                condition=~models.Q(path_digest=""),
                name="subscription_path_unique",
            ),
        )

    def __str__(self) -> str:
        return f"{self.connection_id} {self.kind} {self.state}"


class CallCount(models.Model):
    """How often a source was asked in a minute, and how often it failed."""

    connection = models.CharField(max_length=40, db_collation="C")
    minute = models.DateTimeField()
    calls = models.IntegerField(default=0)
    failures = models.IntegerField(default=0)
    throttled = models.IntegerField(default=0)
    seconds = models.FloatField(default=0.0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("connection", "minute"), name="call_count_unique"),
        )

    def __str__(self) -> str:
        return f"{self.connection} {self.minute}"


class Pace(models.Model):
    """The token buckets of a source, shared by all processes: until when turns are given away."""

    connection = models.CharField(max_length=40, primary_key=True, db_collation="C")
    all_at = models.DateTimeField()
    backfill_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.connection


class ErrandState(models.TextChoices):
    """How far an errand is."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Errand(models.Model):
    """Something that operations ask for: the web process writes it down, a worker does it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, db_collation="C")
    params = models.JSONField(default=dict)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=16, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=7, choices=ErrandState, default=ErrandState.WAITING)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # What came of it, for the page: {"code": ..., "text": ..., figures}
    outcome = models.JSONField(default=dict)

    class Meta:
        indexes = (
            models.Index(
                fields=("asked_at",), condition=models.Q(state="waiting"), name="errand_waiting"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


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
