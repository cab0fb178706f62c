"""What people did and what went wrong: rows that are only ever added."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Action(models.TextChoices):
    """What is recorded."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    ORDER_VIEWED = "order_viewed"
    DOCUMENT_DOWNLOADED = "document_downloaded"
    DOCUMENT_VIEWED = "document_viewed"
    DOCUMENT_REFUSED = "document_refused"
    # The data for paying was shown: line, bar code, PIX.
    PAYMENT_SHOWN = "payment_shown"
    DOCUMENTS_PACKED = "documents_packed"
    PACK_ASKED = "pack_asked"
    PACK_TAKEN = "pack_taken"
    DOCUMENT_SHARED = "document_shared"
    SHARE_OPENED = "share_opened"
    SHARE_REVOKED = "share_revoked"
    DOCUMENT_MAILED = "document_mailed"
    DOCUMENT_WATCHED = "document_watched"
    # What a person follows, and when they are told of it.
    FOLLOWED = "followed"
    UNFOLLOWED = "unfollowed"
    NOTICES_CHANGED = "notices_changed"
    TITLES_EXPORTED = "titles_exported"
    # Lists of orders as files, views of lists that are a company's, many numbers at once.
    ORDERS_EXPORTED = "orders_exported"
    EXPORT_TAKEN = "export_taken"
    VIEW_CHANGED = "view_changed"
    NUMBERS_PASTED = "numbers_pasted"
    CALENDAR_MADE = "calendar_made"
    CALENDAR_ENDED = "calendar_ended"
    NOT_VISIBLE = "not_visible"
    SEARCHED = "searched"
    STAFF_SEARCHED = "staff_searched"
    ACTING_STARTED = "acting_started"
    ACTING_ENDED = "acting_ended"
    COMPANY_SWITCHED = "company_switched"
    LOOKED_UP = "looked_up"
    # What operations had done, see ingest.errands.
    CONNECTION_TESTED = "connection_tested"
    RUN_ASKED = "run_asked"
    PARKED_RETRIED = "parked_retried"
    PARKED_DISCARDED = "parked_discarded"
    STATUS_MAPPED = "status_mapped"
    STATUS_RULE_DROPPED = "status_rule_dropped"
    COMPANY_ASSIGNED = "company_assigned"
    ORDERS_JOINED = "orders_joined"
    ORDER_SPLIT = "order_split"
    DECISION_UNDONE = "decision_undone"
    OUTAGE_STARTED = "outage_started"
    OUTAGE_ENDED = "outage_ended"
    SUBSCRIPTION_TAKEN = "subscription_taken"
    DOCUMENT_RULE_CHANGED = "document_rule_changed"
    CUSTOMER_TYPE_CHANGED = "customer_type_changed"
    # Signing in.
    SESSION_ENDED = "session_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 a word of the record
    PASSWORD_RESET_ASKED = "password_reset_asked"  # noqa: S105 a word of the record
    CODE_ASKED = "code_asked"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    SIGNED_IN_AGAIN = "signed_in_again"
    # People of a company.
    PERSON_INVITED = "person_invited"
    INVITATION_REVOKED = "invitation_revoked"
    INVITATION_ACCEPTED = "invitation_accepted"
    MEMBER_CHANGED = "member_changed"
    MEMBER_REMOVED = "member_removed"
    MEMBER_ADDED = "member_added"
    JOIN_ASKED = "join_asked"
    JOIN_DECIDED = "join_decided"
    PEOPLE_IMPORTED = "people_imported"
    COMPANY_CHANGED = "company_changed"
    # The map of companies, and who serves them.
    COMPANIES_IMPORTED = "companies_imported"
    COMPANY_MADE = "company_made"
    MAP_CHANGE_ASKED = "map_change_asked"
    MAP_CHANGE_DECIDED = "map_change_decided"
    MAP_CHANGE_UNDONE = "map_change_undone"
    CONFLICT_SETTLED = "conflict_settled"
    PROVIDER_CHANGED = "provider_changed"
    EMAIL_DOMAIN_CHANGED = "email_domain_changed"
    STAFF_CHANGED = "staff_changed"
    # Support and telesales.
    SEEN_AS_CHANGED = "seen_as_changed"
    OTHER_TEAM_REFUSED = "other_team_refused"
    NUMBER_AWAITED = "number_awaited"
    QUESTION_ASKED = "question_asked"
    QUESTION_ANSWERED = "question_answered"
    NUMBER_ADDED = "number_added"
    NUMBER_REMOVED = "number_removed"
    CUSTOMER_OPENED = "customer_opened"
    PORTFOLIO_EXPORTED = "portfolio_exported"
    # The record itself, and data of people.
    ACCESS_RECORD_READ = "access_record_read"
    AUDIT_SEARCHED = "audit_searched"
    AUDIT_EXPORTED = "audit_exported"
    PERSON_EXPORTED = "person_exported"
    PERSON_ANONYMISED = "person_anonymised"
    RETENTION_APPLIED = "retention_applied"
    LIMIT_REACHED = "limit_reached"


# What passes between a company and the seller: read back for whoever is about to call.
CONTACTS = (
    Action.ACTING_STARTED,
    Action.DOCUMENT_MAILED,
    Action.NUMBER_ADDED,
    Action.QUESTION_ANSWERED,
    Action.QUESTION_ASKED,
)


class AuditEvent(models.Model):
    """One thing that somebody did. The database refuses to change or delete it."""

    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=30, choices=Action)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, related_name="+"
    )
    staff_role = models.CharField(max_length=10, blank=True)
    company = models.ForeignKey("companies.Company", models.DO_NOTHING, null=True, related_name="+")
    # What it was done to: "order" and its public id, "document" and its public id.
    object_kind = models.CharField(max_length=20, blank=True)
    object_id = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=16, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = (
            models.Index(fields=("company", "-at")),
            models.Index(fields=("person", "-at")),
            models.Index(fields=("object_id", "-at"), name="audit_of_object"),
            # Few among all that a company opens and downloads.
            models.Index(
                fields=("company", "-at"),
                name="audit_contact",
                condition=models.Q(action__in=[each.value for each in CONTACTS]),
            ),
            models.Index(fields=("action", "-at"), name="audit_of_action"),
            models.Index(
                fields=("address", "-at"),
                condition=models.Q(address__isnull=False),
                name="audit_of_address",
            ),
            # What the seller's people did is a small part of it, and asked for most.
            models.Index(
                fields=("company", "-at"),
                condition=~models.Q(staff_role=""),
                name="audit_of_staff",
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.object_kind} {self.object_id}"


class AuditSeal(models.Model):
    """Some lines of the record, sealed: each seal holds the hash of the one before.

    Added by workers alone. Of what is here only two things ever change, and by two functions
    of the database alone, see migration 0006: that old lines are gone, that old addresses are.
    """

    number = models.BigIntegerField(primary_key=True)
    # By the database's clock, more or less: it refuses any other.
    sealed_at = models.DateTimeField(db_index=True)
    # The ids of the lines, as PostgreSQL writes an int8multirange.
    ids = models.TextField(db_collation="C")
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField(db_index=True)
    count = models.IntegerField()
    # Of the last line, in the order of transactions: where the next seal goes on.
    after_xact = models.BigIntegerField()
    after_id = models.BigIntegerField()
    # Sixteen bytes a line, by which a wrong one is named; see `audit.canonical`.
    marks = models.BinaryField()
    # Without it nobody can find out from the hashes which addresses there were.
    nonce = models.BinaryField()
    lines_hash = models.CharField(max_length=64, db_collation="C")
    addresses_hash = models.CharField(max_length=64, db_collation="C")
    previous = models.CharField(max_length=64, db_collation="C")
    hash = models.CharField(max_length=64, db_collation="C")
    # When retention let go of its lines, and of the addresses in them.
    forgotten_at = models.DateTimeField(null=True)
    addresses_cut_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("number",),
                condition=models.Q(forgotten_at=None),
                name="audit_seal_kept",
            ),
            models.Index(
                fields=("number",),
                condition=models.Q(addresses_cut_at=None),
                name="audit_seal_addressed",
            ),
        )

    def __str__(self) -> str:
        return f"{self.number} {self.hash}"


class AuditAnchor(models.Model):
    """The newest seal of a day, as it was logged and mailed to be kept outside."""

    day = models.DateField(primary_key=True)
    number = models.BigIntegerField()
    hash = models.CharField(max_length=64, db_collation="C")
    noted_at = models.DateTimeField()
    mailed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.day} {self.hash}"


class Incident(models.Model):
    """Something that operations should look at: a damaged file, another company's order."""

    at = models.DateTimeField(db_index=True)
    code = models.CharField(max_length=40)
    connection = models.CharField(max_length=40, blank=True)
    company = models.ForeignKey("companies.Company", models.DO_NOTHING, null=True, related_name="+")
    object_kind = models.CharField(max_length=20, blank=True)
    object_id = models.CharField(max_length=80, blank=True)
    detail = models.JSONField(default=dict)
    # Of one that operations are told of by mail, see `audit.alarms`: those that share it share
    # a mail. "" is only listed.
    alarm = models.CharField(max_length=120, blank=True, db_default="", db_collation="C")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, related_name="+"
    )
    address = models.GenericIPAddressField(null=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("alarm", "at"),
                name="incident_to_tell",
                condition=models.Q(told_at=None) & ~models.Q(alarm=""),
            ),
            models.Index(
                fields=("-at", "-id"), name="incident_alarm", condition=~models.Q(alarm="")
            ),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.connection} {self.object_id}"


class PersonExport(models.Model):
    """All we hold of one person, as a ZIP file that workers put together and soon delete."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # The person, or somebody of operations at their wish, then with a reason.
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    reason = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=10, blank=True)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    content = models.BinaryField(null=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("asked_at",),
                condition=models.Q(finished_at=None),
                name="person_export_waiting",
            ),
            models.Index(fields=("person", "-asked_at"), name="person_export_latest"),
        )

    def __str__(self) -> str:
        return str(self.public_id)
