"""Breaks the CUDA kernels, one line at a time, and shows that the emulator's tests see each fault.

    cargo test --test cuda_emulator --no-run
    python3 tools/mutate-kernels/mutate.py target/debug/deps/cuda_emulator-HASH

Each entry of mutations.json replaces a text that stands once in a kernel's file. The tests run on a copy: nothing here is
changed. Ends with 1 if the tests pass with a fault in, or if an entry fits no longer.
"""

import json
import os
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
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for folder in (KERNELS, EMULATOR):
            shutil.copytree(ROOT / folder, copy / folder)
        passed, printed = run(tests, copy)
        if not passed:
            sys.exit(f"the tests fail without a fault:\n{printed[-2000:]}")
        unseen = [mutation for mutation in mutations if is_chosen(mutation, wanted) and not is_seen(mutation, tests, copy)]
    print(f"{len(unseen)} unseen")
    sys.exit(1 if unseen else 0)


def is_chosen(mutation, wanted):
    return not wanted or any(word in mutation["file"] + mutation["fault"] for word in wanted)


def is_seen(mutation, tests, copy):
    path = copy / KERNELS / mutation["file"]
    original = path.read_text()
    count = original.count(mutation["from"])
    if count != 1:
        print(f"no longer fits ({count} places)  {mutation['file']}: {mutation['fault']}")
        return False
    path.write_text(original.replace(mutation["from"], mutation["to"]))
    begin = time.monotonic()
    passed, printed = run(tests, copy)
    path.write_text(original)
    compiles = ".cu:" not in printed or "error:" not in printed
    verdict = "UNSEEN" if passed else "seen" if compiles else "DOES NOT COMPILE"
    print(f"{verdict}  {mutation['file']}: {mutation['fault']} ({time.monotonic() - begin:.0f} s)", flush=True)
    return verdict == "seen"


def run(tests, root):
    """Whether the tests pass with the sources below `root`, and what they print. They stop where one fails."""
    environment = os.environ | {"CARGO_MANIFEST_DIR": str(root)}
    done = subprocess.run([tests], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


main()
