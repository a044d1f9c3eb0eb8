"""Stage one: the autoencoder.

Its decoder is that of diffusers' AutoencoderKL. Text-to-image needs no encoder, so the one it is trained with is a
cheap one that is not kept. Latents are normalised per channel to mean 0 and deviation 1 and given a little noise
before they are decoded, in place of a KL term: so a small error of the transformer stays a small error.
"""

import time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from PIL import Image
from torch import nn

import checkpoint
import scenes
import workers
from optimiser import Average, Optimisers, trapezoid

LATENT_CHANNELS = 16
CONFIG = dict(
    in_channels=3,
    out_channels=3,
    latent_channels=LATENT_CHANNELS,
    block_out_channels=(16, 32, 64, 128),
    down_block_types=["DownEncoderBlock2D"] * 4,
    up_block_types=["UpDecoderBlock2D"] * 4,
    layers_per_block=1,
    norm_num_groups=8,
    act_fn="silu",
    sample_size=scenes.SIDE,
    scaling_factor=1.0,
    shift_factor=0.0,
    use_quant_conv=False,
    use_post_quant_conv=False,
)
LATENT_NOISE = 0.2
BATCH, LEARNING_RATE, WARM_UP, COOL_DOWN, AVERAGE_DECAY = 8, 2e-3, 100, 0.35, 0.998
# From this step on only the decoder learns: the latents stay what they are, and the transformer may begin.
FREEZE_STEP = 800
CHECKPOINT_SECONDS = 150


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, channels), nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(h)))


class Encoder(nn.Module):
    """Pictures [batch, 3, H, W] in -1..1 to normalised latents [batch, 16, H/8, W/8]."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, 64, 3, padding=1),
            Residual(64),
            nn.Conv2d(64, 128, 4, stride=2, padding=1),
            Residual(128),
            Residual(128),
            nn.GroupNorm(8, 128),
            nn.SiLU(),
            nn.Conv2d(128, LATENT_CHANNELS, 1),
        )
        self.normal = nn.BatchNorm2d(LATENT_CHANNELS, affine=False, momentum=0.02)

    def forward(self, x):
        return self.normal(self.body(x).float())


class Reconstruction(nn.Module):
    """Encoder, decoder and loss as one graph."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, pictures, weight, noise):
        latents = self.encoder(pictures)
        return loss(self.decoder(latents + noise).float() - pictures, weight)


def loss(difference, weight):
    """L1 at three scales and of the gradients; the subject counts more than its background."""
    total = (difference.abs() * weight).mean()
    total = total + 0.75 * ((difference[..., 1:] - difference[..., :-1]).abs() * weight[..., 1:]).mean()
    total = total + 0.75 * ((difference[..., 1:, :] - difference[..., :-1, :]).abs() * weight[..., 1:, :]).mean()
    for _ in range(2):
        difference, weight = F.avg_pool2d(difference, 2), F.avg_pool2d(weight, 2)
        total = total + 0.5 * (difference.abs() * weight).mean()
    return total


def batch_of(rng, sprites, subjects, size):
    pairs = [
        scenes.compose(rng, sprites, int(rng.integers(subjects)), int(rng.integers(len(scenes.COLOURS))))
        for _ in range(size)
    ]
    pictures = torch.from_numpy(np.stack([p for p, _ in pairs])).permute(0, 3, 1, 2) * 2 - 1
    masks = torch.from_numpy(np.stack([m for _, m in pairs]))[:, None]
    return pictures.contiguous(memory_format=torch.channels_last), 0.25 + 1.25 * masks


def new_decoder():
    return AutoencoderKL(**CONFIG).decoder


def trained(work_dir):
    """The averaged encoder and decoder of the last checkpoint, and its step."""
    state = checkpoint.load(work_dir / "autoencoder.pt")
    if state is None:
        raise SystemExit(f"no autoencoder.pt in {work_dir}; run train.py --stage autoencoder first")
    encoder, decoder = Encoder(), new_decoder()
    encoder.load_state_dict(state["average"][0])
    decoder.load_state_dict(state["average"][1])
    return encoder.eval().requires_grad_(False), decoder.eval().requires_grad_(False), state["step"]


def as_grid(pictures, columns):
    """[n, 3, H, W] in -1..1 to one picture."""
    values = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    rows = [np.concatenate(list(values[i : i + columns]), 1) for i in range(0, len(values), columns)]
    return Image.fromarray(np.concatenate(rows))


def train(rank, work_dir, sprites, subjects, steps, seed):
    path = work_dir / "autoencoder.pt"
    torch.manual_seed(seed)
    encoder, decoder = Encoder(), new_decoder().to(memory_format=torch.channels_last)
    optimisers = Optimisers(
        [encoder, decoder],
        lambda name, p: p.ndim >= 2 and "conv_out" not in name and "conv_in" not in name and "body.8" not in name,
        LEARNING_RATE,
    )
    average = Average([encoder, decoder], AVERAGE_DECAY)
    step = 0
    if state := checkpoint.load(path):
        step = state["step"]
        for module, weights in zip([encoder, decoder, *average.averages], state["model"] + state["average"], strict=True):
            module.load_state_dict(weights)
        optimisers.load_state_dict(state["optimisers"])
    model = torch.compile(Reconstruction(encoder, decoder))
    fixed, _ = batch_of(np.random.default_rng(seed), sprites, subjects, 16)
    saved = started = time.time()
    running = 0.0
    first = step

    def save():
        checkpoint.save(
            path,
            {
                "step": step,
                "model": [encoder.state_dict(), decoder.state_dict()],
                "average": [module.state_dict() for module in average.averages],
                "optimisers": optimisers.state_dict(),
            },
        )
        with torch.no_grad():
            mean_encoder, mean_decoder = (module.eval() for module in average.averages)
            output = mean_decoder(mean_encoder(fixed))
        error = (output - fixed).abs().mean().item()
        print(f"autoencoder {step}: saved; L1 of 16 fixed pictures {error:.4f}", flush=True)
        pairs = torch.stack([fixed, output], 1).flatten(0, 1)
        as_grid(pairs, 8).save(work_dir / "autoencoder.png")

    while step < steps:
        if step >= FREEZE_STEP and encoder.training:
            encoder.load_state_dict(average.averages[0].state_dict())
            encoder.eval().requires_grad_(False)
        rng = np.random.default_rng((seed, step, rank))
        pictures, weight = batch_of(rng, sprites, subjects, BATCH)
        generator = torch.Generator().manual_seed(step * 64 + rank)
        side = scenes.SIDE // 8
        noise = torch.randn(BATCH, LATENT_CHANNELS, side, side, generator=generator)
        noise = noise * (LATENT_NOISE * torch.rand(BATCH, 1, 1, 1, generator=generator))
        with torch.autocast("cpu", torch.bfloat16):
            value = model(pictures, weight, noise)
        value.backward()
        optimisers.step(trapezoid(step, steps, WARM_UP, COOL_DOWN))
        average.update(step)
        step += 1
        running += value.item()
        if rank > 0:
            continue
        if step % 100 == 0:
            rate = (step - first) * BATCH * workers.world() / (time.time() - started)
            print(f"autoencoder {step}/{steps}: loss {running / 100:.4f}, {rate:.1f} pictures/s", flush=True)
            running = 0.0
        if time.time() - saved > CHECKPOINT_SECONDS or step == steps:
            save()
            saved = time.time()
