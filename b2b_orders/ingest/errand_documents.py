"""Errands about documents: operations' rules, and the types of customers that rules name.

See `errand_kinds` for the rules that all kinds keep.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

from b2b_orders.common.errors import InvalidInput, NotVisible
from b2b_orders.companies.models import Company
from b2b_orders.companies.services import put_customer_type
from b2b_orders.documents import operations
from b2b_orders.documents.expecting import refresh_expected, ruled_records
from b2b_orders.documents.models import DocumentRule
from b2b_orders.documents.rules import MAX_TYPE, clean_rule, normalise_type
from b2b_orders.ingest.errand_orders import TURN_SECONDS, find_company
from b2b_orders.ingest.errand_types import Outcome, Params, Task
from b2b_orders.ingest.models import Connection
from b2b_orders.orders.models import SourceRecord

BATCH = 200
_SHOWN = ("kind", "effect", "connection", "customer_type", "conditions")


def known_rule_change(params: Params) -> dict[str, Any]:
    """Take what is to be done with a rule: put, switch, move or drop."""
    change, rule = str(params.get("change", "")), str(params.get("rule", ""))
    if change == "put" and not rule:
        # Named here, so that a worker that does it twice makes one rule.
        return {"change": change, "rule": str(uuid4()), **_checked(params)}
    found = _find_rule(rule)
    if change == "put":
        return {"change": change, "rule": rule, **_checked(params)}
    named = {"change": change, "rule": rule, "kind": found["kind"], "effect": found["effect"]}
    if change == "switch":
        return named | {"is_enabled": params.get("is_enabled") == "yes"}
    if change == "move":
        return named | {"place": _place(str(params.get("place", "")))}
    if change == "drop":
        return named
    raise NotVisible


def _checked(params: Params) -> dict[str, Any]:
    values = clean_rule(params)
    name = values["connection"]
    if name and not Connection.objects.filter(name=name).exists():
        raise InvalidInput("connection", "connection-missing")
    return values


def _find_rule(rule: str) -> dict[str, Any]:
    try:
        found = DocumentRule.objects.filter(public_id=UUID(rule)).values("kind", "effect").first()
    except ValueError as error:
        raise NotVisible from error
    if found is None:
        raise NotVisible
    return dict(found)


def _place(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 100_000:
        raise NotVisible
    return int(text[:6])


def change_rule(task: Task) -> Outcome:
    """Change the rule, then work out again what is expected: as many turns as it takes."""
    params = task.params
    public_id = UUID(params["rule"])
    if not task.so_far:
        change = params["change"]
        if change == "put":
            values = {name: params[name] for name in _SHOWN}
            operations.put_rule(
                public_id=public_id, values=values, person_id=task.person_id, now=task.clock()
            )
        elif change == "switch":
            operations.switch_rule(
                public_id=public_id,
                is_enabled=params["is_enabled"],
                person_id=task.person_id,
                now=task.clock(),
            )
        elif change == "move":
            operations.place_rule(public_id=public_id, place=params["place"])
        else:
            operations.drop_rule(public_id=public_id)
    about = {name: value for name, value in params.items() if value not in ("", {}, "rule")}
    return _expect_again(
        task, Outcome("rule-changed", object_kind="rule", object_id=str(public_id), about=about)
    )


def known_customer_type(params: Params) -> dict[str, Any]:
    """Take a company and the seller's word for what kind of customer it is; "" for none."""
    company = str(params.get("company", ""))
    if not company:
        raise InvalidInput("company", "company-missing")
    written = " ".join(str(params.get("customer_type", "")).split())
    if len(written) > MAX_TYPE:
        raise InvalidInput("customer_type", "customer-type-too-long")
    return {"company": str(find_company(company)), "customer_type": normalise_type(written)}


def change_customer_type(task: Task) -> Outcome:
    """Give a company its type, then work out again what is expected for its orders."""
    company = Company.objects.filter(public_id=task.params["company"]).first()
    if company is None:
        raise NotVisible
    before = task.so_far.get("before", company.customer_type)
    wanted = task.params["customer_type"]
    put_customer_type(company_id=company.pk, customer_type=wanted)
    done = Outcome(
        "type-changed",
        figures={"company": company.name, "before": before},
        company_id=company.pk,
        object_kind="company",
        object_id=str(company.public_id),
        about={"before": before, "now": wanted},
    )
    return _expect_again(task, done, company_id=company.pk)


def _expect_again(task: Task, done: Outcome, *, company_id: int | None = None) -> Outcome:
    """Work out again what is expected, batch by batch, until a turn is over or all is done."""
    until = time.monotonic() + TURN_SECONDS
    count, after = int(task.so_far.get("count", 0)), int(task.so_far.get("from_id", 0))
    figures = dict(done.figures)
    while ids := ruled_records(after=after, limit=BATCH):
        mine = ids
        if company_id is not None:
            of_company = SourceRecord.objects.filter(id__in=ids, company_id=company_id)
            mine = list(of_company.values_list("id", flat=True))
        count += refresh_expected(record_ids=mine, now=task.clock()) if mine else 0
        after = ids[-1]
        if time.monotonic() >= until:
            progress = figures | {"count": count, "from_id": after}
            return Outcome("going-on", figures=progress, goes_on=True)
    return Outcome(
        done.code,
        figures=figures | {"count": count},
        company_id=done.company_id,
        object_kind=done.object_kind,
        object_id=done.object_id,
        about=done.about,
    )
