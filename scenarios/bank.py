"""A bank: two transfers, three ways to be wrong, and the right one.

Watch what the accounts come to; mpviz step bank lets you take the steps.

Each transfer takes from one account and gives to the other. With
way=unlocked it reads a balance and writes it back later; what the other one
has put there meanwhile is gone. With way=check-first both take from alice:
each looks whether there is enough, gives the lock back, and takes the money
later, so both can find enough where there is enough for one. With
way=own-order each holds the account that it takes from while it waits for
the other one; if both have their first, they wait for ever. With
way=in-order both lock alice before bob, and hold both until all is done.
"""

import time
from collections.abc import Callable
from multiprocessing import Process, Value, sharedctypes
from typing import Annotated

from mpviz.scenarios.catalogue import Choice, Range

CHAPTER = "sharing"
ORDER = 4
HANGS = "each transfer holds the account that the other one waits for"
HANGS_WITH = {"way": "own-order", "pause_ms": 200}
LIMIT = 10
STEPPED = {"pause_ms": 0}

Account = sharedctypes.Synchronized  # What Value("i", 100) makes.
Accounts = dict[str, "Account[int]"]


def unlocked(
    accounts: Accounts, payer: str, payee: str, amount: int, pause: float
) -> None:
    """Move the money without a lock."""
    left = accounts[payer].value - amount
    wait(pause)  # Here the other one can step in.
    accounts[payer].value = left
    accounts[payee].value += amount


def check_first(
    accounts: Accounts, payer: str, payee: str, amount: int, pause: float
) -> None:
    """Move the money if there was enough a moment ago."""
    with accounts[payer].get_lock():
        is_enough = accounts[payer].value >= amount
    wait(pause)  # Here it may become too little.
    if is_enough:
        with accounts[payer].get_lock():
            accounts[payer].value -= amount
        with accounts[payee].get_lock():
            accounts[payee].value += amount


def own_order(
    accounts: Accounts, payer: str, payee: str, amount: int, pause: float
) -> None:
    """Lock the payer, then the payee; who pays back does the opposite."""
    with accounts[payer].get_lock():
        wait(pause)
        with accounts[payee].get_lock():
            accounts[payer].value -= amount
            accounts[payee].value += amount


def in_order(
    accounts: Accounts, payer: str, payee: str, amount: int, pause: float
) -> None:
    """Lock both in the one order that all keep to: that of the alphabet."""
    first, second = sorted([payer, payee])
    with accounts[first].get_lock():
        wait(pause)
        with accounts[second].get_lock():
            accounts[payer].value -= amount
            accounts[payee].value += amount


def wait(pause: float) -> None:
    """Give the other transfer time to step in."""
    if pause > 0:
        time.sleep(pause)


WAYS: dict[str, Callable[[Accounts, str, str, int, float], None]] = {
    "unlocked": unlocked,
    "check-first": check_first,
    "own-order": own_order,
    "in-order": in_order,
}


def main(
    *,
    way: Annotated[
        str,
        Choice(
            ("unlocked", "check-first", "own-order", "in-order"),
            "to move money; only in-order is right",
        ),
    ] = "unlocked",
    amount: Annotated[int, Range(51, 100, "that each transfer moves")] = 60,
    pause_ms: Annotated[
        float, Range(0, 10_000, "milliseconds between its two halves")
    ] = 1500,
) -> None:
    """Let two transfers go on together, and look at the accounts."""
    alice = Value("i", 100)
    bob = Value("i", 100)
    accounts = {"alice": alice, "bob": bob}
    pairs = [("alice", "bob"), ("bob", "alice")]
    if way == "check-first":
        pairs = [("alice", "bob"), ("alice", "bob")]
    transfers = [
        Process(
            target=WAYS[way],
            args=(accounts, *pair, amount, pause_ms / 1000),
            name=f"transfer-{number}",
        )
        for number, pair in enumerate(pairs, 1)
    ]

    print(f"alice 100, bob 100; two transfers of {amount}, {way}")
    for process in transfers:
        process.start()
    for process in transfers:
        process.join()
    print(f"alice {alice.value}, bob {bob.value}", flush=True)
    if alice.value < 0:
        raise SystemExit("alice has paid more than there was")
    if way != "check-first" and (alice.value, bob.value) != (100, 100):
        raise SystemExit(
            "the transfers cancel out, so both should have 100"
        )
