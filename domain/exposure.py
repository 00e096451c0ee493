"""The exposure calculus: which items suspects reach, how surely, by which rule, since when.

One classification serves both policies. TIMED is the search over facts that time allows, from the
suspects' windows; CERTAIN is its part that `certainty` proves; what TIMED reaches only through
parts since taken out is PREVIOUSLY_EXPOSED; the rest of TIMED is POSSIBLE; the rest of UNTIMED is
EXCLUDED. Asked UNTIMED, time is no ground to leave anything out, windows included: EXCLUDED items
are POSSIBLE by UNCERTAIN_TIME, and nothing else changes. So narrowing never moves an item but out.

How the rules are read where more than one could be named:
- An item bears the rule of the last fact of its shortest chain that shows its class; between
  chains of equal length the rule named first in `Rule`.
- POSSIBLE, by draw: WINDOWED_SUSPECT if it is not surely inside its suspect's window; else
  TOO_FEW_PIECES if the whole supply of its class is certain but has fewer pieces than the outputs;
  UNCERTAIN_TIME if it may have come before a part was taken out; else MIXED_SUPPLY. Serials of a
  lot, and devices with a part, take the rule of the lot or the part.
- EXCLUDED, by the first fact that excludes after the shortest chain that time allows; an
  installation after the window is DRAWN_AFTER_WINDOW; without such a fact, UPSTREAM_EXCLUDED.
- PREVIOUSLY_EXPOSED: a part counts as taken out when the removal is MEASURED. A draw is surely
  after it when it is after every removal that the item, or what it was made of, may have seen.
- Taint that comes to a windowed suspect from elsewhere, or through rework, knows no window.
Containers are walked through and never listed, unless suspect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lotkin.domain.certainty import Certainty, certainty
from lotkin.domain.exclusion import CODES, UNBLOCKED, blocks
from lotkin.domain.genealogy import NEVER, OPEN, Ints, ItemKind, Subgraph
from lotkin.domain.layers import Timed, timed
from lotkin.domain.lineage import Policy, material
from lotkin.domain.proof import Proofs
from lotkin.domain.rules import NUMBER, RULES, ExposureClass, Rule, Step
from lotkin.domain.spread import INHERIT, Network, Run, untimed
from lotkin.domain.taint import Scene, Suspect, scene
from lotkin.domain.witness import Search

__all__ = ["RULES", "Exposure", "ExposureClass", "Rule", "Step", "Suspect", "Windows", "expose"]


class Windows(NamedTuple):
    """Suspects with a window: the outgoing facts of `item` in [since, until) carry taint."""

    item: Ints
    since: Ints
    until: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """Every exposed item, ascending. `rules` index `RULES`; `exposed_at` is NEVER if not finite.

    windows: by window of a suspect, when it is only suspect then. otherwise_at: by item, since when
    taint reaches it without any window of its own; OPEN = none does.
    """

    items: Ints
    classes: Ints
    rules: Ints
    exposed_at: Ints
    otherwise_at: Ints
    windows: Windows
    _proofs: Proofs = field(repr=False)

    def witness(self, item: int) -> tuple[Step, ...]:
        """Return the shortest chain from a suspect that shows the class of `item`.

        Shape: no step for a suspect; for an EXCLUDED item the last step is the fact that excludes.
        Of equally short chains, the one whose item ids from the suspect on are least.
        Raises: KeyError if `item` is not among `items`.
        """
        place = int(np.searchsorted(self.items, item))
        if place == len(self.items) or self.items[place] != item:
            raise KeyError(item)
        return self._proofs.chain(item)


def expose(
    graph: Subgraph,
    suspects: Sequence[Suspect],
    policy: Policy,
    *,
    alternates: Mapping[int, int] | None = None,
) -> Exposure:
    """Return the class, rule and earliest taint of every item that `suspects` reach.

    graph: a forward walk from the suspects, cut by `as_of`. alternates: item class -> the class it
    counts as (ruling 10). Under TIMED, EXCLUDED items are listed; under UNTIMED there are none.
    """
    stage = scene(material(graph), suspects)
    net = stage.network()
    settled = certainty(stage, alternates or {})
    certain = _certain(stage, net, settled)
    found = timed(stage, net, settled)
    starts = np.full(len(stage.suspects), NEVER, dtype=np.int64)
    free = Search(untimed(net), stage.suspects, starts, stage.node_item, stage.rank)
    out = blocks(stage, found)

    n = stage.stuff.item_count
    classes = np.full(n, int(ExposureClass.EXCLUDED), dtype=np.int64)
    rules = np.where(out.item < UNBLOCKED, out.item % CODES, NUMBER[Rule.UPSTREAM_EXCLUDED])
    for run, first, exposure_class in _by_proof(certain, found):
        reached = np.flatnonzero(run.depth[first : first + n] >= 0)
        classes[reached] = int(exposure_class)
        rules[reached] = run.code[first + reached]
    classes[stage.suspects] = int(ExposureClass.CERTAIN)
    rules[stage.suspects] = NUMBER[Rule.SUSPECT]
    if policy is Policy.UNTIMED:
        excluded = classes == int(ExposureClass.EXCLUDED)
        classes[excluded] = int(ExposureClass.POSSIBLE)
        rules[excluded] = NUMBER[Rule.UNCERTAIN_TIME]
    otherwise = found.label[:n]
    windows = Windows(
        stage.stuff.ids[stage.window_item], found.label[n : stage.split], stage.window_until
    )
    label = otherwise.copy()
    np.minimum.at(label, stage.window_item, windows.since)
    label[label == OPEN] = NEVER
    listed = free.run.reached[:n] & (stage.stuff.kind != int(ItemKind.CONTAINER))
    listed[stage.suspects] = True
    proofs = Proofs(stage, certain, found, free, out, classes, rules)
    return Exposure(
        stage.stuff.ids[listed],
        classes[listed],
        rules[listed],
        label[listed],
        otherwise[listed],
        windows,
        proofs,
    )


def _by_proof(certain: Search, found: Timed) -> list[tuple[Run, int, ExposureClass]]:
    """Return the searches with their first item node, worst proof first."""
    searches = [
        (found.search.run, 0, ExposureClass.POSSIBLE),
        (certain.run, 0, ExposureClass.CERTAIN),
    ]
    if found.residual is not None:
        residual = (found.search.run, found.residual, ExposureClass.PREVIOUSLY_EXPOSED)
        searches.insert(0, residual)
    return searches


def _certain(stage: Scene, net: Network, settled: Certainty) -> Search:
    """Search the facts that prove CERTAIN, for the shortest proof of each item and its rule."""
    stuff = stage.stuff
    code = np.full(len(stage.source), NUMBER[Rule.MEMBER_OF_LOT], dtype=np.int64)
    draws, made = stage.is_draw, stage.is_made
    code[draws] = np.where(
        settled.supply[stage.fact[draws]],
        NUMBER[Rule.ALL_SUPPLY_TAINTED],
        NUMBER[Rule.ALL_CONSUMED_IN_IT],
    )
    code[made] = INHERIT
    first = len(stuff.draw_item) + len(stuff.made_item)
    stays = (stage.fact >= first) & (stage.fact < first + len(stuff.part))
    code[stays] = NUMBER[Rule.PART_INSTALLED]
    return Search(
        net,
        stage.seeds,
        stage.seed_labels,
        stage.node_item,
        stage.rank,
        code=code,
        allowed=settled.proof,
    )
