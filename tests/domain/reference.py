"""The exposure calculus by brute force: every chain of facts with its label, in plain loops.

A state is (item, since, until, residual): a suspect's window, or an item (NEVER, OPEN) with its
taint live or residual. A way is (state reached, label there, sure of it, first fact, production).
"""

from lotkin.domain.genealogy import NEVER, OPEN, UNKNOWN, ItemKind


def late(label, *times):  # the label behind facts at `times`; OPEN where one of them excludes
    for time in times:
        label = max(label, time.lower) if label <= time.upper and label < OPEN else OPEN
    return label


def explore(seeds, step):  # {(state, label): fewest steps} over all chains from the seeds
    found, front, steps = {}, set(seeds), 0
    while front:
        found, steps = found | dict.fromkeys(front, steps), steps + 1
        front = {after for one in front for after in step(*one)} - set(found)
    return found


def least(pairs):  # the least label by state
    return {state: min(n for other, n in pairs if other == state) for state, _ in pairs}


def seeds_of(suspects):  # windows of one item that touch are one
    seeds = []
    for item, since, until in sorted(suspects):
        if seeds and seeds[-1][0][0] == item and since <= seeds[-1][0][2]:
            (_, since, last, _), _ = seeds.pop()
            until = max(until, last)
        seeds.append(((item, since, until, False), since))
    return seeds


def ways(facts, state, label, removed):
    item, since, until, residual = state
    for d in (d for d in facts.draws if d.item == item and (until == OPEN or d.at.lower < until)):
        sure = (since == NEVER or d.at.lower >= since) and (until == OPEN or d.at.upper < until)
        after = residual and d.at.lower > removed.get(item, NEVER)
        for p in (p for p in facts.productions if p.activity == d.activity):
            yield (p.item, NEVER, OPEN, after), late(label, d.at, p.at), sure, d, p
    for s in (s for s in facts.installations if s.part == item):
        if until == OPEN or s.since.lower < until:
            over, sure = s.until.upper < OPEN, until == OPEN or s.since.upper < until
            into = max(label, s.since.lower) if label <= s.until.upper else OPEN
            yield (s.device, NEVER, OPEN, over), into, sure and not over, s, None
    for m in (m for m in facts.memberships if m.lot == item):
        yield (m.serial, NEVER, OPEN, False), label, True, m, None


def timed(facts, seeds, removed):
    def step(state, label):
        return {way[:2] for way in ways(facts, state, label, removed) if way[1] < OPEN}

    return explore(seeds, step)


def untimed(facts, suspects):
    def step(state, label):
        return {((*way[0][:3], False), label) for way in ways(facts, state, label, {})}

    return explore([((item, NEVER, OPEN, False), NEVER) for item, _, _ in suspects], step)


def removals(facts, seeds):  # by item: the latest removal it, or what it was made of, may have seen
    labels, removed = least(timed(facts, seeds, {})), {}
    every = [(s, n, way) for s, n in labels.items() for way in ways(facts, s, n, {})]
    made = {p.id for _, _, (_, into, _, _, p) in every if p and into < OPEN}
    for _ in facts.items:
        for state, label, (to, into, _, fact, p) in every:
            if p and state[1:3] == (NEVER, OPEN) and p.id in made and late(label, fact.at) < OPEN:
                removed[to[0]] = max(removed.get(to[0], NEVER), removed.get(state[0], NEVER))
            elif p is None and to[3] and into < OPEN:
                removed[to[0]] = max(removed.get(to[0], NEVER), fact.until.upper)
    return removed


def certain(facts, seeds, alternates):  # the least fixed point, and the ways that prove it
    known, last = dict(seeds), None
    while known != last:
        last, proofs = dict(known), []
        every = [(s, *way) for s, n in known.items() for way in ways(facts, s, n, {}) if way[2]]
        sure = {fact.id: OPEN for fact in facts.draws}
        for state, _, _, _, fact, p in every:
            if p:
                sure[fact.id] = min(sure[fact.id], late(known[state], fact.at))
        good = {d.id for d in facts.draws if proves(facts, d, sure, alternates)}
        made = {}
        for p in facts.productions:
            drawn = [sure[d.id] for d in facts.draws if d.activity == p.activity and d.id in good]
            made.setdefault(p.item, []).append(late(min(drawn, default=OPEN), p.at))
        for state, to, into, _, fact, p in every:
            if into < OPEN and (p is None or (fact.id in good and max(made[to[0]]) < OPEN)):
                proofs.append((state, to, fact, p))
                known[to] = min(into, known.get(to, OPEN))
    return known, proofs


def proves(facts, draw, sure, alternates):  # ALL_CONSUMED_IN_IT or ALL_SUPPLY_TAINTED
    def of(item):
        kind = facts.items[item][1]
        return (item,) if kind == UNKNOWN else alternates.get(kind, kind)

    def pieces(rows):
        told = [1 if facts.items[r.item][0] == ItemKind.SERIAL else r.pieces for r in rows]
        return None if UNKNOWN in told else sum(told)

    outputs = [p for p in facts.productions if p.activity == draw.activity]
    serial = {p.item for p in outputs if facts.items[p.item][0] == ItemKind.SERIAL}
    if serial and {p.item for p in outputs} == serial and len(serial) == 1 and sure[draw.id] < OPEN:
        return True
    own = [d for d in facts.draws if d.activity == draw.activity and of(d.item) == of(draw.item)]
    few = None not in (pieces(own), pieces(outputs)) and pieces(own) < pieces(outputs)
    return all(sure[d.id] < OPEN for d in own) and not few


def classes(facts, suspects, alternates):  # {item: (class 0..3, label or NEVER, fewest steps)}
    seeds = seeds_of(suspects)
    _, proofs = certain(facts, seeds, alternates)

    def proven(state, label):
        found = {way[3:]: way for way in ways(facts, state, label, {})}
        kept = [found[fact, p] for s, _, fact, p in proofs if s == state and (fact, p) in found]
        return {way[:2] for way in kept if way[1] < OPEN}

    sure, pairs = explore(seeds, proven), timed(facts, seeds, removals(facts, seeds))
    ranked = [(state[0], (0, n)) for (state, _), n in sure.items()]
    ranked += [(state[0], (2 if state[3] else 1, n)) for (state, _), n in pairs.items()]
    ranked += [(state[0], (3, -1)) for state, _ in untimed(facts, suspects)]
    labels = {i: min((n for s, n in pairs if s[0] == i), default=NEVER) for i in facts.items}
    best = {item: min(rank for other, rank in ranked if other == item) for item, _ in ranked}
    return {item: (rank[0], labels[item], rank[1]) for item, rank in best.items()}
