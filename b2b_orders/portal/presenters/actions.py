"""What pages offer to do with a document."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DocumentAction:
    """Something that can be done with a document: a link, or a form when `is_post`.

    `label` says it in a word, `full` to who hears the page read out.
    """

    label: str
    full: str
    url: str
    is_post: bool = False
    opens_aside: bool = False
    # It leads to paying, which most who see it want.
    is_payment: bool = False
    # What a form posts besides: its name, with the value "1".
    posts: str = ""
