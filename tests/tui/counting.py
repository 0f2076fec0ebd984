"""Counting together: three processes add to one number, one at a time.

Watch the lock go round.
"""

import time
from multiprocessing import Lock, Process, Value


def add(counter, lock, times):
    """Add one so many times, and let nobody step in."""
    for _ in range(times):
        with lock:
            counter.value += 1
            time.sleep(0.002)


def main(processes=3, times=12):
    """Count to 36."""
    counter = Value("i", 0)
    lock = Lock()
    adders = [Process(target=add, args=(counter, lock, times)) for _ in range(processes)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    print(f"counted to {counter.value}")


if __name__ == "__main__":
    main()
