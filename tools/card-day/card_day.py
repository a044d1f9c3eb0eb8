"""Everything that a card can say of Tintype, in nine minutes: kernels, goldens, times, memory, joules, requests.

    tools/card-day/pack                                             where there is Rust: makes target/card-day/kit.tar.xz
    tar xf kit.tar.xz && python3 kit/card-day/card_day.py --kit kit --out OUT          on the card's machine
    python3 tools/card-day/report.py OUT/card-day.json --write      puts the tables into docs/performance.md

The parts stand in the order of their worth, each in a time box. Every figure is on the disk when it is known: a run that was cut
goes on where it was, with the same command. `--rehearse` runs all of it on a CPU with a tiny model.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from day import Day, find_libraries, why_not  # noqa: E402
from parts import PARTS  # noqa: E402
from report import tables  # noqa: E402


LIBRARIES = "CUDA 13's libraries are looked for in the packages of this Python's PyTorch, in LD_LIBRARY_PATH and in /usr/local/cuda"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kit", type=Path, required=True, help="what pack made, unpacked")
    parser.add_argument("--out", type=Path, required=True, help="where figures and the log are kept")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--budget", type=float, default=540.0, help="seconds for all parts")
    parser.add_argument("--rehearse", action="store_true", help="a tiny model and few cases")
    parser.add_argument("--models", type=Path, help="where 21 GB of random weights are written; OUT by default")
    parser.add_argument("--only", nargs="+", choices=[part.name for part in PARTS], metavar="PART")
    arguments = parser.parse_args()
    find_libraries()
    if why := why_not(arguments.kit / "tintype"):
        sys.exit(f"the kit's program does not start here: {why}\n{LIBRARIES}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    models = (arguments.models or arguments.out).resolve()
    day = Day(arguments.kit.resolve(), arguments.out.resolve(), arguments.device, arguments.rehearse, arguments.budget, models)
    day.run([part for part in PARTS if not arguments.only or part.name in arguments.only])
    print(tables(day.results), end="")
    states = {part["state"] for part in day.results["parts"].values()}
    sys.exit(1 if "failed" in states else 0)


main()
