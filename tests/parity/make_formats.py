"""Writes formats/: numbers in every quantised type that is read, and what the reference readers decode them to.

    pip install gguf==0.19.0 safetensors==0.8.0 ml_dtypes==0.6.0 numpy
    python tests/parity/make_formats.py

`blocks.gguf` has a tensor of 2 x 512 numbers in each of ggml's types, made of random bytes with finite scales (the K types
cannot be quantised in Python), and `fp8.safetensors` all 256 numbers of both 8-bit floats. `decoded.safetensors` has the
same tensors in f32, as `gguf.quants.dequantize` and `ml_dtypes` decode them.
"""

from pathlib import Path

import gguf
import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).parent / "formats"
ROWS, COLUMNS = 2, 512

# Where a block has its f16 scales, by type.
SCALES = {
    "Q8_0": [0],
    "Q6_K": [208],
    "Q5_K": [0, 2],
    "Q4_K": [0, 2],
    "Q3_K": [108],
    "Q2_K": [80, 82],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q4_0": [0],
    "Q4_1": [0, 2],
}


def random_blocks(rng, name):
    numbers, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    count = ROWS * COLUMNS // numbers
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for at in SCALES[name]:
        scales = rng.normal(size=count).astype(np.float16)
        # Zero, the smallest and the largest among them.
        scales[:3] = np.array([0.0, 6e-8, -300.0], dtype=np.float16)[: min(3, count)]
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(count, 2)
    return blocks.reshape(ROWS, -1)


def main():
    HERE.mkdir(exist_ok=True)
    rng = np.random.default_rng(20261129)
    decoded = {}
    writer = gguf.GGUFWriter(str(HERE / "blocks.gguf"), "lumina2")
    for name in SCALES:
        kind = gguf.GGMLQuantizationType[name]
        data = random_blocks(rng, name)
        writer.add_tensor(name, data, raw_dtype=kind)
        decoded[name] = gguf.quants.dequantize(data, kind).astype(np.float32)
    for name, dtype in (("F32", np.float32), ("F16", np.float16)):
        numbers = rng.normal(size=(ROWS, COLUMNS)).astype(dtype)
        writer.add_tensor(name, numbers)
        decoded[name] = numbers.astype(np.float32)
    halves = rng.normal(size=(ROWS, COLUMNS)).astype(ml_dtypes.bfloat16)
    writer.add_tensor("BF16", halves.view(np.uint8), raw_dtype=gguf.GGMLQuantizationType.BF16)
    decoded["BF16"] = halves.astype(np.float32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    eights = np.arange(256, dtype=np.uint8)
    kinds = {"F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2}
    save_file({name: eights.view(kind) for name, kind in kinds.items()}, str(HERE / "fp8.safetensors"))
    decoded.update({name: eights.view(kind).astype(np.float32) for name, kind in kinds.items()})
    save_file(decoded, str(HERE / "decoded.safetensors"))


if __name__ == "__main__":
    main()
