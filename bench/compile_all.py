"""Compile every document of the corpus in one process; print how time grows with size, and the slowest by name.

`python bench/compile_all.py CORPUS`. A document counts with its decoding, its reading and all its schemas.
"""

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from apifold.bootstrap.sources import load_path
from apifold.core.openapi.decode import DocumentRefused
from apifold.core.tools.compiler import compile_tools

BUCKETS = ((0, 50_000), (50_000, 500_000), (500_000, 2_000_000), (2_000_000, 10_000_000))
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Run:
    name: str
    size: int
    read: float
    schemas: float
    tools: int

    @property
    def seconds(self) -> float:
        return self.read + self.schemas


def roots(specs: Path) -> list[Path]:
    """The documents, without the parts of those that are made of several files."""
    listed = (specs.parent / "index.csv").read_text(encoding="utf-8").splitlines()[1:]
    return [specs / line.split(",")[0] for line in listed]


def compile_one(path: Path) -> Run | None:
    started = time.perf_counter()
    try:
        document = load_path(path)
    except DocumentRefused:
        return None
    catalogue = compile_tools(document)
    read = time.perf_counter() - started
    for tool in catalogue.tools:
        catalogue.input(tool)
    return Run(path.name, path.stat().st_size, read, time.perf_counter() - started - read, len(catalogue))


def main(corpus: Path) -> None:
    runs = [run for run in map(compile_one, roots(corpus / "specs")) if run is not None]
    total, size, tools = sum(r.seconds for r in runs), sum(r.size for r in runs), sum(r.tools for r in runs)
    print(
        f"{len(runs)} documents, {size / 1e6:.1f} MB, {tools:,} tools: {total:.1f} s, {total / size * 1e9:.0f} ms a MB,",
        end=" ",
    )
    print(
        f"{total / tools * 1e6:.0f} µs a tool. Peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB.\n"
    )
    print("| document size | documents | ms a MB | µs a tool |\n|---|---|---|---|")
    for low, high in BUCKETS:
        some = [run for run in runs if low <= run.size < high]
        if some:
            spent, bytes_, count = sum(r.seconds for r in some), sum(r.size for r in some), sum(r.tools for r in some)
            print(
                f"| {low / 1e6:g} to {high / 1e6:g} MB | {len(some)} | {spent / bytes_ * 1e9:.0f} | {spent / max(count, 1) * 1e6:.0f} |"
            )
    print("\nSlowest:\n")
    for run in sorted(runs, key=lambda run: -run.seconds)[:SHOWN]:
        print(
            f"- {run.name}: {run.seconds:.2f} s ({run.read:.2f} s to read, {run.schemas:.2f} s for the schemas of {run.tools:,} tools)"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
