"""The parts of a day, in the order of their worth."""

import json
import re
import subprocess
import sys
from pathlib import Path

import lost_context
import nvml
import requests_over_http
from day import Cut, NotHere, Part, tool

HERE = Path(__file__).resolve().parent

# Size, images of a batch, format of the weights, whose kernels, steps, counted batches.
FULL_CASES = [
    ("1024x1024", 1, "f16", "own", 8, 3),
    ("1024x1024", 1, "bf16", "own", 8, 3),
    ("512x512", 1, "f16", "own", 8, 3),
    ("1024x1024", 1, "f16", "candle", 4, 1),
    ("2048x2048", 1, "f16", "own", 8, 1),
    ("512x512", 1, "bf16", "own", 8, 3),
    ("512x512", 4, "f16", "own", 8, 2),
    ("1024x1024", 2, "f16", "own", 8, 2),
    ("512x512", 2, "f16", "own", 8, 2),
    ("1024x1024", 4, "f16", "own", 8, 1),
    ("2048x2048", 1, "bf16", "own", 8, 1),
]
REHEARSED_CASES = [("64x64", 1, "f16", "own", 2, 1), ("64x64", 2, "f32", "candle", 1, 1)]

# What the card's memory is made to look like, in GB, and the tiers that are tried in it.
CAPS = [(24, "8bit"), (16, "8bit"), (12, "4bit"), (8, "low")]
REHEARSED_CAPS = [(8, "8bit")]


def kernels(day):
    """Each kernel of ours on the card against its reference on the CPU."""
    if day.device == "cpu":
        raise NotHere("a card")
    test(day, "unit-tests", ["fused::cuda"], "tests")


def checked(day):
    """The same under NVIDIA's checker of memory and of races."""
    sanitizer = tool("compute-sanitizer")
    if day.device == "cpu" or sanitizer is None:
        raise NotHere("compute-sanitizer and a card")
    for checker in ("memcheck", "racecheck"):
        if not day.has(checker):
            command = [sanitizer, "--tool", checker, "--error-exitcode", "9", day.program("unit-tests"), "fused::cuda"]
            status, printed = day.call(command, fails=True)
            day.keep(checker, {"is_clean": status == 0, "last": printed.strip().splitlines()[-3:]})


def parity(day):
    """The committed goldens of diffusers, on the device."""
    groups = ["precision"] if day.rehearsal else ["goldens", "precision", "memory"]
    for group in groups:
        if not day.has(group):
            test(day, "parity-tests", [group], group)


def test(day, program, filters, name):
    """Runs tests of a packed test program, and keeps which passed and what they printed."""
    scratch = str(day.out / "scratch")
    environment = {"CARGO_MANIFEST_DIR": str(day.kit), "CARGO_TARGET_TMPDIR": scratch, "TINTYPE_TEST_DEVICE": day.device}
    status, printed = day.call([day.program(program), "--nocapture", *filters], environment, fails=True)
    counts = re.search(r"(\d+) passed; (\d+) failed", printed)
    if counts is None:
        raise RuntimeError(f"{program} ended with {status} before its tests")
    errors = [float(error) for error in re.findall(r"relative error (\S+)", printed)]
    failed = re.findall(r"^test (\S+) \.\.\. FAILED", printed, re.M)
    passed, lost = map(int, counts.groups())
    day.keep(name, {"passed": passed, "failed": lost, "names": failed, "largest_error": max(errors, default=None)})


def bench_command(day, size, n, dtype, whose, steps, counted):
    model = ["--model", day.kit / "models/embedded"] if day.rehearsal else ["--random-weights", "full"]
    return [
        day.program("tintype"), "bench", "--json", *model, "--device", day.device, "--sizes", size, "--n", n,
        "--dtype", dtype, "--kernels", whose, "--steps", steps, "--repetitions", counted, "--warm-up", 1,
    ]  # fmt: skip


def bench(day):
    """Times of each part of an image, its memory and its joules. A process a case: what is measured is kept."""
    failures = []
    for case in REHEARSED_CASES if day.rehearsal else FULL_CASES:
        size, n, dtype, whose, *_ = case
        name = f"{size} n={n} {dtype} {whose}"
        if day.has(name):
            continue
        with Sampler() as memory:
            try:
                report = json.loads(day.call(bench_command(day, *case)))
            except RuntimeError as failure:  # The next case may fit.
                failures.append(f"{name}: {failure}")
                continue
        day.keep(name, {"report": report, "peak_mib_of_card": memory.peak})
    if failures:
        raise RuntimeError("; ".join(failures))


class Sampler:
    """The card's memory in use at most, by nvidia-smi, five times a second: `peak`, in MiB, None where it is not here."""

    def __enter__(self):
        self.peak, smi = None, tool("nvidia-smi")
        self.child = smi and subprocess.Popen(
            [smi, "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-lms", "200"],
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_):
        if self.child:
            self.child.terminate()
            used = [int(line) for line in self.child.communicate()[0].split() if line.isdigit()]
            self.peak = max(used, default=None)


def reference(day):
    """diffusers on the same weights, eager and compiled, beside ours; and the images' difference."""
    command = [sys.executable, HERE / "reference.py", "--tintype", day.program("tintype"), "--device", day.device]
    command += ["--kit", day.kit, "--into", day.model, *(["--rehearse"] if day.rehearsal else [])]
    command += ["--known", *day.record["figures"]]
    try:
        status, printed = day.call(command, {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}, fails=True)
    except Cut as cut:
        keep_lines(day, cut.printed)
        raise
    if status == 3:
        raise NotHere(printed.strip().splitlines()[-1])
    keep_lines(day, printed)
    if status:
        raise RuntimeError(f"reference.py ended with {status}: {' '.join(printed.strip().splitlines()[-1:])}")


def keep_lines(day, printed):
    """Keeps each line that is a figure in JSON."""
    for line in printed.splitlines():
        if line.startswith("{") and line.endswith("}"):
            for name, figure in json.loads(line).items():
                day.keep(name, figure)


def tiers(day):
    """What a tier takes where the allocator is capped, and what was foreseen."""
    for cap, tier in REHEARSED_CAPS if day.rehearsal else CAPS:
        name = f"{tier} in {cap} GB"
        if day.has(name):
            continue
        size = "64x64" if day.rehearsal else "1024x1024"
        command = bench_command(day, size, 1, "f16", "own", 2 if day.rehearsal else 4, 1) + ["--memory", tier]
        cap_mib = str(cap * 1000**3 // 2**20)
        with Sampler() as memory:
            status, printed = day.call(command, {"TINTYPE_MODEL__MEMORY_MIB": cap_mib}, fails=True)
        figure = {"peak_mib_of_card": memory.peak, "ended_with": status}
        reports = [line for line in [printed[printed.find("{") :]] if status == 0 and line]
        figure["report"] = json.loads(reports[0][: reports[0].rfind("}") + 1]) if reports else None
        figure["said"] = None if status == 0 else printed.strip().splitlines()[-1:]
        day.keep(name, figure)


def served(day):
    """Whole requests over HTTP, books and all: what the server adds to the device's time."""
    model = day.model
    if not (model / "model_index.json").is_file():
        model = day.kit / "models/embedded"
    size = "64x64" if day.rehearsal or model.name == "embedded" else "1024x1024"
    count = 3 if day.rehearsal else 12
    command = [day.program("tintype"), "serve", "--model", model, "--device", day.device]
    if not day.rehearsal:
        command += ["--dtype", "f16", "--kernels", "own"]
    figures = requests_over_http.measure(day, command, size, count)
    day.keep(f"{model.name} {size}", figures)


def lost(day):
    """A context that is lost in one of two workers, and the way back."""
    if not day.has("driver") and day.device != "cpu":
        test(day, "unit-tests", ["lost_context"], "driver")
    if not day.has("server"):
        day.keep("server", lost_context.measure(day))


def energy(day):
    """The card's counter beside the integral of its power, while images are made."""
    try:
        library = nvml.Nvml()
    except OSError as error:
        raise NotHere(f"NVML ({error})") from None
    case = ("1024x1024", 1, "f16", "own", 8, 2)
    child = subprocess.Popen([str(word) for word in bench_command(day, *case)], stdout=subprocess.DEVNULL)
    try:
        figures = nvml.compare(library, lambda: child.poll() is None and day.left() > 1)
        if child.poll():
            raise RuntimeError(f"bench ended with {child.returncode}")
    finally:
        child.kill()
        child.wait()
    day.keep("counter", figures)


def profile(day):
    """Where a step and a decode spend their time, kernel by kernel, by Nsight Compute."""
    ncu = tool("ncu")
    if day.device == "cpu" or ncu is None:
        raise NotHere("ncu and a card")
    command = [ncu, "--clock-control", "none", "--csv", "--page", "raw", "--metrics", "gpu__time_duration.sum"]
    command += ["--launch-skip", "3000", "--launch-count", "700"]
    printed = day.call(command + bench_command(day, "512x512", 1, "f16", "own", 2, 1))
    day.keep("kernels", by_kernel(printed))


def by_kernel(csv):
    """Nanoseconds and launches of each kernel from ncu's CSV, the slowest first."""
    lines = [line for line in csv.splitlines() if line.startswith('"')]
    rows = [re.findall(r'"((?:[^"]|"")*)"', line) for line in lines]
    if not rows:
        raise RuntimeError("ncu printed no rows")
    name, duration = rows[0].index("Kernel Name"), rows[0].index("gpu__time_duration.sum")
    sums = {}
    for row in rows[2:]:
        launches, spent = sums.get(row[name], (0, 0.0))
        sums[row[name]] = (launches + 1, spent + float(row[duration].replace(",", "")))
    slowest = sorted(sums.items(), key=lambda entry: -entry[1][1])
    return [{"kernel": kernel, "launches": launches, "ns": spent} for kernel, (launches, spent) in slowest[:25]]


# 540 seconds in all.
PARTS = [
    Part("kernels", 30, kernels),
    Part("parity", 45, parity),
    Part("bench", 165, bench),
    Part("reference", 115, reference),
    Part("tiers", 55, tiers),
    Part("served", 35, served),
    Part("lost", 20, lost),
    Part("energy", 20, energy),
    Part("checked", 30, checked),
    Part("profile", 25, profile),
]

