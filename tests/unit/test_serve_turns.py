"""Work in the background leaves turns to requests, and hurries where there are none."""

import asyncio
import time

from ringfinder.serve.live import others_first


async def turns_of_others(busy_s: float, rounds: int) -> int:
    """How many turns somebody gets who works so long in each, while others are let first."""
    turns, stop = 0, False

    async def other():
        nonlocal turns
        while not stop:
            turns += 1
            time.sleep(busy_s)
            await asyncio.sleep(0)

    at_work = asyncio.create_task(other())
    for _ in range(rounds):
        await others_first()
    stop = True
    await at_work
    return turns


def test_who_is_at_work_gets_several_turns_for_each_of_ours():
    assert asyncio.run(turns_of_others(0.0003, 20)) >= 3 * 20


def test_where_nobody_is_at_work_nobody_is_waited_for():
    async def alone() -> list[float]:
        took = []
        for _ in range(50):
            began = time.perf_counter()
            await others_first()
            took.append(time.perf_counter() - began)
        return took

    # the most of them, for the machine may stop anybody now and then
    assert sorted(asyncio.run(alone()))[25] < 0.0005
