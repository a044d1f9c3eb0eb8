"""Breaks the CUDA kernels, one line at a time, and shows that the emulator's tests see each fault.

    cargo test --test cuda_emulator --no-run
    python3 tools/mutate-kernels/mutate.py target/debug/deps/cuda_emulator-HASH

Each entry of mutations.json replaces a text that stands once in a kernel's file. The tests that compile the file run on a copy: nothing
here is changed. Ends with 1 if the tests pass with a fault in, or if an entry fits no longer.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNELS, EMULATOR = Path("src/pipeline/fused/cuda"), Path("tests/cuda_emulator")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    tests, wanted = Path(sys.argv[1]).resolve(), sys.argv[2:]
    mutations = json.loads((Path(__file__).parent / "mutations.json").read_text())
    everything = {source.stem for source in (ROOT / EMULATOR).glob("*.cpp")}
    for module in sorted(everything - {"host"}):
        passed, printed = run(tests, {module})
        if not passed:
            sys.exit(f"the tests fail without a fault:\n{printed[-2000:]}")
    unseen = [mutation for mutation in mutations if is_chosen(mutation, wanted) and not is_seen(mutation, tests, everything)]
    print(f"{len(unseen)} unseen")
    sys.exit(1 if unseen else 0)


def is_chosen(mutation, wanted):
    return not wanted or any(word in mutation["file"] + mutation["fault"] for word in wanted)


def is_seen(mutation, tests, everything):
    path = KERNELS / mutation["file"]
    original = (ROOT / path).read_text()
    count = original.count(mutation["from"])
    if count != 1:
        print(f"no longer fits ({count} places)  {mutation['file']}: {mutation['fault']}")
        return False
    modules = {module for module in everything if mutation["file"] in includes(ROOT / EMULATOR / f"{module}.cpp")}
    begin = time.monotonic()
    passed, printed = run(tests, modules, {path: original.replace(mutation["from"], mutation["to"])})
    compiles = ".cu:" not in printed or "error:" not in printed
    verdict = "UNSEEN" if passed else "seen" if compiles else "DOES NOT COMPILE"
    print(f"{verdict}  {mutation['file']}: {mutation['fault']} ({time.monotonic() - begin:.0f} s)", flush=True)
    return verdict == "seen"


def includes(source):
    """The names of the files that a C++ file includes, and those that these include."""
    names = set()
    for include in re.findall(r'^#include ["<](\S+)[">]', source.read_text(), re.M):
        file = Path(include).name
        names.add(file)
        if (ROOT / KERNELS / file).is_file():
            names |= includes(ROOT / KERNELS / file)
    return names


def run(tests, modules, changes=None):
    """Whether the tests of `modules` pass where the files of `changes` have other texts, and what they print."""
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        shutil.copytree(ROOT / KERNELS, copy / KERNELS)
        (copy / EMULATOR).mkdir(parents=True)
        for source in (ROOT / EMULATOR).iterdir():
            if source.suffix in (".h", ".cuh") or source.stem in (*modules, "host"):
                shutil.copy(source, copy / EMULATOR)
        for path, text in (changes or {}).items():
            (copy / path).write_text(text)
        environment = os.environ | {"CARGO_MANIFEST_DIR": str(copy)}
        command = [tests, *(f"{module}::" for module in sorted(modules))]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode == 0, done.stdout


main()
