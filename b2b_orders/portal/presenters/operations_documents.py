"""Operations' rules for documents, worded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from b2b_orders.documents.operations import RuleRow
from b2b_orders.documents.rules import RULED_KINDS
from b2b_orders.portal import words, words_rules
from b2b_orders.portal.presenters.operations import (
    Moment,
    connection_name,
    connection_names,
    moment,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose in a form."""

    value: str
    text: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a rule's form: with choices, or to type into."""

    name: str
    label: str
    choices: tuple[Choice, ...] = ()
    value: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class DocumentRuleItem:
    """A rule as a row; `up` and `down` are places, 0 where it cannot go."""

    public_id: str
    form: str
    document: str
    effect: words.Chip
    is_enabled: bool
    who: str
    when: str
    by: str
    at: Moment
    up: int
    down: int
    fields: tuple[Field, ...]


_TONES = {
    "expect": ("good", "check"),
    "not_applicable": ("plain", "minus"),
    "hide": ("warn", "cross"),
}


def document_rule_items(
    rows: Iterable[RuleRow],
    labels: Mapping[str, str],
    typed: Mapping[str, str],
    *,
    now: datetime,
) -> tuple[DocumentRuleItem, ...]:
    """Present the rules in their order; `typed` is what was typed into the form that slipped."""
    ordered = list(rows)
    return tuple(_item(row, labels, typed, len(ordered), now) for row in ordered)


def _item(
    row: RuleRow, labels: Mapping[str, str], typed: Mapping[str, str], count: int, now: datetime
) -> DocumentRuleItem:
    form = f"rule-{row.public_id}"
    connection = connection_name(row.connection, labels).whole
    known = {
        "kind": row.kind,
        "effect": row.effect,
        "connection": row.connection,
        "customer_type": row.customer_type,
        **{name: _typed(value) for name, value in row.conditions.items()},
    }
    tone, icon = _TONES.get(row.effect, ("plain", "dots"))
    if not row.is_enabled:
        tone, icon = "plain", "minus"
    return DocumentRuleItem(
        public_id=str(row.public_id),
        form=form,
        document=kind_name(row.kind),
        effect=words.Chip(words.text(words_rules.EFFECT, row.effect), tone, icon),
        is_enabled=row.is_enabled,
        who=" · ".join(part for part in (connection, row.customer_type) if part) or _("everybody"),
        when=conditions_words(row.conditions),
        by=row.person_name,
        at=moment(row.changed_at, now),
        up=row.place - 1,
        down=row.place + 1 if row.place < count else 0,
        fields=rule_fields(labels, typed if typed.get("form") == form else known),
    )


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def kind_name(kind: str) -> str:
    """Name a kind of document."""
    known = words.DOCUMENT_KIND.get(kind)
    return str(known.name) if known else kind


def conditions_words(conditions: Mapping[str, Any]) -> str:
    """Say when a rule fits."""
    said = []
    for name, value in conditions.items():
        if isinstance(value, bool) and (name, value) in words_rules.CONDITION:
            said.append(str(words_rules.CONDITION[name, value]))
        elif name == "from_states":
            said.append(_("from %(states)s") % {"states": _typed(value)})
        elif name == "to_states":
            said.append(_("to %(states)s") % {"states": _typed(value)})
        else:
            said.append(f"{name}: {_typed(value)}")
    return ", ".join(said) or _("always")


def rule_fields(labels: Mapping[str, str], chosen: Mapping[str, str]) -> tuple[Field, ...]:
    """Build the fields of a rule's form, filled in."""

    def choices(name: str, offered: Iterable[tuple[str, str]]) -> tuple[Choice, ...]:
        return tuple(Choice(v, text, chosen.get(name, "") == v) for v, text in offered)

    connections = [(each.name, each.whole) for each in connection_names(labels)]
    kinds = [(kind.value, kind_name(kind.value)) for kind in RULED_KINDS]
    effects = [(code, str(text)) for code, text in words_rules.EFFECT.items()]
    asked = _("Two letters each, separated by blanks")
    return (
        Field("kind", _("Document"), choices("kind", kinds)),
        Field("effect", _("What the rule says"), choices("effect", effects)),
        Field(
            "connection",
            _("Connection"),
            choices("connection", [("", _("any")), *connections]),
        ),
        Field("customer_type", _("Customer type"), value=chosen.get("customer_type", "")),
        *(
            Field(
                name,
                label,
                choices(name, [("", _("does not matter")), ("yes", _("yes")), ("no", _("no"))]),
            )
            for name, label in (
                ("crosses_state", _("Goods cross a state border")),
                ("has_titles", _("The invoice has open titles")),
            )
        ),
        Field("from_states", _("From the states"), value=chosen.get("from_states", ""), help=asked),
        Field("to_states", _("To the states"), value=chosen.get("to_states", ""), help=asked),
    )
