"""Erase one person from a shop in which every layer holds something of them, and look whether anything is left or changed."""

from person_shop import ANNA

from retain.person import erasure, searching


def found(shop, texts):
    with erasure.looking(shop.settings) as connection:
        return searching.in_tables(connection, texts), searching.in_files(shop.settings, texts)


def test_smoke(shop):
    print(
        shop.ask(
            "select source_id, customer_key from intermediate.int_customer_identities where customer_key in (select customer_key from intermediate.int_customer_identities where source_id='web:w1001')"
        )
    )
    print(shop.ask("select source, entity, rules, status, record_key from ops.quarantine"))
    print(found(shop, ANNA))
    done = erasure.erase(shop.settings, "web:w1001", "as asked", "tester")
    print(done)
    print(found(shop, ANNA))
