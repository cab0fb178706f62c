"""Errands about the seller's staff: roles, rights, teams and portfolios.

See `errand_kinds` for the rules that all kinds keep. Nobody changes what they may do themselves.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from b2b_orders.accounts.models import Person
from b2b_orders.common.errors import Conflict, InvalidInput, NotVisible
from b2b_orders.companies import staffing
from b2b_orders.companies.models import Company, Portfolio, StaffProfile, StaffRole, Team
from b2b_orders.ingest.errand_orders import find_company
from b2b_orders.ingest.errand_types import Outcome, Params, Task

MAX_CODE, MAX_TEAM = 60, 80

# --- one of staff -------------------------------------------------------------------------------


def known_staff_change(params: Params) -> dict[str, Any]:
    """Take what a person of staff is to be, or that they are none any more."""
    person = _person(params)
    if params.get("change") == "end":
        if not StaffProfile.objects.filter(person__public_id=person).exists():
            raise NotVisible
        return {"change": "end", "person": str(person)}
    role, code = str(params.get("role", "")), " ".join(str(params.get("seller_code", "")).split())
    if role not in StaffRole.values:
        raise InvalidInput("role", "role-missing")
    if len(code) > MAX_CODE:
        raise InvalidInput("seller_code", "seller-code-too-long")
    rights = [name for name in staffing.RIGHTS if params.get(name) == "yes"]
    return {
        "change": "put",
        "person": str(person),
        "role": role,
        "team": _team(str(params.get("team", ""))),
        "seller_code": code,
        "rights": rights,
    }


def _person(params: Params) -> UUID:
    """Find somebody by id, or by e-mail address who is not of staff yet."""
    named = str(params.get("person", ""))
    if named:
        try:
            found = UUID(named)
        except ValueError as error:
            raise NotVisible from error
        if not StaffProfile.objects.filter(person__public_id=found).exists():
            raise NotVisible
        return found
    email = str(params.get("email", "")).strip().lower()
    known = Person.objects.filter(email=email).values_list("public_id", flat=True).first()
    if not email or known is None:
        raise InvalidInput("email", "no-such-person")
    if StaffProfile.objects.filter(person__public_id=known).exists():
        raise InvalidInput("email", "is-staff-already")
    return known


def _team(name: str) -> str:
    if name and not Team.objects.filter(name=name).exists():
        raise InvalidInput("team", "no-such-team")
    return name


def change_staff(task: Task) -> Outcome:
    """Change what a person of staff may do, from their very next request on."""
    params, person_id = task.params, UUID(task.params["person"])
    person = Person.objects.filter(public_id=person_id).first()
    if person is None:
        raise NotVisible
    named: dict[str, Any] = {"object_kind": "person", "object_id": str(person_id)}
    if person.pk == task.person_id:
        return Outcome("own-rights", is_done=False, **named)
    if params["change"] == "end":
        before = staffing.end_staff(person_public_id=person_id, now=task.clock())
        after: dict[str, Any] = {}
    else:
        before, after = staffing.save_staff(
            person_public_id=person_id,
            role=StaffRole(params["role"]),
            team=params["team"],
            seller_code=params["seller_code"],
            rights=frozenset(params["rights"]),
            now=task.clock(),
        )
    return Outcome(
        "staff-changed" if after else "staff-ended",
        figures={"name": person.name},
        about={"before": before, "now": after},
        **named,
    )


# --- portfolios ---------------------------------------------------------------------------------


def known_move(params: Params) -> dict[str, Any]:
    """Take a customer, and out of whose portfolio into whose it goes."""
    leaves, comes = str(params.get("from", "")), str(params.get("to", ""))
    if not leaves and not comes:
        raise InvalidInput("to", "seller-missing")
    for named in (leaves, comes):
        if named:
            _person({"person": named})
    name = str(params.get("company", ""))
    if not name:
        raise InvalidInput("company", "company-missing")
    company = find_company(name)
    if (
        leaves
        and not Portfolio.objects.filter(
            company__public_id=company, staff__person__public_id=leaves
        ).exists()
    ):
        raise NotVisible
    return {"company": str(company), "from": leaves, "to": comes}


def move_customer(task: Task) -> Outcome:
    """Move a customer from one salesperson to another; each sees it at their next request."""
    params = task.params
    mine = Person.objects.filter(pk=task.person_id or 0).values_list("public_id", flat=True).first()
    if mine is not None and str(mine) in (params["from"], params["to"]):
        return Outcome("own-rights", is_done=False)
    company = staffing.move_customer(
        company_public_id=UUID(params["company"]),
        from_public_id=UUID(params["from"]) if params["from"] else None,
        to_public_id=UUID(params["to"]) if params["to"] else None,
    )
    return _of_company(company, "customer-moved", {"from": params["from"], "to": params["to"]})


# --- teams --------------------------------------------------------------------------------------


def known_team_change(params: Params) -> dict[str, Any]:
    """Take what is to be done with a team: make, rename or drop it."""
    change, name = str(params.get("change", "")), " ".join(str(params.get("name", "")).split())
    text = str(params.get("team", ""))
    team_id = int(text[:18]) if text.isascii() and text.isdigit() else None
    known = Team.objects.filter(pk=team_id or 0).values_list("name", flat=True).first()
    if team_id is not None and known is None:
        raise NotVisible
    if change == "drop" and known is not None:
        return {"change": "drop", "team": team_id, "name": known}
    if change != "put":
        raise NotVisible
    if not name or len(name) > MAX_TEAM:
        raise InvalidInput("name", "team-name-wrong")
    if Team.objects.filter(name__iexact=name).exclude(pk=team_id or 0).exists():
        raise InvalidInput("name", "team-name-taken")
    return {"change": "put", "team": team_id, "name": name}


def change_team(task: Task) -> Outcome:
    """Make, rename or drop a team."""
    params = task.params
    if params["change"] == "drop":
        try:
            name = staffing.drop_team(team_id=params["team"])
        except Conflict:
            return _of_team("team-in-use", str(params["team"]), params["name"], is_done=False)
        return _of_team("team-dropped", str(params["team"]), name or params["name"])
    team = staffing.save_team(team_id=params["team"], name=params["name"])
    return _of_team("team-saved", str(team.pk), team.name)


def _of_team(code: str, team_id: str, name: str, *, is_done: bool = True) -> Outcome:
    return Outcome(
        code,
        is_done=is_done,
        figures={"name": name},
        object_kind="team",
        object_id=team_id,
        about={"name": name},
    )


def known_company_team(params: Params) -> dict[str, Any]:
    """Take a company and the team that serves it; "" for all of staff."""
    company = str(params.get("company", ""))
    if not company:
        raise InvalidInput("company", "company-missing")
    return {"company": str(find_company(company)), "team": _team(str(params.get("team", "")))}


def change_company_team(task: Task) -> Outcome:
    """Give a company to a team: nobody of another one sees it from their next request on."""
    company, before = staffing.put_company_team(
        company_public_id=UUID(task.params["company"]), team=task.params["team"]
    )
    about = {"before": before, "now": task.params["team"]}
    code = "company-team" if task.params["team"] else "company-no-team"
    return _of_company(company, code, about, name=task.params["team"])


def _of_company(company: Company, code: str, about: dict[str, Any], **figures: Any) -> Outcome:
    return Outcome(
        code,
        figures={"company": company.name, **figures},
        company_id=company.pk,
        object_kind="company",
        object_id=str(company.public_id),
        about=about,
    )
