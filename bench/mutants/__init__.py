"""Change the SQL of each rule a little; a unit test of the changed model must fail, or the rule is not tested."""

from bench.running import Options, show


def run(format: str, options: Options) -> None:
    """`retain bench mutants`: which changes of the rules the unit tests notice."""
    from bench.mutants.bench import headline, lines, measure

    show(measure, lines, headline, format, options)
