"""What becomes of a record when retain.yml reads its file in another way, or the file is written again without it."""

from datetime import UTC, datetime, timedelta

import pytest

from retain import retention, warehouse
from retain.config import load_settings
from retain.loads import load_entity, load_sources

SOURCE = """\
  - name: tills
    type: files
    folder: files
    timezone: Europe/London
    entities:
      orders:
        files: "*.csv"
        {more}
        fields: {{order_id: {order_id}, customer_id: Customer, ordered_at: Day, gross_amount: Price}}
        defaults: {{currency: EUR, status: paid}}
"""
HEADER = "No,Customer,Day,Price\n"
A = "1,ann,2024-01-05,10\n"
B = "2,TEST,2024-01-06,20\n"
C = "3,bob,2024-01-07,30\n"
ANOTHER = "\"'N' || No\""
BAD = "4,bob,2024-01-08,-7\n"


class Tills:
    """A folder of files, and a retain.yml that may be written again."""

    def __init__(self, write_config, folder):
        self._write_config, self._folder = write_config, folder
        folder.mkdir()

    def write(self, **files):
        for name, lines in files.items():
            (self._folder / f"{name}.csv").write_text(HEADER + lines)

    def remove(self, name):
        (self._folder / f"{name}.csv").unlink()

    def load(self, *, order_id="No", more="", compared=True):
        """Load as retain.yml says then; returns what was said of it."""
        self._settings = load_settings(self._write_config(SOURCE.format(order_id=order_id, more=more)))
        warehouse.prepare(self._settings)
        if not compared:
            load_entity(self._settings, "tills", "orders")
            return ""
        outcomes = load_sources(self._settings, ["tills"])
        return " ".join(sentence for one in outcomes for sentence in (one.message, *one.warnings))

    def drop_old_versions(self):
        """As the policy does that keeps landing for a day, two days later; returns how many rows."""
        kept = self._settings.model_copy(update={"landing": self._settings.landing.model_copy(update={"keep_days": 1})})
        return sum(one.rows for one in retention.apply(kept, now=datetime.now(UTC) + timedelta(days=2)))

    def ask(self, statement):
        with warehouse.connect(self._settings) as connection:
            return [row[0] for row in connection.execute(statement).fetchall()]

    @property
    def orders(self):
        return self.ask("select order_id from raw.orders where not is_deleted order by 1")

    @property
    def waiting(self):
        return self.ask("select record_key from ops.quarantine where status = 'open' order by 1")


@pytest.fixture
def tills(write_config, tmp_path):
    return Tills(write_config, tmp_path / "files")


def test_what_a_corrected_mapping_leaves_out_is_marked_as_deleted_and_told(tills):
    tills.write(a=A + B, c=C + BAD)
    tills.load()
    assert (tills.orders, tills.waiting) == (["1", "2", "3"], ["4"])
    said = tills.load(more="where: Customer <> 'TEST' and Price not like '-%'")
    assert "1 record of orders that only the earlier way of reading made is marked as deleted" in said
    assert (tills.orders, tills.waiting) == (["1", "3"], [])
    assert tills.load(more="where: Customer <> 'TEST' and Price not like '-%'") == ""
    tills.load()
    assert tills.orders == ["1", "2", "3"], "and comes back when it is read again"


def test_with_another_key_nothing_is_there_twice(tills):
    tills.write(a=A + B, c=C + BAD)
    tills.load()
    tills.load(order_id=ANOTHER)
    assert (tills.orders, tills.waiting) == (["N1", "N2", "N3"], ["N4"])


def test_of_a_file_that_is_gone_nothing_is_taken_away_and_that_is_told(tills):
    tills.write(a=A, c=C)
    tills.load()
    tills.remove("c")
    said = tills.load(order_id=ANOTHER)
    assert (
        "of what tills was read from the earlier way not all is there any more: orders of that stay as they were"
        in said
    )
    assert tills.orders == ["1", "3", "N1"]
    assert tills.load(order_id=ANOTHER) == ""


def test_a_mapping_that_gives_nothing_takes_nothing_away(tills):
    tills.write(a="".join(f"{n},ann,2024-01-05,10\n" for n in range(100, 150)))
    tills.load()
    tills.load(more="where: Customer = 'nobody'")
    assert len(tills.orders) == 50


def test_what_another_file_has_stays_when_a_file_is_written_again_without_it(tills):
    tills.write(a=A + B, b=A + C)
    tills.load(more="replaces: true")
    tills.write(a=B)
    tills.load(more="replaces: true")
    assert tills.orders == ["1", "2", "3"]
    tills.write(b=C)
    tills.load(more="replaces: true")
    assert tills.orders == ["2", "3"]


def test_what_a_later_file_has_had_meanwhile_stays_too(tills):
    tills.write(a=A)
    tills.load(more="replaces: true")
    tills.write(b=A + C)
    tills.load(more="replaces: true")
    tills.write(a=A + B)
    tills.load(more="replaces: true")
    tills.write(a=B)
    tills.load(more="replaces: true")
    assert tills.orders == ["1", "2", "3"]


def test_what_another_file_has_stays_also_when_landing_has_dropped_that_row(tills):
    """b was written again and said of its order what it had said; the policy drops such rows of landing."""
    tills.write(a=A + B, b=A)
    tills.load(more="replaces: true")
    tills.write(b=A + C)
    tills.load(more="replaces: true")
    tills.drop_old_versions()
    tills.write(a=B)
    tills.load(more="replaces: true")
    assert tills.orders == ["1", "2", "3"]


def test_nothing_is_taken_away_where_landing_no_longer_holds_what_the_files_gave(tills):
    """The comparison that should have followed the changed mapping never ran."""
    tills.write(a=A + B, c=C)
    tills.load()
    tills.load(more="where: Price <> '0'", compared=False)
    assert tills.drop_old_versions() == 3
    tills.load(more="where: Price <> '0'")
    assert tills.orders == ["1", "2", "3"]
