"""`retain bench crash`: SIGKILL at random moments of load, gate, publish and build, then the same again, then compare."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from bench.crash.acts import Ended, Kill, Stage, command, step
from bench.crash.scene import BEFORE, BEFORE_ALL, SOURCE, TONIGHT, Scene, State
from bench.scratch import scratch_folder

Tell = Callable[[str], None]
# A killed client's session lives on until the server notices; then the next try gets through.
MOST_TRIES, PAUSE = 6, 1.0
BUILD_EVERY = 12  # one kill in twelve hits a build, which takes as long as several loads
FIRST_EVERY = 5  # one in five a first load that is large, which fills raw in a way of its own
STEPS = ("land", "gate", "publish")
LOAD = ("load", *(part for entity in TONIGHT for part in ("--entity", entity)))


@dataclass
class Trial:
    """One kill. `act`: load (the whole command), steps (task by task, as Airflow does), first (a large load into nothing), build."""

    act: str
    victim: str
    hit: str = ""
    tries: int = 0
    differences: tuple[str, ...] = ()
    complaint: str = ""
    said: str = ""
    seconds: float = 0.0


@dataclass
class Undisturbed:
    """What happens when nobody kills anything: the state at the end, how long each act takes, and which phase is when."""

    loaded: State
    built: State
    first: State
    first_seconds: float
    first_timeline: list[tuple[float, float, str]]
    load_seconds: float
    build_seconds: float
    step_seconds: dict[tuple[str, str], float]
    timeline: list[tuple[float, float, str]]
    first_load_at: float


def measure(tell: Tell, *, kills: int = 100, seed: int = 1, days: int = 25, orders: int = 40) -> dict[str, Any]:
    """Kill `kills` times and return the document: how often, how often anything differed, and every trial."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    dice = Random(seed)
    started = time.monotonic()
    with scratch_folder("crash") as folder:
        scene = Scene(folder, Stage(folder), days=days, orders=orders)
        try:
            tell("a history, loaded and built")
            scene.prepare()
            tell("the same night, undisturbed")
            normal = _undisturbed(scene)
            trials = []
            for number in range(kills):
                trial = Trial(_act(number), ("process", "server")[dice.random() < 0.4])
                _play(scene, normal, trial, dice)
                trials.append(trial)
                if trial.differences or trial.complaint:
                    tell(f"kill {number + 1}: {trial}")
                if (number + 1) % 10 == 0:
                    tell(f"{number + 1} of {kills} kills, {time.monotonic() - started:.0f} s")
        finally:
            _leave_nothing(scene)
    return document(trials, time.monotonic() - started)


def _act(number: int) -> str:
    if number % BUILD_EVERY == BUILD_EVERY - 1:
        return "build"
    return "first" if number % FIRST_EVERY == FIRST_EVERY - 1 else ("load", "steps")[number % 2]


def _undisturbed(scene: Scene) -> Undisturbed:
    seconds: dict[tuple[str, str], float] = {}
    scene.put_back()
    for entity in TONIGHT:
        for name in STEPS:
            seconds[entity, name] = _well(scene.stage.play(step, scene.config, SOURCE, entity, name)).seconds
    seconds["", "waiting"] = _well(scene.stage.play(step, scene.config, SOURCE, "", "waiting")).seconds
    by_steps = scene.state(with_marts=False)
    scene.put_back()
    load = _well(scene.stage.play(command, scene.config, *LOAD))
    loaded, timeline = scene.state(with_marts=False), scene.timeline()
    if loaded != by_steps:
        raise RuntimeError(f"undisturbed, task by task is not the same as at once: {loaded.differences(by_steps)}")
    build = _well(scene.stage.play(command, scene.config, "build"))
    built = scene.state(with_marts=True)
    began = load.seconds - max(end for _, end, _ in timeline)
    scene.put_back(BEFORE_ALL)
    first = _well(scene.stage.play(command, scene.large, "load"))
    if not scene.was_filled():
        raise RuntimeError(
            "undisturbed, the first load was merged into raw: the bench would not kill what it is to kill"
        )
    return Undisturbed(
        loaded,
        built,
        scene.state(with_marts=False),
        first.seconds,
        scene.timeline(1),
        load.seconds,
        build.seconds,
        seconds,
        timeline,
        max(0.0, began),
    )


def _well(ended: Ended) -> Ended:
    if ended.code:
        raise RuntimeError(f"failed undisturbed, with exit code {ended.code}: {ended.printed}")
    return ended


def _play(scene: Scene, normal: Undisturbed, trial: Trial, dice: Random) -> None:
    started = time.monotonic()
    scene.put_back(BEFORE_ALL if trial.act == "first" else BEFORE)
    strike = scene.kill_server if trial.victim == "server" else _kill_process
    try:
        if trial.act == "steps":
            _steps(scene, normal, trial, strike, dice)
        else:
            if trial.act == "build":
                _until_well(scene, trial, command, scene.config, *LOAD)
                trial.tries = 0
                late = dice.random() < 0.3  # where the new marts take the place of the old
                after = normal.build_seconds * dice.uniform(0.85 if late else 0.02, 1)
            elif trial.act == "first":
                after = _moment_of_first(normal, dice)
            else:
                after = _moment(normal, dice)
            config = scene.large if trial.act == "first" else scene.config
            words = {"load": LOAD, "first": ("load",), "build": ("build",)}[trial.act]
            ended = scene.stage.play(command, config, *words, kill=Kill(after, strike))
            _note(scene, trial, ended)
            _until_well(scene, trial, command, config, *words)
        expected = {"build": normal.built, "first": normal.first}.get(trial.act, normal.loaded)
        trial.differences = tuple(scene.state(with_marts=trial.act == "build").differences(expected))
    except NotWell as error:
        trial.differences, trial.complaint = ("did not get well",), str(error)
    trial.seconds = round(time.monotonic() - started, 1)


class NotWell(Exception):
    """Repeating did not help."""


def _steps(scene: Scene, normal: Undisturbed, trial: Trial, strike: Callable[[int], None], dice: Random) -> None:
    """Task after task, each repeated until it is done; one of them is struck, or the server in the pause after it."""
    entity, name = dice.choice(TONIGHT), dice.choice(STEPS)
    in_the_pause = trial.victim == "server" and dice.random() < 0.5
    for at in TONIGHT:
        for doing in STEPS:
            arguments = (step, scene.config, SOURCE, at, doing)
            if (at, doing) == (entity, name) and not in_the_pause:
                kill = Kill(normal.step_seconds[at, doing] * dice.random(), strike)
                ended = scene.stage.play(*arguments, kill=kill)
                _note(scene, trial, ended)
            _until_well(scene, trial, *arguments)
            if (at, doing) == (entity, name) and in_the_pause:
                strike(0)
                trial.hit, trial.tries = f"after {name}", 0
    _until_well(scene, trial, step, scene.config, SOURCE, "", "waiting")


def _kill_process(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _moment(normal: Undisturbed, dice: Random) -> float:
    """Mostly inside land, gate and publish, a third each, though a gate takes longest; sometimes anywhere."""
    if dice.random() < 0.2:
        return dice.uniform(0, normal.load_seconds)
    phase = dice.choice(STEPS)
    start, end, _ = dice.choice([span for span in normal.timeline if span[2] == phase])
    return normal.first_load_at + dice.uniform(start, end)


def _moment_of_first(normal: Undisturbed, dice: Random) -> float:
    """Two in three while it is published."""
    start, end, _ = normal.first_timeline[2] if dice.random() < 2 / 3 else normal.first_timeline[dice.randrange(2)]
    return normal.first_seconds - normal.first_timeline[-1][1] + dice.uniform(start, end)


def _note(scene: Scene, trial: Trial, ended: Ended) -> None:
    if ended.is_fault:
        trial.complaint = ended.printed.strip()[-400:]
    scene.bring_up()
    trial.hit = scene.interrupted() if trial.act != "build" else ("build" if ended.code else "build was over")


def _until_well(scene: Scene, trial: Trial, *arguments: Any) -> None:
    for attempt in range(1, MOST_TRIES + 1):
        ended = scene.stage.play(*arguments)
        trial.tries = max(trial.tries, attempt)
        if ended.is_fault:
            trial.complaint = ended.printed.strip()[-400:]
        if not ended.code:
            return
        trial.said = ended.printed.strip()[-300:]
        time.sleep(PAUSE)
    raise NotWell(f"{MOST_TRIES} tries, the last said: {ended.printed.strip()[-400:]}")


def _leave_nothing(scene: Scene) -> None:
    import shutil

    try:
        scene.bring_up()
        scene.server.stop()
    finally:
        shutil.rmtree(scene.server.home, ignore_errors=True)


def document(trials: list[Trial], seconds: float) -> dict[str, Any]:
    """The figures, and every trial."""
    return {
        "kills": len(trials),
        "differences": sum(bool(trial.differences) for trial in trials),
        "complaints": sum(bool(trial.complaint) for trial in trials),
        "most_tries": max((trial.tries for trial in trials), default=0),
        "by_victim": dict(Counter(trial.victim for trial in trials)),
        "by_hit": dict(Counter(f"{trial.act}: {trial.hit}" for trial in trials)),
        "seconds": round(seconds, 1),
        "trials": [vars(trial) for trial in trials],
    }


def lines(document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table: a line for each place that was hit, by victim."""
    rows: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for trial in document["trials"]:
        rows.setdefault((trial["act"], trial["hit"], trial["victim"]), []).append(trial)
    return ["act", "hit in", "killed", "kills", "differences", "most tries"], [
        [
            *key,
            str(len(trials)),
            str(sum(bool(trial["differences"]) for trial in trials)),
            str(max(trial["tries"] for trial in trials)),
        ]
        for key, trials in sorted(rows.items())
    ]


def headline(document: dict[str, Any]) -> list[str]:
    """What the figures say, in sentences."""
    return [f"{document['kills']} kills, {document['differences']} differences, {document['seconds']:.0f} s"]
