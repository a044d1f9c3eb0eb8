"""The parts of a day, in the order of their worth."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nvml
import requests_over_http
from day import NotHere, Part

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
    sanitizer = shutil.which("compute-sanitizer")
    if day.device == "cpu" or sanitizer is None:
        raise NotHere("compute-sanitizer and a card")
    for tool in ("memcheck", "racecheck"):
        if not day.has(tool):
            command = [sanitizer, "--tool", tool, "--error-exitcode", "9", day.program("unit-tests"), "fused::cuda"]
            status, printed = day.call(command, fails=True)
            day.keep(tool, {"is_clean": status == 0, "last": printed.strip().splitlines()[-3:]})


def parity(day):
    """The committed goldens of diffusers, on the device."""
    groups = ["precision"] if day.rehearsal else ["goldens", "precision", "memory"]
    for group in groups:
        if not day.has(group):
            test(day, "parity-tests", [group], group)


def test(day, program, filters, name):
    """Runs tests of a packed test program, and keeps which passed and what they printed."""
    environment = {"CARGO_MANIFEST_DIR": str(day.kit), "TINTYPE_TEST_DEVICE": day.device}
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
    for case in REHEARSED_CASES if day.rehearsal else FULL_CASES:
        size, n, dtype, whose, *_ = case
        name = f"{size} n={n} {dtype} {whose}"
        if day.has(name):
            continue
        power = Sampler()
        report = json.loads(day.call(bench_command(day, *case)))
        day.keep(name, {"report": report, "peak_mib_of_card": power.stop()})


class Sampler:
    """The card's memory in use at most, by nvidia-smi, five times a second."""

    def __init__(self):
        smi = shutil.which("nvidia-smi")
        self.child = smi and subprocess.Popen(
            [smi, "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-lms", "200"],
            stdout=subprocess.PIPE,
            text=True,
        )

    def stop(self):
        if not self.child:
            return None
        self.child.terminate()
        used = [int(line) for line in self.child.communicate()[0].split() if line.isdigit()]
        return max(used, default=None)


def reference(day):
    """diffusers on the same weights, eager and compiled, beside ours; and the images' difference."""
    command = [sys.executable, HERE / "reference.py", "--tintype", day.program("tintype"), "--device", day.device]
    command += ["--kit", day.kit, "--into", day.out / "model", *(["--rehearse"] if day.rehearsal else [])]
    status, printed = day.call(command, {"PYTHONUNBUFFERED": "1"}, fails=True)
    if status == 3:
        raise NotHere(printed.strip().splitlines()[-1])
    for line in printed.splitlines():
        if line.startswith("{"):
            for name, figure in json.loads(line).items():
                day.keep(name, figure)
    if status:
        raise RuntimeError(f"reference.py ended with {status}: {' '.join(printed.strip().splitlines()[-1:])}")


def tiers(day):
    """What a tier takes where the allocator is capped, and what was foreseen."""
    for cap, tier in REHEARSED_CAPS if day.rehearsal else CAPS:
        name = f"{tier} in {cap} GB"
        if day.has(name):
            continue
        size = "64x64" if day.rehearsal else "1024x1024"
        command = bench_command(day, size, 1, "f16", "auto", 2 if day.rehearsal else 4, 1) + ["--memory", tier]
        sampler = Sampler()
        cap_mib = str(cap * 1000**3 // 2**20)
        status, printed = day.call(command, {"TINTYPE_MODEL__MEMORY_MIB": cap_mib}, fails=True)
        figure = {"peak_mib_of_card": sampler.stop(), "ended_with": status}
        reports = [line for line in [printed[printed.find("{") :]] if status == 0 and line]
        figure["report"] = json.loads(reports[0][: reports[0].rfind("}") + 1]) if reports else None
        figure["said"] = None if status == 0 else printed.strip().splitlines()[-1:]
        day.keep(name, figure)


def served(day):
    """Whole requests over HTTP, books and all: what the server adds to the device's time."""
    model = day.out / "model"
    if not (model / "model_index.json").is_file():
        model = day.kit / "models/embedded"
    size = "64x64" if day.rehearsal or model.name == "embedded" else "1024x1024"
    count = 3 if day.rehearsal else 12
    command = [day.program("tintype"), "serve", "--model", model, "--device", day.device]
    if not day.rehearsal:
        command += ["--dtype", "f16", "--kernels", "own"]
    figures = requests_over_http.measure(day, command, size, count)
    day.keep(f"{model.name} {size}", figures)


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
    finally:
        child.kill()
        child.wait()
    day.keep("counter", figures)


def profile(day):
    """Where a step and a decode spend their time, kernel by kernel, by Nsight Compute."""
    ncu = shutil.which("ncu")
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
    Part("bench", 170, bench),
    Part("reference", 120, reference),
    Part("tiers", 60, tiers),
    Part("served", 40, served),
    Part("energy", 20, energy),
    Part("checked", 30, checked),
    Part("profile", 25, profile),
]

