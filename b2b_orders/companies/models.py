"""Buying companies, who belongs to them, and the seller's staff."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Team(models.Model):
    """Staff who serve the same companies: a region, a line of business."""

    name = models.CharField(max_length=80, unique=True)

    def __str__(self) -> str:
        return self.name


class DefaultScope(models.TextChoices):
    """What a person who is newly let into a company sees unless somebody says otherwise."""

    COMPANY = "company"
    ESTABLISHMENTS = "establishments"


class Company(models.Model):
    """A buying company: the unit of privacy. An inactive one shows nothing to anybody of it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=150)
    is_active = models.BooleanField(default=True)
    # The seller's own word for what kind of customer it is ("resale"): rules may name it.
    customer_type = models.CharField(max_length=40, blank=True, db_default="")
    # Who serves it; none is served by everybody.
    team = models.ForeignKey(Team, models.SET_NULL, null=True, related_name="companies")
    default_scope = models.CharField(
        max_length=14,
        choices=DefaultScope,
        default=DefaultScope.COMPANY,
        db_default=DefaultScope.COMPANY,
    )
    requires_second_factor = models.BooleanField(default=False, db_default=False)
    # Where everything of it went; a merged company is inactive.
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Establishment(models.Model):
    """One CNPJ, CPF or foreign tax id of a company. Orders belong to one of them."""

    company = models.ForeignKey(Company, models.CASCADE, related_name="establishments")
    # Normalised [0-9A-Z]; in one company only: who else claims it is a conflict to solve.
    tax_id = models.CharField(max_length=20, unique=True, db_collation="C")
    name = models.CharField(max_length=150, blank=True)
    # Of a foreign tax id: the two letters of its country.
    country = models.CharField(max_length=2, blank=True, db_default="")

    def __str__(self) -> str:
        return self.tax_id


class CustomerId(models.Model):
    """By which id one connection's ERP knows a company (the old contract's `revendaId`)."""

    company = models.ForeignKey(Company, models.CASCADE, related_name="customer_ids")
    connection = models.CharField(max_length=40, db_collation="C")
    value = models.CharField(max_length=60, db_collation="C")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("connection", "value"), name="customer_id_unique"),
        )

    def __str__(self) -> str:
        return f"{self.connection}:{self.value}"


class Role(models.TextChoices):
    """What a person is in a company; each implies rights, see `access.RIGHTS_OF_ROLE`."""

    BUYER = "buyer"
    FINANCE = "finance"
    VIEWER = "viewer"
    ADMIN = "admin"


class Membership(models.Model):
    """A person in a company, with a role. No establishments listed means the whole company."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    company = models.ForeignKey(Company, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    is_scoped = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    # What differs from the role's rights; None is as the role has it.
    sees_prices = models.BooleanField(null=True)
    sees_finance = models.BooleanField(null=True)
    manages_people = models.BooleanField(null=True)
    sees_access_record = models.BooleanField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)
    # What was signed in with before this moment no longer opens this company.
    sign_in_again_after = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("person", "company"), name="membership_unique"),
        )

    def __str__(self) -> str:
        return f"{self.person_id} in {self.company_id}"


class MembershipScope(models.Model):
    """An establishment that a scoped membership may see; a scoped one with none sees nothing."""

    membership = models.ForeignKey(Membership, models.CASCADE, related_name="scopes")
    establishment = models.ForeignKey(Establishment, models.CASCADE, related_name="+")
    company = models.ForeignKey(Company, models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("membership", "establishment"), name="membership_scope_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.membership_id} sees {self.establishment_id}"


class StaffRole(models.TextChoices):
    """What a person of the seller does."""

    SUPPORT = "support"
    TELESALES = "telesales"
    OPERATIONS = "operations"


class StaffProfile(models.Model):
    """A person of the seller's staff. `seller_code` is how the ERP names a salesperson."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="staff")
    role = models.CharField(max_length=10, choices=StaffRole)
    seller_code = models.CharField(max_length=60, blank=True, db_collation="C")
    can_see_prices = models.BooleanField(default=False)
    can_see_finance = models.BooleanField(default=False)
    # Acting as one of a company's people is usual; acting as the whole company is a right.
    can_see_as_company = models.BooleanField(default=True, db_default=True)
    # The only team whose companies this person sees; none sees every company's.
    team = models.ForeignKey(Team, models.PROTECT, null=True, related_name="staff")

    def __str__(self) -> str:
        return f"{self.person_id} {self.role}"


class Portfolio(models.Model):
    """A company that a telesales person looks after."""

    staff = models.ForeignKey(StaffProfile, models.CASCADE, related_name="portfolio")
    company = models.ForeignKey(Company, models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("staff", "company"), name="portfolio_unique"),
        )

    def __str__(self) -> str:
        return f"{self.staff_id} {self.company_id}"


class Acting(models.Model):
    """A support agent acting for a company: why, and until when."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    company = models.ForeignKey(Company, models.CASCADE, related_name="+")
    reason = models.CharField(max_length=200)
    # The log-in it belongs to: logging out ends it everywhere.
    session_key = models.CharField(max_length=40, db_collation="C")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # Whose eyes are borrowed: what this member may not see, nor may who acts. None is the company.
    seen_as = models.ForeignKey(Membership, models.CASCADE, null=True, related_name="+")

    class Meta:
        indexes = (models.Index(fields=("person", "company", "-started_at")),)

    def __str__(self) -> str:
        return f"{self.person_id} for {self.company_id}"


class Invitation(models.Model):
    """Somebody asked into a company by mail. Of the link's secret only its SHA-256 is kept."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey(Company, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    name = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=10, choices=Role)
    is_scoped = models.BooleanField(default=False)
    # Ids of establishments, and rights that differ from the role's by the membership's fields.
    establishment_ids = models.JSONField(default=list)
    rights = models.JSONField(default=dict)
    language = models.CharField(max_length=10, blank=True)
    token_hash = models.CharField(max_length=64, unique=True, db_collation="C")
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    asked_at = models.DateTimeField()
    # How often it was asked for in the day that began with the first time.
    times_asked = models.PositiveSmallIntegerField(default=1, db_default=1)
    day_began_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    # Why the mail could not be sent, as a code.
    outcome = models.CharField(max_length=60, blank=True)
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("company", "email"),
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="invitation_open_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.email} to {self.company_id}"


class JoinState(models.TextChoices):
    """Where a wish to join stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"


class JoinRequest(models.Model):
    """Somebody with an address of a company's domain who asks to be let in.

    It counts once `proved_at` says that the mailed link was opened.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey(Company, models.CASCADE, related_name="join_requests")
    email = models.EmailField()
    name = models.CharField(max_length=150)
    message = models.CharField(max_length=300, blank=True)
    language = models.CharField(max_length=10, blank=True)
    token_hash = models.CharField(max_length=64, unique=True, db_collation="C")
    asked_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True)
    # When the company's administrators were told that somebody waits.
    told_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=JoinState, default=JoinState.WAITING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.email} to {self.company_id}"


class PeopleImport(models.Model):
    """A list of people that an administrator gave, looked through and not yet taken over."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    company = models.ForeignKey(Company, models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    filename = models.CharField(max_length=150, blank=True)
    # As read: one object a line, with what is wrong with it.
    rows = models.JSONField(default=list)
    given_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.filename} of {self.company_id}"


class ProviderKind(models.TextChoices):
    """How an identity provider speaks."""

    OIDC = "oidc"
    SAML = "saml"


class IdentityProvider(models.Model):
    """Where people of a company, or staff if it has none, sign in instead of here.

    `settings` is what the protocol needs: `server_url` and `client_id`, or `entity_id`,
    `sso_url` and `x509cert`, and by which names its claims come. Only operations change it.
    """

    slug = models.SlugField(max_length=40, unique=True)
    kind = models.CharField(max_length=4, choices=ProviderKind)
    label = models.CharField(max_length=80)
    company = models.ForeignKey(Company, models.CASCADE, null=True, related_name="+")
    settings = models.JSONField(default=dict)
    secret = models.BinaryField(default=bytes)
    is_active = models.BooleanField(default=True)
    # People of its domains sign in by it only: no password, no code.
    is_required = models.BooleanField(default=False)
    # Whom it vouches for is let in without an invitation, with this role.
    lets_in = models.BooleanField(default=False)
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug


class EmailDomain(models.Model):
    """A domain of e-mail addresses that is known to be a company's, or the seller's own."""

    # Lower case, as ASCII.
    domain = models.CharField(max_length=190, db_collation="C")
    company = models.ForeignKey(Company, models.CASCADE, null=True, related_name="domains")
    provider = models.ForeignKey(
        IdentityProvider, models.SET_NULL, null=True, related_name="domains"
    )
    # People with an address of it may ask to join.
    may_join = models.BooleanField(default=False)
    verified_at = models.DateTimeField(null=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("domain", "company"), nulls_distinct=False, name="email_domain_once"
            ),
            models.UniqueConstraint(
                fields=("domain",),
                condition=models.Q(provider__isnull=False),
                name="email_domain_one_provider",
            ),
        )

    def __str__(self) -> str:
        return self.domain


class MapState(models.TextChoices):
    """Where a change to the map of companies stands."""

    WAITING = "waiting"
    REJECTED = "rejected"
    DOING = "doing"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


class MapChange(models.Model):
    """A change of which company has what, that moves orders: two people's signatures.

    `payload` says what to do, `before` what puts it back. Read by operations, written by
    workers.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=30)
    payload = models.JSONField(default=dict)
    before = models.JSONField(default=dict)
    reason = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=MapState, default=MapState.WAITING)
    # How many orders it would move when it was asked for, and did move.
    orders_expected = models.IntegerField(default=0)
    orders_moved = models.IntegerField(default=0)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = (
            # Four eyes, whatever the code says: who asked may only take it back.
            models.CheckConstraint(
                condition=models.Q(state__in=("waiting", "rejected"))
                | models.Q(decided_by__isnull=True)
                | ~models.Q(decided_by=models.F("asked_by")),
                name="map_change_four_eyes",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class MapConflict(models.Model):
    """Two companies claim the same thing, or a source's word contradicts ours: never guessed.

    `kind` is "tax_id", "customer_id" or "organisation"; `claims` what each side says.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20)
    value = models.CharField(max_length=120, db_collation="C")
    source = models.CharField(max_length=60, blank=True)
    claims = models.JSONField(default=list)
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    outcome = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "value", "source"),
                condition=models.Q(settled_at=None),
                name="map_conflict_open_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class ImportSource(models.TextChoices):
    """Where a list of companies comes from."""

    CSV = "csv"
    VTEX = "vtex"
    ERP = "erp"


class ImportState(models.TextChoices):
    """Where an import of companies stands."""

    WAITING = "waiting"
    READ = "read"
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"
    DROPPED = "dropped"


class CompanyImport(models.Model):
    """A list of companies: read and shown line by line first, taken over when somebody says so."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.CharField(max_length=4, choices=ImportSource)
    connection = models.CharField(max_length=40, blank=True, db_collation="C")
    filename = models.CharField(max_length=150, blank=True)
    content = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.WAITING)
    outcome = models.CharField(max_length=60, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.source} {self.filename or self.connection}"


class ImportLine(models.Model):
    """One line of an import: what it says, what it would do, what is wrong with it."""

    company_import = models.ForeignKey(CompanyImport, models.CASCADE, related_name="lines")
    number = models.IntegerField()
    values = models.JSONField(default=dict)
    # "new", "same", "adds", "conflict" or "error".
    verdict = models.CharField(max_length=10)
    problem = models.CharField(max_length=120, blank=True)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("company_import", "number"), name="import_line_once"),
        )

    def __str__(self) -> str:
        return f"{self.company_import_id} {self.number}"
