"""Measures the demo model with diffusers: does it paint what is asked for?

    python tools/train-demo-model/evaluate.py [--model DIR] [--work-dir DIR] [--out DIR]

For NAMES subjects, in English and in Chinese, a picture is painted from the name alone. Its background, a plane fitted
to its border in Lab, is taken away, its content is cut out about its centre, scaled alike, reduced to CELLS × CELLS, and compared in Lab
with all subjects' own pictures, which went through the same. Counted is how often the named one is the nearest, and
among the nearest five. Then the background colours and prompts of unknown words.
"""

import argparse
import json
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import scenes  # noqa: E402
import subjects as subject_list  # noqa: E402

SEED, STEPS, BATCH = 2026, 8, 16
NAMES, CELLS = 300, 16
# How far a pixel must be from the background to be content, in Lab.
CONTENT_DISTANCE = 14
# Behind the content, in Lab; and how wide a cut-out is, in root mean square distances from the content's centre.
GROUND, EXTENT = np.array([60.0, 0.0, 0.0]), 3.2
SUBJECTS_PER_COLOUR = 10
UNKNOWN = """florbix|quendal marp|zzyxt|a brindelwock on a red background|vorpalint|mimsical trudge|gnarf|shlobber wink|
xq|the plonkett|墩簌|籁嚯嚯|蓝色背景上的囵圄|鼗|黼黻|綦毋""".replace("\n", "").split("|")


def content_cells(picture):
    """[side, side, 3] u8 → [CELLS, CELLS, 3] Lab of its content on grey, and its border's colour in Lab."""
    lab = scenes.linear_lab(picture.astype(np.float64) / 255)
    side = len(lab)
    rows, columns = np.mgrid[0:side, 0:side] / (side - 1) - 0.5
    plane = np.stack([np.ones_like(rows), rows, columns], -1)
    border = np.ones((side, side), bool)
    border[4:-4, 4:-4] = False
    # Twice, the second time without what of the border is content.
    fit = np.linalg.lstsq(plane[border], lab[border], rcond=None)[0]
    near = border & (np.linalg.norm(lab - plane @ fit, axis=-1) < CONTENT_DISTANCE)
    if near.sum() > 50:
        fit = np.linalg.lstsq(plane[near], lab[near], rcond=None)[0]
    distance = np.linalg.norm(lab - plane @ fit, axis=-1)
    content = np.clip((distance - CONTENT_DISTANCE / 2) / CONTENT_DISTANCE, 0, 1)
    flat = GROUND + content[..., None] * (lab - GROUND)
    total = content.sum()
    if total < 20:
        return np.broadcast_to(GROUND, (CELLS, CELLS, 3)), lab[border].mean(0)
    # The square about the content's centre that is EXTENT times as wide as the content is spread.
    ys, xs = np.mgrid[0:side, 0:side]
    y, x = (content * ys).sum() / total, (content * xs).sum() / total
    spread = np.sqrt((content * ((ys - y) ** 2 + (xs - x) ** 2)).sum() / total)
    half = EXTENT / 2 * spread
    box = (x + 0.5 - half, y + 0.5 - half, x + 0.5 + half, y + 0.5 + half)
    channels = []
    for channel in range(3):
        padded = np.pad(flat[..., channel].astype(np.float32), side, constant_values=GROUND[channel])
        image = Image.fromarray(padded)
        inside = tuple(edge + side for edge in box)
        channels.append(np.asarray(image.resize((CELLS, CELLS), Image.Resampling.BOX, box=inside)))
    return np.stack(channels, -1), lab[border].mean(0)


class Painter:
    def __init__(self, directory):
        from diffusers import ZImagePipeline
        from diffusers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        warnings.filterwarnings("ignore")
        self.pipeline = ZImagePipeline.from_pretrained(directory, dtype=torch.float32)
        self.pipeline.set_progress_bar_config(disable=True)

    def __call__(self, prompts, seeds):
        """[n, side, side, 3] u8."""
        pictures = []
        for start in range(0, len(prompts), BATCH):
            part = slice(start, start + BATCH)
            images = self.pipeline(
                prompt=list(prompts[part]),
                width=scenes.SIDE,
                height=scenes.SIDE,
                num_inference_steps=STEPS,
                guidance_scale=0.0,
                generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds[part]],
                output_type="np",
            ).images
            pictures.append(np.rint(images * 255).astype(np.uint8))
        return np.concatenate(pictures)


def grid(pictures, columns):
    blank = np.zeros_like(pictures[0])
    rows = [list(pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    rows[-1] += [blank] * (columns - len(rows[-1]))
    return Image.fromarray(np.concatenate([np.concatenate(row, 1) for row in rows]))


def references(sprites, colours):
    """Every subject's own picture in the middle of its house colour."""
    side = scenes.SPRITE_SIDES[len(scenes.SPRITE_SIDES) // 2]
    margin = (scenes.SIDE - side) // 2
    place = slice(margin, margin + side)
    pictures = []
    for sprite, colour in zip(sprites[side].astype(np.float32) / 255, colours, strict=True):
        picture = np.tile(np.array(scenes.COLOURS[colour][2], np.float32) / 255, (scenes.SIDE, scenes.SIDE, 1))
        picture[place, place] = picture[place, place] * (1 - sprite[..., 3:]) + sprite[..., :3]
        pictures.append((picture.clip(0, 1) * 255).round().astype(np.uint8))
    return np.stack(pictures)


def ranks(cells, reference_cells, chosen):
    """How many subjects are nearer to each picture than the one it was asked to show."""
    distance = np.stack([np.linalg.norm(reference_cells - one, axis=-1).mean((1, 2)) for one in cells])
    own = distance[np.arange(len(chosen)), chosen]
    return (distance < own[:, None]).sum(1), distance.min(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=REPOSITORY / "models" / "embedded")
    parser.add_argument("--work-dir", type=Path, default=REPOSITORY / "target" / "train-demo-model")
    parser.add_argument("--out", type=Path, help="where pictures and figures.json go (WORK_DIR/evaluation)")
    parser.add_argument("--names", type=int, default=NAMES)
    options = parser.parse_args()
    out = options.out or options.work_dir / "evaluation"
    out.mkdir(parents=True, exist_ok=True)
    subject_list.fetch(options.work_dir)
    subjects = subject_list.load_subjects(options.work_dir)
    sprites = subject_list.load_sprites(options.work_dir, subjects, scenes.SPRITE_SIDES)
    colours = scenes.house_colours(sprites[scenes.SPRITE_SIDES[2]])
    reference_cells = np.stack([content_cells(picture)[0] for picture in references(sprites, colours)])
    paint = Painter(options.model)
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(len(subjects), min(options.names, len(subjects)), replace=False)
    figures = {"date": datetime.now(UTC).strftime("%Y-%m-%d"), "seed": SEED, "steps": STEPS}
    figures |= {"subjects": len(subjects), "names": len(chosen), "unknown": len(UNKNOWN)}
    for language in ("english", "chinese"):
        pictures = paint([getattr(subjects[i], language)[0] for i in chosen], [SEED + int(i) for i in chosen])
        rank, nearest = ranks(np.stack([content_cells(p)[0] for p in pictures]), reference_cells, chosen)
        figures[language] = {"nearest": float((rank == 0).mean()), "among_five": float((rank < 5).mean())}
        figures[language]["missed"] = [getattr(subjects[i], language)[0] for i in chosen[rank >= 5]]
        grid(pictures, 20).save(out / f"{language}.png")
        print(language, figures[language], flush=True)
    usual = float(np.quantile(nearest, 0.95))
    prompts, wanted = [], []
    for colour, (english, chinese, _) in enumerate(scenes.COLOURS):
        for k, index in enumerate(rng.choice(len(subjects), SUBJECTS_PER_COLOUR, replace=False)):
            subject = subjects[index]
            on = f"{subject.english[0]} on a {english} background", f"{chinese}背景上的{subject.chinese[0]}"
            prompts.append(on[k % 2])
            wanted.append(colour)
    pictures = paint(prompts, list(range(len(prompts))))
    found = [int(np.linalg.norm(scenes.COLOUR_LAB - content_cells(p)[1], axis=-1).argmin()) for p in pictures]
    figures["colours"] = float(np.mean(np.array(found) == wanted))
    figures["colours_missed"] = [p for p, f, w in zip(prompts, found, wanted, strict=True) if f != w]
    grid(pictures, 20).save(out / "colours.png")
    pictures = paint(UNKNOWN, list(range(len(UNKNOWN))))
    cells = np.stack([content_cells(picture)[0] for picture in pictures])
    nearest = [np.linalg.norm(reference_cells - one, axis=-1).mean((1, 2)) for one in cells]
    # Clean: as near to some subject's picture as the pictures of names are.
    figures["unknown_clean"] = float(np.mean([distance.min() <= usual for distance in nearest]))
    figures["unknown_show"] = sorted({subjects[int(distance.argmin())].english[0] for distance in nearest})
    grid(pictures, 8).save(out / "unknown.png")
    (out / "figures.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    print({key: figures[key] for key in ("colours", "unknown_clean", "unknown_show")})


if __name__ == "__main__":
    main()
