"""Making companies and letting people in."""

from __future__ import annotations

import pytest

from b2b_orders.common.errors import Conflict, InvalidInput
from b2b_orders.companies import services
from b2b_orders.companies.models import Company, CustomerId, Establishment, Role, StaffRole
from b2b_orders.companies.services import add_establishment
from b2b_orders.companies.tax_ids import TaxId, read_tax_id
from tests.factories import make_company, make_person


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("12.345.678/0001-95", "12345678000195"),
        ("12abc34501de35", "12ABC34501DE35"),
        ("12.ABC.345/01DE-35", "12ABC34501DE35"),
        ("529.982.247-25", "52998224725"),
    ],
)
def test_a_tax_id_is_stored_without_its_dots(typed, stored):
    assert services.check_tax_id(typed) == stored


@pytest.mark.parametrize(
    "typed",
    ["", "1", "12.345.678/0001-96", "12ABC34501DE36", "52998224724", "1" * 5000, "ÁBC4567800019"],
)
def test_a_malformed_tax_id_is_refused_at_its_field(typed):
    with pytest.raises(InvalidInput) as refused:
        services.check_tax_id(typed)

    assert refused.value.field == "tax_id"
    assert len(refused.value.message) < 120


@pytest.mark.django_db
def test_a_company_is_made_with_its_tax_ids_and_customer_ids():
    company = services.create_company(
        name=" Alfa ",
        tax_ids=["12.345.678/0001-95", "12ABC34501DE35"],
        customer_ids=[("erp", "1001")],
    )

    assert company.name == "Alfa"
    assert list(company.establishments.order_by("tax_id").values_list("tax_id", flat=True)) == [
        "12345678000195",
        "12ABC34501DE35",
    ]
    assert CustomerId.objects.get().company_id == company.pk


@pytest.mark.django_db
def test_a_tax_id_of_another_company_is_a_conflict_and_nothing_is_made():
    make_company("Alfa")

    with pytest.raises(Conflict, match="12345678000195 belongs to Alfa"):
        services.create_company(name="Beta", tax_ids=["12ABC34501DE35", "12345678000195"])

    assert Company.objects.count() == 1
    assert Establishment.objects.count() == 1


@pytest.mark.django_db
def test_extending_twice_with_the_same_changes_nothing():
    company = make_company("Alfa")
    for _ in range(2):
        services.extend_company(
            company_id=company.pk, tax_ids=["12345678000195"], customer_ids=[("erp", "1")]
        )

    assert company.establishments.count() == 1
    assert company.customer_ids.count() == 1


@pytest.mark.django_db
def test_letting_somebody_in_again_replaces_role_and_scope():
    company, person = make_company("Alfa"), make_person("Ana")
    services.put_member(person_id=person.pk, company_id=company.pk, role=Role.BUYER)

    services.put_member(
        person_id=person.pk,
        company_id=company.pk,
        role=Role.FINANCE,
        tax_ids=["12.345.678/0001-95"],
    )

    membership = person.memberships.get()
    assert (membership.role, membership.is_scoped) == (Role.FINANCE, True)
    assert membership.scopes.get().establishment.tax_id == "12345678000195"


@pytest.mark.django_db
def test_a_scope_names_only_tax_ids_of_the_company():
    company, person = make_company("Alfa"), make_person("Ana")

    with pytest.raises(InvalidInput) as refused:
        services.put_member(
            person_id=person.pk,
            company_id=company.pk,
            role=Role.BUYER,
            tax_ids=["12ABC34501DE35"],
        )

    assert refused.value.field == "establishment"
    assert not person.memberships.exists()


@pytest.mark.django_db
def test_a_portfolio_is_replaced_as_a_whole():
    person, alfa = make_person("Téo", "teo@example.com"), make_company("Alfa")
    beta = make_company("Beta", ("12ABC34501DE35",))
    services.put_staff(person_id=person.pk, role=StaffRole.TELESALES, company_ids=[alfa.pk])

    staff = services.put_staff(
        person_id=person.pk, role=StaffRole.TELESALES, company_ids=[beta.pk], seller_code="V7"
    )

    assert [row.company_id for row in staff.portfolio.all()] == [beta.pk]
    assert staff.seller_code == "V7"


@pytest.mark.parametrize("value", ["1001", "01001", "0001001"])
def test_an_id_that_an_erp_takes_for_another_companys_is_refused(cast, value):
    with pytest.raises(Conflict, match="erp=1001 belongs to Alfa Distribuidora"):
        services.add_customer_id(company_id=cast.beta.pk, connection="erp", value=value)

    assert services.add_customer_id(company_id=cast.beta.pk, connection="erp", value="10010").value
    assert services.add_customer_id(company_id=cast.alfa.pk, connection="erp", value="01001").value


@pytest.mark.parametrize(
    ("written", "value", "country"),
    [
        ("AR:20-12345678-6", "20123456786", "AR"),
        (" uy : 21-123456-0019 ", "211234560019", "UY"),
        ("DE: DE 811 907 980", "DE811907980", "DE"),
        ("BR:12.345.678/0001-95", "12345678000195", ""),
        ("12abc34501de35", "12ABC34501DE35", ""),
        ("529.982.247-25", "52998224725", ""),
    ],
)
def test_a_tax_id_is_kept_as_sources_deliver_it(written: str, value: str, country: str):
    assert read_tax_id(written) == TaxId(value, country)


@pytest.mark.parametrize(
    "written",
    [
        "AR:52998224725",
        "AR:12.345.678/0001-95",
        "AR:12ABC34501DE35",
        "AR:123",
        "AR:" + "1" * 21,
        "AR:",
        "A:123456",
        "ARG:123456",
        "20-12345678-6",
        "AR:١٢٣٤٥٦",
    ],
)
def test_a_foreign_tax_id_is_never_one_that_could_be_a_cnpj_or_cpf(written: str):
    with pytest.raises(InvalidInput):
        read_tax_id(written)


def test_a_tax_id_of_another_country_is_one_companys_like_any_other(cast):
    add_establishment(company_id=cast.alfa.pk, tax_id="UY:211234560019")

    with pytest.raises(Conflict):
        add_establishment(company_id=cast.beta.pk, tax_id="AR:21-1234560019")
