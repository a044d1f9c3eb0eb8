"""Images and masks to edit, of any size."""

import numpy as np


def image(seed, width, height):
    """Waves of colour under a little noise, [height, width, 3] u8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = []
    for _ in range(3):
        across, down, phase = random.uniform(0.05, 0.5, 3) * (1, 1, 12)
        waves.append(np.sin(across * x + down * y + phase))
    colours = 127.5 + 90 * np.stack(waves, axis=-1) + random.normal(0, 12, (height, width, 3))
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8)


def half(width, height):
    """The right half."""
    return np.where(np.mgrid[0:height, 0:width][1] >= width // 2, 255, 0)


def strokes(width, height):
    """One pixel wide: a diagonal, and a row that no cell's first row is."""
    y, x = np.mgrid[0:height, 0:width]
    return np.where((x == y) | (y == 5), 255, 0)


def disc(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.where((x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 3) ** 2, 255, 0)


def grey(width, height):
    """From black to white, through the threshold."""
    return np.rint(np.mgrid[0:height, 0:width][1] * (255 / (width - 1)))


def mask(kind, width, height):
    """[height, width] u8; white is repainted."""
    return {"half": half, "strokes": strokes, "disc": disc, "grey": grey}[kind](width, height).astype(np.uint8)
