"""More small programs with one fault each, and others near them that have none: who waits for whom,
who uses what is not his, and what is gone.
"""

from helpers.programs_that_hang import _program as program

STALLED_AT_A_MANAGERS_QUEUE = program("""
def put(queue):
    raise ValueError("nothing to put")

def main():
    manager = mp.Manager()
    queue = manager.Queue()
    start(put, queue, name="putter")
    queue.get()
""")

STALLED_BY_A_MISSING_RELEASE = program("""
def begin(ready):
    with open("/nowhere/settings"):
        ready.release()

def main():
    ready = mp.Semaphore(0)
    start(begin, ready, name="beginner")
    ready.acquire()
""")

STALLED_BY_ONE_THAT_WAITS = program("""
def work(tasks, results):
    tasks.get()
    results.put(1)

def main():
    # One item too few: a worker waits for it, and its result never comes.
    tasks, results = mp.Queue(), mp.Queue()
    for name in ("one", "other"):
        start(work, tasks, results, name=name)
    tasks.put(1)
    for _ in range(2):
        results.get()
""")

STALLED_BY_A_KILLED_WAITER = program("""
def wait(ready):
    with ready:
        ready.wait()

def main():
    ready = mp.Condition()
    killed, other = start(wait, ready, name="killed"), start(wait, ready, name="other")
    sleeping = ready._sleeping_count._semlock
    wait_until(lambda: sleeping._get_value() == 2 and is_asleep(killed))
    kill(killed)
    with ready:
        ready.notify_all()
""")

STALLED_WITHOUT_AN_END = program("""
def send(end):
    end.send(1)

def receive(end):
    try:
        while True:
            end.recv()
    except EOFError:
        pass

def main():
    receiving, sending = mp.Pipe(duplex=False)
    start(send, sending, name="sender").join()
    start(receive, receiving, name="receiver").join()
""")

NO_STALL_WITHOUT_AN_END = program("""
def send(end):
    time.sleep(4)
    end.send(1)

def receive(end):
    try:
        while True:
            end.recv()
    except EOFError:
        pass

def main():
    receiving, sending = mp.Pipe(duplex=False)
    sender = start(send, sending)
    sending.close()
    receive(receiving)
    sender.join()
""")

RESULTS_UNREAD_AFTER_A_CALLBACK = program("""
def parse(row):
    return row

called = threading.Event()

def keep(row):
    called.set()
    raise LookupError(row)

def main():
    with mp.Pool(2) as pool:
        pool.apply_async(parse, (1,), callback=keep)
        # The result of another worker could come first.
        called.wait()
        pool.apply_async(parse, (2,)).get()
""")

TERMINATED_POOL = program("""
def wait_long(number):
    time.sleep(1000)

def main():
    with mp.Pool(2) as pool:
        results = [pool.apply_async(wait_long, (number,)) for number in range(4)]
    results[0].get()
""")

NO_TERMINATED_POOL = program("""
def main():
    with mp.Pool(2) as pool:
        result = pool.apply_async(abs, (1,))
        result.wait()
    result.get()
""")

NOTIFIED_BEFORE_THE_WAIT = program("""
def wait_for_notify(condition, notified):
    notified.wait()
    with condition:
        condition.wait()

def main():
    condition, notified = mp.Condition(), mp.Event()
    waiter = start(wait_for_notify, condition, notified, name="waiter")
    with condition:
        condition.notify()
    notified.set()
    waiter.join()
""")

SET_BEFORE_THE_WAIT = program("""
def wait_for_start(begun, cleared):
    cleared.wait()
    begun.wait()

def main():
    begun, cleared = mp.Event(), mp.Event()
    waiter = start(wait_for_start, begun, cleared, name="waiter")
    begun.set()
    begun.clear()
    cleared.set()
    waiter.join()
""")

SENTINELS_TOO_FEW = program("""
def take_all(tasks):
    while tasks.get() is not None:
        pass

def main():
    tasks = mp.Queue()
    workers = [start(take_all, tasks, name=name) for name in ("one", "other")]
    for task in (1, 2, None):
        tasks.put(task)
    for worker in workers:
        worker.join()
""")

BOTH_SEND = program("""
def exchange(end):
    end.send(bytes(1 << 20))
    end.recv()

def main():
    mine, theirs = mp.Pipe()
    start(exchange, theirs, name="other")
    exchange(mine)
""")

RING_OF_PIPES = program("""
def answer(end):
    end.send(end.recv())
    end.send(end.recv())

def main():
    mine, theirs = mp.Pipe()
    start(answer, theirs, name="other")
    theirs.close()
    mine.send(1)
    mine.recv()
    mine.recv()
""")

RING_OF_QUEUES = program("""
def work(mine, others):
    others.put(1)
    mine.get()
    mine.get()

def main():
    one, two = mp.Queue(), mp.Queue()
    start(work, one, two, name="one")
    work(two, one)
""")

RING_OF_TASKS = program("""
def work(queue, lock):
    queue.get()
    with lock:
        queue.task_done()

def main():
    queue, lock = mp.JoinableQueue(), mp.Lock()
    start(work, queue, lock, name="worker")
    with lock:
        queue.put(1)
        queue.join()
""")

RING_OF_A_MANAGER = program("""
def work(lock):
    with lock:
        pass

def main():
    manager = mp.Manager()
    lock = manager.Lock()
    with lock:
        start(work, lock, name="worker").join()
""")

NO_RING_OF_TASKS = program("""
def finish_later(queue):
    time.sleep(5)
    queue.task_done()

def work(queue, lock):
    # Another thread of its own finishes what it has taken.
    queue.get()
    threading.Thread(target=finish_later, args=(queue,)).start()
    with lock:
        pass

def main():
    queue, lock = mp.JoinableQueue(), mp.Lock()
    worker = start(work, queue, lock)
    with lock:
        queue.put(1)
        queue.join()
    worker.join()
""")

NO_RING_OF_A_MANAGER = program("""
def pass_on(lock, handed):
    lock.acquire()
    handed.release()

def hold(lock, held):
    with lock:
        held.set()
        time.sleep(2)

def main():
    manager = mp.Manager()
    lock, handed, held = manager.Lock(), manager.Semaphore(0), manager.Event()
    start(pass_on, lock, handed).join()
    # Any process may release a Lock, whoever took it.
    handed.acquire()
    lock.release()
    lock.acquire()
    lock.release()
    holder = start(hold, lock, held)
    held.wait()
    lock.acquire()
    holder.join()
""")

HOLDER_IN_A_MANAGER_IS_DEAD = program("""
def hold(lock):
    lock.acquire()
    os._exit(1)

def main():
    manager = mp.Manager()
    lock = manager.Lock()
    start(hold, lock, name="holder").join()
    lock.acquire()
""")

_SIGNALS = """
def signal_when_it_waits(sleeping, parent):
    with open("/proc/%d/stat" % parent) as status:
        is_asleep = status.read().rpartition(")")[2].split()[0] == "S"
    return is_asleep and sleeping._semlock._get_value() > 0

def interrupt(sleeping, parent):
    wait_until(lambda: signal_when_it_waits(sleeping, parent))
    os.kill(parent, signal.SIGUSR1)
""".replace("signal_when_it_waits", "waits")

SET_IN_A_HANDLER = program(
    _SIGNALS
    + """
def main():
    stop = mp.Event()
    signal.signal(signal.SIGUSR1, lambda *_: stop.set())
    start(interrupt, stop._cond._sleeping_count, os.getpid())
    stop.wait()
"""
)

NOTIFY_IN_A_HANDLER = program(
    _SIGNALS
    + """
def main():
    ready = mp.Condition()
    def wake(*_):
        with ready:
            ready.notify()
    signal.signal(signal.SIGUSR1, wake)
    start(interrupt, ready._sleeping_count, os.getpid())
    with ready:
        ready.wait()
"""
)

NO_SET_IN_A_HANDLER = program("""
def serve(stop, ready):
    def end(*_):
        stop.set()
        sys.exit()
    signal.signal(signal.SIGUSR1, end)
    ready.set()
    # A signal that comes just before a sleep is handled after it.
    while True:
        time.sleep(0.05)

def main():
    # Another process waits for what the handler sets; and a handler that only notes the signal.
    stop, ready, noted = mp.Event(), mp.Event(), []
    server = start(serve, stop, ready)
    ready.wait()
    os.kill(server.pid, signal.SIGUSR1)
    stop.wait()
    server.join()
    signal.signal(signal.SIGUSR1, lambda *_: noted.append(1))
    os.kill(os.getpid(), signal.SIGUSR1)
    never = mp.Event()
    while not never.wait(0.05) and not noted:
        pass
""")

UNGUARDED = """
import multiprocessing as mp

def work():
    pass

child = mp.Process(target=work)
child.start()
child.join()
"""

UNGUARDED_POOL = """
import multiprocessing as mp

def run():
    with mp.Pool(1) as pool:
        pool.map(abs, [1])

run()
"""

FORKED_POOL = program("""
def ask():
    pool.apply(abs, (-1,))

def main():
    global pool
    pool = mp.Pool(1)
    pool.map(abs, [1])
    start(ask, name="asker").join()
""")

FORKED_EXECUTOR = program("""
from concurrent.futures import ProcessPoolExecutor

def ask():
    executor.submit(abs, -1).result()

def main():
    global executor
    executor = ProcessPoolExecutor(1)
    executor.submit(abs, 1).result()
    start(ask, name="asker").join()
""")

NO_FORKED_POOL = program("""
from concurrent.futures import ProcessPoolExecutor

def ask():
    with mp.Pool(1) as own:
        own.apply(abs, (-1,))
    if mp.get_start_method() == "fork":
        # It begins to work at its first call, wherever that is.
        with executor:
            executor.submit(abs, -1).result()

def main():
    global executor
    executor = ProcessPoolExecutor(1)
    start(ask).join()
""")

_READER = """
from multiprocessing import shared_memory

READER = '''
import sys
from multiprocessing import resource_tracker, shared_memory
block = shared_memory.SharedMemory(sys.argv[1])
if sys.argv[2:] == ["unregister"]:
    resource_tracker.unregister(block._name, "shared_memory")
if sys.argv[2:] == ["unlink"]:
    block.unlink()
block.close()
'''

def read(*words):
    subprocess.run([sys.executable, "-c", READER, *words], check=True)

def attach(name):
    shared_memory.SharedMemory(name).close()

def is_there(name):
    return os.path.exists("/dev/shm/" + name)
"""

MEMORY_GONE = program(
    _READER
    + """
def main():
    block = shared_memory.SharedMemory(create=True, size=100)
    read(block.name)
    wait_until(lambda: not is_there(block.name))
    block.close()
    try:
        block.unlink()
    except FileNotFoundError:
        pass
"""
)

MEMORY_GONE_FOR_A_CHILD = program(
    _READER
    + """
def main():
    numbers = shared_memory.ShareableList([1, 2, 3])
    read(numbers.shm.name)
    wait_until(lambda: not is_there(numbers.shm.name))
    start(attach, numbers.shm.name, name="child").join()
    numbers.shm.close()
"""
)

NO_MEMORY_GONE = program(
    _READER
    + """
def main():
    block = shared_memory.SharedMemory(create=True, size=100)
    read(block.name, "unregister")
    start(attach, block.name).join()
    read(block.name, "unlink")
    try:
        attach(block.name)
    except FileNotFoundError:
        pass
    block.close()
"""
)

_HELD = """
class Held:
    # An item that stays on the way until an event is set.
    def __init__(self, until):
        self.until = until

    def __reduce__(self):
        self.until.wait()
        return int, ()

def take_all(queue):
    while not queue.empty():
        queue.get()
"""

EMPTY_TOO_EARLY_FOR_RESULTS = program(
    _HELD
    + """
def work(results, has_put, asked):
    results.put(Held(asked))
    has_put.set()

def main():
    results, has_put, asked = mp.Queue(), mp.Event(), mp.Event()
    worker = start(work, results, has_put, asked, name="worker")
    has_put.wait()
    take_all(results)
    asked.set()
    worker.join()
"""
)

EMPTY_TOO_EARLY_FOR_WORKERS = program(
    _HELD
    + """
def main():
    global tasks
    # It outlives this function: without its reading end, nothing can be written any more.
    tasks, asked = mp.Queue(), mp.Event()
    for item in (Held(asked), 2, 3):
        tasks.put(item)
    workers = [start(take_all, tasks, name=name) for name in ("one", "other")]
    for worker in workers:
        worker.join()
    asked.set()
"""
)

NO_EMPTY_TOO_EARLY_IF_TAKEN_LATER = program(
    _HELD
    + """
def work(results, has_put, asked):
    results.put(Held(asked))
    results.put(None)
    results.put(None)
    has_put.set()

def main():
    # The second None is left, but nobody misses it.
    results, has_put, asked = mp.Queue(), mp.Event(), mp.Event()
    worker = start(work, results, has_put, asked, name="worker")
    has_put.wait()
    take_all(results)
    asked.set()
    while results.get() is not None:
        pass
    worker.join()
"""
)

NO_EMPTY_TOO_EARLY_FOR_WHO_PUTS = program(
    _HELD
    + """
def main():
    tasks, asked = mp.Queue(), mp.Event()
    tasks.put(Held(asked))
    if tasks.empty():
        tasks.put(2)
    asked.set()
"""
)
