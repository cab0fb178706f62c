"""Errands about signing in: identity providers, and the e-mail domains that lead to them.

See `errand_kinds` for the rules that all kinds keep.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from b2b_orders.audit.single_sign_on import check_provider, forget_identity, outside_policy
from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.companies import provider_setup as setup
from b2b_orders.companies.models import EmailDomain, IdentityProvider
from b2b_orders.companies.providers import domain_of
from b2b_orders.ingest.errand_orders import find_company
from b2b_orders.ingest.errand_types import Outcome, Params, Task
from erp_bridge.errors import BridgeError, ConfigError


def known_provider_change(params: Params) -> dict[str, Any]:
    """Take what is to be done with a provider: put, switch or check."""
    change, slug = str(params.get("change", "")), str(params.get("slug", ""))
    known = IdentityProvider.objects.filter(slug=slug).values("kind", "company__public_id").first()
    if change == "put":
        return {"change": change, "name": slug, **_cleaned(params, known)}
    if known is None:
        raise NotVisible
    if change == "switch":
        is_active = params.get("is_active") == "yes"
        return {"change": change, "name": slug, "slug": slug, "is_active": is_active}
    if change == "check":
        return {"change": change, "name": slug, "slug": slug}
    if change == "forget":
        email = str(params.get("email", "")).strip().lower()
        if not domain_of(email):
            raise InvalidInput("email", "email-missing")
        return {"change": change, "name": slug, "slug": slug, "email": email[:254]}
    raise NotVisible


def _cleaned(params: Params, known: Any) -> dict[str, Any]:
    is_new = params.get("is_new") == "yes"
    if is_new and known is not None:
        raise InvalidInput("slug", "slug-taken")
    if not is_new and known is None:
        raise NotVisible
    cleaned = setup.clean_provider(params, policy=outside_policy(), needs_secret=is_new)
    if known is not None:
        whose = str(known["company__public_id"] or "")
        return cleaned | {"kind": known["kind"], "company": whose}
    company = cleaned["company"]
    return cleaned | {"company": str(find_company(company)) if company else ""}


def change_provider(task: Task) -> Outcome:
    """Do it, and name in the record what changed, never the secret."""
    params, now = task.params, task.clock()
    if params["change"] == "check":
        return _checked(params["slug"])
    if params["change"] == "forget":
        row = setup.get_row(params["slug"])
        count = forget_identity(slug=row.slug, email=params["email"])
        code = "identity-forgotten" if count else "identity-unknown"
        return _of(row, code, is_done=bool(count), about=dict(params))
    if params["change"] == "switch":
        row = setup.switch_provider(slug=params["slug"], is_active=params["is_active"], now=now)
        code = "provider-on" if row.is_active else "provider-off"
        return _of(row, code, about={"change": "switch", "is_active": row.is_active})
    values = {name: params[name] for name in _FIELDS}
    row, is_new = setup.put_provider(change=setup.ProviderChange(**values), now=now)
    about = {name: params[name] for name in _FIELDS if name not in {"secret", "settings"}}
    named = {
        name: value for name, value in params["settings"].items() if not name.startswith("x509")
    }
    about |= {"settings": named, "has_new_secret": bool(params["secret"]), "is_new": is_new}
    return _of(row, "provider-saved", about={"change": "put", **about})


_FIELDS = (
    *("slug", "kind", "label", "company", "settings", "secret"),
    *("is_required", "lets_in", "role"),
)


def _checked(slug: str) -> Outcome:
    row = setup.get_row(slug)
    try:
        check_provider(row)
    except (BridgeError, ConfigError) as error:
        return _of(row, "provider-broken", is_done=False, text=str(error)[:300])
    return _of(row, "provider-works")


def _of(
    row: IdentityProvider, code: str, *, is_done: bool = True, about: Any = None, **figures: Any
) -> Outcome:
    return Outcome(
        code,
        is_done=is_done,
        figures=figures,
        company_id=row.company_id,
        object_kind="provider",
        object_id=row.slug,
        about=about or {"change": "check"},
    )


def known_domain_change(params: Params) -> dict[str, Any]:
    """Take a domain, and whose it is: a provider's company, or a company alone."""
    change = str(params.get("change", ""))
    domain = setup.clean_domain(str(params.get("domain", "")))
    if change == "drop":
        company = str(params.get("company", ""))
        rows = EmailDomain.objects.filter(domain=domain)
        try:
            whose = {"company__public_id": UUID(company)} if company else {"company": None}
        except ValueError as error:
            raise NotVisible from error
        if not rows.filter(**whose).exists():
            raise NotVisible
        return {"change": change, "name": domain, "domain": domain, "company": company}
    if change != "put":
        raise NotVisible
    slug, company = str(params.get("provider", "")), str(params.get("company", ""))
    if slug:
        provider: Any = (
            IdentityProvider.objects.filter(slug=slug).values("company__public_id").first()
        )
        if provider is None:
            raise InvalidInput("provider", "provider-missing")
        company = str(provider["company__public_id"] or "")
    elif not company:
        raise InvalidInput("company", "company-missing")
    else:
        company = str(find_company(company))
    return {
        "change": change,
        "name": domain,
        "domain": domain,
        "provider": slug,
        "company": company,
        "may_join": params.get("may_join") == "yes",
    }


def change_domain(task: Task) -> Outcome:
    """Do it; whoever asked stands for having verified whose the domain is."""
    params = task.params
    about = {name: value for name, value in params.items() if name != "name"}
    if params["change"] == "drop":
        company_id = setup.drop_domain(domain=params["domain"], company=params["company"])
        code = "domain-dropped"
    else:
        row = setup.put_domain(
            domain=params["domain"],
            company=params["company"],
            provider=params["provider"],
            may_join=params["may_join"],
            person_id=task.person_id,
            now=task.clock(),
        )
        company_id, code = row.company_id, "domain-verified"
    return Outcome(
        code,
        company_id=company_id,
        object_kind="domain",
        object_id=params["domain"][:40],
        about=about,
    )
