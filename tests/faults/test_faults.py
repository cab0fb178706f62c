"""A small fault test: the whole product, killed, emptied, crashed and lied to, ends right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.faults.compare import Rows, verdict
from tests.faults.harness import Site, open_site
from tests.faults.run import CALM, STORM, Outcome, Wish, run_faults
from tests.faults.script import write_script

pytestmark = pytest.mark.sweep
WISH = Wish(events=300, orders=60, workers=2, kill_seconds=(1.5, 3.0), patience=10.0, seconds=240.0)


@dataclass
class Trial:
    """What a test left: its outcome, and both databases, still running."""

    site: Site
    outcome: Outcome

    def rows(self, database: str) -> Rows:
        return self.site.rows(database)


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    logs = tmp_path_factory.mktemp("faults") / "log"
    with open_site(workers=WISH.workers, say=print, logs=logs) as site:
        yield Trial(site, run_faults(site, WISH))


def test_rows_after_the_storm_are_those_of_the_calm_run(tested):
    assert tested.outcome.is_equal, "\n".join(tested.outcome.lines)


def test_storm_struck_while_there_was_work(tested):
    storm = tested.outcome.figures["storm"]

    assert sum(storm["kills"].values()) >= 4
    assert storm["broker_emptied_with"]["messages"] > 0
    assert storm["database_crashed_with"]["statements_and_transactions"] > 0
    assert storm["feed"]["repeated"] > 0
    assert all(len(met) > 3 for met in storm["requests"].values())


def test_calm_run_was_calm(tested):
    calm = tested.outcome.figures["calm"]

    assert calm["requests"]["vtex"].keys() == calm["requests"]["erp"].keys() == {"none"}
    assert calm["feed"]["quantity"] == 0


def test_one_tampered_field_is_seen(tested):
    with tested.site.connect(STORM) as storm:
        storm.execute(
            "UPDATE orders_line SET quantity = 99 WHERE id = (SELECT max(id) FROM orders_line)"
        )
    is_equal, lines = verdict(tested.rows(CALM), tested.rows(STORM))

    assert not is_equal
    assert lines[0] == "rows equal: no (1 differences)"
    assert "quantity is" in lines[1]


def test_order_that_was_lost_is_seen(tested):
    script = write_script(
        seed=WISH.seed, events=WISH.events, orders=WISH.orders, started_at=tested.site.started_at
    )
    lost = next(key for key in script.web if key not in script.links)
    with tested.site.connect(STORM) as storm:
        storm.execute(
            "WITH gone AS (DELETE FROM orders_matchkey USING orders_sourcerecord r"
            f" WHERE record_id = r.id AND r.external_id = '{lost}')"
            f" DELETE FROM orders_sourcerecord WHERE external_id = '{lost}'"
        )
    _, lines = verdict(tested.rows(CALM), tested.rows(STORM), most=1000)
    assert f"  orders_sourcerecord vtex {lost}: 1 rows in the calm run, 0 in the storm" in lines

    tested.site.start_sources()
    assert "1 web orders behind" in tested.site.left(script, datetime.now(UTC))
