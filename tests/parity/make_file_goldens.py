"""Writes goldens-files/: small files of weights and LoRAs as the public packages write them, and what diffusers makes of them.

    pip install -r tests/parity/requirements.txt peft==0.21.2 gguf==0.19.0 ml_dtypes==0.6.0
    python tests/parity/make_file_goldens.py

All are of the test model `base`. Where diffusers' own loader reads a LoRA's naming, it makes the image; where it does not, the image
is that of the model with the LoRA merged into its weights. A quantised file's image is that of the numbers that it decodes to.
`cases.json` names each case's files, and `images.safetensors` has the images, height x width x 3, u8.
"""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import ZImagePipeline
from gguf import GGMLQuantizationType as Ggml
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file

import check_files
from check_files import fused, in_fp8, kohya, loha, lokr, named, original_names, pairs, split_names, write_gguf
from model_specs import MODELS, write_model

HERE = Path(__file__).resolve().parent
OUT = HERE / "goldens-files"
PROMPT, SIZE, STEPS, SEED = "a red apple", 64, 2, 7
# Files stay small: a LoRA of one block, of rank 2.
check_files.RANK = RANK = 2
BLOCK = ("layers.0",)
DOWN_UP = (".lora_down.weight", ".lora_up.weight")
PEFT = (".lora_A.weight", ".lora_B.weight")
DEFAULT = (".lora_A.default.weight", ".lora_B.default.weight")


class Goldens:
    def __init__(self, place):
        folder = place / "base"
        write_model("base", MODELS["base"], HERE / "tokenizer", folder)
        # Its heads are not 128 wide, which a file of weights does not say.
        shutil.copy(folder / "transformer/config.json", OUT / "config.json")
        self.pipeline = ZImagePipeline.from_pretrained(folder, dtype=torch.float32)
        self.pipeline.set_progress_bar_config(disable=True)
        self.own = {name: tensor.clone() for name, tensor in self.pipeline.transformer.state_dict().items()}
        self.plain = self.image()
        self.cases, self.images = [], {"plain": self.plain}

    def image(self):
        images = self.pipeline(
            prompt=PROMPT, width=SIZE, height=SIZE, num_inference_steps=STEPS, guidance_scale=0.0,
            generator=torch.Generator("cpu").manual_seed(SEED), output_type="np",
        ).images
        # safetensors writes an array's memory, whatever order it is in.
        return np.ascontiguousarray(np.rint(images[0] * 255).astype(np.uint8))

    def with_weights(self, tensors):
        transformer = self.pipeline.transformer
        transformer.load_state_dict({**self.own, **tensors})
        image = self.image()
        transformer.load_state_dict(self.own)
        return image

    def with_loras(self, files, weights):
        names = [f"lora{k}" for k in range(len(files))]
        for file, name in zip(files, names):
            self.pipeline.load_lora_weights(str(OUT / file), adapter_name=name)
        self.pipeline.set_adapters(names, list(weights))
        image = self.image()
        self.pipeline.unload_lora_weights()
        return image

    def add(self, name, image, **files):
        difference = int(np.abs(image.astype(int) - self.plain).max())
        assert difference > 20 or name.startswith("file"), f"{name} says nothing: {difference}"
        print(f"{name:40} {difference}")
        self.cases.append({"name": name, **files})
        self.images[name] = image


def loras(goldens):
    own = goldens.own
    factors, other = pairs(own, 1, BLOCK), pairs(own, 2, ("layers.1",))

    def changes(alpha):
        return {layer: up @ down * alpha / RANK for layer, (down, up) in factors.items()}

    # Without changes, diffusers' own loader reads the file.
    cases = [
        ("diffusers", named(factors, "transformer.{}".format, *PEFT), None),
        ("peft-default", named(factors, "transformer.{}".format, *DEFAULT), changes(RANK)),
        ("peft-base-model", named(factors, "base_model.model.{}".format, *PEFT), changes(RANK)),
        ("ai-toolkit", named(factors, "diffusion_model.{}".format, *PEFT), None),
        ("diffsynth", named(factors, "{}".format, *DEFAULT), changes(RANK)),
        ("kohya", named(factors, kohya, *DOWN_UP, alpha=1), None),
        ("onetrainer", named(factors, "transformer.{}".format, *DOWN_UP, alpha=1), changes(1)),
        ("simpletuner", named(factors, "diffusion_model.{}".format, *PEFT, alpha=3), None),
        ("lycoris", named(factors, lambda layer: "lycoris_" + layer.replace(".", "_"), *DOWN_UP, alpha=2), changes(2)),
        ("fused-dense", *fused(factors, 2, DOWN_UP, "lora_unet_", False)),
        ("fused-block-diagonal", *fused(factors, 3, DOWN_UP, "lora_unet_", True)),
        ("loha", *loha(own, 3)),
        ("lokr", *lokr(own, 4)),
        ("other", named(other, "diffusion_model.{}".format, *PEFT), None),
    ]
    for name, tensors, merged in cases:
        file = f"{name}.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, OUT / file)
        # What the LoHa and the LoKr add is small.
        for weight in {"diffusers": (0.3, 1.0, -0.5), "lokr": (40.0, -20.0), "loha": (40.0, -20.0)}.get(name, (1.0,)):
            if merged is None:
                image = goldens.with_loras([file], [weight])
            else:
                image = goldens.with_weights(
                    {f"{layer}.weight": own[f"{layer}.weight"] + change * weight for layer, change in merged.items()})
            goldens.add(f"lora {name} {weight}", image, loras=[[file, weight]])
    text_encoders(goldens)
    for weights in ((0.3, 1.0), (-0.5, 0.3)):
        files = ["diffusers.safetensors", "other.safetensors"]
        goldens.add(f"loras {weights[0]} {weights[1]}", goldens.with_loras(files, weights),
                    loras=[[file, weight] for file, weight in zip(files, weights)])


def text_encoders(goldens):
    """Of the text encoder, by the names of diffusers and of kohya."""
    encoder = goldens.pipeline.text_encoder
    own = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    layers = [f"layers.{layer}.{name}" for layer in (0, 1) for name in ("self_attn.q_proj", "self_attn.o_proj", "mlp.down_proj")]
    inside = {layer: next(name for name in own if name.endswith(f"{layer}.weight")) for layer in layers}
    generator = torch.Generator().manual_seed(5)
    factors = {}
    for layer, name in inside.items():
        outputs, inputs = own[name].shape
        factors[layer] = (torch.randn(RANK, inputs, generator=generator), torch.randn(outputs, RANK, generator=generator))
    for name, tensors in (
        ("text-encoder", named(factors, "text_encoder.model.{}".format, *PEFT)),
        ("text-encoder-kohya", named(factors, lambda layer: "lora_te_" + layer.replace(".", "_"), *DOWN_UP, alpha=RANK)),
    ):
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, OUT / f"{name}.safetensors")
        encoder.load_state_dict({**own, **{inside[layer]: own[inside[layer]] + up @ down for layer, (down, up) in factors.items()}})
        goldens.add(f"lora {name} 1.0", goldens.image(), loras=[[f"{name}.safetensors", 1.0]])
        encoder.load_state_dict(own)


def weights(goldens):
    """One file of each kind: what is decoded is held bit by bit by formats/, and all layouts to each other by layouts.rs."""
    original = original_names(goldens.own)
    written, decoded = in_fp8(torch.float8_e4m3fn, ["scale_weight", "scale_input"])(original)
    save_file({name: tensor.contiguous() for name, tensor in written.items()}, OUT / "fp8.safetensors")
    goldens.add("file fp8", goldens.with_weights(split_names(decoded)), model="fp8.safetensors")
    decoded = write_gguf(OUT / "q4_0.gguf", original, Ggml.Q4_0, "lumina2", block=32)
    goldens.add("file Q4_0", goldens.with_weights(split_names(decoded)), model="q4_0.gguf")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    with tempfile.TemporaryDirectory() as place:
        goldens = Goldens(Path(place))
        loras(goldens)
        weights(goldens)
    save_arrays(goldens.images, str(OUT / "images.safetensors"))
    for file in OUT.iterdir():
        file.chmod(0o644)
    (OUT / "cases.json").write_text(json.dumps(goldens.cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
