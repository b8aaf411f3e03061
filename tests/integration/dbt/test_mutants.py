"""A rule that is said a little wrongly is noticed by the unit tests of its model; `retain bench mutants` asks this of every rule."""

from collections import Counter
from pathlib import Path

from bench.mutants.bench import failing_models, mutated, rounds
from bench.mutants.rules import MUTANTS
from retain.transform import PROJECT

SAMPLE = {"retention rate, strict", "repurchased within n days", "valid order: is_test", "survival: product over days"}


def test_every_mutant_changes_a_rule_that_stands_once_in_its_file():
    times = {mutant: (PROJECT / mutant.file).read_text(encoding="utf-8").count(mutant.was) for mutant in MUTANTS}
    assert {mutant.rule: count for mutant, count in times.items() if count != 1} == {}
    assert [rule for rule, count in Counter(mutant.rule for mutant in MUTANTS).items() if count > 1] == []


def test_no_two_mutants_of_a_round_are_judged_by_one_model():
    together = rounds(MUTANTS)
    assert sum(map(len, together)) == len(MUTANTS)
    assert all(len({mutant.model for mutant in one}) == len(one) for one in together)


def test_the_unit_tests_of_its_model_notice_a_changed_rule_and_pass_without_one(from_everything, tmp_path):
    chosen = [mutant for mutant in MUTANTS if mutant.rule in SAMPLE]
    models = {mutant.model for mutant in chosen}
    assert len(models) == len(SAMPLE)
    changed = mutated(chosen, tmp_path / "changed")
    assert failing_models(from_everything.settings, changed, models) == models
    assert failing_models(from_everything.settings, mutated([], Path(tmp_path / "as it is")), models) == set()
