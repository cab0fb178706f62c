"""Making people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from b2b_orders.accounts.models import Person
from b2b_orders.common.errors import Conflict, InvalidInput
from b2b_orders.common.requests import without_nul

_LONGEST_NAME = 150


@transaction.atomic
def put_person(*, email: str, name: str, password: str | None = None) -> tuple[Person, bool]:
    """Make a person, or change the name and password of the one with this address.

    Says whether the person is new. Without a password an existing one keeps theirs.
    Raises `InvalidInput` for an address or a password that cannot be used.
    """
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput("email", "this is not an e-mail address") from error
    if not name.strip():
        raise InvalidInput("name", "a person needs a name")
    person = Person.objects.filter(email=email.lower()).first()
    if password is not None:
        _check_password(password, person or Person(email=email.lower(), name=name))
    if person is None:
        return Person.objects.create_user(email, password, name=name.strip()), True
    person.name = name.strip()
    person.is_active = True
    if password is not None:
        person.set_password(password)
    person.save()
    return person, False


def _check_password(password: str, person: Person) -> None:
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise InvalidInput("password", " ".join(error.messages)) from error


def choose_language(*, person_id: int, language: str) -> None:
    """Speak a language to a person from now on, on every machine."""
    Person.objects.filter(pk=person_id).update(language=language)


def choose_shortcuts(*, person_id: int, shortcuts: dict[str, object]) -> None:
    """Keep which keys a person has chosen."""
    Person.objects.filter(pk=person_id).update(shortcuts=shortcuts)


@transaction.atomic
def make_invited_person(*, email: str, name: str, password: str, language: str) -> Person:
    """Make a person who opened a link mailed to their address, which proves it.

    Raises `InvalidInput` for a name or a password that cannot be used, `Conflict` when
    somebody made a person with this address meanwhile.
    """
    name = " ".join(without_nul(name).split())[:_LONGEST_NAME]
    if not name:
        raise InvalidInput("name", "no-name")
    _check_password(password, Person(email=email.lower(), name=name))
    try:
        with transaction.atomic():
            person = Person.objects.create_user(email, password, name=name, language=language)
    except IntegrityError as error:
        raise Conflict("person-exists") from error
    prove_email(person)
    return person


def prove_email(person: Person) -> None:
    """Note that a person reads the mail that is sent to their address."""
    known = EmailAddress.objects.filter(user=person)
    if not known.filter(email__iexact=person.email).update(verified=True):
        is_first = not known.filter(primary=True).exists()
        EmailAddress.objects.create(
            user=person, email=person.email, verified=True, primary=is_first
        )


def find_person(*, email: str) -> Person | None:
    """Find who signs in with an address, whatever its case; None for nobody."""
    return Person.objects.filter(email=email.strip().lower()).first()


def rename(*, person_id: int, name: str) -> None:
    """Change how a person is called; `InvalidInput` for no name, or one that is too long."""
    plain = " ".join(without_nul(name).split())
    if not plain or len(plain) > _LONGEST_NAME:
        raise InvalidInput("name", "a name has 1 to 150 characters")
    Person.objects.filter(pk=person_id).update(name=plain)


@dataclass(frozen=True, slots=True)
class Preferences:
    """How the portal speaks and looks to a person; an empty one leaves it to the portal."""

    language: str
    time_zone: str
    leading_number: str
    theme: str


def choose_preferences(*, person_id: int, chosen: Preferences) -> None:
    """Keep what a person chose, for every machine; whoever calls has checked it."""
    Person.objects.filter(pk=person_id).update(**asdict(chosen))


def note_welcomed(*, person_id: int, now: datetime | None) -> None:
    """Note that the first steps need not be shown any more; None shows them again."""
    Person.objects.filter(pk=person_id).update(welcomed_at=now)
