"""What a command asks a person for."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError

from b2b_orders.common import prompts


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_one_line_is_read(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(" secret \r\nmore\n"))

    assert prompts.ask_secret("Token: ") == " secret "


def test_at_a_terminal_it_is_typed_unseen(monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(prompts, "getpass", lambda prompt: f"typed after {prompt}")

    assert prompts.ask_secret("Token: ") == "typed after Token: "


@pytest.mark.parametrize("key", [KeyboardInterrupt, EOFError])
def test_ctrl_c_and_ctrl_d_at_the_prompt_stop_without_a_traceback(monkeypatch, key):
    def pressed(prompt):
        raise key

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(prompts, "getpass", pressed)

    with pytest.raises(CommandError, match="Stopped; nothing was changed") as stopped:
        prompts.ask_secret("Token: ")

    assert stopped.value.returncode == 130
