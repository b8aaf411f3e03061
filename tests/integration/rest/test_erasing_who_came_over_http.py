"""Records of a system that is asked over HTTP land as they were sent: who is erased goes from them too."""

from retain import replay, transform
from retain.person import erasure, proof


def test_nothing_is_left_of_a_person_in_records_that_landed_whole_and_none_comes_back(crm):
    crm.configure("email: buyer.email", "email: mail")
    for number in range(1, 6):
        crm.put(number, mail=f'"person{number}@shop.example"')
    assert crm.load().status == "published"
    transform.build(crm.settings, select="+dim_customers +identity_merges")
    erasure.erase(crm.settings, "person3@shop.example", "as asked", "officer")
    assert proof.prove(crm.settings, "person3@shop.example").is_clean
    assert not proof.prove(crm.settings, "person4@shop.example").is_clean

    again = crm.load(full=True)
    assert (again.status, again.rows_sent, again.rows_changed) == ("published", 5, 0)
    assert proof.prove(crm.settings, "person3@shop.example").is_clean


def test_of_a_record_of_others_only_words_that_name_her_change(crm):
    crm.configure("email: buyer.email", "email: mail, loyalty_card: card")
    crm.put(1, mail='"person1@shop.example"', card='"150000"')
    crm.put(
        2,
        total="150000",
        mail='"person2@shop.example"',
        notes='"asked by person1@shop.example, \\u00e9"',
        other="150000",
    )
    crm.put(
        '"150000"',
        total="150.10",
        mail='"person3@shop.example"',
        ref='"150000"',
        said='["PERSON1@shop.example", 150000]',
    )
    assert crm.load().status == "published"
    (untouched,) = crm.ask("select _record from landing.crm__orders where _record like '%person2%'")[0]
    transform.build(crm.settings, select="+dim_customers +identity_merges")
    erasure.erase(crm.settings, "person1@shop.example", "as asked", "officer")
    ((second,), (third,)) = crm.ask("select _record from landing.crm__orders where _record is not null order by _row")
    assert second == untouched.replace("asked by person1@shop.example, \\u00e9", "asked by erased, é")
    assert '"ref": "150000", "said": ["erased", 150000]' in third
    assert '"total": 150.10' in third
    assert '"id": "150000"' in third
    assert crm.raw()["150000"] == "150.1000"
    assert all(one.rows_restored == 0 for one in replay.replay(crm.settings))
