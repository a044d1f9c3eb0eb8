"""Stage five: the VAE's encoder, which edits need. It learns against the finished decoder, which stays as it is.

Three kinds of images teach it: scenes, as the decoder learned them; drawings of plain shapes, so that it also reads what
people upload; and images that the whole model generates, whose latents are known.
"""

import time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, ZImagePipeline
from PIL import Image, ImageDraw, ImageFilter
from safetensors.torch import load_file, save_file

import autoencoder
import checkpoint
import export
import scenes
from optimiser import Average, Optimisers, trapezoid

BATCH, LEARNING_RATE, WARM_UP, COOL_DOWN, AVERAGE_DECAY = 8, 2e-3, 50, 0.4, 0.995
# Of a batch's images.
SCENES, DRAWINGS, GENERATED = 4, 2, 2
LATENT_NOISE = 0.1
# Of the known latents, beside the loss of the images; and of the latents' mean and deviation, which are 0 and 1.
LATENT_WEIGHT, MOMENT_WEIGHT = 0.3, 0.05
# Generated once: images, and the steps of each.
KNOWN, KNOWN_STEPS = 320, 6
# The encoder has no uncertainty to tell: a deviation of about 0.007.
LOG_VARIANCE = -10.0
CHECKPOINT_SECONDS = 120


def drawing(rng):
    """Shapes on a graded background, sharp or blurred, [SIDE, SIDE, 3] f32 in 0..1."""
    side = scenes.SIDE
    image = Image.fromarray((scenes.background(rng, int(rng.integers(len(scenes.COLOURS)))) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 9))):
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        x, y = (int(value) for value in rng.integers(-16, side, 2))
        wide, high = (int(value) for value in rng.integers(3, 90, 2))
        kind = int(rng.integers(3))
        if kind == 0:
            draw.ellipse((x, y, x + wide, y + high), fill=colour)
        elif kind == 1:
            draw.rectangle((x, y, x + wide, y + high), fill=colour)
        else:
            draw.line((x, y, x + wide, y + high), fill=colour, width=int(rng.integers(1, 8)))
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 4))))
    return np.asarray(image, np.float32) / 255


def known(work_dir, model_dir, subjects, seed):
    """Latents that the model generates, and the images that its decoder makes of them."""
    path = work_dir / "known-latents.pt"
    if (stored := checkpoint.load(path)) is not None:
        return stored
    pipeline = ZImagePipeline.from_pretrained(model_dir, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    rng = np.random.default_rng(seed)
    latents = []
    for first in range(0, KNOWN, BATCH):
        chosen = rng.integers(len(subjects), size=BATCH)
        prompts = [subjects[index].english[0] for index in chosen]
        generators = [torch.Generator("cpu").manual_seed(first + i) for i in range(BATCH)]
        latents.append(
            pipeline(
                prompt=prompts,
                width=scenes.SIDE,
                height=scenes.SIDE,
                num_inference_steps=KNOWN_STEPS,
                guidance_scale=0.0,
                generator=generators,
                output_type="latent",
            ).images
        )
    latents = torch.cat(latents)
    with torch.no_grad():
        images = torch.cat([pipeline.vae.decoder(part) for part in latents.split(BATCH)]).clamp(-1, 1)
    checkpoint.save(path, (latents, images))
    return latents, images


def batch_of(rng, sprites, subjects, known_images):
    pictures, weight = autoencoder.batch_of(rng, sprites, subjects, SCENES)
    drawings = torch.from_numpy(np.stack([drawing(rng) for _ in range(DRAWINGS)])).permute(0, 3, 1, 2) * 2 - 1
    chosen = torch.from_numpy(rng.integers(len(known_images), size=GENERATED))
    pictures = torch.cat([pictures, drawings, known_images[chosen]])
    plain = torch.ones(DRAWINGS + GENERATED, 1, *weight.shape[2:])
    return pictures.contiguous(memory_format=torch.channels_last), torch.cat([weight, plain]), chosen


def train(work_dir, model_dir, sprites, subjects, steps, seed):
    """Trains the encoder and writes it beside the decoder in `model_dir`."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    latents, images = known(work_dir, model_dir, subjects, seed)
    file = model_dir / "vae" / export.FILES["vae"]
    tensors = load_file(file)
    vae = AutoencoderKL(**autoencoder.CONFIG).to(memory_format=torch.channels_last)
    decoder = {name.removeprefix("decoder."): value.float() for name, value in tensors.items() if name.startswith("decoder.")}
    vae.decoder.load_state_dict(decoder)
    vae.decoder.requires_grad_(False).eval()
    encoder = vae.encoder
    optimisers = Optimisers(
        [encoder], lambda name, p: p.ndim == 4 and "conv_out" not in name and "conv_in" not in name, LEARNING_RATE
    )
    average = Average([encoder], AVERAGE_DECAY)
    path, step = work_dir / "encoder.pt", 0
    if state := checkpoint.load(path):
        step = state["step"]
        encoder.load_state_dict(state["model"])
        average.averages[0].load_state_dict(state["average"])
        optimisers.load_state_dict(state["optimisers"])
    saved = started = time.process_time()

    def save():
        state = {"step": step, "model": encoder.state_dict(), "average": average.averages[0].state_dict()}
        checkpoint.save(path, state | {"optimisers": optimisers.state_dict()})
        mean = average.averages[0].eval()
        fixed, _, chosen = batch_of(np.random.default_rng(seed), sprites, len(subjects), images)
        with torch.no_grad():
            found = mean(fixed)[:, : autoencoder.LATENT_CHANNELS]
            output = vae.decoder(found)
        error = (output - fixed).abs().mean((1, 2, 3))
        parts = [part.mean().item() for part in error.split([SCENES, DRAWINGS, GENERATED])]
        apart = (found[-GENERATED:] - latents[chosen]).abs().mean().item()
        seconds = time.process_time() - started
        print(f"encoder {step}: {seconds:.0f} CPU s; L1 scenes {parts[0]:.4f}, drawings {parts[1]:.4f}, "
              f"generated {parts[2]:.4f}; known latents {apart:.4f}", flush=True)
        autoencoder.as_grid(torch.stack([fixed, output], 1).flatten(0, 1), 8).save(work_dir / "encoder.png")
        return {"step": step, "scenes": parts[0], "drawings": parts[1], "generated": parts[2], "latents": apart}

    while step < steps:
        rng = np.random.default_rng((seed, step))
        pictures, weight, chosen = batch_of(rng, sprites, len(subjects), images)
        with torch.autocast("cpu", torch.bfloat16):
            found = encoder(pictures)[:, : autoencoder.LATENT_CHANNELS].float()
            noise = torch.randn_like(found) * LATENT_NOISE * torch.rand(len(found), 1, 1, 1)
            output = vae.decoder(found + noise).float()
        value = autoencoder.loss(output - pictures, weight)
        value = value + LATENT_WEIGHT * F.smooth_l1_loss(found[-GENERATED:], latents[chosen], beta=0.1)
        mean, deviation = found[:SCENES].mean((0, 2, 3)), found[:SCENES].std((0, 2, 3))
        value = value + MOMENT_WEIGHT * (mean.square().mean() + (deviation - 1).square().mean())
        value.backward()
        optimisers.step(trapezoid(step, steps, WARM_UP, COOL_DOWN))
        average.update(step)
        step += 1
        if time.process_time() - saved > CHECKPOINT_SECONDS:
            save()
            saved = time.process_time()
    figures = save()
    write(average.averages[0], tensors, file)
    return figures


def write(encoder, tensors, file):
    """The encoder beside the decoder, in f16; its second half, the log variance, is a constant."""
    values = {f"encoder.{name}": parameter.detach().clone() for name, parameter in encoder.named_parameters()}
    values["encoder.conv_out.weight"][autoencoder.LATENT_CHANNELS :] = 0
    values["encoder.conv_out.bias"][autoencoder.LATENT_CHANNELS :] = LOG_VARIANCE
    kept = {name: value for name, value in tensors.items() if not name.startswith("encoder.")}
    kept |= {name: export.stored("vae", name, value) for name, value in values.items()}
    save_file(kept, file, metadata={"format": "pt"})
    print(f"{file}: {file.stat().st_size:,} bytes, {sum(p.numel() for p in encoder.parameters()):,} weights of the encoder")
