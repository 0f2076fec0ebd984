"""A condition: wait until something is true that others make true.

Watch consumers wake up, look, and wait again when there is too little.

A condition is a lock, and a place to wait for news. wait_for lets go of the
lock while it waits, and holds it again when it looks. To be woken is no
promise: there may be too little for this one, or another was quicker. So
the test is made again after each waking; wait_for is a loop around wait.
notify wakes one, notify_all wakes all: here each waits for another amount,
and the one that notify would pick might not be the one that can go on.
"""

import time
from multiprocessing import (
    Condition,
    Process,
    Value,
    current_process,
    sharedctypes,
    synchronize,
)
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "synchronization"
ORDER = 3
STEPPED = {"consumers": 2, "orders": 1, "make_ms": 0, "use_ms": 0}

Stock = sharedctypes.Synchronized  # What Value("i", 0) makes.


def consumer(
    stock: "Stock[int]",
    condition: synchronize.Condition,
    amount: int,
    orders: int,
    use_ms: float,
) -> None:
    """Take so many items for each order, when there are so many."""
    name = current_process().name

    def is_enough() -> bool:
        there = stock.value
        answer = "I take" if there >= amount else "I wait"
        print(
            f"{name}: I need {amount}, {there} in stock: {answer}\n",
            end="",
            flush=True,
        )
        return there >= amount

    for _ in range(orders):
        with condition:
            condition.wait_for(is_enough)
            stock.value -= amount  # The lock is held: it is still true.
        time.sleep(amount * use_ms / 1000)


def main(
    *,
    consumers: Annotated[
        int, Range(1, 16, "processes that take 1, 2, 3... items an order")
    ] = 3,
    orders: Annotated[
        int, Range(0, 10_000, "times that each of them takes some")
    ] = 5,
    make_ms: Annotated[
        float, Range(0, 10_000, "milliseconds to make an item")
    ] = 300,
    use_ms: Annotated[
        float, Range(0, 10_000, "milliseconds to use an item")
    ] = 200,
) -> None:
    """Deliver items one by one, and tell the consumers."""
    stock = Value("i", 0)
    condition = Condition()
    processes = [
        Process(
            target=consumer,
            args=(stock, condition, number + 1, orders, use_ms),
            name=f"consumer-{number + 1}",
        )
        for number in range(consumers)
    ]
    # Just as many as all the orders need.
    items = orders * sum(range(1, consumers + 1))

    print(f"{consumers} consumers, {items} items to come")
    for process in processes:
        process.start()
    for _ in range(items):
        time.sleep(make_ms / 1000)
        with condition:
            stock.value += 1
            condition.notify_all()  # All wake up and look.
    for process in processes:
        process.join()
    print(f"all ended, {stock.value} left in stock")
