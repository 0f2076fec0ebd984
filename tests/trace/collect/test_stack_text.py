"""What faulthandler writes, as stacks."""

from __future__ import annotations

from mpviz.trace.collect.stacks import parse_stacks

OLD = """Thread 0x00007ff92b4d96c0 (most recent call first):
  File "t.py", line 11 in other
  File "/usr/lib/python3.8/threading.py", line 870 in run

Current thread 0x00007ff92bfd7b80 (most recent call first):
  File "<mpviz_probe.standard.locks>", line 296 in wait_for
  File "t.py", line 15 in deep
  File "t.py", line 16 in <module>
"""

NEW = """Thread 0x00007f5b2707d6c0 [helper \\e[31m] (most recent call first):
  File "/srv/a "b", line 3 in c.py", line 11 in other
  ...

Current thread 0x00007f5b2772d780 [python3.15] (most recent call first):
  <no Python frame>
"""


def test_threads_come_with_their_frames_from_the_innermost_outwards() -> None:
    other, main = parse_stacks(OLD)
    assert other.thread == 0x00007FF92B4D96C0
    assert other.name == ""
    assert other.frames == [("t.py", 11, "other"), ("/usr/lib/python3.8/threading.py", 870, "run")]
    assert main.frames == [("t.py", 15, "deep"), ("t.py", 16, "<module>")]


def test_names_and_strange_paths_are_read() -> None:
    other, main = parse_stacks(NEW.replace("\\e", "\x1b"))
    assert other.name == "helper "
    assert other.frames == [('/srv/a "b", line 3 in c.py', 11, "other")]
    assert main.frames == []


def test_what_is_no_stack_is_left_out() -> None:
    assert parse_stacks('garbage\n  File "x", line 1 in y\n\x00\n') == []
