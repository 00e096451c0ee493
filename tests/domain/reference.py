"""The exposure calculus by brute force: every chain of facts with its label, in plain loops.

A taint is (node, label, since, until, out): an item or an activity, the window if the item is the
suspect itself, and whether it came only by parts taken out. Every fact is an edge between nodes.
"""

from lotkin.domain.genealogy import NEVER, OPEN, UNKNOWN, ItemKind
from tests.domain.genealogies import Draw, Production


def after(taint, edge, removed, surely=False):  # what an edge makes of a taint; None: nothing
    node, label, since, until, out = taint
    if node != edge.source or label > edge.end or edge.at.lower >= until:
        return None
    early = isinstance(edge.fact, Draw) and edge.at.lower < since
    if surely and (edge.is_over or early or edge.at.upper >= until < OPEN):
        return None
    late = isinstance(edge.fact, Draw) and edge.at.lower > removed.get(node, NEVER)
    out = edge.is_over or (out and (late or isinstance(edge.fact, Production)))
    return edge.target, max(label, edge.at.lower), NEVER, OPEN, out


def spread(edges, seeds, removed, surely=False):  # {taint: fewest steps from a suspect}
    found = dict.fromkeys(seeds, 0)
    queue = list(found)
    for taint in queue:
        for edge in edges:
            made, steps = after(taint, edge, removed, surely), found[taint] + edge.steps
            if made and steps < found.get(made, OPEN):
                found[made] = steps
                queue.append(made)
    return found


def removals(edges, seeds):  # by node: the latest removal it, or what it was made of, may have seen
    taints, removed = spread(edges, seeds, {}), {}
    own = [(t, e) for t in taints for e in edges if e.is_over or t[2:4] == (NEVER, OPEN)]
    for edge in [edge for taint, edge in own if after(taint, edge, {})] * len(taints):
        flows = isinstance(edge.fact, Draw | Production)
        seen = edge.end if edge.is_over else removed.get(edge.source, NEVER) if flows else NEVER
        removed[edge.target] = max(seen, removed.get(edge.target, NEVER))
    return removed


def timed(facts, seeds):
    return spread(facts.edges(), seeds, removals(facts.edges(), seeds))


def certain(facts, seeds, alternates):  # the least fixed point
    edges, found, last = facts.edges(), dict.fromkeys(seeds, 0), None
    while found != last:
        sure = {e.fact for e in edges if any(after(t, e, {}, surely=True) for t in found)}
        shown = [e for e in edges if e.fact in sure and shows(facts, e.fact, sure, alternates)]
        last, found = found, spread(shown, seeds, {}, surely=True)
    return found


def shows(facts, fact, sure, alternates):  # whether a sure fact shows its target CERTAIN
    def kind(draw):
        known = facts.items[draw.item][1]
        return (draw.item,) if known == UNKNOWN else alternates.get(known, known)

    def pieces(rows):
        return [1 if facts.items[r.item][0] == ItemKind.SERIAL else r.pieces for r in rows]

    if isinstance(fact, Production):
        return sure.issuperset(p for p in facts.productions if p.item == fact.item)
    if not isinstance(fact, Draw):
        return True
    outputs = [p for p in facts.productions if p.activity == fact.activity]
    draws = [d for d in facts.draws if d.activity == fact.activity and kind(d) == kind(fact)]
    fewest = sum(n for n in pieces(outputs) if n != UNKNOWN)
    enough = UNKNOWN in pieces(draws) or sum(pieces(draws)) >= fewest
    alone = [facts.items[item][0] for item in {p.item for p in outputs}] == [ItemKind.SERIAL]
    return alone or (enough and sure.issuperset(draws))


def classes(facts, suspects, alternates):  # {item: (class 0..3, label or NEVER, fewest steps)}
    seeds = seeds_of(suspects)
    sure, maybe = certain(facts, seeds, alternates), timed(facts, seeds)
    ranked = [(0, steps, taint[0]) for taint, steps in sure.items()]
    ranked += [(2 if taint[4] else 1, steps, taint[0]) for taint, steps in maybe.items()]
    ranked += [(3, -1, taint[0]) for taint in spread(facts.timeless(), seeds, {})]
    labels = {node: min(t[1] for t in maybe if t[0] == node) for node, *_ in maybe}
    return {
        item: (best, labels.get(item, NEVER), steps)
        for best, steps, item in sorted(ranked, reverse=True)  # the best of an item comes last
        if item in facts.items
    }


def seeds_of(suspects):  # windows of one item that touch are one
    seeds = []
    for item, since, until in sorted(suspects):
        if seeds and seeds[-1][0] == item and since <= seeds[-1][3]:
            _, _, since, last, _ = seeds.pop()
            until = max(until, last)
        seeds.append((item, since, since, until, False))
    return seeds
