"""A day's parts, each in a time box, and what they found, kept after every figure so that a cut run can go on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable


class Cut(Exception):
    """A part's time, or the day's, is up. `printed` is what its last program had printed."""

    def __init__(self, printed=""):
        super().__init__()
        self.printed = printed


class NotHere(Exception):
    """What a part needs is not on this machine."""


def find_libraries():
    """Has programs find CUDA's libraries where PyTorch's packages have them: a machine need not have them anywhere else."""
    found = [str(folder) for path in sys.path if path for folder in sorted(Path(path).glob("nvidia/*/lib"))]
    known = [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path]
    os.environ["LD_LIBRARY_PATH"] = ":".join([*known, *found, "/usr/local/cuda/lib64"])


def why_not(program):
    """Why a program does not start, in its loader's words; nothing if it does, or is not in the kit."""
    if not program.is_file():
        return ""
    try:
        done = subprocess.run([program, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        return str(error)
    return (done.stderr.strip() or f"it ended with {done.returncode}") if done.returncode else ""


def tool(name):
    """Where one of NVIDIA's programs is, on the path or where its installer puts it; None if it is not here."""
    folders = [os.environ.get("PATH", os.defpath), "/usr/local/cuda/bin", *map(str, Path("/opt/nvidia").glob("nsight-compute/*"))]
    return shutil.which(name, path=":".join(folders))


@dataclass(frozen=True)
class Part:
    name: str
    # Seconds that it may take at most; it gets less where less of the day is left.
    box: float
    run: Callable[["Day"], None]


class Day:
    """One run of the parts, or several that go on with each other's results in the same file.

    Each part has a record: `state` (done, cut, failed, not here), `seconds` over all runs, `note` and `figures`. A part that is
    done, or found that this machine has not what it needs, is not run again; one that was cut goes on without the figures that
    it has.
    """

    def __init__(self, kit, out, device, rehearsal, budget, models):
        # Where a model of random weights is written, for several parts.
        self.model = models / "model"
        self.kit, self.out, self.device, self.rehearsal = kit, out, device, rehearsal
        self.ends = time.monotonic() + budget
        self.box_ends = self.ends
        self.file = out / "card-day.json"
        self.results = json.loads(self.file.read_text()) if self.file.is_file() else {"parts": {}}
        self.record = None

    def run(self, parts):
        for part in parts:
            if time.monotonic() >= self.ends:
                break
            record = self.results["parts"].setdefault(part.name, {"state": "waiting", "seconds": 0.0, "figures": {}})
            if record["state"] in ("done", "not here"):
                continue
            self.record = record
            begin = time.monotonic()
            self.box_ends = min(self.ends, begin + part.box)
            record["state"], record["note"] = "done", ""
            try:
                part.run(self)
            except Cut:
                record["state"] = "cut"
            except NotHere as missing:
                record["state"], record["note"] = "not here", str(missing)
            except Exception as error:  # One part's fault is not the others'.
                record["state"], record["note"] = "failed", f"{type(error).__name__}: {error}"[:2000]
            record["seconds"] = round(record["seconds"] + time.monotonic() - begin, 1)
            self.save()

    def has(self, name):
        """Whether an earlier run, or this one, has the figure."""
        return name in self.record["figures"]

    def keep(self, name, figure):
        """Keeps a figure of the part that runs, on the disk."""
        self.record["figures"][name] = figure
        self.save()

    def save(self):
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps(self.results, indent=1) + "\n")
        os.replace(draft, self.file)

    def left(self):
        """Seconds of the part's box."""
        return self.box_ends - time.monotonic()

    def call(self, command, environment=None, fails=False):
        """Runs a program to its end, in what is left of the box, and gives what it printed.

        Its whole process group ends with its time. `fails` says that another exit status than 0 is a result, too.
        """
        if self.left() <= 0:
            raise Cut
        command = [str(word) for word in command]
        child = subprocess.Popen(
            command,
            env=os.environ | {"TINTYPE_LOG": "warn"} | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            printed, complaints = child.communicate(timeout=self.left())
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            printed, complaints = child.communicate()
            self.log(command, printed, f"{complaints}cut\n")
            raise Cut(printed) from None
        self.log(command, printed, complaints)
        if child.returncode and not fails:
            last = (complaints.strip() or printed.strip()).splitlines()[-1:]
            raise RuntimeError(f"{Path(command[0]).name} ended with {child.returncode}: {' '.join(last)}")
        return printed if not fails else (child.returncode, printed + complaints)

    def log(self, command, printed, complaints):
        """What a program printed, beside the figures."""
        with (self.out / "card-day.log").open("a") as log:
            log.write(f"$ {' '.join(map(str, command))}\n{printed}{complaints}\n")

    def program(self, name):
        """A program of the kit."""
        path = self.kit / name
        if not path.is_file():
            raise NotHere(f"the kit has no {name}")
        return path
