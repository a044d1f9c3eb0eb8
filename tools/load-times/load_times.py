"""Times the loading of Z-Image's full shape from a cold disk, in each type, beside `dd` of the same files.

    pip install -r tests/parity/requirements.txt gguf==0.19.0
    python tools/load-times/load_times.py --tintype target/release/tintype --into /data/load-times

Writes random weights, all of their bytes: the text encoder in fp8 (4.0 GB) and the autoencoder once, then a transformer in one type after
the other, which is removed before the next. A type for which the disk has no room is left out. Before each reading the files leave the
page cache. The table has the seconds and the peak memory that `tintype bench --json` reports of the load.

`--lora RANK` then times a step at 512x512 without a LoRA, with one of that rank on every attention and MLP product, and with it merged.
"""

import argparse
import gc
import json
import math
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import gguf
import numpy as np
import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from gguf import GGMLQuantizationType as Ggml
from safetensors.torch import save_file
from transformers import Qwen3Config, Qwen3Model

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/parity"))
from check_files import original_names, random_k_blocks  # noqa: E402

SHAPES = ROOT / "models/shapes/full"
POOL_NUMBERS = 1 << 24
# Bits of a number, for the room that a type needs.
TYPES = {"Q4_K": 4.5, "Q6_K": 6.5625, "Q8_0": 8.5, "fp8": 8, "bf16": 16}


def random_bytes(kind, rng):
    """A pool of finite numbers as the type writes them, and the bytes and numbers of a block of it."""
    if kind == "bf16":
        numbers = torch.from_numpy(rng.normal(scale=0.02, size=POOL_NUMBERS).astype(np.float32)).to(torch.bfloat16)
        return numbers.view(torch.uint8).numpy().tobytes(), 2, 1
    if kind == "fp8":
        numbers = torch.from_numpy(rng.normal(scale=0.02, size=POOL_NUMBERS).astype(np.float32)).to(torch.float8_e4m3fn)
        return numbers.view(torch.uint8).numpy().tobytes(), 1, 1
    block_numbers, block_bytes = gguf.GGML_QUANT_SIZES[Ggml[kind]]
    if kind == "Q8_0":
        data = gguf.quants.quantize(rng.normal(scale=0.02, size=(POOL_NUMBERS // 4096, 4096)).astype(np.float32), Ggml.Q8_0)
    else:
        data = random_k_blocks(rng, (POOL_NUMBERS // 4096, 4096), Ggml[kind])
    return data.tobytes(), block_bytes, block_numbers


class Numbers:
    """Random numbers without end, in blocks of a type. The pool's length and the tensors' have no common measure, so that no two
    tensors begin alike."""

    def __init__(self, kind, rng):
        self.pool, self.block_bytes, self.block_numbers = random_bytes(kind, rng)
        self.at = 0

    def bytes_of(self, count):
        return count // self.block_numbers * self.block_bytes

    def write(self, file, count):
        left = self.bytes_of(count)
        while left > 0:
            part = self.pool[self.at : self.at + left]
            file.write(part)
            left -= len(part)
            self.at = (self.at + len(part)) % len(self.pool)


def ones_or_noise(name, shape):
    """Norms and biases, in f32."""
    return np.zeros(shape, np.float32) if name.endswith("bias") else np.ones(shape, np.float32)


def write_safetensors(path, shapes, kind, numbers):
    """Matrices in `kind`, the rest in bf16."""
    narrow = {"bf16": "BF16", "fp8": "F8_E4M3"}[kind]
    header, end = {}, 0
    for name, shape in shapes.items():
        count = math.prod(shape)
        is_matrix = len(shape) == 2 and name.endswith("weight")
        length = count * (2 if kind == "bf16" or not is_matrix else 1)
        header[name] = {"dtype": narrow if is_matrix else "BF16", "shape": list(shape), "data_offsets": [end, end + length]}
        end += length
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb", buffering=1 << 24) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            if header[name]["dtype"] == narrow and len(shape) == 2 and name.endswith("weight"):
                numbers.write(file, math.prod(shape))
            else:
                file.write(torch.from_numpy(ones_or_noise(name, shape)).to(torch.bfloat16).view(torch.uint8).numpy().tobytes())


def write_gguf(path, shapes, kind, numbers):
    """Matrices of whole blocks in `kind`, the rest in f32."""
    writer = gguf.GGUFWriter(str(path), "lumina2")
    in_blocks = {
        name: len(shape) == 2 and shape[1] % 256 == 0 and name.endswith("weight") and shape[0] > 1 for name, shape in shapes.items()
    }
    for name, shape in shapes.items():
        if in_blocks[name]:
            bytes_of_row = numbers.bytes_of(shape[1])
            length = numbers.bytes_of(math.prod(shape))
            writer.add_tensor_info(name, (shape[0], bytes_of_row), np.dtype(np.uint8), length, raw_dtype=Ggml[kind])
        else:
            writer.add_tensor_info(name, shape, np.dtype(np.float32), math.prod(shape) * 4)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    file = writer.fout[0]
    start = file.tell()
    file.write(b"\0" * (-start % writer.data_alignment))
    start = file.tell()
    for name, shape in shapes.items():
        file.write(b"\0" * (-(file.tell() - start) % writer.data_alignment))
        if in_blocks[name]:
            numbers.write(file, math.prod(shape))
        else:
            file.write(ones_or_noise(name, shape).tobytes())
    writer.close()


def transformer_shapes():
    config = json.loads((SHAPES / "transformer/config.json").read_text())
    with torch.device("meta"):
        tensors = ZImageTransformer2DModel.from_config(config).state_dict()
        return {name: tuple(tensor.shape) for name, tensor in original_names(tensors).items()}


def text_encoder_shapes():
    config = Qwen3Config(**json.loads((SHAPES / "text_encoder/config.json").read_text()))
    with torch.device("meta"):
        return {f"model.{name}": tuple(t.shape) for name, t in Qwen3Model(config).state_dict().items()}


def leave_cache(paths):
    """Takes the files out of the page cache, and no other's."""
    os.sync()
    for path in paths:
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def seconds_of_dd(paths):
    begin = time.monotonic()
    for path in paths:
        subprocess.run(["dd", f"if={path}", "of=/dev/null", "bs=16M"], check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - begin


def bench(tintype, files, tokenizer, options):
    transformer, encoder, vae = files
    command = [tintype, "bench", "--model", transformer, "--text-encoder", encoder, "--vae", vae, "--tokenizer", tokenizer,
               "--device", "cpu", "--steps", "1", "--warm-up", "0", "--json", *options]
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{run.stderr}")
    return json.loads(run.stdout)


def write_lora(path, shapes, rank, rng):
    """On every matrix of the layers' attention and MLP, under ComfyUI's names: a hundredth of the weights' own size."""
    tensors = {}
    for name, shape in shapes.items():
        if name.startswith("layers.") and name.endswith("weight") and len(shape) == 2 and "adaLN" not in name:
            outputs, inputs = shape
            layer = "diffusion_model." + name.removesuffix(".weight")
            for part, size in (("lora_A", (rank, inputs)), ("lora_B", (outputs, rank))):
                tensors[f"{layer}.{part}.weight"] = torch.from_numpy(rng.normal(scale=0.01, size=size).astype(np.float32)).half()
    save_file(tensors, path)


def time_lora(tintype, files, tokenizer, lora, memory):
    """Prints a step's time without the LoRA, beside it, and merged."""
    print("\n| a step at 512x512 | median, s | ratio | load, s | peak, GB |\n| --- | ---: | ---: | ---: | ---: |", flush=True)
    plain = None
    for title, more in (("without a LoRA", []), ("with it", ["--lora", lora]), ("merged", ["--lora", lora, "--merge"])):
        options = ["--memory", memory, "--dtype", "f32", "--sizes", "512x512", "--repetitions", "2", *more]
        found = bench(tintype, files, tokenizer, options)
        case = found["cases"][0]
        step = next(part["median_ms"] for part in case["parts"] if part["name"] == "step") / 1e3
        plain = plain or step
        print(f"| {title} | {step:.1f} | {step / plain:.3f} | {found['load']['seconds']:.1f} | "
              f"{(case['peak_memory_bytes'] or 0) / 1e9:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tintype", required=True, type=Path)
    parser.add_argument("--into", required=True, type=Path, help="a folder for the files")
    parser.add_argument("--types", nargs="+", default=list(TYPES), choices=TYPES)
    parser.add_argument("--tiers", nargs="+", default=["8bit", "4bit"], help="of memory, each with --dtype of its own after a colon")
    parser.add_argument("--lora", type=int, metavar="RANK", help="time a LoRA too, with the last type and the first tier")
    parser.add_argument("--spare", type=float, default=2.0, help="GB of the disk that stay free")
    arguments = parser.parse_args()
    place, tintype, tokenizer = arguments.into, arguments.tintype.resolve(), ROOT / "models/embedded/tokenizer"
    place.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    encoder, vae = place / "qwen_3_4b_fp8.safetensors", place / "vae"
    write_safetensors(encoder, text_encoder_shapes(), "fp8", Numbers("fp8", rng))
    AutoencoderKL.from_config(json.loads((SHAPES / "vae/config.json").read_text())).save_pretrained(vae)
    shapes = transformer_shapes()
    weights = sum(map(math.prod, shapes.values()))
    print("| type of the transformer | GB in all | dd, MB/s | tier | seconds | MB/s | processor, s | peak, GB |")
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |", flush=True)
    for kind in arguments.types:
        if weights * TYPES[kind] / 8 + arguments.spare * 1e9 > shutil.disk_usage(place).free:
            print(f"| {kind} | no room | | | | | | |", flush=True)
            continue
        is_gguf = kind.startswith("Q")
        file = place / f"z_image_turbo_{kind}.{'gguf' if is_gguf else 'safetensors'}"
        (write_gguf if is_gguf else write_safetensors)(file, shapes, kind, Numbers(kind, rng))
        gc.collect()
        paths = [file, encoder, vae / "diffusion_pytorch_model.safetensors"]
        size = sum(path.stat().st_size for path in paths)
        leave_cache(paths)
        rate = size / seconds_of_dd(paths) / 1e6
        for tier in arguments.tiers:
            memory, _, dtype = tier.partition(":")
            leave_cache(paths)
            options = ["--memory", memory, "--dtype", dtype or "f32", "--sizes", "64x64", "--repetitions", "1"]
            found = bench(tintype, (file, encoder, vae), tokenizer, options)["load"]
            peak = (found["peak_memory_bytes"] or 0) / 1e9
            print(f"| {kind} | {size / 1e9:.1f} | {rate:,.0f} | {tier} | {found['seconds']:.1f} | "
                  f"{found['bytes'] / found['seconds'] / 1e6:,.0f} | {found['cpu_seconds']:.1f} | {peak:.1f} |", flush=True)
        if arguments.lora and kind == arguments.types[-1]:
            lora = place / "lora.safetensors"
            write_lora(lora, shapes, arguments.lora, rng)
            time_lora(tintype, (file, encoder, vae), tokenizer, lora, arguments.tiers[0].partition(":")[0])
            lora.unlink()
        file.unlink()
    encoder.unlink()
    shutil.rmtree(vae)


if __name__ == "__main__":
    main()
