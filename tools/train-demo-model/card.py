"""The model card, models/embedded/model.md: what the model is, and what evaluate.py measured of it."""

import json
from pathlib import Path

import autoencoder
import scenes
import text
import transformer

TEMPLATE = Path(__file__).resolve().with_name("model.md.in")

# Share of the names whose subject is to be among the nearest five, for a model trained on a CPU.
TARGET = 0.8


def percent(share):
    return f"{100 * share:.1f} %"


def measured(figures):
    rows = [
        "| | named subject nearest | among the nearest five |",
        "| --- | --- | --- |",
        *(
            f"| {language}, {figures['names']} names | {percent(figures[key]['nearest'])} | {percent(figures[key]['among_five'])} |"
            for language, key in (("English", "english"), ("Chinese", "chinese"))
        ),
        "",
        f"- Background: the border's mean colour is nearest the named one of 12 in {percent(figures['colours'])} of 120 images.",
        f"- Unknown words: {percent(figures['unknown_clean'])} of {figures['unknown']} images are as near to some subject's "
        "image as 95 % of the named images are.",
        f"- Measured by `tools/train-demo-model/evaluate.py` with diffusers in f32 on {figures['date']}, seed "
        f"{figures['seed']}, {figures['steps']} steps, against all {figures['subjects']} subjects.",
    ]
    worst = min(figures[key]["among_five"] for key in ("english", "chinese"))
    if worst < TARGET:
        rows.append(
            f"- The target, {percent(TARGET)} among the nearest five, is missed: shapes are blurred. Training ended for want of time "
            "while the loss was still falling. So the figure for unknown words says little yet."
        )
    return "\n".join(rows)


def write(work_dir, directory, subjects, trained):
    """Writes the card; without figures where evaluate.py has not run yet."""
    figures = work_dir / "evaluation" / "figures.json"
    trained = {
        "subjects": subjects,
        "side": scenes.SIDE,
        "megabytes": f"{trained['bytes'] / 1e6:.1f}",
        "autoencoder_images": f"{trained['autoencoder'] * autoencoder.BATCH * 2:,}",
        "captions": f"{trained['text'] * text.BATCH * 2:,}",
        "transformer_images": f"{trained['transformer'] * transformer.BATCH * 2:,}",
        "measured": measured(json.loads(figures.read_text())) if figures.exists() else "Not measured yet.",
    }
    card = TEMPLATE.read_text(encoding="utf-8")
    for name, value in trained.items():
        card = card.replace("{" + name + "}", str(value))
    (directory / "model.md").write_text(card, encoding="utf-8")
