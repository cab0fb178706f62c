"""Passwords as production keeps them, and what `check --deploy` says of weak settings."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core import checks
from django.core.exceptions import ValidationError

from b2b_orders.accounts.checks import check_signing_in
from b2b_orders.accounts.models import Person
from b2b_orders.settings import base
from tests.factories import PASSWORD, make_person


@pytest.fixture
def as_in_production(settings):
    """Hash passwords as production does; the tests' own settings use a quick hash."""
    settings.PASSWORD_HASHERS = base.PASSWORD_HASHERS


def test_a_new_password_is_kept_as_argon2id(as_in_production):
    kept = make_password("correct horse battery")

    assert kept.startswith("argon2$argon2id$")
    assert check_password("correct horse battery", kept)
    assert not check_password("correct horse batterz", kept)


@pytest.mark.django_db
def test_a_password_of_an_older_kind_becomes_argon2_at_the_next_log_in(as_in_production, client):
    person = make_person("Ana")
    Person.objects.filter(pk=person.pk).update(
        password=make_password(PASSWORD, hasher="pbkdf2_sha256")
    )

    response = client.post("/accounts/login/", {"login": "ana@example.com", "password": PASSWORD})

    assert response.status_code == 302
    person.refresh_from_db()
    assert identify_hasher(person.password).algorithm == "argon2"
    assert person.check_password(PASSWORD)


@pytest.mark.parametrize("password", ["short-1", "password1234", "ana.buyer@example.com"])
def test_a_weak_password_is_not_taken(password):
    person = Person(email="ana.buyer@example.com", name="Ana Buyer")

    with pytest.raises(ValidationError):
        validate_password(password, person)


@pytest.fixture
def sound(settings):
    """Give settings of which nothing is to be said."""
    settings.PORTAL_STAFF_SECOND_FACTOR = base.PORTAL_STAFF_SECOND_FACTOR
    settings.PORTAL_HTTPS = True
    settings.PORTAL_TRUSTED_PROXIES = 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.PORTAL_SECURITY_CONTACT = "mailto:security@portal.example"
    return settings


def test_sound_settings_pass_with_the_staffs_second_factor_on_by_default(sound):
    assert check_signing_in() == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORTAL_STAFF_SECOND_FACTOR", False, "portal.W001"),
        ("PORTAL_TRUSTED_PROXIES", 0, "portal.W002"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "portal.W003"),
        ("PORTAL_SECURITY_CONTACT", "", "portal.W004"),
    ],
)
def test_a_setting_that_is_for_demos_only_is_warned_of_at_deployment(sound, name, value, said):
    setattr(sound, name, value)

    messages = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)

    assert said in {message.id for message in messages}
