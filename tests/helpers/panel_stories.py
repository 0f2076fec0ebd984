"""The runs that the panels are drawn from: a counter behind a lock, a queue, a pool."""

from __future__ import annotations

import random

from helpers.story import MAIN, Story

ADDERS = (1001, 1002, 1003, 1004)


def counter(milliseconds: int = 400, ended: bool = False) -> Story:
    """Four adders that contend for one lock around one value."""
    story = Story(cores=4)
    dice = random.Random(7)
    story.site(1, 31, "with lock:")
    story.site(2, 32, "counter.value += 1")
    lock, value = story.lock("lock"), story.value("counter")
    for number, pid in enumerate(ADDERS, 1):
        story.start(4 + 3 * number, pid, f"Process-{number}", function="add")
    story.wait(20, MAIN, "process", str(ADDERS[0]))
    time, number, waiting, held = 20.0, 0, [], False
    sampled = 0
    while time < milliseconds:
        for pid in ADDERS:
            if pid not in waiting:
                story.wait(time, pid, "lock", lock, site=1)
                waiting.append(pid)
        holder = waiting.pop(dice.randrange(2))
        story.acquire(time + 0.1, holder, lock, site=2)
        story.read(time + 0.2, holder, value, number)
        hold = dice.choice((1.0, 2.0, 6.0, 14.0))
        number += 1
        story.write(time + hold / 2, holder, value, number, number - 1)
        time += hold
        held = time >= milliseconds
        if not held:
            story.release(time, holder, lock)
            time += 0.4
        if time - sampled > 40:
            sampled = time
            uses = {pid: (pid % 4, 88.0 if pid == holder else 3.0) for pid in ADDERS}
            uses[MAIN] = (0, 0.5)
            story.sample(time, [dice.uniform(10, 100) for _ in range(4)], uses)
            story.output(time, holder, f"counter is {number}")
    if not ended and not held:
        story.acquire(time, waiting.pop(0), lock, site=2)
    if ended:
        if held:
            story.release(time, holder, lock)
        for number, pid in enumerate(ADDERS):
            if pid in waiting:
                story.acquire(time + number + 1, pid, lock)
                story.release(time + number + 1.5, pid, lock)
        story.signal(time + 8, ADDERS[1], 15)
        for number, pid in enumerate(ADDERS):
            story.exit(time + 10 + number, pid, (0, -15, 1, -9)[number])
        story.join(time + 16, ADDERS[0])
        story.end(time + 30)
    return story


def factory() -> Story:
    """Two producers that are too fast for three consumers on a bounded queue."""
    story = Story("producer-consumer", cores=2)
    queue, results = story.queue("jobs", 8), story.queue("results")
    makers = [story.start(5 + n, 1001 + n, f"producer-{n + 1}") for n in range(2)]
    takers = [story.start(8 + n, 1003 + n, f"consumer-{n + 1}") for n in range(3)]
    story.wait(12, MAIN, "process", str(makers[0]))
    depth, time = 0, 12.0
    for pid in takers:
        story.wait(time, pid, "get", queue)
    idle, blocked = list(takers), []
    dice = random.Random(3)
    busy: dict[int, float] = {}
    while time < 600:
        time += dice.uniform(1, 4)
        for maker in makers:
            if maker in blocked:
                continue
            if depth < 8:
                story.put(time, maker, queue)
                depth += 1
            else:
                story.wait(time, maker, "put", queue)
                blocked.append(maker)
        for taker in takers:
            if taker in busy and busy[taker] <= time:
                story.put(time, taker, results)
                del busy[taker]
                if not depth:
                    story.wait(time, taker, "get", queue)
                    idle.append(taker)
            if taker not in busy and depth:
                story.get(time + 0.1, taker, queue)
                if taker in idle:
                    idle.remove(taker)
                depth -= 1
                busy[taker] = time + dice.uniform(8, 30)
                if blocked:
                    story.put(time + 0.2, blocked.pop(0), queue)
                    depth += 1
    story.sample(600, [97.0, 41.0], {1001: (0, 30.0), 1003: (0, 60.0), 1004: (1, 35.0)})
    story.output(601, 1003, "Traceback (most recent call last):", "stderr")
    return story


def pool_map(tasks: int = 24, lost: bool = True) -> Story:
    """A pool of four that does a map; one task raises, one dies with its worker."""
    story = Story("pool-map", cores=4)
    workers = [1001, 1002, 1003, 1004]
    pool = story.pool(4, workers)
    story.submit(14, pool, 1, tasks)
    story.wait(14.5, MAIN, "results", f"{pool}/1")
    dice = random.Random(11)
    free = dict.fromkeys(workers, 15.0)
    for index in range(tasks - 4):
        worker = min(free, key=lambda pid: free[pid])
        start = free[worker]
        if lost and index == 13:
            story.task(start, worker, pool, 1, index)
            story.exit(start + 20, worker, -9)
            del free[worker]
            continue
        until = start + dice.choice((8, 15, 30, 60))
        error = "ValueError" if index == 6 else ""
        story.task(start, worker, pool, 1, index, until, error=error)
        free[worker] = until + 0.7
    for worker, start in free.items():
        index += 1
        story.task(start, worker, pool, 1, index)
    return story


def stages(milliseconds: float = 1300) -> Story:
    """Four workers start at an event, meet at a barrier, the last is late; then one is notified."""
    story = Story("stages", cores=2)
    start, stop = story.event("start"), story.event("stop")
    stage, ready = story.barrier("stage", 4), story.condition("ready")
    workers = [story.start(4 + n, 1001 + n, f"Process-{n + 1}") for n in range(4)]
    for number, pid in enumerate(workers):
        story.wait(10 + number, pid, "event", start)
    if milliseconds < 50:
        return story
    story.set(50, MAIN, start, waiters=4)
    for number, pid in enumerate(workers):
        story.waited(50.2 + number / 10, pid, start)
    for turn in range(3):
        begin = 100 + 300 * turn
        for number, pid in enumerate(workers):
            story.arrive(begin + 60 * number, pid, stage, last=pid == workers[-1])
        for pid in workers[:-1]:
            story.leave(begin + 181, pid, stage)
    story.notify(950, MAIN, ready)
    story.wait(1000, MAIN, "condition", ready)
    for number, pid in enumerate(workers[:2]):
        story.arrive(1010 + 60 * number, pid, stage)
    story.wait(1100, workers[2], "event", stop)
    story.wait(1200, workers[3], "condition", ready)
    return story


def talk() -> Story:
    """Two that ask each other, one too fast for its reader, and one whose reader is gone."""
    story = Story("pipes")
    parent, child = story.pipe("parent", "child")
    readings, _ = story.pipe("readings", "sensor", duplex=False)
    story.pipe("spare", "unused", duplex=False)
    lost, _ = story.pipe("lost", "found", duplex=False)
    asked = story.start(5, 1001, "Process-1")
    sensor = story.start(6, 1002, "Process-2")
    reader = story.start(7, 1003, "Process-3")
    for number in range(30):
        time = 20 + 10 * number
        story.send(time, MAIN, parent)
        story.wait(time, MAIN, "receive", parent)
        story.receive(time + 1, asked, child)
        if number < 29:
            story.send(time + 4, asked, child, 400)
            story.receive(time + 5, MAIN, parent, 400)
        for _ in range(2):
            story.send(time + 6, sensor, readings, 16_000)
        if number % 2:
            story.receive(time + 7, reader, readings, 16_000)
    story.wait(330, sensor, "send", readings)
    story.send(331, reader, lost)
    story.refuse(331, reader, lost)
    story.wait(332, asked, "receive", f"{child} {lost}")
    return story


def shared() -> Story:
    """A manager with two objects that three processes call, and two blocks of shared memory."""
    story = Story("managers")
    server = story.start(3, 1001, "SyncManager-1")
    manager = story.serve(4, server, "m")
    scores, gate = story.managed(5, manager, "scores"), story.managed(5, manager, "gate", "Lock")
    callers = [story.start(6 + n, 1002 + n, f"Process-{n + 2}") for n in range(3)]
    for number in range(40):
        for place, pid in enumerate(callers):
            time = 20 + 6 * number + 2 * place
            story.call(time, pid, scores, "update" if number % 3 else "get")
            story.go_on(time + 0.4 + 0.1 * place, pid)
    for pid in callers[:2]:
        story.call(262, pid, gate, "acquire")
    story.go_on(262.3, callers[0])
    frame, table = story.memory(8, "frame", 8_294_400), story.memory(9, "table", 4096)
    for pid in callers:
        story.attach(12, pid, frame)
    story.attach(12, callers[0], table)
    for pid in (MAIN, callers[0]):
        story.detach(200, pid, table)
    story.unlink(201, MAIN, table)
    story.attach(202, callers[1], "another")
    return story


def held(signal: bool = False) -> Story:
    """Process-2 holds a lock, Process-1 waits for it; SIGTERM may have been sent to it in vain."""
    story = Story()
    lock = story.lock("counter")
    story.start(5, 1001, "Process-1", function="add")
    story.start(6, 1002, "Process-2", function="add", daemon=True)
    story.wait(8, MAIN, "process", "1001")
    story.acquire(10, 1002, lock)
    story.wait(12, 1001, "lock", lock)
    if signal:
        story.signal(400, 1001, 15)
    return story


def racing() -> Story:
    """Two processes read 7, and both write 8."""
    story = Story()
    value = story.value("counter", 7)
    story.start(5, 1001, "Process-1")
    story.start(6, 1002, "Process-2")
    for pid in (1001, 1002):
        story.read(10, pid, value, 7)
    story.write(11, 1001, value, 8, 7)
    story.write(12, 1002, value, 8, 8)
    return story


def spoken() -> Story:
    story = Story()
    story.start(5, 1001, "Process-1")
    for number in range(20):
        story.output(10 + number, 1001, f"line {number}")
    story.output(40, MAIN, "it broke", "stderr")
    return story
