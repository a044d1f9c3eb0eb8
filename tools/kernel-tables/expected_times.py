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


def decoder():
    """Of a decode: operations of its convolutions and of the attention between them, and bytes of its norms (12 a number: read twice, written once, in f32)."""
    c = config("vae")
    widths, places = c["block_out_channels"][::-1], (SIDE // 8) ** 2
    operations, normed, channels = 2 * 9 * c["latent_channels"] * widths[0] * places, 0, widths[0]

    def resnet(inputs, outputs):
        nonlocal operations, normed
        operations += 2 * places * (9 * inputs * outputs + 9 * outputs * outputs + (inputs * outputs if inputs != outputs else 0))
        normed += places * (inputs + outputs)

    resnet(channels, channels)
    # The attention of the middle: four products and its scores.
    operations += 2 * 4 * places * channels**2 + 4 * places**2 * channels
    normed += places * channels
    resnet(channels, channels)
    for level, width in enumerate(widths):
        for _ in range(c["layers_per_block"] + 1):
            resnet(channels, width)
            channels = width
        if level + 1 < len(widths):
            places *= 4
            operations += 2 * 9 * places * channels**2
    normed += places * channels
    operations += 2 * 9 * channels * c["out_channels"] * places
    return operations, 12 * normed


def rows():
    """A part, what it counts, and its milliseconds on each card."""
    products, attention, passes = transformer()
    weights, (convolutions, normed) = text(), decoder()
    each = lambda of: [1e3 * of(card) for card in CARDS]  # noqa: E731
    parts = [
        (f"text, {PROMPT} tokens", f"{weights / 1e9:.1f} GB", each(lambda card: weights / (card.bytes * MEMORY))),
        ("products of the steps", f"{STEPS * products / 1e12:.0f} TFLOP", each(lambda card: STEPS * products / (card.sixteen * PRODUCTS))),
        ("attention", f"{STEPS * attention / 1e12:.0f} TFLOP", each(lambda card: STEPS * attention / (card.sixteen * card.attention))),
        ("passes between them", f"{STEPS * passes / 1e9:.0f} GB", each(lambda card: STEPS * passes / (card.bytes * MEMORY))),
        ("decoder, tf32", f"{convolutions / 1e12:.1f} TFLOP", each(lambda card: convolutions / (card.tf32 * CONVOLUTIONS))),
        ("norms of maps", f"{normed / 1e9:.0f} GB", each(lambda card: normed / (card.bytes * MEMORY))),
    ]
    whole = [sum(part[2][card] for part in parts) for card in range(len(CARDS))]
    return [*parts, ("**all**", "", whole)]


def table():
    lines = ["| part | counted | " + " | ".join(f"{card.name}, ms" for card in CARDS) + " |", "| --- | ---: |" + " ---: |" * len(CARDS)]
    lines += [f"| {name} | {counted} | " + " | ".join(f"{time:,.0f}" for time in times) + " |" for name, counted, times in rows()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        write(table(), markers=(BEGIN, END))
    else:
        print(table(), end="")
