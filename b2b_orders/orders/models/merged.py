"""The merged order, the source records it is made of, and the numbers it is found by."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Func

from b2b_orders.common.visibility import OfOrderQuerySet, VisibleQuerySet
from erp_bridge.records import Fulfilment

# An order is in work until its goods are on their way, or it has ended; a word that nobody
# knows may mean anything, and counts.
IN_WORK = tuple(
    sorted(
        each.value
        for each in Fulfilment
        if each
        not in {
            Fulfilment.INVOICED,
            Fulfilment.SHIPPED,
            Fulfilment.DELIVERED,
            Fulfilment.CANCELLED,
            Fulfilment.REPLACED,
        }
    )
)


class Order(models.Model):
    """One order of a company, merged from its source records by `merge.merge`.

    Derived wholly from the records: deleting every order and merging again gives the
    same rows. `company` is None while nobody knows whose it is; no buyer sees it then.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="+")
    establishment = models.ForeignKey(
        "companies.Establishment", models.SET_NULL, null=True, related_name="+"
    )
    # "vtex", "erp" or "erp+vtex": which kinds of source know it.
    origins = models.CharField(max_length=10)
    # The number that stands for it in a list: web, else ERP, as written by the source.
    title = models.CharField(max_length=80)

    fulfilment = models.CharField(max_length=20)
    billing = models.CharField(max_length=16, db_default="unknown")
    payment = models.CharField(max_length=12, db_default="unknown")
    status_raw = models.CharField(max_length=100, blank=True)
    status_system = models.CharField(max_length=4)

    placed_on = models.DateField(null=True)
    # What lists are sorted by: the moment it was placed, or its date's midnight.
    sorted_at = models.DateTimeField()
    promised_on = models.DateField(null=True)
    placed_by_name = models.CharField(max_length=150, blank=True)
    placed_by_code = models.CharField(max_length=60, blank=True, db_collation="C")

    currency = models.CharField(max_length=3, default="BRL")
    total = models.DecimalField(max_digits=16, decimal_places=2, null=True)

    # Counts for lists, so that a page of rows is one query.
    line_count = models.IntegerField(default=0)
    divergence_count = models.IntegerField(default=0)

    # Everything shown once, on the order page: amounts, addresses, terms. See merge.Draft.
    facts = models.JSONField(default=dict)
    # field -> connection that rules it.
    provenance = models.JSONField(default=dict)
    # Hash of the draft: an equal one writes nothing.
    draft_hash = models.CharField(max_length=64, db_collation="C")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = VisibleQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(F("company"), F("sorted_at").desc(), F("id").desc(), name="order_latest"),
            # The newest of one branch: the branch board.
            models.Index(
                F("establishment"), F("sorted_at").desc(), F("id").desc(), name="order_of_branch"
            ),
            # What a company waits for, among years of what it has: see `open_orders`.
            models.Index(
                fields=("company", "promised_on", "id"),
                name="order_in_work",
                condition=models.Q(fulfilment__in=IN_WORK),
            ),
            models.Index(
                F("placed_by_code"),
                F("sorted_at").desc(),
                F("id").desc(),
                name="order_placed_by",
                condition=~models.Q(placed_by_code=""),
            ),
        )

    def __str__(self) -> str:
        return self.title


class OrderAlias(models.Model):
    """The address of an order that turned out to be part of another one."""

    public_id = models.UUIDField(primary_key=True)
    order = models.ForeignKey(Order, models.CASCADE, related_name="+")
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="+")

    objects = OfOrderQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.public_id)


class SourceRecord(models.Model):
    """What one connection last told us of one order."""

    connection = models.CharField(max_length=40, db_collation="C")
    system = models.CharField(max_length=4)
    external_id = models.CharField(max_length=80, db_collation="C")
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="+")
    order = models.ForeignKey(Order, models.PROTECT, null=True, related_name="records")
    # The source's own stamp (VTEX lastChange), None where it has none.
    version = models.DateTimeField(null=True)
    detail = models.CharField(max_length=7)
    # erp_bridge.records.OrderRecord as JSON: what merging reads.
    facts = models.JSONField()
    # What `facts` was made of, while a list's row is newer than the details: see readings.
    parts = models.JSONField(default=dict)
    # Web numbers that an ERP answered with exactly this order (see LearnedLink).
    links = models.JSONField(default=list)
    # The customer's tax id, by which a waiting record is found when a company gains it.
    owner_tax_id = models.CharField(max_length=20, blank=True, db_collation="C")
    # Its name, for operations' list of orders that belong to no company.
    owner_name = models.CharField(max_length=150, blank=True, db_default="")
    # The source's word for its status, as rules compare it: see statuses.key_of.
    status_key = models.CharField(max_length=100, blank=True, db_default="", db_collation="C")
    # Keys under which it may meet records of the other system, see orders.match.
    match_keys = models.JSONField(default=list)
    content_hash = models.CharField(max_length=64, db_collation="C")
    # The source's own answer, zlib: kept so that a better mapping can be run over history.
    payload = models.BinaryField()
    first_seen_at = models.DateTimeField()
    read_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = OfOrderQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "external_id"), name="source_record_unique"
            ),
        )
        indexes = (
            models.Index(fields=("connection", "company", "detail"), name="source_record_detail"),
            models.Index(fields=("owner_tax_id", "company"), name="source_record_owner"),
            # The orders that a rule about a status touches.
            models.Index(fields=("connection", "status_key", "id"), name="source_record_status"),
            # Whether any record still carries a word that its connector does not know. The
            # default is left out of `facts`, so what has no word of ours has no key.
            models.Index(
                fields=("connection", "status_key"),
                name="source_record_unmapped",
                condition=models.Q(facts__fulfilment__isnull=True) & ~models.Q(status_key=""),
            ),
            # What waits for a company, grouped by whom it is for.
            models.Index(
                fields=("owner_tax_id", "id"),
                name="source_record_waiting",
                condition=models.Q(company=None),
            ),
        )

    def __str__(self) -> str:
        return f"{self.connection}:{self.external_id}"


class MatchKey(models.Model):
    """One of a record's match keys, indexed so that its counterparts are found at once."""

    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    value = models.CharField(max_length=120, db_collation="C")
    record = models.ForeignKey(SourceRecord, models.CASCADE, related_name="keys")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("company", "value", "record"), name="match_key_unique"),
        )

    def __str__(self) -> str:
        return self.value


class Supplement(models.Model):
    """What a checked fiscal file says of a source record: an invoice, titles, numbers, events.

    It hangs on the record's source key, so that it outlives rows, and is laid over what
    the source says before records are matched and merged: it only fills what is empty.
    `key` is the file's own (`nfe:<access key>`), `facts` an OrderRecord's JSON with nothing
    but what the file states.
    """

    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    connection = models.CharField(max_length=40, db_collation="C")
    external_id = models.CharField(max_length=80, db_collation="C")
    key = models.CharField(max_length=80, db_collation="C")
    facts = models.JSONField()
    learned_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "external_id", "company", "key"), name="supplement_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.key} of {self.external_id}"


class LearnedLink(models.Model):
    """An ERP that was asked for a web number answered with exactly this one order."""

    connection = models.CharField(max_length=40, db_collation="C")
    external_id = models.CharField(max_length=80, db_collation="C")
    web_number = models.CharField(max_length=80, db_collation="C")
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    evidence = models.CharField(max_length=40)
    learned_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "external_id", "web_number"), name="learned_link_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.web_number} is {self.external_id}"


class OrderNumber(models.Model):
    """A value by which an order is found. One covering index answers exact and prefix.

    `value` is normalised by `numbers.normalise`; `written` is as the source wrote it.
    """

    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    value = models.CharField(max_length=80, db_collation="C")
    kind = models.CharField(max_length=12)
    order = models.ForeignKey(Order, models.CASCADE, related_name="numbers")
    written = models.CharField(max_length=80)
    establishment_id = models.BigIntegerField(null=True)
    # A column and not an index over reverse(value): behind a policy PostgreSQL uses no index
    # for what a function that is not leakproof computes, and reverse() is none.
    reversed = models.GeneratedField(
        expression=Func(F("value"), function="reverse"),
        output_field=models.CharField(max_length=80, db_collation="C"),
        db_persist=True,
    )

    objects = VisibleQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("company", "value", "kind", "order"), name="order_number_unique"
            ),
        )
        indexes = (
            # The last digits of a number, as a range over the reversed text.
            models.Index(fields=("company", "reversed"), name="order_number_suffix"),
            # Number-first search of staff, over all companies.
            models.Index(fields=("value", "company"), name="order_number_staff"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.written}"


class Line(models.Model):
    """An item of an order, in the order of the ruling source."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="+")
    position = models.IntegerField()
    sku = models.CharField(max_length=80, blank=True)
    name = models.CharField(max_length=300, blank=True)
    quantity = models.DecimalField(max_digits=16, decimal_places=4, null=True)
    unit = models.CharField(max_length=20, blank=True)
    unit_price = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    total = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    invoiced = models.DecimalField(max_digits=16, decimal_places=4, null=True)

    objects = OfOrderQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("order", "position"), name="line_unique"),)

    def __str__(self) -> str:
        return f"{self.position} {self.sku}"


class Invoice(models.Model):
    """A fiscal invoice of an order."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="invoices")
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="+")
    number = models.CharField(max_length=40)
    series = models.CharField(max_length=10, blank=True)
    access_key = models.CharField(max_length=44, blank=True, db_collation="C")
    issued_on = models.DateField(null=True)
    total = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    carrier = models.CharField(max_length=150, blank=True)
    tracking_number = models.CharField(max_length=80, blank=True)
    tracking_url = models.CharField(max_length=500, blank=True)
    delivered_at = models.DateTimeField(null=True)
    is_return = models.BooleanField(default=False)

    objects = OfOrderQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("order", "number", "series", "is_return", "access_key"),
                name="invoice_unique",
            ),
        )

    def __str__(self) -> str:
        return f"{self.number}/{self.series}"


class Title(models.Model):
    """An amount due on a date. Overdue follows from the date and is not stored."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="titles")
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="+")
    key = models.CharField(max_length=120, db_collation="C")
    instalment = models.CharField(max_length=20, blank=True)
    invoice_number = models.CharField(max_length=40, blank=True)
    due_on = models.DateField(null=True)
    amount = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    state = models.CharField(max_length=10)
    typeable_line = models.CharField(max_length=60, blank=True)
    pix = models.TextField(blank=True)
    settled_on = models.DateField(null=True)
    payee_name = models.CharField(max_length=150, blank=True, db_default="")
    payee_tax_id = models.CharField(max_length=20, blank=True, db_default="", db_collation="C")

    objects = OfOrderQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("order", "key"), name="title_unique"),)
        indexes = (
            # The finance page: a company's titles by due date.
            models.Index(fields=("company", "due_on", "id"), name="title_due"),
            # What is to pay, among years of what is paid.
            models.Index(
                fields=("company", "due_on", "id"),
                name="title_open",
                condition=models.Q(state="open"),
            ),
            # One boleto that stands on several orders.
            models.Index(
                fields=("company", "typeable_line"),
                name="title_line",
                condition=models.Q(typeable_line__gt=""),
            ),
        )

    def __str__(self) -> str:
        return self.key


class Event(models.Model):
    """Something that happened to an order, as a source words it."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="events")
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()
    connection = models.CharField(max_length=40)
    code = models.CharField(max_length=60)
    text = models.CharField(max_length=1000, blank=True)

    objects = OfOrderQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("order", "at", "connection", "code", "text"), name="event_unique"
            ),
        )

    def __str__(self) -> str:
        return self.code


class Divergence(models.Model):
    """A field on which sources disagree: each value with its connection and moment."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="divergences")
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="+")
    field = models.CharField(max_length=40)
    # [{"connection", "system", "value", "as_of", "rules"}]
    values = models.JSONField()
    since = models.DateTimeField()

    objects = OfOrderQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("order", "field"), name="divergence_unique"),
        )
        indexes = (models.Index(F("since").desc(), F("id").desc(), name="divergence_latest"),)

    def __str__(self) -> str:
        return self.field


class FirstSeen(models.Model):
    """When somebody of the company first opened an order: telesales asks for it."""

    order = models.OneToOneField(Order, models.CASCADE, primary_key=True, related_name="first_seen")
    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=models.functions.Now())

    objects = OfOrderQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.order_id} {self.at}"


class PromisedDate(models.Model):
    """A day for which one connection promised an order: kept when it promises another.

    It hangs on the record's source key, so that it outlives rows, as `Supplement` does.
    """

    company = models.ForeignKey("companies.Company", models.PROTECT, related_name="+")
    connection = models.CharField(max_length=40, db_collation="C")
    external_id = models.CharField(max_length=80, db_collation="C")
    # None: it promised a day, and then none any more.
    promised_on = models.DateField(null=True)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("connection", "external_id", "company", "first_seen_at"),
                name="promised_date_unique",
            ),
        )

    def __str__(self) -> str:
        return f"{self.external_id} for {self.promised_on}"
