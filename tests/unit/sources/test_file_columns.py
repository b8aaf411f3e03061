import pytest

from retain.config import load_settings
from retain.errors import UserError
from retain.source_checks import check_source
from retain.sources.files_columns import landed_names

HEADER = "id,at,total\n"


def test_names_are_kept_where_postgresql_can_have_them():
    assert landed_names(["id", "Unit Price", "գումար", 'say "x"']) == ["id", "Unit Price", "գումար", 'say "x"']


def test_names_that_postgresql_cannot_have_are_changed():
    assert landed_names([" id ", "", "id", "ctid", "_line"]) == ["id", "column_2", "id_2", "ctid_2", "_line_2"]


def test_long_names_are_cut_between_letters_and_stay_apart():
    long = "ա" * 40
    first, second = landed_names([long, long])
    assert first == "ա" * 31
    assert second.endswith("_2")
    assert len(second.encode()) <= 63


def test_a_renamed_column_is_told(tills):
    tills.write("a.csv", "id,at,total,note,note,\n1,x,2,p,q,r\n")
    landed = tills.load()
    assert landed.columns[:6] == ["id", "at", "total", "note", "note_2", "column_6"]
    assert landed.warnings == [
        'a.csv: the column "note" is called note_2 here',
        'a.csv: the column "" is called column_6 here',
    ]


def test_a_column_that_stands_twice_and_is_read_is_refused(tills):
    tills.write("a.csv", "id,at,total,total\n1,x,2,3\n")
    with pytest.raises(UserError, match="has the column total more than once"):
        tills.load()


def test_the_columns_of_a_batch_are_those_of_all_its_files(tills):
    tills.write("a.csv", "id,at,total,a\n1,x,2,only a\n")
    tills.write("b.csv", "b,total,at,id\nonly b,3,y,2\n")
    landed = tills.load()
    assert landed.columns[:-3] == ["id", "at", "total", "a", "b"]
    assert landed.values("id") == ["1", "2"]
    assert landed.values("a") == ["only a", None]
    assert landed.values("b") == [None, "only b"]


def test_names_are_found_in_any_case(tills):
    tills.write("a.csv", "ID,At,TOTAL\n1,x,2\n")
    assert tills.load().values("TOTAL") == ["2"]


def test_a_column_that_begins_with_a_later_file_is_empty_before_it_and_told(tills):
    tills.write("2024.csv", HEADER + "1,x,2\n")
    tills.write("2025.csv", "id,at,total,till\n2,x,3,north\n")
    landed = tills.load(fields="{order_id: id, ordered_at: at, gross_amount: total, store: till}")
    assert landed.values("till") == [None, "north"]
    assert landed.warnings == ["2024.csv has no column till yet: empty there"]


def test_a_column_that_ends_with_a_file_is_gone(tills):
    tills.write("2024.csv", "id,at,total,till\n2,x,3,north\n")
    tills.write("2025.csv", HEADER + "1,x,2\n")
    with pytest.raises(UserError, match=r"2025\.csv has no column till \(orders\.fields\.store\)"):
        tills.load(fields="{order_id: id, ordered_at: at, gross_amount: total, store: till}")


def test_a_column_inside_an_expression_is_missed_once_it_was_there(tills):
    fields = "{order_id: id, ordered_at: at, gross_amount: 'total::numeric - discount::numeric'}"
    tills.write("1.csv", "id,at,total,discount\n1,x,2,1\n")
    first = tills.load(fields=fields)
    tills.write("2.csv", "id,at,total,rebate\n2,x,2,1\n")
    with pytest.raises(UserError, match=r"2\.csv has no column discount \(orders\.fields\.gross_amount\)"):
        tills.load(fields=fields, state=first.state)


def test_the_columns_of_where_and_group_by_are_needed_too(tills):
    tills.write("a.csv", HEADER + "1,x,2\n")
    with pytest.raises(UserError, match=r"customer \(orders\.group_by\[1\]\)"):
        tills.load(extra="        group_by: [customer]\n")


def test_a_source_is_asked_for_its_columns_before_anything_is_loaded(tills):
    tills.write("2024.csv", "id,day,total\n1,x,2\n")
    with pytest.raises(
        UserError, match=r"2024\.csv has no column at \(orders\.fields\.ordered_at\); it has: id, day, total"
    ):
        tills.reader().check("orders")
    tills.write("2025.csv", HEADER + "1,x,2\n")
    assert tills.reader().check("orders") == []
    findings = list(check_source(load_settings(tills.root / "retain.yml"), "tills"))
    assert [(one.state, one.sentence) for one in findings] == [("good", "offers orders")]
    (tills.folder / "2025.csv").unlink()
    (finding,) = check_source(load_settings(tills.root / "retain.yml"), "tills")
    assert (finding.state, "has no column at" in finding.sentence) == ("wrong", True)
