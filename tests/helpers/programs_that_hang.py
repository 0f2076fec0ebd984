"""Small programs, each with one fault that a rule names, and others near it that have none."""

_BEGIN = """
import multiprocessing as mp, os, select, signal, subprocess, sys, threading, time
from telling import tell

def is_asleep(process):
    with open("/proc/%d/stat" % process.pid) as status:
        return status.read().rpartition(")")[2].split()[0] == "S"

def wait_until(condition):
    while not condition():
        time.sleep(0.005)

def start(function, *arguments, name=None):
    process = mp.Process(target=function, args=arguments, name=name)
    process.start()
    tell(started=process.pid, name=name)
    return process

def kill(process):
    process.kill()
    process.join()
"""

_END = """
if __name__ == "__main__":
    tell(started=os.getpid(), name="main")
    main()
"""


def _program(text: str) -> str:
    return _BEGIN + text + _END


LOST_TASK = _program("""
def work(item):
    if item == 3:
        tell(started=os.getpid(), name="worker")
        os.kill(os.getpid(), signal.SIGKILL)
    return item

def main():
    with mp.Pool(2) as pool:
        pool.map(work, range(6), chunksize=1)
""")

LOST_TASK_OF_CLOSED_POOL = _program("""
def work(item):
    tell(started=os.getpid(), name="worker")
    os._exit(1)

def main():
    pool = mp.Pool(1)
    pool.apply_async(work, (1,))
    pool.close()
    pool.join()
""")

NO_LOST_TASK = _program("""
def work(item):
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item

def slow(item):
    time.sleep(3600)

def main():
    with mp.Pool(2) as pool:
        pool.apply_async(work, (3,))
        try:
            pool.map_async(work, range(6), chunksize=1).get(timeout=1.2)
        except mp.TimeoutError:
            tell(timed_out=True)
    with mp.Pool(2) as pool:
        pool.map_async(slow, range(2))
        time.sleep(0.3)
""")

DEAD_HOLDERS = _program("""
def hold(lock, held):
    lock.acquire()
    held.set()
    time.sleep(3600)

def want(lock):
    lock.acquire()

def leave_with(lock):
    lock.acquire()
    raise SystemExit(3)

def main():
    held = mp.Event()
    lock, reentrant, places = mp.Lock(), mp.RLock(), mp.Semaphore(2)
    for number, each in enumerate((lock, reentrant, places)):
        holder = start(hold, each, held, name="holder-%d" % number)
        held.wait()
        held.clear()
        kill(holder)
    start(leave_with, places, name="holder-3").join()
    for number, each in enumerate((lock, reentrant, places)):
        waiter = start(want, each, name="waiter-%d" % number)
    waiter.join()
""")

NO_DEAD_HOLDER = _program("""
def hold(lock, held):
    lock.acquire()
    held.set()
    time.sleep(3600)

def take(lock):
    lock.acquire()

def take_and_raise(lock):
    with lock:
        sys.exit(1)

def main():
    held = mp.Event()
    unwanted = mp.Lock()
    holder = start(hold, unwanted, held)
    held.wait()
    kill(holder)

    handed_over = mp.Lock()
    for seconds in (0, 1.5):
        start(take, handed_over).join()
        waiter = start(take, handed_over) if seconds else None
        time.sleep(seconds)
        handed_over.release()
    waiter.join()

    places = mp.Semaphore(1)
    start(take, places).join()
    waiter = start(take, places)
    time.sleep(1.5)
    places.release()
    waiter.join()

    free = mp.Lock()
    start(take_and_raise, free).join()
    start(take, free).join()
""")

DEAD_QUEUES = _program("""
def put(queue, item):
    queue.put(item)

def put_many(queue):
    for _ in range(200):
        queue.put(bytes(1000))

def get_all(queue):
    while queue.get() is not None:
        pass

def is_held(lock):
    return lock._semlock._is_zero()

def main():
    read = mp.Queue()
    reader = start(get_all, read, name="reader-1")
    wait_until(lambda: is_held(read._rlock) and is_asleep(reader))
    kill(reader)
    start(get_all, read, name="waiter-1")
    read.put(1)

    half = mp.Queue()
    writer = start(put, half, bytes(1 << 20), name="writer-2")
    wait_until(lambda: not half.empty() and is_held(half._wlock) and is_asleep(writer))
    kill(writer)
    start(get_all, half, name="waiter-2")

    many = mp.Queue()
    writer = start(put_many, many, name="writer-3")
    wait_until(lambda: not select.select([], [many._writer], [], 0)[1])
    wait_until(lambda: is_held(many._wlock) and is_asleep(writer))
    kill(writer)
    reader = start(get_all, many, name="waiter-3")
    wait_until(lambda: many.empty() and is_held(many._rlock) and is_asleep(reader))
    many.put(None)

    simple = mp.SimpleQueue()
    writer = start(put, simple, bytes(1 << 20), name="writer-4")
    wait_until(lambda: not simple.empty() and is_held(simple._wlock) and is_asleep(writer))
    kill(writer)
    start(put, simple, None, name="waiter-4").join()
""")

NO_DEAD_QUEUE = _program("""
def put(queue, count, written):
    for number in range(count):
        queue.put(number)
    queue.close()
    queue.join_thread()
    # Only now has its feeder given back the lock of those who write.
    written.set()
    time.sleep(3600)

def put_late(queue):
    queue.put(1)
    time.sleep(1.5)
    queue.put(None)

def get_all(queue):
    while queue.get() is not None:
        pass
    tell(got_all=True)

def main():
    queue = mp.Queue()
    first = start(get_all, queue)
    wait_until(lambda: queue._rlock._semlock._is_zero() and is_asleep(first))
    # It waits for its turn, and has no lock.
    second = start(get_all, queue)
    wait_until(lambda: is_asleep(second))
    kill(second)

    written = mp.Event()
    writer = start(put, queue, 5, written)
    written.wait()
    wait_until(queue.empty)
    kill(writer)
    start(put_late, queue).join()
    first.join()
""")

JOIN_BEFORE_DRAIN = _program("""
def put(queue):
    queue.put(bytes(1 << 20))

def main():
    queue = mp.Queue()
    worker = start(put, queue, name="worker")
    worker.join()
    queue.get()
""")

JOIN_BEFORE_ROOM = _program("""
def put(queue):
    queue.put(1)
    queue.put(2)

def main():
    queue = mp.Queue(1)
    workers = [start(put, queue, name="worker"), start(put, queue)]
    for worker in workers:
        worker.join()
""")

NO_JOIN_BEFORE_DRAIN = _program("""
def put(queue):
    queue.put(bytes(1 << 20))
    queue.put(bytes(1 << 20))

def put_small_and_stay(queue):
    queue.put(1)
    threading.Thread(target=time.sleep, args=(1.6,)).start()

def read_late(queue):
    time.sleep(1.6)
    queue.get()
    queue.get()

def read_slowly(queue):
    for _ in range(2):
        queue.get()
        time.sleep(1.6)

def main():
    queue = mp.Queue()
    reader = start(read_late, queue)
    start(put, queue).join()
    reader.join()

    worker = start(put, queue)
    thread = threading.Thread(target=read_slowly, args=(queue,))
    thread.start()
    worker.join()
    thread.join()

    worker = start(put, queue)
    worker.join(timeout=1.6)
    queue.get()
    queue.get()
    worker.join()

    start(put_small_and_stay, queue).join()
    queue.get()
""")

ZOMBIES = _program("""
def main():
    # They end when all are started: each start joins those that have ended by then.
    end = mp.Event()
    for _ in range(3):
        start(end.wait, name="child")
    end.set()
    while True:
        time.sleep(0.1)
""")

NO_ZOMBIES = _program("""
def work():
    pass

def main():
    waiting = start(time.sleep, 1.6)
    start(work)
    waiting.join()

    long, short = mp.Process(target=time.sleep, args=(1.6,)), mp.Process(target=work)
    for child in (long, short):
        child.start()
    while long.is_alive():
        time.sleep(0.05)
    short.join()

    other = subprocess.Popen(["true"])
    child = start(work)
    deadline = time.monotonic() + 1.6
    while time.monotonic() < deadline:
        mp.active_children()
        other.poll()
        time.sleep(0.05)
""")

LEFT_BEHIND = _program("""
def want(lock, here):
    here.send(1)
    lock.acquire()

def stay(here):
    here.send(1)
    time.sleep(3600)

def main():
    lock = mp.Lock()
    lock.acquire()
    here, there = mp.Pipe(duplex=False)
    waiter, sleeper = start(want, lock, there, name="waiter"), start(stay, there, name="sleeper")
    here.recv(), here.recv()
    wait_until(lambda: is_asleep(waiter) and is_asleep(sleeper))
    os._exit(0)
""")

NOTHING_LEFT_BEHIND = _program("""
def main():
    mp.Process(target=time.sleep, args=(3600,), daemon=True).start()
    # A program that it starts, and a daemon as such make themselves.
    subprocess.Popen(["sleep", "3600"])
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)
    os.wait()
""")

FORK_WITH_THREADS = _program("""
def work():
    pass

def read(end):
    end.wait()

def main():
    end = threading.Event()
    reader = threading.Thread(target=read, args=(end,), name="\\x1b[31mreader")
    reader.start()
    children = [start(work, name="child-%d" % number) for number in range(2)]
    for child in children:
        child.join()
    if mp.get_start_method() == "fork":
        # Until it is found, and somebody ends it.
        threading.Event().wait()
    end.set()
    reader.join()
""")

NO_FORK_WITH_THREADS = _program("""
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

def work(item=0):
    return item

def wait_for(end):
    end.wait()

def start_when_joined():
    main_thread = threading.main_thread().ident
    joins = ("join", "_wait_for_tstate_lock")
    wait_until(lambda: sys._current_frames()[main_thread].f_code.co_name in joins)
    start(work).join()

def main():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    # The pool forks its workers anew while its own threads run, and the queue has one, too.
    queue = mp.Queue()
    queue.put(1)
    with mp.Pool(2, maxtasksperchild=1) as pool:
        pool.map(work, range(6), chunksize=1)
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2) as executor:
        threads.submit(work).result()
        list(executor.map(work, range(6)))
        start(work).join()
    queue.get()
    # The main thread does nothing but wait for the one that forks.
    starter = threading.Thread(target=start_when_joined)
    starter.start()
    starter.join()
    end = threading.Event()
    thread = threading.Thread(target=wait_for, args=(end,))
    thread.start()
    child = os.fork()
    if child == 0:
        os.execvp("sleep", ["sleep", "1.2"])
    os.waitpid(child, 0)
    end.set()
    thread.join()
""")

STALLED_BY_A_FAILURE = _program("""
def price(queue, item):
    if item == "oat":
        raise KeyError(item)
    queue.put(item)

def main():
    queue = mp.Queue()
    workers = [start(price, queue, item, name=item) for item in ("tea", "oat")]
    for _ in workers:
        queue.get()
""")

STALLED_BY_A_CONSUMER = _program("""
def consume(queue):
    raise KeyError(queue.get())

def main():
    queue = mp.Queue(1)
    start(consume, queue, name="consumer")
    while True:
        queue.put("oat")
""")

STALLED_BY_AN_UNPICKLABLE_ITEM = _program("""
def produce(queue):
    queue.put(lambda: 1)

def main():
    queue = mp.Queue()
    start(produce, queue, name="producer")
    queue.get()
""")

STALLED_AFTER_A_NOTIFY = _program("""
def announce(ready):
    with ready:
        ready.notify()

def main():
    ready = mp.Condition()
    start(announce, ready, name="early").join()
    with ready:
        ready.wait()
""")

STALLED_WITHOUT_TASK_DONE = _program("""
def work(queue):
    for item in iter(queue.get, None):
        if item:
            queue.task_done()

def main():
    queue = mp.JoinableQueue()
    start(work, queue, name="worker")
    queue.put(0)
    queue.put(1)
    queue.join()
""")

STALLED_AT_A_BARRIER = _program("""
def meet(barrier, leaves):
    if leaves:
        raise ValueError("no table free")
    barrier.wait()

def main():
    barrier = mp.Barrier(3)
    for leaves in (False, True):
        start(meet, barrier, leaves, name="leaves" if leaves else "stays")
    barrier.wait()
""")

NO_STALL = _program("""
# One thread of the program's own brings the work in, while all main threads wait.
def work(queue, stop):
    for _ in iter(queue.get, None):
        pass

def listen(queue, stop):
    time.sleep(5)
    queue.put(None)
    stop.set()

def main():
    queue, stop = mp.Queue(), mp.Event()
    worker = start(work, queue, stop)
    threading.Thread(target=listen, args=(queue, stop)).start()
    stop.wait()
    worker.join()
""")

NO_STALL_WITH_A_TIMEOUT = _program("""
def work(queue):
    try:
        queue.get(timeout=5)
    except Exception:
        pass

def main():
    worker = start(work, mp.Queue())
    worker.join()
""")

NO_STALL_BEFORE_AN_ALARM = _program("""
# The handler of a timer puts the end in, while all processes wait.
import signal

def work(queue):
    for _ in iter(queue.get, None):
        pass

def main():
    queue = mp.Queue()
    worker = start(work, queue)
    queue.put(1)
    signal.signal(signal.SIGALRM, lambda number, frame: queue.put(None))
    signal.alarm(6)
    worker.join()
""")

NO_STALL_OF_A_SERVER = _program("""
from multiprocessing.connection import Client, Listener

CLIENT = '''
import sys, time
from multiprocessing.connection import Client
time.sleep(5)
Client(sys.argv[1], authkey=b"x").send(1)
'''

def serve(address):
    with Listener(address, authkey=b"x") as listener, listener.accept() as connection:
        connection.recv()

def main():
    address = os.path.abspath("socket")
    server = start(serve, address)
    subprocess.run([sys.executable, "-c", CLIENT, address], env={})
    server.join()
""")

RESULTS_UNREAD = _program("""
class BadRow(Exception):
    def __init__(self, row, column):
        super().__init__("row %d" % row)

def parse(row):
    raise BadRow(row, "price")

def main():
    with mp.Pool(2) as pool:
        pool.map(parse, range(3), chunksize=1)
""")

NO_RESULTS_UNREAD = _program("""
class BadRow(Exception):
    def __init__(self, row, column):
        super().__init__(row, column)

def parse(row):
    raise BadRow(row, "price")

def main():
    with mp.Pool(2) as pool:
        try:
            pool.map(parse, range(3), chunksize=1)
        except BadRow:
            pass
""")

FAILING_INITIALIZER = _program("""
def open_index(path):
    with open(path) as index:
        pass

def main():
    with mp.Pool(2, open_index, ("/nowhere/index",)) as pool:
        pool.map(len, ["a"])
""")

NO_FAILING_INITIALIZER = _program("""
def sometimes(tries):
    with tries.get_lock():
        tries.value += 1
        fails = tries.value <= 5
    if fails:
        os._exit(1)

def main():
    with mp.Pool(1, sometimes, (mp.Value("i", 0),)) as pool:
        # A map divides by the number of workers, which is 0 while one is replaced.
        pool.apply(len, ["a"])
""")

LOCK_OF_A_CACHE_HELD_AT_FORK = _program("""
# The thread of an executor has the lock, and the child of os.fork wants it.
from concurrent.futures import ThreadPoolExecutor

lock, held = threading.RLock(), threading.Event()

def refresh():
    with lock:
        held.set()
        time.sleep(3600)

def main():
    executor = ThreadPoolExecutor(1)
    executor.submit(refresh)
    held.wait()
    if os.fork() == 0:
        tell(started=os.getpid(), name="child")
        with lock:
            os._exit(0)
    os.wait()
""")

LOCK_HELD_AT_FORK = _program("""
lock, held = threading.Lock(), threading.Event()

def hold():
    with lock:
        held.set()
        time.sleep(3600)

def work():
    with lock:
        pass

def main():
    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    start(work, name="child").join()
""")

NO_LOCK_HELD_AT_FORK_BUT_LATER = _program("""
# The lock is free at the fork; it is the child's own second thread that has it for a while.
lock = threading.Lock()

def work():
    def keep():
        with lock:
            time.sleep(4)
    keeper = threading.Thread(target=keep)
    keeper.start()
    wait_until(lock.locked)
    with lock:
        pass
    keeper.join()

def main():
    start(work).join()
""")

NO_LOCK_HELD_AT_FORK = _program("""
def work():
    lock, done = threading.Lock(), threading.Event()
    lock.acquire()
    def later():
        time.sleep(5)
        lock.release()
    threading.Thread(target=later, daemon=True).start()
    lock.acquire()

def main():
    start(work).join()
""")

TERMINATE_UNHEEDED = _program("""
def stop(number, frame):
    pass

def serve(ready):
    signal.signal(signal.SIGTERM, stop)
    ready.set()
    while True:
        time.sleep(0.2)

def main():
    ready = mp.Event()
    server = start(serve, ready, name="server")
    ready.wait()
    server.terminate()
    server.join()
""")

TERMINATE_UNHEEDED_IN_A_POOL = _program("""
def note(number, frame):
    pass

def handle(event):
    global started
    started = event
    signal.signal(signal.SIGTERM, note)

def poll(item):
    started.set()
    while True:
        time.sleep(0.2)

def main():
    started = mp.Event()
    # Without a fork, the workers have the handler from their initializer alone.
    handle(started)
    with mp.Pool(1, handle, (started,)) as pool:
        pool.apply_async(poll, (1,))
        started.wait()
""")

POOL_OF_ANOTHER = _program("""
def square(item):
    return item * item

def use(pool):
    pool.map(square, range(3))

def main():
    pool = mp.Pool(2)
    pool.map(square, range(3))
    start(use, pool, name="child").join()
""")

POOL_OF_ANOTHER_BY_A_GLOBAL = _program("""
pool = None

def square(item):
    return item * item

def sum_of_squares(items):
    return sum(pool.imap(square, items))

def main():
    global pool
    pool = mp.Pool(1)
    child = mp.get_context("fork").Process(target=sum_of_squares, args=([1, 2],), name="child")
    child.start()
    child.join()
""")

NO_POOL_OF_ANOTHER = _program("""
def slow_square(item):
    time.sleep(1.5)
    return item * item

def use():
    # Beside the one that it has inherited.
    with mp.Pool(1) as own:
        own.map(slow_square, range(1))

def main():
    with mp.Pool(1) as pool:
        pool.map(abs, range(3))
        start(use, name="child").join()
""")

NO_TERMINATE_UNHEEDED = _program("""
def serve(ready, seconds):
    def stop(number, frame):
        time.sleep(seconds)
        sys.exit()
    signal.signal(signal.SIGTERM, stop)
    ready.set()
    while True:
        time.sleep(0.2)

def main():
    ready = mp.Event()
    server = start(serve, ready, 1)
    ready.wait()
    server.terminate()
    server.join()
    server = start(time.sleep, 5)
    os.kill(server.pid, signal.SIGTERM)
    server.join()
""")

THREAD_OUTLIVES = _program("""
def beat():
    while True:
        time.sleep(0.1)

def work():
    threading.Thread(target=beat).start()

def main():
    start(work, name="worker").join()
""")

NO_THREAD_OUTLIVES = _program("""
def beat(seconds):
    time.sleep(seconds)

def work():
    threading.Thread(target=beat, args=(3600,), daemon=True).start()
    threading.Thread(target=beat, args=(1,)).start()

def main():
    start(work).join()
""")

BROKEN_EXECUTOR = _program("""
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

def render(page):
    time.sleep(0.1)
    if page == 3:
        tell(started=os.getpid(), name="worker")
        os.kill(os.getpid(), signal.SIGKILL)

def main():
    with ProcessPoolExecutor(2) as executor:
        try:
            list(executor.map(render, range(8)))
        except BrokenProcessPool:
            pass
""")

ONE_AT_A_TIME = _program("""
def crunch(number):
    time.sleep(0.15)

def main():
    with mp.Pool(4) as pool:
        for number in range(12):
            pool.apply_async(crunch, (number,)).get()
""")

NO_ONE_AT_A_TIME = _program("""
def crunch(number):
    time.sleep(0.1)

def main():
    with mp.Pool(4) as pool:
        for number in range(10):
            pool.apply(crunch, (number,))
            # A service has pauses, in which nobody has asked for anything.
            time.sleep(0.2)
    with mp.Pool(4) as pool:
        for each in [pool.apply_async(crunch, (number,)) for number in range(12)]:
            each.get()
""")

BOUND_TO_CORES = _program("""
def spin():
    while True:
        pass

def main():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for name in ("one", "other"):
        child = start(spin, name=name)
    child.join()
""")

ERRORS_UNHEARD = _program("""
def save(page):
    return "out" + page

def main():
    pool = mp.Pool(2)
    for page in range(5):
        pool.apply_async(save, (page,))
    pool.close()
    pool.join()
""")

NO_ERRORS_UNHEARD = _program("""
def save(page):
    return "out" + page

def main():
    with mp.Pool(2) as pool:
        one = pool.apply_async(save, (1,))
        one.wait()
        other = pool.map_async(save, [1], error_callback=lambda error: None)
        other.wait()
        for ask in (one.get, lambda: pool.apply(save, (1,)), lambda: pool.map(save, [1])):
            try:
                ask()
            except TypeError:
                pass
""")

MANAGER_GONE = _program("""
def main():
    manager = mp.Manager()
    shared = manager.dict()
    shared["key"] = 1
    os.kill(manager._process.pid, signal.SIGTERM)
    manager._process.join()
    len(shared)
""")

TASKS_TOO_BIG = _program("""
class Model:
    def __init__(self):
        self.table = b"x" * 1_000_000

    def score(self, item):
        return item

def main():
    with mp.Pool(2) as pool:
        pool.map(Model().score, range(40), chunksize=1)
""")

NO_TASKS_TOO_BIG = _program("""
def work(data):
    time.sleep(0.05)

def main():
    with mp.Pool(2) as pool:
        pool.map(work, [b"x" * 1_000_000] * 12, chunksize=1)
""")

STALLED_BEFORE_THE_FIRST_ITEM = _program("""
def fetch(queue):
    time.sleep(0.3)
    os._exit(3)

def main():
    queue = mp.Queue()
    start(fetch, queue, name="fetcher")
    queue.get()
""")
