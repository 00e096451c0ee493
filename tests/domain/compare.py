"""The calculus against its brute-force reference on seeded genealogies, as many as wanted.

    python -m tests.domain.compare --examples 20000 --seed 1

prints one line and fails on any mismatch; the property tests use the same comparison.
"""

import argparse
import random
import sys

from lotkin.domain.exposure import RULES, ExposureClass, Rule, Suspect, expose
from lotkin.domain.genealogy import NEVER, OPEN, UNKNOWN
from lotkin.domain.lineage import Policy
from tests.domain.genealogies import grown, to_subgraph
from tests.domain.reference import after, classes, seeds_of, timed

ALTERNATES = {101: 100}


def mismatches(facts, suspects, alternates):
    """Return what differs: items with class or label, lengths of witnesses, chains that fail."""
    found = expose(to_subgraph(facts), suspects, Policy.TIMED, alternates=alternates)
    rows = (found.items, found.classes, found.exposed_at, found.rules)
    told = {row[0]: row[1:] for row in zip(*(row.tolist() for row in rows), strict=True)}
    expected = classes(facts, suspects, alternates)
    if {item: row[:2] for item, row in told.items()} != {i: e[:2] for i, e in expected.items()}:
        return [(item, told.get(item), row) for item, row in expected.items()]
    wrong = []
    for item, (exposure_class, _, steps) in expected.items():
        chain, rule = found.witness(item), RULES[told[item][2]]
        if exposure_class == ExposureClass.EXCLUDED:
            valid = excludes(facts, suspects, chain, item, rule)
        else:
            valid = len(chain) == steps and holds(facts, suspects, chain)
            valid &= not chain or (chain[-1].target == item and chain[-1].rule == rule)
        if not valid:
            wrong.append((item, rule, chain, steps))
    return wrong


def holds(facts, suspects, chain):
    """Whether time lets taint through all facts of the chain, one after the other."""
    seeds = seeds_of(suspects)
    taints = {seed for seed in seeds if not chain or seed[0] == chain[0].source}
    for step in chain:
        taints = {made for taint in taints for made in onward(facts.edges(), taint, step)}
    return bool(taints)


def onward(edges, taint, step):
    """Yield what the taint becomes by one step from item to item, by all facts it may tell."""
    for edge in edges:
        made = after(taint, edge, {})
        if made and step.activity == UNKNOWN:
            if made[0] == step.target and step.at in times(edge.fact):
                yield made
        elif made and made[0] == step.activity:
            for out in edges:
                end = after(made, out, {})
                at = times(edge.fact) | times(out.fact)
                if end and end[0] == step.target and step.at in at:
                    yield end


def times(fact):
    """Return the instants that a step may give for a fact; NEVER for a membership."""
    told = [getattr(fact, name).at for name in ("at", "since", "until") if hasattr(fact, name)]
    return set(told or [NEVER])


def excludes(facts, suspects, chain, item, rule):
    """Whether time allows the chain but for its last fact, whose item nothing reaches."""
    exposed = {taint[0] for taint in timed(facts, seeds_of(suspects))}
    *before, last = chain
    free = (last.source, NEVER, NEVER, OPEN, False)
    return (
        (not before or holds(facts, suspects, before))
        and last.source in exposed
        and last.target not in exposed
        and (last.target == item) == (rule != Rule.UPSTREAM_EXCLUDED)
        and any(onward(facts.timeless(), free, last))
    )


def suspects_among(dice, facts):
    """Return one to three suspects, some with windows."""
    items, suspects = sorted(facts.items), []
    for item in [dice.choice([1, *items]), *dice.choices(items, k=dice.choice([0, 0, 1, 2]))]:
        since = dice.choice([NEVER, dice.randint(0, 8)])
        until = dice.choice([OPEN, max(since, 0) + dice.randint(1, 5)])
        suspects.append(dice.choice([Suspect(item), Suspect(item, since, until)]))
    return suspects


def main():
    """Compare as many examples as asked; return 1 if any differs."""
    options = argparse.ArgumentParser(description="Compare the calculus with its reference.")
    options.add_argument("--examples", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    dice, wrong = random.Random(asked.seed), 0
    for _ in range(asked.examples):
        seed = dice.getrandbits(40)
        facts, alternates = grown(seed), dice.choice([{}, ALTERNATES])
        suspects = suspects_among(dice, facts)
        if told := mismatches(facts, suspects, alternates):
            wrong += 1
            print(seed, suspects, alternates, told, file=sys.stderr)
    print(f"{asked.examples} examples, {wrong} mismatches")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
