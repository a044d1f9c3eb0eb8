"""Makes models/embedded: a tiny Z-Image with random weights, in the diffusers layout. See README.md.

    python tools/make-embedded-model/make.py [--out DIR]

Nothing is trained. A weight is a function of SEED and its tensor's name (`tensor_values` of the parity tests'
model_specs.py: uniform, independent), shaped by the rules below. Then the final layer and the decoder's biases are set
from what the model itself computes for CALIBRATION_PROMPTS, as data-dependent initialisations do.

The transformer's channels have roles:

    0 .. NOISE          a token's own noise; only the noise refiner's attention looks at it
    NOISE .. -PALETTE   what attention makes of noise and captions
    -PALETTE ..         what the picture is made of; only the last layer's attention writes to it
"""

import argparse
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from diffusers.utils import logging as diffusers_logging
from safetensors.numpy import save_file
from transformers import AutoTokenizer, Qwen3ForCausalLM
from transformers.utils import logging as transformers_logging

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(REPOSITORY / "tests" / "parity"))

import model_specs as specs  # noqa: E402
from tokenizer_build import write_tokenizer  # noqa: E402

SEED = 40

DIM, LATENT_CHANNELS, LAYERS = 64, 16, 2
NOISE, PALETTE = 12, 16
AXES = (8, 12, 12)  # rotary dimensions of a head: caption, rows, columns
VELOCITY = 48.0  # deviation of the latents' large forms; that of the noise is 1

SPEC = specs.ModelSpec(
    "the embedded model",
    specs.transformer(
        LATENT_CHANNELS, DIM, 2, AXES, layers=LAYERS, refiners=1, caption=32, lens=(1024, 512, 512)
    ),
    specs.text_encoder(32, layers=2, heads=2, kv_heads=1, head_dim=16, intermediate=48),
    specs.vae(LATENT_CHANNELS, (16, 16, 24, 24), groups=8, layers=1, scaling=VELOCITY, shift=0.0),
)

CALIBRATION_SIDE, CALIBRATION_STEPS, CALIBRATION_ROUNDS = 256, 8, 3
CALIBRATION_PROMPTS = [
    "a red bicycle by the sea",
    "a fox in the snow",
    "an old lighthouse at night",
    "a bowl of oranges",
    "portrait of a woman reading",
    "mountains, a river, a wooden bridge",
    "a city street in the rain",
    "a cat",
    "an astronaut on a white horse",
    "a sailing boat at sunset, oil painting",
    "a forest in autumn",
    "glass",
    "一只猫坐在窗边",
    "夜晚的城市",
]


# ---------------------------------------------------------------------------------------------
# Weights by name


class Weights:
    """The weights of one component."""

    component = ""

    def __init__(self, seed):
        self.model = f"embedded-{seed}"

    def random(self, name, shape, deviation, mean=0.0):
        """Uniform, with this standard deviation."""
        return specs.tensor_values(self.model, self.component, name, shape, mean, deviation * math.sqrt(3.0))

    def linear(self, name, shape, gain=1.0):
        """Such that it multiplies the deviation of what it is given by `gain`."""
        return self.random(name, shape, gain / math.sqrt(shape[1]))


class TextEncoder(Weights):
    component = "text_encoder"

    def tensor(self, name, shape):
        if name.endswith("embed_tokens.weight"):
            return self.random(name, shape, 1.0)
        if len(shape) == 1:
            return self.random(name, shape, 0.1, mean=1.0)
        mixes = name.endswith("o_proj.weight")  # much of what came before, so that a token tells of the whole prompt
        return self.linear(name, shape, 3.0 if mixes else 1.0)


class Transformer(Weights):
    component = "transformer"

    IMAGE_BIAS, CAPTION_BIAS = "all_x_embedder.2-1.bias", "cap_embedder.1.bias"
    LAST = f"layers.{LAYERS - 1}."

    def tensor(self, name, shape):
        role = name.rpartition(".")[0].rpartition(".")[2]
        if name.startswith("all_final_layer") and "adaLN" not in name:
            return np.zeros(shape, np.float32)  # see set_final_layer
        if name == "cap_pad_token":
            return np.float32(-12) * self.common(self.CAPTION_BIAS).reshape(shape)  # so that nothing looks at padding
        if name == "x_pad_token":
            return self.random(name, shape, 1.0)
        if name in (self.IMAGE_BIAS, self.CAPTION_BIAS):
            return self.random(name, shape, 1.5)
        if name.startswith("all_x_embedder"):
            return self.image_embedder(shape)
        if name == "cap_embedder.1.weight":
            return self.linear(name, shape, 3.0)
        if name.startswith("t_embedder"):
            if name.endswith("bias"):
                return self.random(name, shape, 0.1)
            return self.linear(name, shape, {"0": 2.0, "2": 0.5}[role])
        if "adaLN_modulation" in name:
            return self.modulation(name, shape)
        if role in ("norm_q", "norm_k"):
            return self.sharpness(name, shape)
        if "norm1" in role:
            return np.ones(shape, np.float32)
        if len(shape) == 1:
            return self.random(name, shape, 0.1, mean=1.0)
        if role in ("to_q", "to_k"):
            return self.attention_look(name, shape)
        if role == "to_v":
            return self.attention_value(name, shape)
        if role in ("w1", "w3") and not name.startswith("context"):
            return self.without_ends(self.without(self.linear(name, shape, 1.5), self.common(self.IMAGE_BIAS)))
        if role in ("0", "w2"):
            return self.written(name, shape)
        return self.linear(name, shape)

    def common(self, bias):
        """What all image tokens, or all caption tokens, have in common: their embedder's bias, as a unit vector."""
        vector = self.random(bias, (DIM,), 1.0)
        return vector / np.linalg.norm(vector)

    @staticmethod
    def without(matrix, direction):
        """`matrix`, blind to `direction`."""
        return matrix - np.outer(matrix @ direction, direction)

    @staticmethod
    def without_ends(matrix):
        """`matrix`, blind to a token's own noise and to the palette."""
        matrix = matrix.copy()
        matrix[:, :NOISE] = 0
        matrix[:, -PALETTE:] = 0
        return matrix

    def image_embedder(self, shape):
        """The mean of a patch, into the noise channels."""
        matrix = 0.5 * np.tile(self.linear("noise", (shape[0], LATENT_CHANNELS)), (1, 4))
        matrix[NOISE:] = 0
        return matrix

    def modulation(self, name, shape):
        """Random gates; no scales in the blocks, which would mix the channels' roles."""
        final = name.startswith("all_final_layer")
        if name.endswith("bias"):
            values = self.random(name, shape, 0.2 if final else 0.9)
        else:
            values = self.linear(name, shape, 0.2)
        if not final:
            scale_attention, _, scale_feed_forward, _ = np.split(values, 4)
            scale_attention[:] = 0
            scale_feed_forward[:] = 0
        return values

    def sharpness(self, name, shape):
        """Weights of norm_q and norm_k: how sharply attention chooses, and how narrowly it looks around. The fastest
        rotary frequency of rows and columns gets little, for it would draw stripes."""
        scale = np.full(shape, 2.2, np.float32)
        caption, rows, _ = AXES
        scale[:caption] *= 0.5
        for start in (caption, caption + rows):
            scale[start : start + 2] *= 0.3
        return scale * self.random(name, shape, 0.2, mean=1.0)

    def attention_look(self, name, shape):
        """Queries and keys.

        Both are one matrix, so that a token looks at those near it and like it; the second head looks further than the
        first. In the noise refiner and the last layer they see hardly more than what all image tokens have in common,
        and attention is a blur. In the layer before, the second head's keys see a caption token as its queries see an
        image token: by it the picture looks at the prompt.
        """
        query = self.linear(name.replace("to_k", "to_q"), shape)
        loose = self.linear(name + ".loose", shape)
        if name.startswith("context"):
            return query if "to_q" in name else loose
        image, caption = self.common(self.IMAGE_BIAS), self.common(self.CAPTION_BIAS)
        second = DIM // 2
        narrow = np.ones((DIM, 1))
        start = second
        for axis in AXES:
            narrow[start : start + axis // 2] = 0.2  # the faster half of the axis' frequencies
            start += axis
        matrix = query.copy()
        blur = name.startswith(("noise", self.LAST))
        if blur:
            matrix = matrix - 0.95 * self.without(matrix, image)
        elif "to_k" in name:
            apart = image - caption
            mirror = np.eye(DIM) - 2 * np.outer(apart, apart) / (apart @ apart)
            matrix[second:] = matrix[second:] @ mirror
        loosened = math.sqrt(1 - 0.4**2) * matrix + 0.4 * (0 if blur else loose)
        return loosened * narrow if name.startswith("noise") else self.without_ends(loosened * narrow)

    def attention_value(self, name, shape):
        """Values, blind to what all the tokens looked at have in common, so that the norm after attention enlarges
        what differs."""
        matrix = self.linear(name, shape)
        image, caption = self.common(self.IMAGE_BIAS), self.common(self.CAPTION_BIAS)
        if name.startswith("noise"):
            return self.without(matrix, image)
        if name.startswith("layers"):
            second = DIM // 2
            looked_at = image if name.startswith(self.LAST) else caption
            return self.without_ends(
                np.concatenate([self.without(matrix[:second], image), self.without(matrix[second:], looked_at)])
            )
        return matrix

    def written(self, name, shape):
        """The outputs of attention and of the feed-forward."""
        matrix = self.linear(name, shape).copy()
        if name.startswith(self.LAST) and "to_out" in name:
            matrix[:-PALETTE] *= 0.3
        else:
            matrix[-PALETTE:] = 0
            matrix[:NOISE] = 0
        return matrix


class Vae(Weights):
    """Smooth where it enlarges; elsewhere a random function of each point by itself."""

    component = "vae"

    BLUR = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32) / 16
    POINT = np.pad(np.ones((1, 1), np.float32), 1)

    def tensor(self, name, shape):
        if "norm" in name:
            if name.endswith("weight"):
                return 1.5 * self.random(name, shape, 0.2, mean=1.0)
            return self.random(name, shape, 1.2)
        if name.endswith("bias"):
            return self.random(name, shape, 0.05)  # of convolutions: see set_decoder
        if len(shape) == 2:
            return self.linear(name, shape, 0.5)
        outputs, inputs, size, _ = shape
        if name == "decoder.conv_out.weight":
            shared = self.linear(name + ".luma", (1, inputs), 0.5)
            own = self.linear(name + ".chroma", (outputs, inputs), 0.5)
            return self.spread(self.balanced(shared) + self.balanced(own), self.POINT)
        matrix = self.linear(name, (outputs, inputs))
        if size == 1:
            return matrix[:, :, None, None]
        if name == "decoder.conv_in.weight":
            return self.spread(2 * matrix, 0.8 * self.BLUR + 0.2 * self.POINT)
        if "resnets" in name:
            return self.spread(4 * self.balanced(matrix), self.POINT)
        return self.spread(2 * matrix, self.BLUR)  # after nearest-neighbour enlargement: bilinear

    @staticmethod
    def balanced(matrix):
        """Rows with sum 0, which cancel the positive mean of SiLU's outputs."""
        return matrix - matrix.mean(axis=1, keepdims=True)

    @staticmethod
    def spread(matrix, kernel):
        return matrix[:, :, None, None] * kernel


# ---------------------------------------------------------------------------------------------
# The pipeline


def in_f16(values):
    """The nearest f16 values, as f32."""
    return torch.from_numpy(np.asarray(values).astype(np.float16).astype(np.float32))


def with_random_weights(seed, tokenizer):
    blocks = len(SPEC.vae["block_out_channels"])
    modules = {
        "transformer": ZImageTransformer2DModel(**SPEC.transformer),
        "text_encoder": Qwen3ForCausalLM(specs.text_encoder_config(SPEC)).float(),
        "vae": AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * blocks,
            up_block_types=["UpDecoderBlock2D"] * blocks,
            use_quant_conv=False,
            sample_size=64,
            **SPEC.vae,
        ),
    }
    for weights in (Transformer(seed), TextEncoder(seed), Vae(seed)):
        for name, parameter in modules[weights.component].named_parameters():
            if not name.startswith("encoder."):
                parameter.data.copy_(in_f16(weights.tensor(name, tuple(parameter.shape))))
    pipeline = ZImagePipeline(
        tokenizer=tokenizer, scheduler=FlowMatchEulerDiscreteScheduler(**SPEC.scheduler), **modules
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def calibration_run(pipeline):
    """The latents of the calibration pictures, and what the final layer was given on the way to them: prompts x steps
    x rows x columns x DIM."""
    side = CALIBRATION_SIDE // 16
    latents, hidden, calls = [], [], []
    hook = pipeline.transformer.all_final_layer["2-1"].linear.register_forward_pre_hook(
        lambda _module, given: calls.append(given[0][0, : side * side])
    )
    for seed, prompt in enumerate(CALIBRATION_PROMPTS):
        calls.clear()
        picture = pipeline(
            prompt=prompt,
            width=CALIBRATION_SIDE,
            height=CALIBRATION_SIDE,
            num_inference_steps=CALIBRATION_STEPS,
            guidance_scale=0.0,
            generator=torch.Generator("cpu").manual_seed(seed),
            output_type="latent",
        )
        latents.append(picture.images[0])
        hidden.append(torch.stack(calls).unflatten(1, (side, side)))
    hook.remove()
    return torch.stack(latents), torch.stack(hidden).double().numpy()


def set_final_layer(pipeline, seed):
    """Random mixtures of the palette's directions, the smoothest strongest, around the palette's mean.

    The directions are those in which variation at large (means of 4 x 4 tokens, and a fifth of that between whole
    pictures) is largest beside all other variation. A patch gets one colour.
    """
    _, hidden = calibration_run(pipeline)
    hidden = hidden[..., -PALETTE:]
    mean = hidden.mean((0, 1, 2, 3))
    hidden = hidden - mean
    prompts, steps, side, _, _ = hidden.shape

    def covariance(values):
        values = values.reshape(-1, PALETTE)
        return values.T @ values / len(values)

    pictures = hidden.mean((2, 3)).mean(1)[:, None, None, None]
    forms = hidden.reshape(prompts, steps, side // 4, 4, side // 4, 4, PALETTE).mean((3, 5)) - pictures
    between, within = covariance(pictures), covariance(forms)
    wanted = 0.2 * between + within
    other = covariance(hidden) - within - 0.7 * between
    other += 0.05 * np.trace(other) / PALETTE * np.eye(PALETTE)

    values, vectors = np.linalg.eigh(other)
    whitened = vectors / np.sqrt(values)
    ratios, directions = np.linalg.eigh(whitened.T @ wanted @ whitened)
    basis = whitened @ directions
    basis *= np.where(basis.sum(0) < 0, -1, 1)
    basis *= np.sqrt(ratios / ratios[-1] / np.einsum("ij,ik,kj->j", basis, wanted, basis))

    mixture = Transformer(seed).linear("final mix", (LATENT_CHANNELS, PALETTE))[:, ::-1]
    matrix = mixture @ basis.T
    matrix *= VELOCITY / np.sqrt(np.einsum("ij,jk,ik->i", matrix, within, matrix))[:, None]
    linear = pipeline.transformer.all_final_layer["2-1"].linear
    linear.weight.data.copy_(in_f16(np.pad(np.tile(matrix, (4, 1)), ((0, 0), (DIM - PALETTE, 0)))))
    linear.bias.data.copy_(in_f16(np.tile(-matrix @ mean, 4)))


def set_decoder(pipeline):
    """Biases of the decoder's convolutions such that their outputs have mean 0, and conv_out such that the pictures
    span the range."""
    latents, _ = calibration_run(pipeline)
    vae = pipeline.vae

    def centre(convolution, _given, output):
        bias = in_f16((convolution.bias - output.mean((0, 2, 3))).numpy())
        output = output + (bias - convolution.bias)[:, None, None]
        convolution.bias.data.copy_(bias)
        return output

    convolutions = [module for module in vae.decoder.modules() if isinstance(module, torch.nn.Conv2d)]
    hooks = [module.register_forward_hook(centre) for module in convolutions]
    pictures = vae.decode(latents / vae.config.scaling_factor + vae.config.shift_factor).sample
    for hook in hooks:
        hook.remove()
    for parameter in vae.decoder.conv_out.parameters():
        parameter.data.copy_(in_f16((parameter * (0.62 / pictures.std())).numpy()))


def make(tokenizer_dir, seed=SEED):
    """The whole model; its values are f16, in f32."""
    pipeline = with_random_weights(seed, AutoTokenizer.from_pretrained(tokenizer_dir))
    with torch.no_grad():
        for _ in range(CALIBRATION_ROUNDS):
            set_final_layer(pipeline, seed)
        set_decoder(pipeline)
    return pipeline


def write(pipeline, directory):
    """The diffusers layout, without the VAE's encoder, which text-to-image does not need."""
    pipeline.save_config(directory)
    pipeline.scheduler.save_config(directory / "scheduler")
    files = {
        "transformer": "diffusion_pytorch_model.safetensors",
        "text_encoder": "model.safetensors",
        "vae": "diffusion_pytorch_model.safetensors",
    }
    for component, file in files.items():
        module = getattr(pipeline, component)
        (directory / component).mkdir(parents=True)
        if component == "text_encoder":
            module.config.architectures = [type(module).__name__]
            module.config.dtype = torch.float16
            module.config.save_pretrained(directory / component)
        else:
            module.save_config(directory / component)
        tensors = {
            name: parameter.detach().numpy().astype(np.float16)
            for name, parameter in module.named_parameters()
            if not name.startswith("encoder.")
        }
        save_file(tensors, directory / component / file, metadata={"format": "pt"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "models" / "embedded", help="(models/embedded)")
    out = parser.parse_args().out

    torch.set_num_threads(1)
    diffusers_logging.set_verbosity_error()
    transformers_logging.set_verbosity_error()
    for part in ("tokenizer", "text_encoder", "transformer", "vae", "scheduler"):
        shutil.rmtree(out / part, ignore_errors=True)
    write_tokenizer(specs.VOCAB_SIZE, out / "tokenizer")
    write(make(out / "tokenizer"), out)
    shutil.copyfile(HERE / "model.md", out / "model.md")
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{out}: {total:,} bytes")


if __name__ == "__main__":
    main()
