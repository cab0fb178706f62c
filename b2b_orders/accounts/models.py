"""People who sign in."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower


class PersonManager(BaseUserManager["Person"]):
    """Makes people; an address is compared without case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Person:
        """Make a person; without a password they cannot sign in by one."""
        person = self.model(email=self.normalize_email(email).lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, username: str | None) -> Person:
        """Find by e-mail, whatever its case."""
        return self.get(email=(username or "").lower())


class Person(AbstractBaseUser):
    """Somebody who signs in: of a buying company, or of the seller's staff.

    What they may see is not here: `companies` knows their memberships and staff role.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=150)
    language = models.CharField(max_length=5, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # What was signed in with before this moment no longer opens anything.
    sign_in_again_after = models.DateTimeField(null=True)
    # How the portal looks and speaks to this person; empty leaves it to the seller's settings.
    time_zone = models.CharField(max_length=40, blank=True, db_default="")
    # Which number of an order stands first: "web", "erp" or "customer".
    leading_number = models.CharField(max_length=10, blank=True, db_default="")
    theme = models.CharField(max_length=10, blank=True, db_default="")
    # Single keys: {"off": true}, or other keys than the usual ones, by what they do.
    shortcuts = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    # When the first steps were shown to the end, or closed.
    welcomed_at = models.DateTimeField(null=True)
    # Name and address are gone at the person's wish; the row stays for what they did.
    anonymised_at = models.DateTimeField(null=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects = PersonManager()

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="person_email_unique"),)

    def __str__(self) -> str:
        return self.name


class MailKind(models.TextChoices):
    """What a mail about signing in is for."""

    CODE = "code"
    RESET = "reset"
    NOTICE = "notice"


class SignInMail(models.Model):
    """A mail about signing in that a worker sends: a code, a link, or word of a change.

    `payload` is encrypted, and gone once the mail is. A row without a person is written when an
    unknown address was typed, so that both take the same time; nothing is sent for it.
    """

    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=10, choices=MailKind)
    payload = models.BinaryField()
    language = models.CharField(max_length=10, blank=True)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    # Why it could not be sent, as a code.
    outcome = models.CharField(max_length=60, blank=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("asked_at",),
                condition=models.Q(finished_at=None),
                name="sign_in_mail_waits",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} to {self.person_id}"
