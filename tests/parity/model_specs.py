"""The test models: their configurations, and weights that are a function of their names.

No weights are committed. Element i (row-major, from 0) of tensor `name` of component `component` of
model `model` is

    h = FNV-1a-64 of the UTF-8 bytes of "<model>/<component>/<name>"
    z = splitmix64 finaliser of h + (i + 1) * 0x9E3779B97F4A7C15 (mod 2^64)
    u = (z >> 40) * 2^-24                                       in [0, 1)
    value = float32(mean + scale * (2u - 1))                    computed in float64

with `mean` and `scale` from the model's weights.json. The Rust tests compute the same.
"""

import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from safetensors import safe_open
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM, Qwen3Model

VOCAB_SIZE = 600
END_OF_TEXT_ID = 574
IM_END_ID = 576

GOLDEN_RATIO_64 = 0x9E3779B97F4A7C15
FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
MASK_64 = (1 << 64) - 1


# ---------------------------------------------------------------------------------------------
# The weight function


def fnv1a_64(text):
    value = FNV_OFFSET
    for byte in text.encode("utf-8"):
        value = ((value ^ byte) * FNV_PRIME) & MASK_64
    return value


def tensor_values(model, component, name, shape, mean, scale):
    """The float32 values of one tensor; see the module's documentation."""
    start = np.uint64(fnv1a_64(f"{model}/{component}/{name}"))
    with np.errstate(over="ignore"):
        z = start + np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(GOLDEN_RATIO_64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    uniform = (z >> np.uint64(40)).astype(np.float64) * 2.0**-24
    return (mean + scale * (2.0 * uniform - 1.0)).astype(np.float32).reshape(shape)


# Gains over unit variance, by a part of the tensor's name.
DEFAULT_GAINS = {
    "adaLN_modulation": 1.6,  # gates (tanh) and scales spread over about +-0.6
    "all_final_layer.2-1.adaLN_modulation": 2.4,
    "decoder.conv_out": 0.75,  # pixels span the range without much clipping
}


def mean_and_scale(name, shape, gains):
    """What the tensor's role asks for: (mean, scale) of its uniform distribution."""
    if name.endswith("pad_token") or name.endswith("embed_tokens.weight"):
        return 0.0, 1.0
    if name.endswith(".bias"):
        return 0.0, 0.1
    if len(shape) == 1:  # every other vector is the weight of a norm
        return 1.0, 0.2
    fan_in = math.prod(shape[1:])
    gain = 1.0
    matching = [part for part in gains if part in name]
    if matching:
        gain = gains[max(matching, key=len)]
    return 0.0, round(gain * math.sqrt(3.0 / fan_in), 6)


# ---------------------------------------------------------------------------------------------
# The models


@dataclass
class ModelSpec:
    about: str
    transformer: dict
    text_encoder: dict
    vae: dict
    scheduler: dict = field(default_factory=lambda: {"shift": 3.0})
    prefixed: bool = True  # text-encoder tensors named model.*, as Qwen3ForCausalLM saves them
    published_configs: bool = False  # config files as published with Z-Image-Turbo, by older libraries
    shard_bytes: dict = field(default_factory=dict)  # component -> size at which its file is split
    gains: dict = field(default_factory=dict)


def transformer(channels, dim, heads, axes, layers, refiners, caption, lens=(256, 64, 64), **rest):
    return dict(
        in_channels=channels,
        dim=dim,
        n_heads=heads,
        n_kv_heads=heads,
        axes_dims=list(axes),
        axes_lens=list(lens),
        n_layers=layers,
        n_refiner_layers=refiners,
        cap_feat_dim=caption,
        **rest,
    )


def text_encoder(hidden, layers, heads, kv_heads, head_dim, intermediate, theta=1_000_000.0, **rest):
    return dict(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_dim,
        intermediate_size=intermediate,
        rope_theta=theta,
        **rest,
    )


def vae(channels, blocks, groups, layers, scaling=0.3611, shift=0.1159, quant_convs=False):
    return dict(
        latent_channels=channels,
        block_out_channels=list(blocks),
        norm_num_groups=groups,
        layers_per_block=layers,
        scaling_factor=scaling,
        shift_factor=shift,
        use_quant_conv=quant_convs,
        use_post_quant_conv=quant_convs,
    )


MODELS = {
    "base": ModelSpec(
        "the plain one; 3 does not divide its dim",
        transformer(4, 64, 4, (4, 6, 6), layers=2, refiners=1, caption=32),
        text_encoder(32, layers=3, heads=4, kv_heads=2, head_dim=8, intermediate=72),
        vae(4, (16, 32), groups=8, layers=1),
    ),
    "sharded": ModelSpec(
        "transformer and text encoder in several files; one key-value head",
        transformer(16, 96, 3, (8, 12, 12), layers=3, refiners=2, caption=24),
        text_encoder(24, layers=4, heads=4, kv_heads=1, head_dim=16, intermediate=80),
        vae(16, (8, 16, 16, 24), groups=4, layers=1),
        shard_bytes={"transformer": 3_200_000, "text_encoder": 150_000},
    ),
    "wide": ModelSpec(
        "dim over 256, so that the modulation is narrower; text encoder without the model. prefix",
        transformer(16, 264, 6, (12, 16, 16), layers=1, refiners=1, caption=24),
        text_encoder(24, layers=2, heads=2, kv_heads=2, head_dim=24, intermediate=112, theta=10_000.0),
        vae(16, (12, 24, 24), groups=12, layers=2, scaling=0.5, shift=-0.05),
        prefixed=False,
    ),
    "no-qk-norm": ModelSpec(
        "no norms on queries and keys; 3 does not divide its dim",
        transformer(8, 80, 2, (8, 16, 16), layers=2, refiners=2, caption=32, qk_norm=False),
        text_encoder(32, layers=3, heads=8, kv_heads=4, head_dim=8, intermediate=160, rms_norm_eps=1e-3),
        vae(8, (8, 16, 32), groups=8, layers=1),
    ),
    "other-constants": ModelSpec(
        "norm_eps, t_scale, both rope thetas and the schedule's shift are not the published ones",
        transformer(
            4, 48, 3, (4, 4, 8), layers=2, refiners=1, caption=24, norm_eps=1e-2, rope_theta=10_000.0, t_scale=500.0
        ),
        text_encoder(24, layers=3, heads=3, kv_heads=3, head_dim=16, intermediate=64, theta=500_000.0),
        vae(4, (24, 40), groups=8, layers=3, scaling=0.9, shift=0.2),
        scheduler={"shift": 6.0},
    ),
    "dynamic-shift": ModelSpec(
        "exponential shift of the schedule by image size; one head; room for a 512-token caption",
        transformer(8, 32, 1, (16, 8, 8), layers=2, refiners=1, caption=8, lens=(1024, 64, 64)),
        text_encoder(8, layers=2, heads=2, kv_heads=1, head_dim=8, intermediate=40),
        vae(8, (8, 8, 16, 16), groups=2, layers=1),
        scheduler={
            "shift": 3.0,  # not used
            "use_dynamic_shifting": True,
            "time_shift_type": "exponential",
            "base_image_seq_len": 4,  # small, so that small images differ
            "max_image_seq_len": 64,
            "base_shift": 0.4,
            "max_shift": 1.3,
        },
    ),
    "linear-shift": ModelSpec(
        "linear shift of the schedule; convolutions around the latents, as diffusers has by default",
        transformer(8, 48, 2, (8, 8, 8), layers=1, refiners=1, caption=16),
        text_encoder(16, layers=2, heads=2, kv_heads=1, head_dim=8, intermediate=40),
        vae(8, (8, 16, 16), groups=8, layers=1, quant_convs=True),
        scheduler={
            "shift": 3.0,  # not used
            "use_dynamic_shifting": True,
            "time_shift_type": "linear",
        },
    ),
    "published-style": ModelSpec(
        "config files in the form in which Z-Image-Turbo is published; 3 does not divide its dim",
        transformer(16, 112, 7, (4, 6, 6), layers=2, refiners=2, caption=32, lens=(1536, 512, 512)),
        text_encoder(32, layers=4, heads=4, kv_heads=2, head_dim=16, intermediate=96),
        vae(16, (8, 16, 16, 16), groups=8, layers=2),
        published_configs=True,
    ),
    "overflow": ModelSpec(
        "attention output, SwiGLU product and feed-forward output leave the range of f16",
        transformer(4, 64, 2, (8, 12, 12), layers=2, refiners=1, caption=32),
        text_encoder(32, layers=2, heads=4, kv_heads=2, head_dim=8, intermediate=72),
        vae(4, (8, 16), groups=4, layers=1),
        gains={
            "attention.to_v": 300.0,
            "attention.to_out": 600.0,
            "feed_forward.w1": 200.0,
            "feed_forward.w3": 200.0,
        },
    ),
}


# ---------------------------------------------------------------------------------------------
# Building and writing them


def text_encoder_config(spec):
    """The text encoder's configuration as transformers 5 holds it."""
    settings = dict(spec.text_encoder)
    theta = settings.pop("rope_theta")
    return Qwen3Config(
        vocab_size=VOCAB_SIZE,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=END_OF_TEXT_ID,
        eos_token_id=IM_END_ID,
        rope_parameters={"rope_type": "default", "rope_theta": theta},
        **settings,
    )


def published_text_encoder_config(spec):
    """The same in the form of Qwen3-4B's config.json, which transformers 4 wrote."""
    settings = spec.text_encoder
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": END_OF_TEXT_ID,
        "eos_token_id": IM_END_ID,
        "head_dim": settings["head_dim"],
        "hidden_act": "silu",
        "hidden_size": settings["hidden_size"],
        "initializer_range": 0.02,
        "intermediate_size": settings["intermediate_size"],
        "max_position_embeddings": 1024,
        "max_window_layers": settings["num_hidden_layers"],
        "model_type": "qwen3",
        "num_attention_heads": settings["num_attention_heads"],
        "num_hidden_layers": settings["num_hidden_layers"],
        "num_key_value_heads": settings["num_key_value_heads"],
        "rms_norm_eps": settings.get("rms_norm_eps", 1e-6),
        "rope_scaling": None,
        "rope_theta": int(settings["rope_theta"]),
        "sliding_window": None,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.51.0",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": VOCAB_SIZE,
    }


PUBLISHED_SCHEDULER_CONFIG = {
    "_class_name": "FlowMatchEulerDiscreteScheduler",
    "_diffusers_version": "0.36.0.dev0",
    "num_train_timesteps": 1000,
    "use_dynamic_shifting": False,
    "shift": 3.0,
}


def fill(module, model, component, gains):
    """Gives every parameter of `module` its values."""
    for name, parameter in module.named_parameters():
        mean, scale = mean_and_scale(name, tuple(parameter.shape), gains)
        values = tensor_values(model, component, name, tuple(parameter.shape), mean, scale)
        parameter.data.copy_(torch.from_numpy(values))


def write_json(path, value, indent=2):
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


def write_model(model, spec, tokenizer_dir, directory):
    """Writes the whole model to `directory` in the diffusers layout, and weights.json beside it."""
    gains = {**DEFAULT_GAINS, **spec.gains}
    directory.mkdir(parents=True)
    shutil.copytree(tokenizer_dir, directory / "tokenizer")

    blocks = len(spec.vae["block_out_channels"])
    encoder_class = Qwen3ForCausalLM if spec.prefixed else Qwen3Model
    modules = {
        "transformer": ZImageTransformer2DModel(**spec.transformer),
        "text_encoder": encoder_class(text_encoder_config(spec)).float(),
        "vae": AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * blocks,
            up_block_types=["UpDecoderBlock2D"] * blocks,
            sample_size=64,
            **spec.vae,
        ),
    }
    for component, module in modules.items():
        fill(module, model, component, gains)
        shard = {"max_shard_size": spec.shard_bytes[component]} if component in spec.shard_bytes else {}
        module.save_pretrained(directory / component, **shard)
    (directory / "text_encoder" / "generation_config.json").unlink(missing_ok=True)

    scheduler = FlowMatchEulerDiscreteScheduler(**spec.scheduler)
    scheduler.save_pretrained(directory / "scheduler")
    ZImagePipeline(
        tokenizer=AutoTokenizer.from_pretrained(tokenizer_dir), scheduler=scheduler, **modules
    ).save_config(directory)

    if spec.published_configs:
        config = json.loads((directory / "transformer" / "config.json").read_text(encoding="utf-8"))
        config["_diffusers_version"] = PUBLISHED_SCHEDULER_CONFIG["_diffusers_version"]
        del config["siglip_feat_dim"]  # a later diffusers has this
        write_json(directory / "transformer" / "config.json", config)
        write_json(directory / "text_encoder" / "config.json", published_text_encoder_config(spec))
        write_json(directory / "scheduler" / "scheduler_config.json", PUBLISHED_SCHEDULER_CONFIG)

    write_manifest(directory, gains)


def write_manifest(directory, gains):
    """weights.json: every tensor, in the order of the files."""
    lines = []
    for path in sorted(directory.glob("*/*.safetensors")):
        with safe_open(path, framework="numpy") as tensors:
            for name in tensors.keys():
                shape = tensors.get_slice(name).get_shape()
                mean, scale = mean_and_scale(name, shape, gains)
                lines.append(
                    json.dumps(
                        {
                            "file": path.relative_to(directory).as_posix(),
                            "name": name,
                            "shape": shape,
                            "mean": mean,
                            "scale": scale,
                        },
                        separators=(",", ":"),
                    )
                )
    text = '{"dtype":"F32","tensors":[\n' + ",\n".join(lines) + "\n]}\n"
    (directory / "weights.json").write_text(text, encoding="utf-8")


COMMITTED_FILES = [
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "transformer/config.json",
    "vae/config.json",
    "weights.json",
]


def copy_committed_files(written, committed):
    """Copies what is committed of a written model: its configurations and manifest."""
    for name in COMMITTED_FILES:
        (committed / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(written / name, committed / name)
