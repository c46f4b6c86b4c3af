"""
`make bench`: measure cgbot beside its peers on this machine, each figure as a ratio.

CGBOT_BENCH names the folder with the load generators and the scripts that bring the peers up; what a peer needs and
this machine lacks is said and left out. Each `bench_*.py` beside this file has `run(tools)` that gives its rows.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
from pathlib import Path

from tests.bench.rows import Row, Tools, show


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("only", nargs="*", help="names of benches, as accept; all by default")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    folder = os.environ.get("CGBOT_BENCH", "")
    if not folder:
        sys.stderr.write("CGBOT_BENCH names no folder with the load generators; nothing is measured\n")
        return 2
    names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="cgbot-bench-") as scratch:
        tools = Tools(Path(folder), Path(scratch), given.repeats)
        for name in given.only or names:
            for row in importlib.import_module(f"tests.bench.bench_{name}").run(tools):
                sys.stdout.write(show(row) + "\n")
                sys.stdout.flush()
                rows.append(row)
    return 0 if all(row.reached for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
