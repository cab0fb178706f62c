"""What came of a form, said on the next page: its tone, icon and urgency."""

from __future__ import annotations

import pytest
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template.loader import render_to_string
from lxml import html

from b2b_orders.settings.base import MESSAGE_TAGS


@pytest.mark.parametrize(
    ("level", "tone", "icon", "role"),
    [
        (constants.SUCCESS, "good", "#i-check", "status"),
        (constants.INFO, "info", "#i-info", "status"),
        (constants.WARNING, "warn", "#i-alert", "alert"),
        (constants.ERROR, "bad", "#i-alert", "alert"),
    ],
)
def test_a_message_looks_as_grave_as_it_is(level, tone, icon, role):
    page = render_to_string("components/message.html", {"message": Message(level, "<b>Olá</b>")})

    box = html.fromstring(page)
    assert MESSAGE_TAGS[level] == tone
    assert (box.get("class").split(), box.get("role")) == (["notice", tone], role)
    assert box.xpath(".//use/@href") == [icon]
    assert box.text_content().strip() == "<b>Olá</b>"
    assert f'id="{icon[1:]}"' in render_to_string("components/sprite.html")
