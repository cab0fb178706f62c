"""People, and how they are made."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from b2b_orders.accounts.models import Person
from b2b_orders.accounts.services import choose_language, put_person
from b2b_orders.common.errors import InvalidInput
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def test_an_address_is_one_person_whatever_its_case():
    first, is_new = put_person(email="Ana@Example.com", name=" Ana ", password=PASSWORD)
    again, is_new_again = put_person(email="ANA@example.com", name="Ana Maria")

    assert (is_new, is_new_again) == (True, False)
    assert (first.email, first.name) == ("ana@example.com", "Ana")
    assert again.pk == first.pk
    assert again.check_password(PASSWORD)
    assert Person.objects.get_by_natural_key("ANA@EXAMPLE.COM").name == "Ana Maria"
    with pytest.raises(IntegrityError), transaction.atomic():
        Person.objects.create(email="ANA@EXAMPLE.COM", name="Twin")


def test_without_a_password_nobody_signs_in_by_one():
    person, _ = put_person(email="ana@example.com", name="Ana")

    assert not person.has_usable_password()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": "nonsense"}, "email"),
        ({"name": " "}, "name"),
        ({"password": "short"}, "password"),
        ({"password": "ana@example.com"}, "password"),
    ],
)
def test_bad_input_is_refused_at_its_field(fields, field):
    with pytest.raises(InvalidInput) as refused:
        put_person(**({"email": "ana@example.com", "name": "Ana"} | fields))

    assert refused.value.field == field
    assert not Person.objects.exists()


def test_adding_somebody_again_lets_them_in_again():
    person, _ = put_person(email="ana@example.com", name="Ana", password=PASSWORD)
    Person.objects.filter(pk=person.pk).update(is_active=False)

    put_person(email="ana@example.com", name="Ana")

    assert Person.objects.get().is_active


def test_a_chosen_language_stays_with_the_person():
    person, _ = put_person(email="ana@example.com", name="Ana")

    choose_language(person_id=person.pk, language="es")

    assert Person.objects.get().language == "es"
