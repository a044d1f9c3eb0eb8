"""What a build with CUDA needs, on a machine without a card, a driver or NVIDIA's packages: nvcc and headers from PyPI, 300 MB, and stubs
of the libraries that the card's machine has.

    eval "$(python3 tools/card-day/toolkit.py)"                   sets PATH and CUDA_HOME; below target/cuda
    CUDA_COMPUTE_CAP=90 tools/card-day/pack --features cuda

A stub has a library's name and functions and nothing in them, as NVIDIA's own stub of the driver: it is there for the linker alone.
"""

import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kernel-tables"))

from kernel_tables import ROOT, compiler  # noqa: E402

# cudarc's module, the library's file for the linker, and its name in CUDA 13, by which a program looks for it.
STUBS = [
    ("driver", "libcuda.so", "libcuda.so.1"),
    ("nvrtc", "libnvrtc.so", "libnvrtc.so.13"),
    ("curand", "libcurand.so", "libcurand.so.10"),
    ("cublas", "libcublas.so", "libcublas.so.13"),
    ("cublaslt", "libcublasLt.so", "libcublasLt.so.13"),
]


def main():
    nvcc, _ = compiler(True)
    home = Path(nvcc).parents[1]
    # Where cudarc has the linker look, below CUDA_HOME.
    stubs = home / "lib/stubs"
    stubs.mkdir(exist_ok=True)
    sources = cudarc()
    for module, file, name in STUBS:
        write_stub(functions(sources / module / "sys/mod.rs"), stubs / file, name)
    # The runtime is PyPI's own, under the name that the linker asks for.
    link = stubs / "libcudart.so"
    link.unlink(missing_ok=True)
    link.symlink_to("../libcudart.so.13")
    print(f"export CUDA_HOME={shlex.quote(str(home))} PATH={shlex.quote(str(home / 'bin'))}:$PATH")


def cudarc():
    """The sources of the library that calls CUDA's."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--features", "cuda"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    [manifest] = [package["manifest_path"] for package in metadata["packages"] if package["name"] == "cudarc"]
    return Path(manifest).parent / "src"


def functions(module):
    """The names of the C functions that a module declares."""
    names = sorted(set(re.findall(r'extern "C" \{\s*fn (\w+)\(', module.read_text())))
    if not names:
        sys.exit(f"{module} declares no functions")
    return names


def write_stub(names, path, soname):
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "stub.c"
        source.write_text("".join(f"void {name}(void) {{}}\n" for name in names))
        subprocess.run(["cc", "-shared", "-fPIC", f"-Wl,-soname,{soname}", "-o", str(path), str(source)], check=True)


if __name__ == "__main__":
    main()
