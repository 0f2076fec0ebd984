"""By chance: the same seed gives the same runs, and nothing is chosen that is not possible."""

from __future__ import annotations

from helpers.modelled import Modelled, ModelledRun
from mpviz.trace.stepping.search.randomly import Randomly
from mpviz.trace.stepping.steps import Choice

ADDS = [("in_time", "L1", [("add", "V1")]), ("add", "V1")]
PROGRAM = Modelled({"main": [("start", "main.1"), *ADDS], "main.1": ADDS})


def run_of(explorer: Randomly) -> tuple[list[Choice], str]:
    """What was chosen in a run, and what the value was at the end."""
    run = ModelledRun(PROGRAM)
    while (moment := run.wait()).possible:
        choice = explorer.choose(moment)
        assert choice in moment.possible
        run.let_go(choice)
    explorer.finish(moment)
    return [step.choice for step in run.steps], moment.objects["V1"].words


def test_the_same_seed_gives_the_same_runs() -> None:
    """Run by run; another seed gives others."""
    runs = {
        seed: [run_of(chance) for _ in range(5)] for seed in range(4) if (chance := Randomly(seed))
    }
    for seed, before in runs.items():
        chance = Randomly(seed)
        assert [run_of(chance) for _ in before] == before
    assert len({str(each) for each in runs.values()}) == 4


def test_a_run_does_not_depend_on_how_far_those_before_it_went() -> None:
    """One that was broken off leaves the chances of the next as they are."""
    whole, broken = Randomly(7), Randomly(7)
    run_of(whole)
    broken.choose(ModelledRun(PROGRAM).wait())
    assert run_of(broken) == run_of(whole)


def test_chance_finds_the_lost_updates_and_never_claims_to_be_through() -> None:
    """All that the program can come to shows in a few hundred runs, with time-outs too."""
    chance = Randomly(1)
    assert {run_of(chance)[1] for _ in range(300)} == {"1", "2", "3", "4"}
    assert chance.more
    assert not chance.complete
