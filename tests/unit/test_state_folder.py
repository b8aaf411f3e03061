"""What of the state folder an erasure looks through."""

from retain.config import load_settings
from retain.person.searching import Names, files_naming, files_of


def test_the_servers_own_files_are_never_named_although_the_way_to_the_folder_is_a_link(tmp_path):
    data = tmp_path / "there" / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "postmaster.pid").write_text("anna@shop.example")
    (tmp_path / "there" / "a.log").write_text("anna@shop.example")
    (tmp_path / "state").symlink_to(tmp_path / "there")
    (tmp_path / "retain.yml").write_text(
        "business: {timezone: UTC, reporting_currency: EUR}\nwarehouse: {folder: state}\nsources:\n"
        "  - {name: till, type: files, folder: f, entities: {products: {files: p.csv, fields: {product_id: id}}}}\n"
    )
    settings = load_settings(tmp_path / "retain.yml")
    assert [path.name for path in files_of(settings)] == ["a.log"]
    assert [path.name for path in files_naming(settings, Names(("anna@shop.example",)))] == ["a.log"]


def test_what_a_source_brings_into_the_state_folder_is_the_sources(tmp_path):
    days = tmp_path / "state" / "days"
    days.mkdir(parents=True)
    for name in ("till-1.csv", "notes.csv", ".till-2.csv"):
        (days / name).write_text("id\nanna@shop.example\n")
    (tmp_path / "retain.yml").write_text(
        "business: {timezone: UTC, reporting_currency: EUR}\nwarehouse: {folder: state}\nsources:\n"
        "  - {name: till, type: files, folder: state/days, entities: {products: {files: till-*.csv, fields: {product_id: id}}}}\n"
    )
    settings = load_settings(tmp_path / "retain.yml")
    assert [path.name for path in files_naming(settings, Names(("anna@shop.example",)))] == [".till-2.csv", "notes.csv"]
