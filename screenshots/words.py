"""How many words are there in Python's own library? Four processes share the files, in vain.

docs/example.md finds out why with mpviz; ``words_fixed.py`` is what comes of it.
"""

import re
import sysconfig
from multiprocessing import Process, Value
from pathlib import Path

WORD = re.compile(r"[^\W\d_]{2,}")


def count(paths, total):
    for path in paths:
        with total.get_lock():
            total.value += words_in(path)


def words_in(path):
    text = path.read_text(errors="replace").lower()
    return len(set(WORD.findall(text)))


def main():
    library = Path(sysconfig.get_path("stdlib"))
    paths = [path for path in library.rglob("*.py") if "site-packages" not in path.parts]
    total = Value("l", 0)
    workers = [
        Process(target=count, args=(paths[n::4], total), name=f"worker-{n}") for n in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(f"{total.value:,} words, each file's counted once, in {len(paths)} files")


if __name__ == "__main__":
    main()
