"""Print how long the exposure calculus takes on graphs of known shape.

python bench/exposure.py
"""

from collections.abc import Callable

import numpy as np

from lotkin.clock import elapsed
from lotkin.domain.exposure import Suspect, expose
from lotkin.domain.genealogy import (
    NO_INTS,
    OPEN,
    UNKNOWN,
    Activities,
    Direction,
    Flows,
    Intervals,
    Ints,
    ItemKind,
    Items,
    Memberships,
    Subgraph,
)
from lotkin.domain.lineage import Policy, edges, reach


def subgraph(
    draws: tuple[Ints, Ints],
    made: tuple[Ints, Ints],
    *,
    stays: tuple[Ints, Ints] = (NO_INTS, NO_INTS),
    members: tuple[Ints, Ints] = (NO_INTS, NO_INTS),
) -> Subgraph:
    """Return facts given as (item, activity), (item, activity), (part, device), (lot, serial)."""
    items = np.unique(np.concatenate([draws[0], made[0], *stays, *members]))
    activities = np.unique(np.concatenate([draws[1], made[1]]))
    count = len(stays[0])
    zeros = np.zeros(count, dtype=np.int64)
    return Subgraph(
        Items(items, np.full(len(items), int(ItemKind.LOT)), np.full(len(items), UNKNOWN)),
        Activities(activities, np.zeros_like(activities)),
        _flows(*draws, 1_000),
        _flows(*made, 2_000),
        Intervals(np.arange(count), *stays, zeros, zeros, zeros, zeros + 5_000, zeros, zeros),
        Memberships(*members),
    )


def _flows(item: Ints, activity: Ints, at: int) -> Flows:
    zeros = np.zeros(len(item), dtype=np.int64)
    return Flows(
        np.arange(len(item)), item, activity, at + zeros, zeros, zeros + 10**7, zeros + UNKNOWN
    )


def shallow(serials: int) -> Subgraph:
    """One raw lot into component lots into devices, each also drawing a clean lot."""
    lots = serials // 100
    lot, serial = np.arange(10, 10 + lots), np.arange(10 + lots, 10 + lots + serials)
    first, second = lot, serial
    mine = lot[np.arange(serials) % lots]
    return subgraph(
        (
            np.concatenate([np.ones_like(lot), mine, np.full_like(serial, 2)]),
            np.concatenate([first, second, second]),
        ),
        (np.concatenate([lot, serial]), np.concatenate([first, second])),
    )


def lattice(levels: int, width: int = 2) -> Subgraph:
    """Levels of `width` items, each level drawn whole for every item of the next: width^levels."""
    level, slot = np.divmod(np.arange(levels * width * width), width * width)
    source, target = level * width + slot // width, (level + 1) * width + slot % width
    made = np.arange(width, (levels + 1) * width)
    return subgraph((source, target), (made, made))


def chain(length: int) -> Subgraph:
    """One item after the other."""
    item = np.arange(1, length)
    return subgraph((item, item), (item + 1, item))


def swapped(serials: int) -> Subgraph:
    """A lot whose serials were parts, all taken out again of devices that were drawn further."""
    part = np.arange(10, 10 + serials)
    device, unit = part + serials, part + 2 * serials
    return subgraph(
        (device, unit),
        (unit, unit),
        stays=(part, device),
        members=(np.ones_like(part), part),
    )


def show(name: str, graph: Subgraph, work: Callable[[], object]) -> None:
    """Print the best of three runs in milliseconds."""
    times = []
    for _ in range(3):
        start = elapsed()
        work()
        times.append(elapsed() - start)
    facts = len(graph.draws.id) + len(graph.productions.id)
    facts += len(graph.installations.id) + len(graph.memberships.lot)
    print(f"{name:<44} {facts:>10,} facts {min(times) * 1000:>10,.1f} ms")


def main() -> None:
    """Print every figure."""
    for name, graph, start in (
        ("fan-out of 4,800 serials", shallow(4_800), 1),
        ("fan-out of 660,000 serials", shallow(660_000), 1),
        ("lattice of 2^20 paths", lattice(20), 0),
        ("lattice of 200 levels of 60", lattice(200, 60), 0),
        ("chain of 100,000", chain(100_000), 1),
        ("300,000 parts taken out again", swapped(300_000), 1),
    ):
        suspects = [Suspect(start)]
        for policy in Policy:
            show(
                f"reach, {name}, {policy}",
                graph,
                lambda graph=graph, start=start, policy=policy: reach(
                    graph, [start], Direction.FORWARD, policy
                ),
            )
        reached = reach(graph, [start], Direction.FORWARD, Policy.TIMED)
        show(
            f"edges, {name}",
            graph,
            lambda graph=graph, start=start, reached=reached: edges(
                graph, [start], reached, Direction.FORWARD, Policy.TIMED, rows_max=OPEN
            ),
        )
        show(
            f"expose, {name}",
            graph,
            lambda graph=graph, suspects=suspects: expose(graph, suspects, Policy.TIMED),
        )
        found, last = expose(graph, suspects, Policy.TIMED), int(reached.items[-1])
        show(f"witness, {name}", graph, lambda found=found, last=last: found.witness(last))


if __name__ == "__main__":
    main()
