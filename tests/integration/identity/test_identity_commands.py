"""`retain identity`, as a person types and reads it: numbers of identities, and never an e-mail, a phone or a card."""

from command_line import typed


def retain(people, *arguments):
    return typed(*arguments, RETAIN_CONFIG=str(people.settings.path))


def test_a_customer_is_shown_split_and_put_together_again(people):
    assert "Nobody has joined or split" in retain(people, "identity").stdout
    people.account("shop:1", since="2024-01-01", email="ana@x.am")
    people.account("till:2", since="2024-02-01", email="ana@x.am", loyalty_card="K77")
    people.build("int_identity_merge_log")
    shown = retain(people, "identity", "show", "till:2").stdout
    assert f"Customer {people.key_of('shop:1')}: 2 identities" in shown
    assert "till:2 joined to shop:1 by email a***(at)x***" in shown
    assert "ana@x.am" not in shown
    assert "K77" not in shown
    done = retain(people, "identity", "split", "till:2", "--reason", "two people, one mailbox")
    assert "Decision 1: till:2 is split off" in done.stdout
    assert "two people, one mailbox" in retain(people, "identity", "list").stdout
    assert retain(people, "identity", "split", "till:2", "--reason", "again").returncode == 1
    assert "is reverted" in retain(people, "identity", "revert", "1", "--reason", "one person after all").stdout
    assert "Nobody" in retain(people, "identity").stdout
    assert "one person after all" in retain(people, "identity", "list", "--all").stdout
    unknown = retain(people, "identity", "show", "shop:99")
    assert unknown.returncode == 2
    assert "no customer shop:99" in unknown.stderr
