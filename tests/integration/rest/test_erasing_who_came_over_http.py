"""Records of a system that is asked over HTTP land as they were sent: who is erased goes from them too."""

from retain import transform
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
