"""The finance page: what is to pay and how old it is, line by line, and what is selected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from b2b_orders.documents.boleto_archive import MOST
from b2b_orders.documents.boletos import BoletoRow, boleto_of
from b2b_orders.documents.title_payments import title_ref
from b2b_orders.ingest.queries import SourceState
from b2b_orders.orders.rows import EstablishmentRow
from b2b_orders.orders.titles import Age, Group, Sort, Standing, Sums, TitleLine, TitleSummary
from b2b_orders.portal import formats, words
from b2b_orders.portal.addresses import Addresses
from b2b_orders.portal.leading import leading_number
from b2b_orders.portal.presenters.finance_filter import Asked
from b2b_orders.portal.presenters.sources import source_name
from erp_bridge.records import Money

GROUP: dict[Group, words.Text] = {
    Group.TO_PAY: lazy("To pay"),
    Group.OVERDUE: lazy("Overdue"),
    Group.PAID: lazy("Paid"),
    Group.CANCELLED: lazy("Cancelled"),
    Group.UNCLEAR: lazy("To be checked"),
    Group.ALL: lazy("All items"),
}
AGE: dict[Age, words.Text] = {
    Age.NOT_DUE: lazy("To fall due"),
    Age.TO_7: lazy("1 to 7 days overdue"),
    Age.TO_30: lazy("8 to 30 days overdue"),
    Age.TO_60: lazy("31 to 60 days overdue"),
    Age.OVER_60: lazy("Over 60 days overdue"),
    Age.UNDATED: lazy("Without a due date"),
}
SORT: dict[Sort, words.Text] = {
    Sort.DUE: lazy("Due date, earliest first"),
    Sort.DUE_LATEST: lazy("Due date, latest first"),
    Sort.AMOUNT_LARGEST: lazy("Amount, largest first"),
    Sort.AMOUNT: lazy("Amount, smallest first"),
}
# What `aria-sort` says of a column.
_SORTED_DUE = {Sort.DUE: "ascending", Sort.DUE_LATEST: "descending"}
_SORTED_AMOUNT = {Sort.AMOUNT: "ascending", Sort.AMOUNT_LARGEST: "descending"}
# Days after today on which an age begins and ends.
_AGE_DAYS = {
    Age.NOT_DUE: (0, None),
    Age.TO_7: (-7, -1),
    Age.TO_30: (-30, -8),
    Age.TO_60: (-60, -31),
    Age.OVER_60: (None, -61),
}
# What can still have to be paid; a boleto of anything else is not offered.
_PAYABLE = frozenset({Standing.OPEN, Standing.OVERDUE, Standing.UNCLEAR})
_TO_PAY = frozenset({Standing.OPEN, Standing.OVERDUE})
_ORDER_GONE = words.Word(lazy("Check: order cancelled"), "warn", "alert")


@dataclass(frozen=True, slots=True)
class SumWords:
    """How many, what they come to (one text a currency), and how many are in no sum."""

    count: str
    items: str
    amounts: tuple[str, ...]
    without: str


@dataclass(frozen=True, slots=True)
class AgeBox:
    """One age of what is to pay; `url` lists it, and is empty for what has no date."""

    label: str
    sums: SumWords
    url: str
    is_late: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose: a group as a link, a branch or an order in the form."""

    text: str
    value: str
    is_chosen: bool
    count: str = ""


@dataclass(frozen=True, slots=True)
class TitleAction:
    """Something that can be done with a title; `full` is for who hears the page read out."""

    label: str
    full: str
    url: str
    icon: str


@dataclass(frozen=True, slots=True)
class TitleItem:
    """A title in the list. `cents` is its amount for adding up in the page, "" when unknown."""

    id: int
    invoice: str
    instalment: str
    name: str
    order_url: str
    order_title: str
    own_number: str
    branch: str
    branch_name: str
    due: str
    due_iso: str
    far: str
    amount: str
    cents: str
    currency: str
    state: words.Chip
    paid_on: str
    note: str
    is_selected: bool
    actions: tuple[TitleAction, ...]


@dataclass(frozen=True, slots=True)
class FilterForm:
    """The form above the list, as it was typed."""

    typed_from: str
    typed_to: str
    number: str
    errors: dict[str, str]
    branches: tuple[Choice, ...]
    sorts: tuple[Choice, ...]
    state: str
    is_narrowed: bool
    clear_url: str


@dataclass(frozen=True, slots=True)
class FinancePage:
    """Everything on the finance page but the freshness line.

    `without_pattern` words how many lack an amount, with `#` for the number, for the script
    that adds up the selected.
    """

    position: tuple[str, ...]
    to_pay: SumWords
    ages: tuple[AgeBox, ...]
    groups: tuple[Choice, ...]
    group: str
    form: FilterForm
    items: tuple[TitleItem, ...]
    blank: str
    sums: SumWords
    selected: SumWords
    without_pattern: str
    shows_branches: bool
    sorted_due: str
    sorted_amount: str
    kept: tuple[tuple[str, str], ...]
    export_url: str
    # The same as a workbook, where there are few enough rows to wait for.
    workbook_url: str
    export_label: str
    boletos_url: str
    calendar_url: str
    first_url: str
    next_url: str


def finance_page(
    summary: TitleSummary,
    titles: tuple[TitleLine, ...],
    boletos: tuple[BoletoRow, ...],
    *,
    asked: Asked,
    following: str | None,
    establishments: tuple[EstablishmentRow, ...],
    states: Iterable[SourceState],
    to: Addresses,
    now: datetime,
) -> FinancePage:
    """Present a page of titles with what the whole filter comes to."""
    today = formats.today(now)
    group = asked.wanted.group
    sums = summary.of(group)
    if group is Group.ALL:
        # What is paid, owed and cancelled makes no sum that says anything.
        sums = Sums(sums.count, (), 0)
    return FinancePage(
        position=position_words(states, now=now),
        to_pay=sum_words(summary.of(Group.TO_PAY)),
        ages=tuple(_ages(summary, asked, to, today)),
        groups=tuple(_groups(summary, asked, to)),
        group=str(GROUP[group]),
        form=_form(asked, establishments, to),
        items=tuple(_item(title, boletos, asked=asked, to=to, today=today) for title in titles),
        blank="" if titles else _blank(asked),
        sums=sum_words(sums),
        selected=sum_words(_selected(titles, asked)),
        without_pattern=_without("#", 2),
        shows_branches=len(establishments) > 1,
        sorted_due=_SORTED_DUE.get(asked.wanted.sort, ""),
        sorted_amount=_SORTED_AMOUNT.get(asked.wanted.sort, ""),
        kept=tuple(asked.query(after=asked.after).items()),
        export_url=to.to("finance-export", asked.query()) if sums.count else "",
        workbook_url=to.to("finance-export", asked.query() | {"formato": "xlsx"})
        if 0 < sums.count <= settings.PORTAL_EXPORT_AT_ONCE
        else "",
        export_label=ngettext(
            "Export %(count)s instalment (CSV)", "Export %(count)s instalments (CSV)", sums.count
        )
        % {"count": formats.count(sums.count)},
        boletos_url=to.to("finance-boletos"),
        calendar_url=to.to("finance-calendar"),
        first_url=to.to("finance", asked.query()) if asked.after else "",
        next_url=to.to("finance", asked.query(after=following)) if following else "",
    )


def position_words(
    states: Iterable[SourceState], *, now: datetime, by_day: bool = False
) -> tuple[str, ...]:
    """Say as of when the amounts due are known, and who says so: the ERPs, where there are any."""
    known = tuple(states)
    counts = [state.system for state in known]
    told = [state for state in known if state.system != "vtex"] or list(known)
    return tuple(
        _("Position at %(moment)s according to %(source)s.")
        % {
            "moment": formats.day(formats.local(state.as_of).date())
            if by_day
            else formats.moment(state.as_of, now),
            "source": source_name(state, alone=counts.count(state.system) == 1),
        }
        for state in told
        if state.as_of is not None
    )


def sum_words(sums: Sums) -> SumWords:
    """Word what some titles come to."""
    return SumWords(
        count=formats.count(sums.count),
        items=ngettext("%(count)s instalment", "%(count)s instalments", sums.count)
        % {"count": formats.count(sums.count)}
        if sums.count
        else _("no instalments"),
        amounts=tuple(formats.money(each) for each in sums.amounts),
        without=_without(formats.count(sums.without_amount), sums.without_amount)
        if sums.without_amount
        else "",
    )


def _without(written: str, count: int) -> str:
    return ngettext("%(count)s without amount", "%(count)s without amount", count) % {
        "count": written
    }


def far_words(due: date | None, standing: Standing, today: date) -> str:
    """Say how far a due date is, of what is known to be to pay."""
    if due is None or standing not in _TO_PAY:
        return ""
    days = (due - today).days
    if days == 0:
        return _("due today")
    if days < 0:
        text = ngettext("overdue for %(days)s day", "overdue for %(days)s days", -days)
    else:
        text = ngettext("due in %(days)s day", "due in %(days)s days", days)
    return text % {"days": abs(days)}


def state_chip(title: TitleLine) -> words.Chip:
    """Word how a title stands; what nobody states is not called overdue or paid."""
    if title.standing is Standing.UNCLEAR:
        if title.is_order_dead:
            return words.Chip(str(_ORDER_GONE.text), _ORDER_GONE.tone, _ORDER_GONE.icon)
        return words.chip(words.TITLE_STATE, "unknown")
    return words.chip(words.TITLE_STATE, title.standing)


def title_name(title: TitleLine) -> str:
    """Name a title by its invoice and instalment, else by its order."""
    parts = [_("NF %(number)s") % {"number": title.invoice_number}] if title.invoice_number else []
    if title.instalment:
        parts.append(_("Instalment %(number)s") % {"number": title.instalment})
    return " · ".join(parts) or _("Order %(number)s") % {"number": order_of(title)}


def order_of(title: TitleLine) -> str:
    """Call a title's order as the person chose to."""
    return leading_number(title.order_title, title.numbers)


def _item(
    title: TitleLine,
    boletos: tuple[BoletoRow, ...],
    *,
    asked: Asked,
    to: Addresses,
    today: date,
) -> TitleItem:
    amount = title.amount
    is_gone = title.is_order_dead and title.standing is not Standing.UNCLEAR
    order = order_of(title)
    return TitleItem(
        id=title.id,
        invoice=title.invoice_number,
        instalment=title.instalment,
        name=title_name(title),
        order_url=to.to("order", public_id=title.order_public_id),
        order_title=order,
        # The one that people know it by beside the one that it goes by.
        own_number=title.own_number if title.own_number != order else title.order_title,
        branch=formats.tax_id_ending(title.establishment_tax_id)
        if title.establishment_tax_id
        else "",
        branch_name=title.establishment_name,
        due=formats.day(title.due_on),
        due_iso=formats.iso(title.due_on),
        far=far_words(title.due_on, title.standing, today),
        amount=formats.money(amount),
        cents=str(int(amount.amount * 100)) if amount else "",
        currency=_symbol(amount),
        state=state_chip(title),
        paid_on=_("paid on %(date)s") % {"date": formats.day(title.settled_on)}
        if title.settled_on and title.standing is Standing.PAID
        else "",
        note=_("Order cancelled") if is_gone else "",
        is_selected=title.id in asked.selected,
        actions=tuple(_actions(title, boletos, to)),
    )


def _actions(
    title: TitleLine, boletos: tuple[BoletoRow, ...], to: Addresses
) -> Iterator[TitleAction]:
    """List what can be done with a title: the place for whatever else pays it."""
    if title.standing not in _PAYABLE:
        return
    boleto = boleto_of(
        boletos,
        order_id=title.order_id,
        typeable_line=title.typeable_line,
        invoice_number=title.invoice_number,
        instalment=title.instalment,
        due_on=title.due_on,
    )
    order, named = title.order_public_id, {"title": title_name(title)}
    if boleto is None:
        if title.is_to_pay and title.has_code:
            query = {"titulo": title_ref(title.key)}
            url = to.to("title-payment", query, public_id=order)
            yield TitleAction(_("Pay"), _("Pay %(title)s") % named, url, "barcode")
        return
    public_id = boleto.public_id
    if title.is_to_pay:
        url = to.to("payment", order=order, public_id=public_id)
        yield TitleAction(_("Pay"), _("Pay %(title)s") % named, url, "barcode")
    full = _("Download the boleto of %(title)s") % named
    url = to.to("document", order=order, public_id=public_id)
    yield TitleAction("Boleto", full, url, "file")


def _symbol(amount: Money | None) -> str:
    """Return the currency as amounts are written with it."""
    return formats.money(amount).split(formats.NBSP, 1)[0].lstrip("\u2212") if amount else ""


def selection_problem(code: str) -> str:
    """Say why no boletos are handed out for what is selected."""
    if code == "nothing-selected":
        return _("Select the items whose boletos you want.")
    if code == "too-many-selected":
        return _("Select at most %(count)s items.") % {"count": formats.count(MOST)}
    return _("None of the selected items has a boleto that can be taken now.")


def _selected(titles: Iterable[TitleLine], asked: Asked) -> Sums:
    chosen = [title for title in titles if title.id in asked.selected]
    known = [title.amount for title in chosen if title.amount]
    amounts: dict[str, Decimal] = {}
    for money in known:
        amounts[money.currency] = amounts.get(money.currency, Decimal(0)) + money.amount
    return Sums(
        count=len(chosen),
        amounts=tuple(Money(amounts[each], each) for each in sorted(amounts)),
        without_amount=len(chosen) - len(known),
    )


def _ages(summary: TitleSummary, asked: Asked, to: Addresses, today: date) -> Iterator[AgeBox]:
    for age, label in AGE.items():
        sums = summary.aged(age)
        if age is Age.UNDATED and not sums.count:
            continue
        yield AgeBox(str(label), sum_words(sums), _age_url(age, asked, to, today), _is_late(age))


def _age_url(age: Age, asked: Asked, to: Addresses, today: date) -> str:
    if age not in _AGE_DAYS:
        return ""
    first, last = (
        (today + timedelta(days=days)).isoformat() if days is not None else ""
        for days in _AGE_DAYS[age]
    )
    return to.to("finance", asked.query(state="", **{"from": first, "to": last}))


def _is_late(age: Age) -> bool:
    return age not in {Age.NOT_DUE, Age.UNDATED}


def _groups(summary: TitleSummary, asked: Asked, to: Addresses) -> Iterator[Choice]:
    for group, text in GROUP.items():
        count, is_chosen = summary.of(group).count, group is asked.wanted.group
        # There is nothing to check as a rule, and then no word about it.
        if group is Group.UNCLEAR and not count and not is_chosen:
            continue
        state = group.value if group is not Group.TO_PAY else ""
        url = to.to("finance", asked.query(state=state))
        yield Choice(str(text), url, is_chosen, formats.count(count))


def _form(asked: Asked, establishments: tuple[EstablishmentRow, ...], to: Addresses) -> FilterForm:
    branches = [
        Choice(
            " · ".join(part for part in (formats.tax_id(each.tax_id), each.name) if part),
            each.tax_id,
            each.tax_id == asked.wanted.tax_id,
        )
        for each in establishments
    ]
    sorts = [
        Choice(str(text), sort.value, sort is asked.wanted.sort) for sort, text in SORT.items()
    ]
    group = asked.wanted.group
    state = group.value if group is not Group.TO_PAY else ""
    return FilterForm(
        typed_from=asked.typed_from,
        typed_to=asked.typed_to,
        number=asked.wanted.number,
        errors=asked.errors,
        branches=tuple(branches) if len(branches) > 1 else (),
        sorts=tuple(sorts),
        state=state,
        is_narrowed=asked.is_narrowed or bool(asked.errors),
        clear_url=to.to("finance", {"state": state}),
    )


def _blank(asked: Asked) -> str:
    if asked.after:
        return _("There are no further items.")
    if asked.is_narrowed:
        return _("No item fits this filter.")
    if asked.wanted.group is Group.TO_PAY:
        return _("There is nothing to pay, as far as the sources say.")
    return _("There are no such items.")
