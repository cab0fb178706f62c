from __future__ import annotations

import re

import pytest

from b2b_orders.demo.console import Console


def test_quick_step_is_one_line_with_its_time(capsys):
    with Console(total=12).step("Starting PostgreSQL"):
        pass

    assert re.fullmatch(r"\[ 1/12\] Starting PostgreSQL \.\.\. \d\.\d s\n", capsys.readouterr().out)


def test_details_stand_below_the_title_of_their_step(capsys):
    console = Console(total=1)
    with console.step("Taking in orders"):
        console.detail("vtex", "10 read")
        console.detail("erp", "20 read")

    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "[1/1] Taking in orders ...",
        "      vtex: 10 read",
        "      erp: 20 read",
    ]
    assert re.fullmatch(r"      done in \d\.\d s", lines[3])


def test_failed_step_leaves_the_line_ended(capsys):
    with pytest.raises(ValueError, match="no"), Console(total=1).step("Trying"):
        raise ValueError("no")

    assert capsys.readouterr().out == "[1/1] Trying ...\n"


def test_table_lines_up_its_columns(capsys):
    Console(total=1).table(
        [{"role": "buyer", "email": "ana@alfa.example"}, {"role": "support", "email": None}],
        ["role", "email"],
    )

    assert capsys.readouterr().out == (
        "  role     email\n  buyer    ana@alfa.example\n  support  -\n"
    )
