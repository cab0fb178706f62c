"""Which documents an invoice should have, by operations' rules: pure.

The first rule of a kind that fits decides, by position. What a rule needs to know and
nobody states, it does not guess: a rule that asks whether goods cross a border fits
neither way while one of the two states is unknown. Rules that hide stand above all others
and are applied where documents are read, see `queries.hidden`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from b2b_orders.common.errors import InvalidInput
from b2b_orders.documents.models import RuleEffect
from erp_bridge.identifiers import access_key_parts
from erp_bridge.records import DocumentKind

# IBGE's code of a state, as an access key begins with it.
STATES: Final[Mapping[str, str]] = MappingProxyType(
    dict(
        pair.split(":")
        for pair in [
            "11:RO",
            "12:AC",
            "13:AM",
            "14:RR",
            "15:PA",
            "16:AP",
            "17:TO",
            "21:MA",
            "22:PI",
            "23:CE",
            "24:RN",
            "25:PB",
            "26:PE",
            "27:AL",
            "28:SE",
            "29:BA",
            "31:MG",
            "32:ES",
            "33:RJ",
            "35:SP",
            "41:PR",
            "42:SC",
            "43:RS",
            "50:MS",
            "51:MT",
            "52:GO",
            "53:DF",
        ]
    )
)
CONDITIONS: Final = ("crosses_state", "has_titles", "from_states", "to_states")
MAX_TYPE: Final = 40
# Kinds that a rule may expect: those that a source can list.
RULED_KINDS: Final = (
    DocumentKind.NFE_XML,
    DocumentKind.DANFE,
    DocumentKind.BOLETO,
    DocumentKind.GNRE,
    DocumentKind.GARE,
    DocumentKind.TRANSFER,
    DocumentKind.SERIALS,
    DocumentKind.CTE_XML,
    DocumentKind.DACTE,
    DocumentKind.EVENT_XML,
    DocumentKind.CCE,
    DocumentKind.OTHER,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it decides. Empty `connection` and `customer_type` mean any."""

    kind: str
    effect: str
    connection: str = ""
    customer_type: str = ""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """An invoice as rules see it; a state that nobody knows is ""."""

    connection: str = ""
    customer_type: str = ""
    from_state: str = ""
    to_state: str = ""
    has_titles: bool = False


def decide(rules: Iterable[Rule], case: Case) -> dict[str, Rule]:
    """Return which rule decides each kind of document of an invoice; rules come in order."""
    found: dict[str, Rule] = {}
    for rule in rules:
        if rule.effect != RuleEffect.HIDE and rule.kind not in found and fits(rule, case):
            found[rule.kind] = rule
    return found


def fits(rule: Rule, case: Case) -> bool:
    """Say whether a rule is about an invoice."""
    return (
        rule.connection in {"", case.connection}
        and rule.customer_type in {"", case.customer_type}
        and all(_holds(name, wanted, case) for name, wanted in rule.conditions.items())
    )


def _holds(name: str, wanted: Any, case: Case) -> bool:
    if name == "crosses_state":
        is_known = bool(case.from_state and case.to_state)
        return is_known and (case.from_state != case.to_state) is bool(wanted)
    if name == "has_titles":
        return case.has_titles is bool(wanted)
    if name == "from_states":
        return case.from_state in wanted
    if name == "to_states":
        return case.to_state in wanted
    # Of a newer version that was taken back: better no document than a wrong one.
    return False


def reason_of(rule: Rule) -> str:
    """Return the code of why a rule expects a document, or why it does not apply."""
    says = "expected" if rule.effect == RuleEffect.EXPECT else "none"
    for name in ("crosses_state", "has_titles"):
        if name in rule.conditions:
            answer = "" if rule.conditions[name] else "not-"
            return f"{says}-{answer}{name.replace('_', '-')}"
    if rule.conditions:
        return f"{says}-states"
    return f"{says}-customer" if rule.customer_type else f"{says}-invoice"


def state_of_key(access_key: str) -> str:
    """Return the state that an invoice was issued in; "" when its key is no key."""
    parts = access_key_parts(access_key)
    return STATES.get(parts.state_code, "") if parts else ""


def state_of_address(text: str) -> str:
    """Return an address's state when it is written by its two letters; else ""."""
    state = text.strip().upper()
    return state if state in STATES.values() else ""


def normalise_type(text: str) -> str:
    """Write a customer type so that spellings of one compare equal."""
    return " ".join(text.split()).casefold()[:MAX_TYPE]


def clean_rule(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check what operations typed for a rule; `InvalidInput` names the field."""
    kind, effect = str(given.get("kind", "")), str(given.get("effect", ""))
    if kind not in set(RULED_KINDS):
        raise InvalidInput("kind", "kind-missing")
    if effect not in RuleEffect.values:
        raise InvalidInput("effect", "effect-missing")
    kind_of_customer = str(given.get("customer_type", ""))
    if len(" ".join(kind_of_customer.split())) > MAX_TYPE:
        raise InvalidInput("customer_type", "customer-type-too-long")
    conditions: dict[str, Any] = {}
    for name in ("crosses_state", "has_titles"):
        answer = str(given.get(name, ""))
        if answer not in {"", "yes", "no"}:
            raise InvalidInput(name, "condition-wrong")
        if answer:
            conditions[name] = answer == "yes"
    for name in ("from_states", "to_states"):
        states = _states(name, str(given.get(name, "")))
        if states:
            conditions[name] = states
    if effect == RuleEffect.HIDE and conditions:
        # What a person may not see cannot hang on what an invoice happens to state.
        raise InvalidInput("effect", "hide-has-conditions")
    return {
        "kind": kind,
        "effect": effect,
        "connection": str(given.get("connection", "")),
        "customer_type": normalise_type(kind_of_customer),
        "conditions": conditions,
    }


def _states(field_name: str, text: str) -> list[str]:
    states = sorted(set(text.upper().replace(",", " ").replace(";", " ").split()))
    if set(states) - set(STATES.values()):
        raise InvalidInput(field_name, "state-wrong")
    return states
