"""What each CUDA kernel takes of a card, by nvcc: registers, spills and shared memory, for every architecture.

    python3 tools/kernel-tables/kernel_tables.py                  a table; with nvcc of $NVCC, $CUDA_HOME or the path
    python3 tools/kernel-tables/kernel_tables.py --install        NVIDIA's compiler from PyPI into target/cuda first: 300 MB
    python3 tools/kernel-tables/kernel_tables.py --write          puts the table into docs/decisions/0012-kernels-for-cards.md

No card and no driver is needed. Ends with 1 if a kernel does not compile, spills more than --spills bytes, or takes more registers or
static shared memory than a block can have.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "src/pipeline/fused/cuda"
DOCUMENT = ROOT / "docs/decisions/0012-kernels-for-cards.md"
BEGIN, END = "<!-- kernel-tables: written by tools/kernel-tables/kernel_tables.py -->", "<!-- kernel-tables ends -->"
ARCHITECTURES = ["75", "80", "86", "89", "90", "100", "120"]
# One version for all: what nvcc writes must not be newer than the driver that reads it.
WHEELS = [
    "nvidia-cuda-nvcc==13.0.88",
    "nvidia-cuda-crt==13.0.88",
    "nvidia-nvvm==13.0.88",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cuda-cccl==13.0.85",
]
# By the CUDA C++ programming guide: what every architecture gives a thread, and a block without asking.
REGISTERS_MAX, STATIC_SHARED_MAX = 255, 48 << 10


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--spills", type=int, default=16, help="bytes that a kernel may spill (16)")
    parser.add_argument("--architectures", nargs="+", default=ARCHITECTURES, metavar="CC")
    arguments = parser.parse_args()
    nvcc, include = compiler(arguments.install)
    began, found, faults = time.monotonic(), {}, []
    for file in sorted(KERNELS.glob("*.cu")):
        for architecture in arguments.architectures:
            said, compiles = compile_for(nvcc, include, file, architecture)
            if not compiles:
                faults.append(f"{file.name} does not compile for {architecture}:\n{said}")
            for kernel, taken in kernels(said).items():
                found.setdefault((file.name, kernel), {})[architecture] = taken
    for (file, kernel), by_architecture in found.items():
        faults += [f"{file}: {kernel} for {on}: {fault}" for on, taken in by_architecture.items() for fault in faults_of(taken, arguments)]
    text = table(found, arguments.architectures)
    if arguments.write:
        write(text)
    else:
        print(text, end="")
    print(f"{len(found)} kernels, {len(arguments.architectures)} architectures, {time.monotonic() - began:.0f} s", file=sys.stderr)
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    sys.exit(1 if faults or not found else 0)


def compiler(installs):
    """nvcc, and what it needs beside its own headers."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "cuda"
    home = target / "nvidia/cu13"
    if installs and not (home / "bin/nvcc").is_file():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:"]
        subprocess.run([*pip, "--disable-pip-version-check", "--target", str(target), *WHEELS], check=True)
    homes = [home if installs else None, os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), home]
    candidates = [os.environ.get("NVCC"), *(str(Path(place) / "bin/nvcc") for place in homes if place), shutil.which("nvcc")]
    for nvcc in candidates:
        if nvcc and Path(nvcc).is_file():
            return nvcc, Path(nvcc).resolve().parents[1] / "include"
    sys.exit("no nvcc: name it in NVCC, or let --install fetch it")


def compile_for(nvcc, include, file, architecture):
    """What ptxas says of a file's kernels, and whether they compile. Nothing is kept."""
    with tempfile.TemporaryDirectory() as scratch:
        flags = ["-std=c++17", "-O3", f"-arch=sm_{architecture}", "-cubin", "-Xptxas", "-v", f"-I{KERNELS}", f"-I{include}"]
        command = [nvcc, *flags, "-o", f"{scratch}/kernels.cubin", str(file)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout, done.returncode == 0


def kernels(said):
    """Each kernel's registers, spilled bytes and shared bytes, from what ptxas -v says."""
    found, kernel = {}, None
    for line in said.splitlines():
        if named := re.search(r"Compiling entry function '(\w+)'", line):
            kernel = found[named[1]] = {"registers": 0, "spills": 0, "shared": 0}
        elif kernel is None:
            continue
        elif spilled := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
            kernel["spills"] = max(kernel["spills"], int(spilled[1]), int(spilled[2]))
        elif used := re.search(r"Used (\d+) registers", line):
            kernel["registers"] = int(used[1])
            shared = re.search(r"(\d+) bytes smem", line)
            kernel["shared"] = int(shared[1]) if shared else 0
    return found


def faults_of(taken, arguments):
    for what, most in (("spills", arguments.spills), ("registers", REGISTERS_MAX), ("shared", STATIC_SHARED_MAX)):
        if taken[what] > most:
            yield f"{taken[what]} {what}, at most {most}"


def table(found, architectures):
    """Markdown: a row a kernel, a column an architecture."""
    lines = [
        "Registers by compute capability; `+n`: n bytes are spilled. Shared: static bytes, the most of any architecture.",
        "",
        "| kernel | " + " | ".join(f"{int(one) // 10}.{int(one) % 10}" for one in architectures) + " | shared |",
        "| --- |" + " ---: |" * (len(architectures) + 1),
    ]
    for (file, kernel), by_architecture in sorted(found.items()):
        cells = [cell(by_architecture.get(one)) for one in architectures]
        shared = max(taken["shared"] for taken in by_architecture.values())
        lines.append(f"| {file}: `{kernel}` | {' | '.join(cells)} | {shared} |")
    return "\n".join(lines) + "\n"


def cell(taken):
    if taken is None:
        return "–"
    return f"{taken['registers']}" + (f" +{taken['spills']}" if taken["spills"] else "")


def write(text, path=DOCUMENT, markers=(BEGIN, END)):
    """Puts `text` between the markers of the document."""
    begin, end = markers
    document = path.read_text()
    if begin not in document or end not in document:
        sys.exit(f"{path}: no lines {begin} and {end}")
    before, rest = document.split(begin, 1)
    path.write_text(f"{before}{begin}\n{text}{end}{rest.split(end, 1)[1]}")


if __name__ == "__main__":
    main()
