"""Codes for every subject: principal components of what the autoencoder's latents make of its picture, those of its four
quarters and those of the whole.

Pictures that look alike get codes that are alike. The text encoder learns to answer a caption with its subject's codes,
one at each of the last tokens, so that the transformer learns to turn codes into pictures, which each picture teaches for
all the others too.
"""

import numpy as np
import torch

import scenes

CODE = 192
# Four quarters, and the whole.
CODES = 5
SPRITE_SIDE = 98
GROUND = 0.55  # grey, sRGB


def canonical_pictures(sprites):
    """[subjects, 3, SIDE, SIDE] in -1..1: every subject in the middle, on grey."""
    small = sprites[SPRITE_SIDE].astype(np.float32) / 255
    margin = (scenes.SIDE - SPRITE_SIDE) // 2
    pictures = np.full((len(small), scenes.SIDE, scenes.SIDE, 3), GROUND, np.float32)
    place = (slice(None), slice(margin, margin + SPRITE_SIDE), slice(margin, margin + SPRITE_SIDE))
    pictures[place] = pictures[place] * (1 - small[..., 3:]) + small[..., :3]
    return torch.from_numpy(np.clip(pictures, 0, 1)).permute(0, 3, 1, 2) * 2 - 1


def principal_components(values):
    """The first CODE components of [n, values], and the share of the variance that they explain."""
    centred = values - values.mean(0)
    left, sizes, _ = torch.linalg.svd(centred, full_matrices=False)
    explained = (sizes[:CODE] ** 2).sum() / (sizes**2).sum()
    # Half-whitened: the large forms weigh more, the small ones are not lost.
    scales = (sizes[:CODE] / sizes[:CODE].square().mean().sqrt()) ** 0.5
    return left[:, :CODE] * len(left) ** 0.5 * scales, float(explained)


@torch.no_grad()
def subject_codes(encoder, sprites):
    """[subjects, CODES, CODE] of deviation about 1, and the shares of the variance that they explain."""
    pictures = canonical_pictures(sprites)
    latents = torch.cat([encoder(part) for part in pictures.split(32)])
    half = latents.shape[-1] // 2
    parts = [latents[..., y : y + half, x : x + half] for y in (0, half) for x in (0, half)]
    found = [principal_components(part.flatten(1)) for part in [*parts, latents]]
    return torch.stack([codes for codes, _ in found], 1), [explained for _, explained in found]
