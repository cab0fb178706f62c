"""The first steps: what a person should know at their first log-in, by what they are."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from b2b_orders.companies.access import Right, Role, StaffViewer, Viewer


@dataclass(frozen=True, slots=True)
class Tip:
    """One thing to know."""

    icon: str
    heading: str
    text: str
    # A phone has no keys, and nothing is said of them there.
    is_of_keys: bool = False


@dataclass(frozen=True, slots=True)
class Welcome:
    """The panel of the first steps."""

    heading: str
    tips: tuple[Tip, ...]


def welcome_of_member(*, first_name: str, company: str, viewer: Viewer, role: Role) -> Welcome:
    """Present the first steps of somebody of a company."""
    tips = [_box()]
    if viewer.can(Right.DOCUMENTS):
        tips.append(_documents())
    if viewer.can(Right.FINANCE):
        tips.append(_finance())
    if viewer.can(Right.PEOPLE):
        tips.append(_people())
    tips += [_what_is_seen(company, viewer), _notifications(), _keyboard()]
    if role is Role.FINANCE:
        # What they came for stands first.
        tips.sort(key=lambda tip: tip.icon != "barcode")
    return Welcome(_heading(first_name), tuple(tips))


def welcome_of_staff(*, first_name: str, staff: StaffViewer) -> Welcome:
    """Present the first steps of somebody of the seller."""
    if staff.can_act:
        tips = (
            Tip(
                "search",
                _("Start from the number"),
                _("Type the number that the caller says: it finds order and company at once."),
            ),
            Tip(
                "headset",
                _("See what the customer sees"),
                _(
                    "Act for the company, for a reason that you give, with the eyes of one of its"
                    " people. You can look, download and send; the bar on top says for whom."
                ),
            ),
            Tip(
                "question",
                _("Answer questions"),
                _("Questions of customers wait below Questions, with what they saw when asking."),
            ),
        )
    else:
        tips = (
            Tip(
                "search",
                _("Start from the number"),
                _("Type the number that the customer says: it finds order and customer at once."),
            ),
            Tip(
                "building",
                _("Your customers"),
                _(
                    "My customers lists your portfolio: what is open, late and overdue, on one"
                    " sheet before you call."
                ),
            ),
            Tip(
                "file",
                _("Read it out"),
                _("Each order has a text to read out on the phone, in the customer's language."),
            ),
        )
    return Welcome(_heading(first_name), (*tips, _keyboard()))


def _heading(first_name: str) -> str:
    return _("Welcome, %(name)s") % {"name": first_name}


def _box() -> Tip:
    return Tip(
        "search",
        _("One box for every number"),
        _("Web order, ERP order, your number, invoice, access key, boleto: type what you have."),
    )


def _documents() -> Tip:
    return Tip(
        "file",
        _("Documents where the order is"),
        _("XML, DANFE and boleto are on the order's page; Documents has a whole month at once."),
    )


def _finance() -> Tip:
    return Tip(
        "barcode",
        _("All that is to pay"),
        _("Finance lists what is to pay and overdue, with copies of boletos, PIX and a calendar."),
    )


def _people() -> Tip:
    return Tip(
        "person",
        _("Let your people in"),
        _("Below Company you invite people and say which branches, prices and boletos they see."),
    )


def _what_is_seen(company: str, viewer: Viewer) -> Tip:
    seen = viewer.establishment_ids
    if seen is None:
        text = _("The orders of every branch of %(company)s") % {"company": company}
    else:
        text = ngettext(
            "The orders of %(count)s branch of %(company)s",
            "The orders of %(count)s branches of %(company)s",
            len(seen),
        ) % {"count": len(seen), "company": company}
    missing = [
        word
        for right, word in ((Right.PRICES, _("prices")), (Right.FINANCE, _("finance")))
        if not viewer.can(right)
    ]
    if missing:
        text += " " + _("(without %(what)s)") % {"what": ", ".join(missing)}
    text += "."
    # Who decides it is not told to ask somebody.
    if not viewer.can(Right.PEOPLE):
        text += " " + _("Your company's administrator decides that.")
    return Tip("building", _("What you see"), text)


def _notifications() -> Tip:
    return Tip(
        "mail",
        _("We tell you"),
        _("Follow an order, or have us tell you when a document comes. One mail for many changes."),
    )


def _keyboard() -> Tip:
    return Tip(
        "list",
        _("Quick by keyboard"),
        _("/ leads to the box, ? lists all keys. Help explains every word of the portal."),
        is_of_keys=True,
    )
