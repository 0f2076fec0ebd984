"""Shared memory of a real program: who makes a block, who has it, and who unlinks it."""

from __future__ import annotations

from helpers.runs import Observed, RunProgram

PROGRAM = """
import multiprocessing as mp, os, sys
from multiprocessing.shared_memory import SharedMemory, ShareableList
from telling import tell

def write(block):
    block.buf[0] = 7
    block.close()
    block.close()

def attach(name, own):
    found = SharedMemory(name=name)
    found.buf[1] = 8
    found.close()
    tell(own=own, attacher=os.getpid())

def run(target, *args):
    process = mp.Process(target=target, args=args)
    process.start()
    process.join()
    return process

def main():
    block = SharedMemory(create=True, size=5000)
    writer = run(write, block)
    attacher = run(attach, block.name, True)
    tell(content=list(block.buf[:2]), name=block.name, pids=[writer.pid, attacher.pid])
    second = SharedMemory(block.name)
    second.close()
    view = block.buf[:1]
    try:
        block.close()
    except BufferError as error:
        tell(held=str(error))
    view.release()
    block.close()
    block.unlink()
    try:
        SharedMemory(block.name)
    except FileNotFoundError:
        tell(gone=True)
    again = SharedMemory(block.name, create=True, size=100)
    again.close()
    again.unlink()
    numbers = ShareableList([1, 2, 3])
    tell(numbers=list(numbers), size=numbers.shm.size)
    if sys.version_info >= (3, 13):
        untracked = SharedMemory(create=True, size=10, track=False)
        untracked.unlink()
    numbers.shm.close()
    numbers.shm.unlink()
"""


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


def test_a_block_is_known_by_name_size_and_maker(run: Observed) -> None:
    block = run.one("shared_memory", "block")
    main = run.process("MainProcess")["pid"]
    assert (block["size"], block["created_by_pid"], block["unlinked"]) == (5000, main, True)
    numbers = run.one("shared_memory", "numbers")
    assert (numbers["size"], numbers["unlinked"]) == (run.facts("size"), True)


def test_all_that_had_it_attached_are_known_and_none_has_it_now(run: Observed) -> None:
    block = run.one("shared_memory", "block")
    main = run.process("MainProcess")["pid"]
    users = [main, *run.facts("pids")]
    assert (sorted(block["attached_by"]), block["attached_now"]) == (sorted(users), [])


def test_a_name_that_is_used_again_is_another_block(run: Observed) -> None:
    block, again = run.one("shared_memory", "block"), run.one("shared_memory", "again")
    assert again["id"] == run.facts("name")
    assert block["id"] == f"{again['id']}~2"
    assert (again["size"], again["unlinked"]) == (100, True)


def test_the_program_gets_what_it_would_get_without_us(run: Observed) -> None:
    assert run.facts("content") == [7, 8]
    assert "exported pointers" in run.facts("held")
    assert run.facts("gone") is True
    assert run.facts("numbers") == [1, 2, 3]


LEFT = """
import multiprocessing as mp, time
from multiprocessing.shared_memory import SharedMemory

def hold(name, ready):
    block = SharedMemory(name)
    ready.set()
    time.sleep(600)

if __name__ == "__main__":
    kept = SharedMemory(create=True, size=64)
    ready = mp.Event()
    process = mp.Process(target=hold, args=(kept.name, ready))
    process.start()
    ready.wait()
    process.kill()
    process.join()
"""


def test_what_a_killed_process_had_attached_it_has_no_more(run_program: RunProgram) -> None:
    run = run_program(LEFT, start_method="spawn")
    kept = run.one("shared_memory", "kept")
    assert len(kept["attached_by"]) == 2
    assert (kept["attached_now"], kept["unlinked"]) == ([], False)
