"""In which language a company is spoken to."""

from __future__ import annotations

from django.db.models import Count

from b2b_orders.companies.access import Viewer
from b2b_orders.companies.models import Membership


def language_of_company(*, viewer: Viewer) -> str:
    """Return the language that most of a company's people chose; "" when none did."""
    chosen = (
        Membership.objects.filter(company_id=viewer.company_id, is_active=True)
        .exclude(person__language="")
        .values("person__language")
        .annotate(people=Count("pk"))
        .order_by("-people", "person__language")
        .values_list("person__language", flat=True)
    )
    return chosen.first() or ""
