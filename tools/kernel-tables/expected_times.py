"""How long an image takes on a card that nobody has here: operations and bytes counted from models/shapes/full, by the card's rates.

    python3 tools/kernel-tables/expected_times.py                 a table, for 1024x1024 in 8 steps and a prompt of 32 tokens
    python3 tools/kernel-tables/expected_times.py --write         puts it into docs/decisions/0012-kernels-for-cards.md
"""

import json
import sys
from dataclasses import dataclass

from kernel_tables import ROOT, write

BEGIN, END = "<!-- expected-times: written by tools/kernel-tables/expected_times.py -->", "<!-- expected-times ends -->"
SHAPE = ROOT / "models/shapes/full"
SIDE, STEPS, PROMPT = 1024, 8, 32


@dataclass(frozen=True)
class Card:
    """A vendor's dense rates: tera-operations a second on tensor cores, with f32 sums, and bytes a second."""

    name: str
    sixteen: float
    tf32: float
    bytes: float
    # What FlashAttention-2's way, by mma.sync, reaches of `sixteen`: on Hopper, which wants wgmma, 35 % (arXiv 2407.08608).
    attention: float


# NVIDIA's H100 data sheet, and its Ada and Ampere GA102 papers; the 3060's from its units and its clock.
CARDS = [
    Card("H100", 989e12, 495e12, 3.35e12, 0.35),
    Card("RTX 4090", 165e12, 82.6e12, 1.01e12, 0.70),
    Card("RTX 3060", 25.5e12, 12.7e12, 0.36e12, 0.70),
]
# What is reached of the rates: cuBLAS's products, our convolutions, and memory.
PRODUCTS, CONVOLUTIONS, MEMORY = 0.75, 0.60, 0.85


def config(part):
    return json.loads((SHAPE / part / "config.json").read_text())


def transformer():
    """Of one step: operations of products and of attention, and bytes of the passes between them."""
    c = config("transformer")
    dim, tokens = c["dim"], (SIDE // 16) ** 2 + PROMPT
    hidden, blocks = int(dim / 3 * 8), c["n_layers"] + c["n_refiner_layers"]
    products = 2 * tokens * (4 * dim * dim + 3 * dim * hidden) * blocks
    attention = 4 * tokens * tokens * dim * blocks
    # Bytes a token: norm 4 + 2, turn 12 + 6, attention 6 + 2, add_norm_norm 4 + 4 + 4 + 2, add_norm 4 + 4 + 4, of `dim` numbers;
    # gate 8 + 2 of `hidden`; and what the four products write, 4 a number, over their computing.
    passes = tokens * ((6 + 18 + 8 + 14 + 12) * dim + 10 * hidden) * blocks
    return products, attention, passes


def text():
    """Of a prompt: bytes of the layers' weights in 16 bits, all but the last one's, each read once."""
    c = config("text_encoder")
    hidden, heads = c["hidden_size"], c["head_dim"] * c["num_attention_heads"]
    keys = c["head_dim"] * c["num_key_value_heads"]
    layer = hidden * (2 * heads + 2 * keys) + 3 * hidden * c["intermediate_size"]
    return 2 * layer * (c["num_hidden_layers"] - 1)


class Maps:
    """What an autoencoder's maps take: operations of convolutions and attention, and bytes of norms (12 a number: read twice, written once, in f32)."""

    def __init__(self, places):
        self.places, self.operations, self.normed = places, 0, 0

    def convolution(self, inputs, outputs, taps=9):
        self.operations += 2 * taps * inputs * outputs * self.places

    def norm(self, channels):
        self.normed += 12 * self.places * channels

    def resnet(self, inputs, outputs):
        for channels in (inputs, outputs):
            self.norm(channels)
            self.convolution(channels, outputs)
        if inputs != outputs:
            self.convolution(inputs, outputs, taps=1)

    def middle(self, channels):
        self.resnet(channels, channels)
        # Attention: four products and its scores.
        self.norm(channels)
        self.operations += 2 * 4 * self.places * channels**2 + 4 * self.places**2 * channels
        self.resnet(channels, channels)


def decoder():
    c = config("vae")
    widths = c["block_out_channels"][::-1]
    maps, channels = Maps((SIDE // 8) ** 2), widths[0]
    maps.convolution(c["latent_channels"], channels)
    maps.middle(channels)
    for level, width in enumerate(widths):
        for _ in range(c["layers_per_block"] + 1):
            maps.resnet(channels, width)
            channels = width
        if level + 1 < len(widths):
            maps.places *= 4
            maps.convolution(channels, channels)
    maps.norm(channels)
    maps.convolution(channels, c["out_channels"])
    return maps


def encoder():
    c = config("vae")
    widths = c["block_out_channels"]
    maps, channels = Maps(SIDE**2), widths[0]
    maps.convolution(c["in_channels"], channels)
    for level, width in enumerate(widths):
        for _ in range(c["layers_per_block"]):
            maps.resnet(channels, width)
            channels = width
        if level + 1 < len(widths):
            maps.places //= 4
            maps.convolution(channels, channels)
    maps.middle(channels)
    maps.norm(channels)
    maps.convolution(channels, 2 * c["latent_channels"])
    return maps


def rows():
    """A part, what it counts, and its milliseconds on each card."""
    products, attention, passes = transformer()
    weights, decoded, encoded = text(), decoder(), encoder()
    each = lambda of: [1e3 * of(card) for card in CARDS]  # noqa: E731
    convolutions = lambda maps: lambda card: maps.operations / (card.tf32 * CONVOLUTIONS)  # noqa: E731
    norms = lambda maps: lambda card: maps.normed / (card.bytes * MEMORY)  # noqa: E731
    parts = [
        (f"text, {PROMPT} tokens", f"{weights / 1e9:.1f} GB", each(lambda card: weights / (card.bytes * MEMORY))),
        ("products of the steps", f"{STEPS * products / 1e12:.0f} TFLOP", each(lambda card: STEPS * products / (card.sixteen * PRODUCTS))),
        ("attention", f"{STEPS * attention / 1e12:.0f} TFLOP", each(lambda card: STEPS * attention / (card.sixteen * card.attention))),
        ("passes between them", f"{STEPS * passes / 1e9:.0f} GB", each(lambda card: STEPS * passes / (card.bytes * MEMORY))),
        ("decoder, tf32", f"{decoded.operations / 1e12:.1f} TFLOP", each(convolutions(decoded))),
        ("norms of maps", f"{decoded.normed / 1e9:.0f} GB", each(norms(decoded))),
    ]
    whole = [sum(part[2][card] for part in parts) for card in range(len(CARDS))]
    edit = [
        ("an edit's encoder, tf32", f"{encoded.operations / 1e12:.1f} TFLOP", each(convolutions(encoded))),
        ("its norms", f"{encoded.normed / 1e9:.0f} GB", each(norms(encoded))),
    ]
    return [*parts, ("**all**", "", whole), *edit]


def table():
    lines = ["| part | counted | " + " | ".join(f"{card.name}, ms" for card in CARDS) + " |", "| --- | ---: |" + " ---: |" * len(CARDS)]
    lines += [f"| {name} | {counted} | " + " | ".join(f"{time:,.0f}" for time in times) + " |" for name, counted, times in rows()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        write(table(), markers=(BEGIN, END))
    else:
        print(table(), end="")
