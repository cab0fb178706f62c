from __future__ import annotations

import io

from b2b_orders.ingest.progress import Ticker


def test_a_terminal_shows_one_line_that_is_written_over():
    out = io.StringIO()
    moments = iter([0.0, 0.0, 10.0, 10.0, 10.0, 15.0, 15.0, 15.0, 15.0, 15.0])
    ticker = Ticker(out, is_terminal=True, label="erp", seconds=lambda: next(moments))
    ticker.stage("whole orders", 100)
    ticker.step(50)
    ticker.step(50)
    ticker.close()

    lines = out.getvalue().split("\r")
    assert lines[1] == "erp: whole orders 50/100 (5/s), about 10 s left"
    assert lines[2].rstrip() == "erp: whole orders 100/100 (7/s)"
    assert out.getvalue().endswith("\n")


def test_a_log_gets_a_line_every_few_seconds():
    out = io.StringIO()
    now = 0.0
    ticker = Ticker(out, is_terminal=False, label="loja", seconds=lambda: now)
    ticker.stage("changes from the feed")
    for _ in range(12):
        now += 1
        ticker.step()
    ticker.close()

    assert out.getvalue().splitlines() == [
        "loja: changes from the feed 5 (1/s)",
        "loja: changes from the feed 10 (1/s)",
    ]


def test_a_total_grows_as_it_becomes_known():
    ticker = Ticker(io.StringIO(), is_terminal=False, label="loja")
    ticker.stage("orders from the lists")
    ticker.grow(40)
    ticker.grow(60)
    ticker.step(10)

    assert ticker.text.startswith("loja: orders from the lists 10/100 ")
