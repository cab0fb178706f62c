"""Buying companies, who belongs to them, and the seller's staff."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class Company(models.Model):
    """A buying company: the unit of privacy. An inactive one shows nothing to anybody of it."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=150)
    is_active = models.BooleanField(default=True)
    # The seller's own word for what kind of customer it is ("resale"): rules may name it.
    customer_type = models.CharField(max_length=40, blank=True, db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Establishment(models.Model):
    """One CNPJ, CPF or foreign tax id of a company. Orders belong to one of them."""

    company = models.ForeignKey(Company, models.CASCADE, related_name="establishments")
    # Normalised [0-9A-Z]; in one company only: who else claims it is a conflict to solve.
    tax_id = models.CharField(max_length=20, unique=True, db_collation="C")
    name = models.CharField(max_length=150, blank=True)

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
    created_at = models.DateTimeField(auto_now_add=True)

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

    class Meta:
        indexes = (models.Index(fields=("person", "company", "-started_at")),)

    def __str__(self) -> str:
        return f"{self.person_id} for {self.company_id}"
