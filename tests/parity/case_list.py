"""The images that are compared: what is asked of which model."""

from dataclasses import dataclass

BICYCLE = "A red bicycle leans against the white wall of a small house by the sea, in the morning light."
LIGHTHOUSE = "The old lighthouse stands on the rocks, and the waves break under a grey sky full of birds."
FOX = "A watercolour painting of a fox in the snow, with soft light and long blue shadows."
MARKET = "Photograph of a street market at night, lanterns and rain, people with umbrellas, reflections on the ground."
CAT_ZH = "一只猫坐在窗边，看着外面的雪。"
MOUNTAINS_ZH = "一幅山水画，远处的山在云中，近处有一座小桥，桥下的水很清，老人在河边钓鱼，天空是灰色的，有很多鸟。"
TEA = "A cat sleeps on the table between two cups of tea, in the sun"
TRAIN = (
    "The train leaves the station; the snow falls on the platform and on the roof of the carriages, "
    "and nothing remains but the light of the moon, and birds."
)
CASTLE = (
    "The children build a castle of sand, and the tide comes in; it's late, they're tired. "
    "A portrait of a woman reading there."
)
POSTER = (
    'A poster with the words "hello world" in large red letters, 35mm, f/1.8:  #1_best (v2), on a yellow wall'
)
TEA_ZH = "一只猫坐在窗边，看着外面的雪，桌上有茶。"
GLASS = "A glass of water"
EMOJI = "🦊🌊 a fox surfing at sunset 🏄🏽‍♀️👨‍👩‍👧‍👦, vivid colours ✨"
# Written with combining characters, which NFC composes: é, ñ, ö, Å and the Hangul syllable 한.
COMBINING = "Cafe\u0301 in Sa\u0303o Paulo, jalapen\u0303o, Ko\u0308ln, A\u030angstro\u0308m, \u1112\u1161\u11ab"
LOW_QUALITY = "Blurry, low quality, distorted, watermark, text, bad anatomy, extra fingers, dark, noise."
LONG_NEGATIVE = LOW_QUALITY + " " + LIGHTHOUSE + " 没有文字，没有水印，没有噪点。"
STORY = " ".join([BICYCLE, LIGHTHOUSE, FOX, MARKET])
NOVEL = " ".join([STORY, MOUNTAINS_ZH] * 4)


@dataclass
class Case:
    name: str
    model: str
    prompts: list
    tokens: list  # in each prompt with its chat template; make_goldens.py checks it
    width: int
    height: int
    steps: int
    seeds: list
    guidance: float = 0.0
    negative_prompts: list = None


CASES = [
    # A plain prompt; caption lengths about the first multiple of 32, image lengths on it and off it.
    Case("base-31", "base", [TEA_ZH], [31], width=32, height=16, steps=4, seeds=[0]),
    Case("base-32", "base", [TEA], [32], width=24, height=16, steps=8, seeds=[42]),
    Case("base-33", "base", [TEA + "."], [33], width=16, height=20, steps=9, seeds=[7]),
    Case("base-32-whole", "base", [TEA], [32], width=16, height=32, steps=1, seeds=[2**32 + 5]),
    # Two captions that pad to different lengths, alone and together: an item does not feel its neighbour.
    Case("base-pair", "base", [GLASS, MOUNTAINS_ZH], [14, 74], width=24, height=16, steps=4, seeds=[11, 12]),
    Case("base-pair-first", "base", [GLASS], [14], width=24, height=16, steps=4, seeds=[11]),
    Case("base-guided", "base", [FOX], [39], width=20, height=20, steps=4, seeds=[3], guidance=4.0),
    # Files in shards.
    Case("sharded-63", "sharded", [TRAIN], [63], width=32, height=48, steps=9, seeds=[1234]),
    Case("sharded-guided", "sharded", [CAT_ZH], [25], width=48, height=32, steps=4, seeds=[5], guidance=4.0),
    Case(
        "sharded-guided-pair",
        "sharded",
        [BICYCLE, TEA],
        [43, 32],
        width=16,
        height=32,
        steps=4,
        seeds=[2**63 - 1, 99],
        guidance=4.0,
        negative_prompts=[LOW_QUALITY, ""],
    ),
    # Modulation narrower than the model.
    Case("wide-64", "wide", [CASTLE], [64], width=16, height=16, steps=1, seeds=[8]),
    Case("wide-65", "wide", [POSTER], [65], width=24, height=16, steps=8, seeds=[9]),
    Case("wide-story", "wide", [STORY], [154], width=24, height=24, steps=4, seeds=[10], guidance=4.0),
    # No norms on queries and keys.
    Case("no-qk-norm-emoji", "no-qk-norm", [EMOJI], [89], width=24, height=32, steps=4, seeds=[13]),
    Case(
        "no-qk-norm-long-negative",
        "no-qk-norm",
        [GLASS],
        [14],
        width=32,
        height=24,
        steps=4,
        seeds=[14],
        guidance=4.0,
        negative_prompts=[LONG_NEGATIVE],
    ),
    # Unusual constants.
    Case("other-constants-combining", "other-constants", [COMBINING], [58], width=24, height=20, steps=8, seeds=[15]),
    Case(
        "other-constants-guided",
        "other-constants",
        [MARKET],
        [52],
        width=16,
        height=24,
        steps=9,
        seeds=[16],
        guidance=4.0,
    ),
    # The schedule's shift depends on the size; a prompt over the limit of 512 tokens.
    Case("dynamic-shift-truncated", "dynamic-shift", [NOVEL], [512], width=32, height=32, steps=1, seeds=[17]),
    Case("dynamic-shift-landscape", "dynamic-shift", [LIGHTHOUSE], [44], width=64, height=48, steps=9, seeds=[18]),
    Case(
        "dynamic-shift-guided",
        "dynamic-shift",
        [TEA_ZH],
        [31],
        width=32,
        height=64,
        steps=4,
        seeds=[19],
        guidance=4.0,
        negative_prompts=["文字，水印"],
    ),
    # Linear shift, and a convolution before the decoder.
    Case("linear-shift", "linear-shift", [GLASS], [14], width=40, height=24, steps=8, seeds=[27]),
    # Configurations as published.
    Case("published-style-zh", "published-style", [MOUNTAINS_ZH], [74], width=48, height=32, steps=8, seeds=[42]),
    Case("published-style-33", "published-style", [TEA + "."], [33], width=48, height=16, steps=4, seeds=[20]),
    Case("published-style-pair", "published-style", [MARKET, ""], [52, 9], width=32, height=32, steps=4, seeds=[21, 22]),
    # Activations out of the range of f16.
    Case("overflow-step", "overflow", [FOX], [39], width=24, height=24, steps=1, seeds=[23]),
    Case("overflow", "overflow", [TEA], [32], width=32, height=16, steps=8, seeds=[24]),
    Case(
        "overflow-guided-pair",
        "overflow",
        [GLASS, TRAIN],
        [14, 63],
        width=16,
        height=20,
        steps=4,
        seeds=[25, 26],
        guidance=4.0,
        negative_prompts=[LOW_QUALITY, ""],
    ),
]

# Of the embedded model (models/embedded), at the one size that it generates.
EMBEDDED_CASES = [
    Case("embedded-en", "embedded", ["a red apple on a blue background"], [19], width=128, height=128, steps=8, seeds=[1]),
    Case("embedded-zh", "embedded", ["绿色背景上的企鹅"], [14], width=128, height=128, steps=4, seeds=[2]),
]
