"""What a pooled connection remembers of the partner before: nothing.

python -m tests.access.checkouts --size 10000
"""

import argparse
import asyncio
import sys

from sqlalchemy import text

from lotkin.records.session import REGULATOR, SUPPLIER
from tests.access.world import PARTNERS, World, alone

LEFT = """select coalesce(nullif(current_setting('app.items', true), ''), '') <> ''
    or coalesce(nullif(current_setting('app.activities', true), ''), '') <> ''
    or (select count(*) from item) > 0 or current_setting('transaction_read_only') <> 'on'
    or current_user <> :role"""
AT_ONCE = 8


async def checkouts(made: World, size: int) -> int:
    """Check partners' connections out `size` times, with a scope and bare by turns; return how
    many of the bare ones found anything.
    """
    found = 0
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(n: int) -> None:
        nonlocal found
        async with limit:
            actor = PARTNERS[n % len(PARTNERS)]
            scoped = made.context(actor).partner
            assert scoped is not None
            async with scoped.reading() as connection:
                seen = await connection.execute(text("select count(*) from item"))
                assert seen.scalar_one() > 0
            role = (SUPPLIER, REGULATOR)[n // 2 % 2]
            async with made.services.database.as_role(role).reading() as connection:
                left = await connection.execute(text(LEFT), {"role": role})
                found += bool(left.scalar_one())

    await asyncio.gather(*(one(n) for n in range(size // 2)))
    return found


async def main(size: int) -> int:
    """Run against a server of its own; return how many settings were kept."""
    async with alone() as made:
        found = await checkouts(made, size)
    print(f"{size} checkouts, leaked settings = {found}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10_000)
    sys.exit(min(asyncio.run(main(parser.parse_args().size)), 1))
