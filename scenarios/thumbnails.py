"""Thumbnails: a folder of photos is made small by a pool of workers.

Watch all cores at work, one task an image, and one broken file reported.

Each task reads a file, decodes it, resizes it and writes the result: mostly
work for a core, so that more cores are more speed. A task that meets a bad
file catches the error and returns it as its result, since one bad image
must not cost the others. imap_unordered gives each result as soon as it is
there, and so the parent can say how far it has got.
"""

import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from multiprocessing import Pool, current_process
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from mpviz.scenarios.catalogue import Range

with suppress(ModuleNotFoundError):  # Then main says what to install.
    from PIL import Image

CHAPTER = "real work"
ORDER = 1


@dataclass
class Report:
    """What came of one image, and who worked on it."""

    file: str
    worker: str
    result: str
    failed: bool = False


def process_image(task: tuple[Path, Path, int]) -> Report:
    """Resize one image, or report why that is not possible."""
    path, output_folder, size = task
    worker = current_process().name
    try:
        with Image.open(path) as image:
            # No gap: decode all of it, for the best that can be had.
            image.thumbnail((size, size), reducing_gap=None)
            image.save(output_folder / path.name)
    except OSError as error:  # Pillow's own errors are of this kind.
        return Report(path.name, worker, f"error: {error}", failed=True)
    width, height = image.size
    return Report(path.name, worker, f"{width} x {height}")


def make_images(folder: Path, images: int, broken: int, width: int) -> None:
    """Write photos of three sizes; the first of them are cut short."""
    circle = Image.radial_gradient("L")
    noise = Image.effect_noise(circle.size, 80)
    photo = Image.merge("RGB", (circle, noise, Image.linear_gradient("L")))
    files = []
    for share in (2, 3, 4):
        buffer = BytesIO()
        size = width * share // 4, width * share * 3 // 16
        photo.resize(size).save(buffer, "JPEG")
        files.append(buffer.getvalue())
    for number in range(images):
        data = files[number % len(files)]
        if number < broken:
            data = data[: len(data) // 2]
        (folder / f"photo-{number + 1:04}.jpg").write_bytes(data)


def main(
    *,
    workers: Annotated[
        int, Range(1, 64, "worker processes in the pool")
    ] = 4,
    images: Annotated[int, Range(1, 1000, "photos in the folder")] = 60,
    broken: Annotated[
        int, Range(0, 1000, "how many of the files are cut short")
    ] = 1,
    width: Annotated[
        int, Range(64, 8000, "pixels that the largest photo is wide")
    ] = 5000,
    size: Annotated[
        int, Range(1, 1000, "pixels that a thumbnail has at most, each way")
    ] = 300,
) -> None:
    """Make photos and, with a pool of workers, thumbnails of them."""
    if find_spec("PIL") is None:
        sys.exit("thumbnails needs Pillow: pip install 'mpviz[images]'")
    with TemporaryDirectory() as folder:
        photos, thumbnails = Path(folder, "photos"), Path(folder, "small")
        photos.mkdir()
        thumbnails.mkdir()
        make_images(photos, images, broken, width)
        tasks = [
            (path, thumbnails, size) for path in sorted(photos.iterdir())
        ]

        print(f"{workers} workers, {images} images", flush=True)
        start = time.perf_counter()
        reports = []
        with Pool(workers) as pool:
            for report in pool.imap_unordered(process_image, tasks):
                reports.append(report)
                progress = f"{len(reports)}/{images} {report.file}"
                print(f"{progress}: {report.result}", flush=True)
        seconds = time.perf_counter() - start
    failed = sum(report.failed for report in reports)
    print(f"processed {images - failed}, failed {failed}, {seconds:.2f} s")
    shares = Counter(report.worker for report in reports)
    for worker, count in sorted(shares.items()):
        print(f"{worker}: {count} images")
