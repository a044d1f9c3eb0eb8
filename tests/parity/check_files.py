"""Compares `tintype generate` with diffusers for a random model in each layout and type, and for a LoRA in each naming.

    pip install -r tests/parity/requirements.txt peft==0.21.2 gguf==0.19.0
    python tests/parity/check_files.py --tintype target/release/tintype

The model has the published shape where shapes say it (heads of 128, 16 latent channels, 32 groups in the VAE), so that no file needs a
configuration beside it. Every file is written by the public packages; what it decodes to is given to diffusers in f32. The table has
the largest difference of a pixel, of 255. It takes about three minutes on two cores.
"""

import argparse
import json
import math
import subprocess
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
from diffusers import ZImagePipeline
from gguf import GGMLQuantizationType as Ggml
from PIL import Image
from safetensors.torch import load_file, save_file

from model_specs import ModelSpec, text_encoder, transformer, vae, write_model

PROMPT = "a red apple on a table"
SIZE, STEPS, SEED = 64, 2, 7
# Dimensions are multiples of 256: that many numbers have one block of a K type.
SPEC = ModelSpec(
    "the published shape, made small",
    transformer(16, 768, 6, (32, 48, 48), layers=2, refiners=1, caption=256, lens=(1536, 512, 512)),
    text_encoder(256, layers=3, heads=4, kv_heads=2, head_dim=128, intermediate=512),
    vae(16, (32, 32), groups=32, layers=2),
)


# ---------------------------------------------------------------------------------------------
# Names of the other layouts


def original_names(tensors):
    """The transformer by the names of Tongyi's own code and of ComfyUI: one matrix for queries, keys and values."""
    renamed = {}
    for name, tensor in tensors.items():
        if name.endswith(("attention.to_k.weight", "attention.to_v.weight")):
            continue
        if name.endswith("attention.to_q.weight"):
            block = name.removesuffix("to_q.weight")
            renamed[f"{block}qkv.weight"] = torch.cat([tensors[f"{block}to_{letter}.weight"] for letter in "qkv"])
            continue
        for ours, theirs in (
            ("attention.to_out.0.", "attention.out."),
            ("attention.norm_q.", "attention.q_norm."),
            ("attention.norm_k.", "attention.k_norm."),
            ("all_x_embedder.2-1.", "x_embedder."),
            ("all_final_layer.2-1.", "final_layer."),
        ):
            name = name.replace(ours, theirs)
        renamed[name] = tensor
    return renamed


def latent_diffusion_names(tensors, blocks):
    """The VAE by the names of latent diffusion's own code: as `ae.safetensors` has them."""
    renamed = {}
    for name, tensor in tensors.items():
        for i in range(blocks):
            name = name.replace(f"encoder.down_blocks.{i}.resnets.", f"encoder.down.{i}.block.")
            name = name.replace(f"encoder.down_blocks.{i}.downsamplers.0.", f"encoder.down.{i}.downsample.")
            name = name.replace(f"decoder.up_blocks.{i}.resnets.", f"decoder.up.{blocks - 1 - i}.block.")
            name = name.replace(f"decoder.up_blocks.{i}.upsamplers.0.", f"decoder.up.{blocks - 1 - i}.upsample.")
        for ours, theirs in (
            ("mid_block.resnets.0.", "mid.block_1."),
            ("mid_block.resnets.1.", "mid.block_2."),
            ("mid_block.attentions.0.group_norm.", "mid.attn_1.norm."),
            ("mid_block.attentions.0.to_q.", "mid.attn_1.q."),
            ("mid_block.attentions.0.to_k.", "mid.attn_1.k."),
            ("mid_block.attentions.0.to_v.", "mid.attn_1.v."),
            ("mid_block.attentions.0.to_out.0.", "mid.attn_1.proj_out."),
            ("conv_shortcut", "nin_shortcut"),
            ("conv_norm_out", "norm_out"),
        ):
            name = name.replace(ours, theirs)
        if "attn_1" in name and tensor.dim() == 2:
            tensor = tensor[:, :, None, None]
        renamed[name] = tensor
    return renamed


def qwen_gguf_names(tensors):
    """The text encoder by llama.cpp's names."""
    renamed = {}
    for name, tensor in tensors.items():
        name = name.removeprefix("model.").replace("layers.", "blk.")
        for ours, theirs in (
            ("embed_tokens", "token_embd"),
            ("self_attn.q_proj", "attn_q"),
            ("self_attn.k_proj", "attn_k"),
            ("self_attn.v_proj", "attn_v"),
            ("self_attn.o_proj", "attn_output"),
            ("self_attn.q_norm", "attn_q_norm"),
            ("self_attn.k_norm", "attn_k_norm"),
            ("mlp.gate_proj", "ffn_gate"),
            ("mlp.up_proj", "ffn_up"),
            ("mlp.down_proj", "ffn_down"),
            ("input_layernorm", "attn_norm"),
            ("post_attention_layernorm", "ffn_norm"),
        ):
            name = name.replace(ours, theirs)
        renamed["output_norm.weight" if name == "norm.weight" else name] = tensor
    return renamed


# ---------------------------------------------------------------------------------------------
# Types


def is_matrix(name, tensor):
    """Whether files of few bits have it in few bits: weights of layers, no norms, biases and pad tokens."""
    return tensor.dim() == 2 and name.endswith(".weight") and ("attention." in name or "feed_forward." in name)


def in_bf16(tensors):
    narrow = {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}
    return narrow, {name: tensor.float() for name, tensor in narrow.items()}


def in_f16(tensors):
    narrow = {name: tensor.to(torch.float16) for name, tensor in tensors.items()}
    return narrow, {name: tensor.float() for name, tensor in narrow.items()}


def in_fp8(kind, scale_names):
    """8-bit floats: plain without `scale_names`, else with a scale for each tensor beside it."""

    def cast(tensors):
        written, decoded = {}, {}
        for name, tensor in tensors.items():
            if not is_matrix(name, tensor):
                written[name] = tensor.to(torch.bfloat16)
                decoded[name] = written[name].float()
                continue
            scale = tensor.abs().max() / torch.finfo(kind).max if scale_names else torch.tensor(1.0)
            written[name] = (tensor / scale).to(kind)
            decoded[name] = written[name].float() * scale
            for scale_name in scale_names[:1]:
                written[name.removesuffix("weight") + scale_name] = scale.reshape(1)
            for scale_name in scale_names[1:]:
                written[name.removesuffix("weight") + scale_name] = torch.ones(1)
        if scale_names[:1] == ["scale_weight"]:
            written["scaled_fp8"] = torch.zeros(0, dtype=kind)
        return written, decoded

    return cast


# Of each K type: numbers of a block are scale × level − offset, for these bytes; the scales keep numbers near `deviation`.
K_SCALES = {"Q6_K": [(208, 1 / 900)], "Q5_K": [(0, 1 / 320), (2, 1 / 22)], "Q4_K": [(0, 1 / 160), (2, 1 / 22)],
            "Q3_K": [(108, 1 / 40)], "Q2_K": [(80, 1 / 15), (82, 1 / 10)]}


def random_k_blocks(rng, shape, kind):
    """Blocks of random bytes, since no Python package quantises to K types; their numbers are those of a weight."""
    numbers, size = gguf.GGML_QUANT_SIZES[kind]
    rows, columns = shape
    blocks = rng.integers(0, 256, (rows * columns // numbers, size), dtype=np.uint8)
    for at, share in K_SCALES[kind.name]:
        scale = np.full(len(blocks), share / math.sqrt(columns), dtype=np.float16)
        blocks[:, at : at + 2] = scale.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(rows, -1)


def write_gguf(path, tensors, kind, architecture, block=256):
    """Writes matrices of whole blocks in `kind`, other tensors in f32, and returns what the file decodes to."""
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(str(path), architecture)
    decoded = {}
    for name, tensor in tensors.items():
        array = tensor.float().numpy()
        if not (tensor.dim() == 2 and tensor.shape[1] % block == 0 and name.endswith(".weight")):
            writer.add_tensor(name, array)
            decoded[name] = tensor.float()
            continue
        if kind.name in K_SCALES:
            data = random_k_blocks(rng, array.shape, kind)
        else:
            data = gguf.quants.quantize(array, kind)
        # F16 and F32 have a type of NumPy of their own.
        writer.add_tensor(name, data, raw_dtype=None if data.dtype in (np.float16, np.float32) else kind)
        decoded[name] = torch.from_numpy(np.array(gguf.quants.dequantize(data, kind), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return decoded


def split_names(original):
    """The names of diffusers again."""
    renamed = {}
    for name, tensor in original.items():
        if name.endswith("attention.qkv.weight"):
            block = name.removesuffix("qkv.weight")
            for letter, third in zip("qkv", tensor.chunk(3)):
                renamed[f"{block}to_{letter}.weight"] = third.contiguous()
            continue
        for theirs, ours in (
            ("attention.out.", "attention.to_out.0."),
            ("attention.q_norm.", "attention.norm_q."),
            ("attention.k_norm.", "attention.norm_k."),
        ):
            name = name.replace(theirs, ours)
        if name.startswith(("x_embedder.", "final_layer.")):
            part, rest = name.split(".", 1)
            name = f"all_{part}.2-1.{rest}"
        renamed[name] = tensor
    return renamed


# ---------------------------------------------------------------------------------------------
# LoRAs


LAYERS = ["attention.to_q", "attention.to_k", "attention.to_v", "attention.to_out.0", "feed_forward.w1", "feed_forward.w2",
          "feed_forward.w3"]
RANK = 4


def pairs(own, seed, blocks=("layers.0", "layers.1", "noise_refiner.0", "context_refiner.0")):
    """Factors of a LoRA for every matrix of `blocks`: {layer: (down, up)}."""
    generator = torch.Generator().manual_seed(seed)
    factors = {}
    for layer in [f"{block}.{layer}" for block in blocks for layer in LAYERS]:
        outputs, inputs = own[f"{layer}.weight"].shape
        down = torch.randn(RANK, inputs, generator=generator) / math.sqrt(inputs)
        up = torch.randn(outputs, RANK, generator=generator) * 0.3
        factors[layer] = (down, up)
    return factors


def named(factors, name, down, up, alpha=None):
    """A LoRA's file: `name` makes a layer's name; `down`, `up` are endings, `alpha` is a number."""
    tensors = {}
    for layer, (a, b) in factors.items():
        tensors[f"{name(layer)}{down}"], tensors[f"{name(layer)}{up}"] = a, b
        if alpha is not None:
            tensors[f"{name(layer)}.alpha"] = torch.tensor(float(alpha))
    return tensors


def kohya(layer):
    return "lora_unet_" + layer.replace(".", "_")


def fused(factors, alpha, endings, prefix, is_block_diagonal):
    """A LoRA of the original tree, where queries, keys and values are one matrix, and what it adds to each."""
    tensors, changes = {}, {}
    for layer, (a, b) in factors.items():
        block, _, leaf = layer.rpartition("attention.")
        if leaf in ("to_k", "to_v"):
            continue
        if leaf == "to_q":
            three = [factors[f"{block}attention.to_{letter}"] for letter in "qkv"]
            if is_block_diagonal:
                a, b = torch.cat([down for down, _ in three]), torch.block_diag(*[up for _, up in three])
            else:
                b = torch.cat([up for _, up in three])
            for letter, rows in zip("qkv", (b @ a).chunk(3)):
                changes[f"{block}attention.to_{letter}"] = rows * alpha / len(a)
            layer = f"{block}attention.qkv"
        else:
            changes[layer] = b @ a * alpha / len(a)
            layer = layer.replace("to_out.0", "out")
        name = prefix + layer.replace(".", "_")
        tensors[name + endings[0]], tensors[name + endings[1]] = a, b
        tensors[name + ".alpha"] = torch.tensor(float(alpha))
    return tensors, changes


def loha(own, seed):
    generator = torch.Generator().manual_seed(seed)
    tensors, changes = {}, {}
    for layer in ["layers.0.attention.to_q", "layers.1.feed_forward.w1"]:
        outputs, inputs = own[f"{layer}.weight"].shape
        one = [torch.randn(outputs, RANK, generator=generator), torch.randn(RANK, inputs, generator=generator)]
        two = [torch.randn(outputs, RANK, generator=generator) * 0.05, torch.randn(RANK, inputs, generator=generator) * 0.05]
        for name, tensor in zip(("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), [*one, *two]):
            tensors[f"diffusion_model.{layer}.{name}"] = tensor
        tensors[f"diffusion_model.{layer}.alpha"] = torch.tensor(2.0)
        changes[layer] = (one[0] @ one[1]) * (two[0] @ two[1]) * 2.0 / RANK
    return tensors, changes


def lokr(own, seed):
    generator = torch.Generator().manual_seed(seed)
    tensors, changes = {}, {}
    for layer in ["layers.0.attention.to_q", "layers.1.attention.to_v"]:
        outputs, inputs = own[f"{layer}.weight"].shape
        left = torch.randn(8, 8, generator=generator) * 0.1
        a, b = torch.randn(outputs // 8, RANK, generator=generator) * 0.3, torch.randn(RANK, inputs // 8, generator=generator) * 0.1
        tensors.update({f"{layer}.lokr_w1": left, f"{layer}.lokr_w2_a": a, f"{layer}.lokr_w2_b": b})
        tensors[f"{layer}.alpha"] = torch.tensor(2.0)
        changes[layer] = torch.kron(left, a @ b) * 2.0 / RANK
    return {f"diffusion_model.{name}": tensor for name, tensor in tensors.items()}, changes


# ---------------------------------------------------------------------------------------------
# Both programs


class Check:
    def __init__(self, tintype, place):
        self.tintype, self.place = tintype, place
        self.folder = place / "model"
        write_model("files", SPEC, Path(__file__).parent / "tokenizer", self.folder)
        self.pipeline = ZImagePipeline.from_pretrained(self.folder, dtype=torch.float32)
        self.pipeline.set_progress_bar_config(disable=True)
        self.own = {name: tensor.clone() for name, tensor in self.pipeline.transformer.state_dict().items()}
        self.worst = {}

    def reference(self):
        images = self.pipeline(
            prompt=PROMPT, width=SIZE, height=SIZE, num_inference_steps=STEPS, guidance_scale=0.0,
            generator=torch.Generator("cpu").manual_seed(SEED), output_type="np",
        ).images
        return np.rint(images[0] * 255).astype(int)

    def generated(self, model, *arguments):
        image = self.place / "image.png"
        command = [self.tintype, "generate", PROMPT, "--model", str(model), "--size", f"{SIZE}x{SIZE}", "--steps", str(STEPS),
                   "--seed", str(SEED), "--dtype", "f32", "--device", "cpu", "-o", str(image), *map(str, arguments)]
        run = subprocess.run(command, cwd=self.place, capture_output=True, text=True)
        if run.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{run.stderr}")
        return np.asarray(Image.open(image).convert("RGB")).astype(int)

    def compare(self, what, expected, found, allowed):
        difference = int(np.abs(expected - found).max())
        mark = "" if difference <= allowed else f"  MORE THAN {allowed}"
        print(f"{what:44} {difference:3}  (image's deviation {expected.std():.0f}){mark}", flush=True)
        self.worst[what] = difference
        assert expected.std() > 15, "the image says nothing"

    def with_weights(self, part, tensors):
        """diffusers with these weights in the place of `part`'s own."""
        module = getattr(self.pipeline, part)
        own = {name: tensor.clone() for name, tensor in module.state_dict().items()}
        # The text encoder's head is its embedding by another name, which would overwrite it.
        tied = {"lm_head.weight"} & own.keys()
        new = {name: tensor for name, tensor in {**own, **tensors}.items() if name not in tied}
        module.load_state_dict(new, strict=not tied)
        image = self.reference()
        module.load_state_dict(own)
        return image

    def other_files(self):
        return ["--text-encoder", self.folder / "text_encoder", "--vae", self.folder / "vae", "--tokenizer", self.folder / "tokenizer"]


def check_transformers(check):
    own, others = check.own, check.other_files()
    plain = check.reference()
    check.compare("diffusers directory, f32", plain, check.generated(check.folder), 1)
    fp8 = torch.float8_e4m3fn
    casts = [
        ("one file, bf16", in_bf16, "", 1),
        ("one file, bf16, model.diffusion_model.", in_bf16, "model.diffusion_model.", 1),
        ("one file, f16, diffusion_model.", in_f16, "diffusion_model.", 1),
        ("one file, fp8 e4m3", in_fp8(fp8, []), "", 2),
        ("one file, fp8 e5m2", in_fp8(torch.float8_e5m2, []), "", 2),
        ("one file, fp8 e4m3, scale_weight", in_fp8(fp8, ["scale_weight", "scale_input"]), "model.diffusion_model.", 2),
        ("one file, fp8 e4m3, weight_scale", in_fp8(fp8, ["weight_scale", "input_scale"]), "", 2),
    ]
    for what, cast, prefix, allowed in casts:
        written, decoded = cast(original_names(own))
        file = check.place / "z_image_turbo.safetensors"
        save_file({prefix + name if name != "scaled_fp8" else name: t.contiguous() for name, t in written.items()}, file)
        check.compare(what, check.with_weights("transformer", split_names(decoded)), check.generated(file, *others), allowed)
    for kind in (Ggml.F32, Ggml.F16, Ggml.BF16, Ggml.Q8_0, Ggml.Q5_0, Ggml.Q5_1, Ggml.Q4_0, Ggml.Q4_1, Ggml.Q6_K, Ggml.Q5_K,
                 Ggml.Q4_K, Ggml.Q3_K, Ggml.Q2_K):
        file = check.place / f"z-image-turbo-{kind.name}.gguf"
        decoded = write_gguf(file, original_names(own), kind, "lumina2")
        check.compare(f"GGUF {kind.name}", check.with_weights("transformer", split_names(decoded)), check.generated(file, *others), 8)
        file.unlink()


def check_other_parts(check):
    file = check.place / "z_image.safetensors"
    written, decoded = in_bf16(original_names(check.own))
    save_file({name: t.contiguous() for name, t in written.items()}, file)
    check.pipeline.transformer.load_state_dict(split_names(decoded))
    plain = check.reference()
    encoder = load_file(check.folder / "text_encoder/model.safetensors")
    qwen, ae, short = (check.place / name for name in ("qwen_3_4b.safetensors", "ae.safetensors", "qwen.gguf"))
    save_file(encoder, qwen)
    vae_weights = load_file(check.folder / "vae/diffusion_pytorch_model.safetensors")
    save_file({name: t.contiguous() for name, t in latent_diffusion_names(vae_weights, 2).items()}, ae)
    tokenizer = ["--tokenizer", check.folder / "tokenizer"]
    check.compare("three single files, as for ComfyUI", plain,
                  check.generated(file, "--text-encoder", qwen, "--vae", ae, *tokenizer), 1)
    for kind in (Ggml.F16, Ggml.Q8_0, Ggml.Q4_K):
        decoded = write_gguf(short, qwen_gguf_names(encoder), kind, "qwen3")
        back = {theirs: ours for ours, theirs in zip(encoder, qwen_gguf_names(encoder))}
        expected = check.with_weights("text_encoder", {back[name]: tensor for name, tensor in decoded.items()})
        found = check.generated(file, "--text-encoder", short, "--vae", ae, *tokenizer)
        check.compare(f"text encoder as GGUF {kind.name}", expected, found, 8)
    check.pipeline.transformer.load_state_dict(check.own)


def check_loras(check):
    own = check.own
    factors = pairs(own, 1)
    layers_only = pairs(own, 2, ("layers.0", "layers.1"))
    peft = (".lora_A.weight", ".lora_B.weight")
    down_up = (".lora_down.weight", ".lora_up.weight")

    def scaled(alpha):
        return {layer: up @ down * alpha / RANK for layer, (down, up) in factors.items()}

    merged = scaled(RANK)
    layers_merged = {layer: up @ down for layer, (down, up) in layers_only.items()}
    # Where nothing says what the file changes, diffusers' own loader reads it.
    cases = [
        ("diffusers, transformer.", named(factors, "transformer.{}".format, *peft), None),
        ("peft, lora_A.default", named(factors, "transformer.{}".format, ".lora_A.default.weight", ".lora_B.default.weight"), merged),
        ("peft, base_model.model.", named(factors, "base_model.model.{}".format, *peft), merged),
        ("ai-toolkit, diffusion_model.", named(factors, "diffusion_model.{}".format, *peft), None),
        ("DiffSynth, no prefix, default", named(factors, "{}".format, ".lora_A.default.weight", ".lora_B.default.weight"), merged),
        ("musubi and kohya, lora_unet_, alpha 1", named(layers_only, kohya, *down_up, alpha=1), None),
        ("OneTrainer, transformer., alpha 2", named(factors, "transformer.{}".format, *down_up, alpha=2), scaled(2)),
        ("SimpleTuner, diffusion_model., alpha 8", named(factors, "diffusion_model.{}".format, *peft, alpha=8), None),
        ("lora_unet__", named(layers_only, lambda layer: "lora_unet__" + layer.replace(".", "_"), *down_up, alpha=4), layers_merged),
        ("lycoris_", named(layers_only, lambda layer: "lycoris_" + layer.replace(".", "_"), *down_up, alpha=4), layers_merged),
        ("lora.down, lora.up", named(factors, "diffusion_model.{}".format, ".lora.down.weight", ".lora.up.weight"), merged),
    ]
    for what, is_block_diagonal in (("fused qkv, dense", False), ("fused qkv, block-diagonal", True)):
        cases.append((f"{what}, alpha 3", *fused(factors, 3, down_up, "lora_unet_", is_block_diagonal)))
    cases += [("LoHa, alpha 2", *loha(own, 3)), ("LoKr, alpha 2", *lokr(own, 4))]
    for what, tensors, changes in cases:
        file = check.place / "style.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)
        for weight in (0.3, 1.0, -0.5):
            if changes is None:
                check.pipeline.load_lora_weights(str(file), adapter_name="style")
                check.pipeline.set_adapters(["style"], [weight])
                expected = check.reference()
                check.pipeline.unload_lora_weights()
                by = "diffusers"
            else:
                weights = {f"{layer}.weight": own[f"{layer}.weight"] + change * weight for layer, change in changes.items()}
                expected, by = check.with_weights("transformer", weights), "merged"
            found = check.generated(check.folder, "--lora", f"{file}:{weight}")
            check.compare(f"{what}, {weight} ({by})", expected, found, 2)
    files = [check.place / "one.safetensors", check.place / "two.safetensors"]
    save_file(cases[0][1], files[0])
    save_file(cases[5][1], files[1])
    for weights in ((0.3, 1.0), (-0.5, 0.3)):
        for file, name in zip(files, ("one", "two")):
            check.pipeline.load_lora_weights(str(file), adapter_name=name)
        check.pipeline.set_adapters(["one", "two"], list(weights))
        expected = check.reference()
        check.pipeline.unload_lora_weights()
        arguments = [part for file, weight in zip(files, weights) for part in ("--lora", f"{file}:{weight}")]
        check.compare(f"two LoRAs, {weights} (diffusers)", expected, check.generated(check.folder, *arguments), 2)
    file = check.place / "z-image-turbo-Q8_0.gguf"
    decoded = split_names(write_gguf(file, original_names(own), Ggml.Q8_0, "lumina2"))
    weights = {f"{layer}.weight": decoded[f"{layer}.weight"] + up @ down for layer, (down, up) in factors.items()}
    expected = check.with_weights("transformer", {**decoded, **weights})
    found = check.generated(file, *check.other_files(), "--lora", files[0])
    check.compare("a LoRA beside GGUF Q8_0 (merged)", expected, found, 8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tintype", required=True, type=Path, help="the program")
    parser.add_argument("--only", choices=["transformers", "parts", "loras"])
    arguments = parser.parse_args()
    checks = {"transformers": check_transformers, "parts": check_other_parts, "loras": check_loras}
    with tempfile.TemporaryDirectory() as place:
        check = Check(arguments.tintype.resolve(), Path(place))
        for name, run in checks.items():
            if arguments.only in (None, name):
                run(check)
    print(json.dumps({"largest": max(check.worst.values())}))


if __name__ == "__main__":
    main()
