"""A small run of `python -m tests.access.noninterference`, and a proof that it would see a leak."""

from tests.access.noninterference import Secrets, answered, compare, everything, scope
from tests.access.world import OPERATOR, REGULATOR_ACTORS, SUPPLIER_ACTORS, world
from tests.flows.pump import PUMPS

OPERATIONS = 30


async def test_nothing_foreign_stands_in_the_answers_to_partners(database) -> None:
    async with world(database) as made:
        figures = await compare(made, OPERATIONS, seed=3)
    assert figures["leaks"] == 0
    assert figures["operations"] == 4 * OPERATIONS
    assert figures["with data"] > OPERATIONS
    assert figures["asked again"] == 4 * OPERATIONS


async def test_a_leak_would_be_seen(told_world) -> None:
    rows = await everything(told_world.services.database.url)
    document = f'{{ item(by: {{key: "{PUMPS[0]}"}}) {{ id whereabouts {{ holder {{ name }} }} }} }}'
    answer, _ = await answered(told_world, OPERATOR, document)
    for actor in (*SUPPLIER_ACTORS, REGULATOR_ACTORS[1]):
        secrets = Secrets(rows, await scope(told_world, actor))
        assert len(secrets.leaks(document, answer)) >= 2
