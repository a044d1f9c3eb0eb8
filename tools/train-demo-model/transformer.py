"""Stage three: the transformer, by flow matching on the autoencoder's latents.

The weights live in diffusers' ZImageTransformer2DModel. They are trained through `Batched`, which computes the same for
captions of one padded length and without complex numbers; `check_against_reference` holds the two together.
"""

import time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ZImageTransformer2DModel
from torch import nn

import autoencoder
import checkpoint
import scenes
import text
import workers
from optimiser import Average, Optimisers, trapezoid

CONFIG = dict(
    in_channels=autoencoder.LATENT_CHANNELS,
    dim=256,
    n_layers=5,
    n_refiner_layers=1,
    n_heads=4,
    n_kv_heads=4,
    cap_feat_dim=text.HIDDEN,
    axes_dims=[16, 24, 24],
    axes_lens=[1024, 512, 512],
)
PATCH = 2
GRID = scenes.SIDE // 8 // PATCH
# Of the schedule, in training and in sampling.
SHIFT = 3.0
SAMPLE_STEPS = 8
BATCH, LEARNING_RATE, WARM_UP, COOL_DOWN, AVERAGE_DECAY = 24, 3e-3, 60, 0.45, 0.995
ENCODER_RATE = 3e-4
CHECKPOINT_SECONDS, SAMPLES_EVERY = 180, 150


class Attention:
    """Diffusers' ZSingleStreamAttnProcessor with real rotary tables (cosines, sines), [tokens, head dimension / 2]."""

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, freqs_cis=None):
        query, key, value = (
            projection(hidden_states).unflatten(-1, (attn.heads, -1))
            for projection in (attn.to_q, attn.to_k, attn.to_v)
        )
        cosines, sines = (table[:, None] for table in freqs_cis)

        def turned(x):
            even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
            pairs = torch.stack([even * cosines - odd * sines, even * sines + odd * cosines], -1)
            return pairs.flatten(-2).to(value.dtype).transpose(1, 2)

        mixed = F.scaled_dot_product_attention(
            turned(attn.norm_q(query)), turned(attn.norm_k(key)), value.transpose(1, 2)
        )
        return attn.to_out[0](mixed.transpose(1, 2).flatten(2))


class Batched(nn.Module):
    """The transformer's velocity for a batch: latents [n, 16, 16, 16], sigmas [n], caption states [n, tokens, HIDDEN]."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def rotary(self, positions):
        table = self.model.rope_embedder(positions)
        return table.real, table.imag

    def tables(self, caption_tokens):
        """Rotary tables of the image's and of the caption's tokens."""
        axis = torch.arange(GRID)
        rows, columns = torch.meshgrid(axis, axis, indexing="ij")
        frame = torch.full_like(rows, caption_tokens + 1)
        caption = torch.zeros(caption_tokens, 3, dtype=torch.long)
        caption[:, 0] = torch.arange(1, caption_tokens + 1)
        return self.rotary(torch.stack([frame, rows, columns], -1).flatten(0, 1)), self.rotary(caption)

    def forward(self, latents, sigmas, hidden, lengths, image_table, caption_table):
        model = self.model
        n, channels = latents.shape[:2]
        time = model.t_embedder((1 - sigmas) * model.t_scale)
        patches = latents.view(n, channels, GRID, PATCH, GRID, PATCH).permute(0, 2, 4, 3, 5, 1)
        image = model.all_x_embedder["2-1"](patches.reshape(n, GRID * GRID, -1))
        for layer in model.noise_refiner:
            image = layer(image, None, image_table, time)
        padding = torch.arange(hidden.shape[1])[None, :, None] >= lengths[:, None, None]
        caption = torch.where(padding, model.cap_pad_token.to(image.dtype), model.cap_embedder(hidden).to(image.dtype))
        for layer in model.context_refiner:
            caption = layer(caption, None, caption_table)
        tokens = torch.cat([image, caption], 1)
        table = tuple(torch.cat(pair) for pair in zip(image_table, caption_table, strict=True))
        for layer in model.layers:
            tokens = layer(tokens, None, table, time)
        out = model.all_final_layer["2-1"](tokens[:, : GRID * GRID], c=time)
        out = out.view(n, GRID, GRID, PATCH, PATCH, channels).permute(0, 5, 1, 3, 2, 4)
        # The model answers with what leads from noise to picture; the pipeline turns its sign.
        return -out.reshape(latents.shape).float()


def new_model():
    model = ZImageTransformer2DModel(**CONFIG)
    with torch.no_grad():
        for layer in list(model.noise_refiner) + list(model.layers):
            # Gates a little open, scales at one, whatever the time.
            layer.adaLN_modulation[0].weight.zero_()
            bias = layer.adaLN_modulation[0].bias.zero_().view(4, -1)
            bias[1].fill_(0.2)
            bias[3].fill_(0.2)
        final = model.all_final_layer["2-1"]
        final.linear.weight.zero_()
        final.linear.bias.zero_()
        final.adaLN_modulation[1].weight.zero_()
        final.adaLN_modulation[1].bias.zero_()
        model.cap_pad_token.normal_(std=0.02)
        model.x_pad_token.requires_grad_(False)  # 64 image tokens need no padding
    for module in model.modules():
        if hasattr(module, "processor"):
            module.processor = Attention()
    return model


@torch.no_grad()
def check_against_reference(model):
    """`Batched` is the reference's forward pass."""
    reference = ZImageTransformer2DModel(**CONFIG)
    reference.load_state_dict(model.state_dict())
    reference.all_final_layer["2-1"].linear.weight.normal_(std=0.1)
    ours = Batched(new_model())
    ours.model.load_state_dict(reference.state_dict())
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(2, 16, 2 * GRID, 2 * GRID, generator=generator)
    hidden = torch.randn(2, text.PAD, text.HIDDEN, generator=generator)
    sigmas, lengths = torch.tensor([0.9, 0.4]), torch.tensor([20, 11])
    result = ours(latents, sigmas, hidden, lengths, *ours.tables(text.PAD))
    expected = reference(
        [item[:, None] for item in latents], 1 - sigmas, [h[:n] for h, n in zip(hidden, lengths, strict=True)]
    ).sample
    expected = -torch.stack(list(expected))[:, :, 0]
    error = ((result - expected).norm() / expected.norm()).item()
    assert error < 1e-4, f"the batched transformer differs from the reference by {error}"


def schedule(steps):
    """The sigmas that the pipeline walks down, ending at 0."""
    fractions = torch.linspace(1, 0, steps + 1)
    return SHIFT * fractions / (1 + (SHIFT - 1) * fractions)


class Sampler:
    """Pictures from captions, as the pipeline makes them."""

    def __init__(self, tokens, encoder, model, decoder):
        self.tokens, self.encoder, self.decoder = tokens, encoder, decoder
        self.batched = Batched(model)

    @torch.no_grad()
    def latents(self, texts, seeds, steps=SAMPLE_STEPS):
        side = scenes.SIDE // 8
        noise = [torch.randn(16, side, side, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        x = torch.stack(noise)
        ids, lengths = self.tokens(texts)
        hidden = text.hidden_states(self.encoder, ids)
        tables = self.batched.tables(ids.shape[1])
        sigmas = schedule(steps)
        for now, following in zip(sigmas[:-1], sigmas[1:], strict=True):
            velocity = self.batched(x, now.expand(len(x)), hidden, lengths, *tables)
            x = x + (following - now) * velocity
        return x

    @torch.no_grad()
    def pictures(self, texts, seeds, steps=SAMPLE_STEPS):
        """[n, 3, SIDE, SIDE] in -1..1."""
        return self.decoder(self.latents(texts, seeds, steps)).clamp(-1, 1)


PROBES = """red apple|a cat on a blue background|蓝色背景上的猫|a rocket on a black background|tulip|西瓜|a guitar on yellow|
frog|绿色背景上的披萨|snowman on a purple background|一朵玫瑰|a red car|sunflower, pink background|企鹅，白色背景|
a watercolour of a fox in the snow|zorp bliffle|a crown|生日蛋糕|octopus on a turquoise background|volcano|
castle|棕色背景上的熊猫|key on red|butterfly""".replace("\n", "").split("|")


def train(rank, work_dir, subjects, sprites, source, steps, seed):
    path = work_dir / "transformer.pt"
    torch.manual_seed(seed)
    encode, decode, _ = autoencoder.trained(work_dir)
    tokenizer, encoder, _ = text.trained(work_dir, subjects, seed)
    tokens = text.Tokens(tokenizer)
    model = new_model()
    batched = Batched(model)
    if rank == 0:
        check_against_reference(model)
    optimisers = [
        Optimisers(
            [model],
            lambda name, p: p.ndim == 2 and ("attention" in name or "feed_forward" in name) and "norm" not in name,
            LEARNING_RATE,
            weight_decay=0.01,
            share=0.35,
        ),
        # The text encoder learns on, slowly: what its codes leave out.
        Optimisers([encoder], lambda name, p: "layers" in name and p.ndim == 2, ENCODER_RATE, share=0.5),
    ]
    modules = [model, encoder]
    average = Average(modules, AVERAGE_DECAY)
    step = 0
    if state := checkpoint.load(path):
        step = state["step"]
        for module, weights in zip(modules + average.averages, state["model"] + state["average"], strict=True):
            module.load_state_dict(weights)
        for optimiser, values in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(values)
    # Long captions are few, and not worth a compilation of their own.
    forward = {text.PAD: torch.compile(batched, dynamic=False), 2 * text.PAD: batched}
    tables = {width: batched.tables(width) for width in (text.PAD, 2 * text.PAD)}
    saved = started = time.time()
    losses, first = 0.0, step
    while step < steps:
        rng = np.random.default_rng((seed, 3, step, rank))
        captions, drawn, colours = source.draw(rng, BATCH)
        pairs = [scenes.compose(rng, sprites, *pair) for pair in zip(drawn, colours, strict=True)]
        pictures = torch.from_numpy(np.stack([p for p, _ in pairs])).permute(0, 3, 1, 2) * 2 - 1
        masks = torch.from_numpy(np.stack([m for _, m in pairs]))[:, None]
        # Where the subject is, a latent counts more than one of the background.
        weight = 0.4 + 1.2 * F.avg_pool2d(F.max_pool2d(masks, 9, 1, 4), 8)
        ids, lengths = tokens(captions)
        ids, lengths = ids[:, : 2 * text.PAD], lengths.clamp(max=2 * text.PAD)
        generator = torch.Generator().manual_seed(step * 64 + rank)
        fractions = (torch.randperm(BATCH, generator=generator) + torch.rand(BATCH, generator=generator)) / BATCH
        sigmas = SHIFT * fractions / (1 + (SHIFT - 1) * fractions)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            clean = encode(pictures).float()
        noise = torch.randn(clean.shape, generator=generator)
        mix = sigmas[:, None, None, None]
        with torch.autocast("cpu", torch.bfloat16):
            hidden = text.hidden_states(encoder, ids)
            noisy, width = (1 - mix) * clean + mix * noise, ids.shape[1]
            velocity = forward[width](noisy, sigmas, hidden, lengths, *tables[width])
        value = ((velocity - (noise - clean)).square() * weight).mean()
        value.backward()
        for optimiser in optimisers:
            optimiser.step(trapezoid(step, steps, WARM_UP, COOL_DOWN))
        average.update(step)
        step += 1
        losses += value.item() / 50
        if rank > 0:
            continue
        if step % 50 == 0:
            rate = (step - first) * BATCH * workers.world() / (time.time() - started)
            print(f"transformer {step}/{steps}: loss {losses:.4f}, {rate:.1f} pictures/s", flush=True)
            losses = 0.0
        if time.time() - saved > CHECKPOINT_SECONDS or step == steps:
            state = {
                "step": step,
                "model": [module.state_dict() for module in modules],
                "average": [module.state_dict() for module in average.averages],
                "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            }
            checkpoint.save(path, state)
            saved = time.time()
        if step % SAMPLES_EVERY == 0 or step == steps:
            mean_model, mean_encoder = average.averages
            sampler = Sampler(tokens, mean_encoder, mean_model, decode)
            with torch.autocast("cpu", torch.bfloat16):
                pictures = sampler.pictures(PROBES, range(len(PROBES)))
            autoencoder.as_grid(pictures, 8).save(work_dir / "transformer.png")


def trained(work_dir, tokenizer):
    """The averaged transformer and text encoder of the last checkpoint, and its step."""
    state = checkpoint.load(work_dir / "transformer.pt")
    if state is None:
        raise SystemExit(f"no transformer.pt in {work_dir}; run train.py --stage transformer first")
    model, encoder = new_model(), text.new_encoder(tokenizer)
    model.load_state_dict(state["average"][0])
    encoder.load_state_dict(state["average"][1])
    return model.eval(), encoder.eval(), state["step"]
