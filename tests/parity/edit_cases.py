"""The edits that are compared: which image, which mask, how strongly."""

from dataclasses import dataclass

from case_list import BICYCLE, CAT_ZH, FOX, GLASS, LIGHTHOUSE, LOW_QUALITY, MARKET, TEA


@dataclass
class EditCase:
    name: str
    model: str
    prompts: list
    width: int  # of the image that is given
    height: int
    steps: int
    strength: float
    seeds: list
    mask: str = None  # None: image to image; else a function of masks.py
    guidance: float = 0.0
    negative_prompts: list = None


def strengths():
    """Every tenth, over all the numbers of steps, wide and high."""
    sizes = [(32, 16), (24, 40), (16, 16), (48, 32), (20, 28)]
    cases = []
    for tenth in range(1, 11):
        width, height = sizes[tenth % len(sizes)]
        for steps in (8, [1, 4, 9][tenth % 3]):
            cases.append(
                EditCase(
                    f"strength-{tenth:02}-steps-{steps}",
                    "base",
                    [[GLASS, FOX, CAT_ZH][tenth % 3]],
                    width,
                    height,
                    steps,
                    tenth / 10,
                    [1000 + tenth],
                )
            )
    return cases


EDIT_CASES = [
    *strengths(),
    EditCase("strength-fine", "base", [TEA], 32, 32, 9, 0.35, [3]),
    EditCase("guided", "sharded", [CAT_ZH], 48, 32, 4, 0.75, [5], guidance=4.0),
    EditCase(
        "guided-pair",
        "sharded",
        [BICYCLE, TEA],
        16,
        32,
        8,
        0.5,
        [2**63 - 1, 99],
        guidance=4.0,
        negative_prompts=[LOW_QUALITY, ""],
    ),
    EditCase("batch", "published-style", [MARKET, "", GLASS], 32, 48, 4, 0.6, [20, 21, 22]),
    EditCase("other-constants", "other-constants", [MARKET], 16, 24, 9, 0.7, [16]),
    EditCase("dynamic-shift", "dynamic-shift", [LIGHTHOUSE], 64, 48, 8, 0.6, [18]),
    EditCase("quant-conv", "linear-shift", [GLASS], 40, 24, 8, 0.4, [27]),
    EditCase("wide", "wide", [FOX], 24, 16, 4, 0.9, [28]),
    # Not a multiple of the model's cells: diffusers scales the image down to one.
    EditCase("scaled-down", "base", [TEA], 37, 50, 4, 0.5, [29]),
    EditCase("mask-half", "base", [GLASS], 32, 24, 8, 1.0, [30], mask="half"),
    EditCase("mask-half-weak", "base", [FOX], 24, 32, 8, 0.5, [31], mask="half"),
    EditCase("mask-strokes", "base", [TEA], 48, 32, 9, 0.8, [32], mask="strokes"),
    EditCase("mask-strokes-one-step", "base", [TEA], 32, 48, 1, 1.0, [33], mask="strokes"),
    EditCase("mask-last-step", "base", [TEA], 32, 16, 4, 0.25, [34], mask="disc"),
    EditCase("mask-grey", "base", [CAT_ZH], 40, 32, 4, 0.9, [35], mask="grey"),
    EditCase("mask-guided", "sharded", [CAT_ZH], 48, 32, 4, 1.0, [36], mask="disc", guidance=4.0),
    EditCase("mask-batch", "published-style", [MARKET, "", GLASS], 48, 32, 8, 0.7, [37, 38, 39], mask="disc"),
    EditCase("mask-dynamic-shift", "dynamic-shift", [LIGHTHOUSE], 48, 64, 9, 0.6, [40], mask="strokes"),
    EditCase("mask-scaled-down", "base", [TEA], 37, 50, 4, 1.0, [41], mask="disc"),
]

# Of each model's encoder, at one size.
ENCODER_MODELS = [
    ("base", 32, 24),
    ("sharded", 48, 32),
    ("wide", 24, 40),
    ("no-qk-norm", 32, 24),
    ("other-constants", 20, 24),
    ("dynamic-shift", 64, 48),
    ("linear-shift", 24, 40),
    ("published-style", 48, 80),
    ("overflow", 24, 20),
]
