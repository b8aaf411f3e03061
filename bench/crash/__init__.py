"""Kill the process, or the database, at random moments; run again; everything must be as if nothing had happened."""

from bench.running import Options, show


def run(format: str, options: Options) -> None:
    """`retain bench crash`: many kills, each compared with the undisturbed run."""
    from bench.crash.bench import headline, lines, measure

    show(measure, lines, headline, format, options)
