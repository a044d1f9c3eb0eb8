"""Pictures and captions: a subject on a plain or softly graded background of a named colour."""

import numpy as np

SIDE = 128
# Sides of the subject, in pixels.
SPRITE_SIDES = (92, 95, 98, 101, 104)
# How far the subject may stand from the middle, in pixels.
OFFSET_MAX = 3
# How much a graded background may lighten or darken from edge to edge.
GRADE = 0.14

# English, Chinese, sRGB.
COLOURS = [
    ("white", "白色", (246, 246, 246)),
    ("black", "黑色", (24, 24, 28)),
    ("grey", "灰色", (140, 142, 146)),
    ("red", "红色", (214, 48, 49)),
    ("orange", "橙色", (243, 146, 55)),
    ("yellow", "黄色", (250, 214, 74)),
    ("green", "绿色", (66, 160, 82)),
    ("turquoise", "青色", (64, 196, 190)),
    ("blue", "蓝色", (52, 110, 214)),
    ("purple", "紫色", (128, 72, 186)),
    ("pink", "粉色", (246, 164, 196)),
    ("brown", "棕色", (128, 84, 54)),
]
# A prompt that names no background gets one of these, the same for a subject every time, far enough from its colours.
HOUSE_COLOURS = [0, 4, 5, 7, 8, 9, 10]
HOUSE_DISTANCE = 55


def linear_lab(rgb):
    """sRGB 0..1 [..., 3] to CIE Lab (D65)."""
    rgb = np.clip(rgb, 0, 1)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array(
        [[0.4124564, 0.2126729, 0.0193339], [0.3575761, 0.7151522, 0.1191920], [0.1804375, 0.0721750, 0.9503041]]
    )
    xyz = xyz / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


COLOUR_LAB = linear_lab(np.array([rgb for _, _, rgb in COLOURS]) / 255)


def house_colours(sprites):
    """For every subject one of HOUSE_COLOURS, as an index into COLOURS."""
    small = sprites.astype(np.float32) / 255
    mean = small[..., :3].sum((1, 2)) / small[..., 3].sum((1, 2))[:, None]
    distance = np.linalg.norm(linear_lab(mean)[:, None] - COLOUR_LAB[HOUSE_COLOURS], axis=-1)
    chosen = []
    for index, row in enumerate(distance):
        far = np.flatnonzero(row >= HOUSE_DISTANCE)
        chosen.append(HOUSE_COLOURS[far[index * 7919 % len(far)] if len(far) else row.argmax()])
    return np.array(chosen)


def background(rng, colour, plain=False):
    """[SIDE, SIDE, 3] f32 in 0..1: the colour, plain or graded along a random direction."""
    rgb = np.array(COLOURS[colour][2], np.float32) / 255
    if plain or rng.random() < 0.4:
        return np.broadcast_to(rgb, (SIDE, SIDE, 3))
    angle = rng.uniform(0, 2 * np.pi)
    line = np.linspace(-1, 1, SIDE, dtype=np.float32)
    ramp = (np.cos(angle) * line[None] + np.sin(angle) * line[:, None]) / (abs(np.cos(angle)) + abs(np.sin(angle)))
    light = 1 + rng.uniform(0.3, 1) * GRADE * ramp.astype(np.float32)
    return np.clip(rgb * light[..., None], 0, 1)


def compose(rng, sprites, subject, colour):
    """A picture [SIDE, SIDE, 3] f32 in 0..1 and where its subject is, [SIDE, SIDE] f32."""
    side = SPRITE_SIDES[int(rng.integers(len(SPRITE_SIDES)))]
    sprite = sprites[side][subject].astype(np.float32) / 255
    margin = (SIDE - side) // 2
    top = margin + int(rng.integers(-OFFSET_MAX, OFFSET_MAX + 1))
    left = margin + int(rng.integers(-OFFSET_MAX, OFFSET_MAX + 1))
    picture = background(rng, colour).copy()
    mask = np.zeros((SIDE, SIDE), np.float32)
    place = (slice(top, top + side), slice(left, left + side))
    mask[place] = sprite[..., 3]
    picture[place] = picture[place] * (1 - sprite[..., 3:]) + sprite[..., :3]
    return np.clip(picture, 0, 1), mask
