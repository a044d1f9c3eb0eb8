"""Trains the embedded demo model and writes it to models/embedded. See README.md.

    python tools/train-demo-model/train.py [--work-dir DIR] [--out DIR] [--stage STAGE]
"""

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import autoencoder  # noqa: E402
import card  # noqa: E402
import codes  # noqa: E402
import encoder  # noqa: E402
import export  # noqa: E402
import scenes  # noqa: E402
import subjects as subject_list  # noqa: E402
import text  # noqa: E402
import transformer  # noqa: E402
import workers  # noqa: E402

SEED = 6
STAGES = ("autoencoder", "text", "transformer", "export", "encoder")
AUTOENCODER_STEPS, TEXT_STEPS, TRANSFORMER_STEPS, ENCODER_STEPS = 2000, 2500, 3800, 1500


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work-dir", type=Path, default=REPOSITORY / "target" / "train-demo-model")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "models" / "embedded", help="(models/embedded)")
    parser.add_argument("--stage", choices=STAGES, help="one stage only (all)")
    parser.add_argument("--autoencoder-steps", type=int, default=AUTOENCODER_STEPS)
    parser.add_argument("--text-steps", type=int, default=TEXT_STEPS)
    parser.add_argument("--transformer-steps", type=int, default=TRANSFORMER_STEPS)
    parser.add_argument("--encoder-steps", type=int, default=ENCODER_STEPS)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes of one thread (the CPU's cores)")
    options = parser.parse_args()
    work_dir = options.work_dir.resolve()
    work_dir.mkdir(parents=True, exist_ok=True)
    subject_list.fetch(work_dir)
    subjects = subject_list.load_subjects(work_dir)
    stages = STAGES if options.stage is None else [options.stage]
    print(f"{len(subjects)} subjects, {options.workers} processes, {', '.join(stages)}", flush=True)
    if set(stages) & {"autoencoder", "text", "transformer"}:
        learn(stages, work_dir, subjects, options)
    if "export" in stages:
        trained = export.write(work_dir, subjects, SEED, options.out)
        card.write(work_dir, options.out, len(subjects), trained)
    if "encoder" in stages:
        sprites = subject_list.load_sprites(work_dir, subjects, scenes.SPRITE_SIDES)
        encoder.train(work_dir, options.out, sprites, subjects, options.encoder_steps, SEED)


def learn(stages, work_dir, subjects, options):
    sprites = subject_list.load_sprites(work_dir, subjects, scenes.SPRITE_SIDES)
    source = text.Captions(subjects, sprites[codes.SPRITE_SIDE])
    if "autoencoder" in stages:
        steps = options.autoencoder_steps
        workers.run(options.workers, autoencoder.train, work_dir, sprites, len(subjects), steps, SEED)
    if "text" in stages:
        text.tokenizer_for(work_dir, subjects, SEED)
        encoder, _, _ = autoencoder.trained(work_dir)
        subject_codes, explained = codes.subject_codes(encoder, sprites)
        shares = ", ".join(f"{share:.3f}" for share in explained)
        print(f"{codes.CODE} components explain {shares} of the quarters and the whole", flush=True)
        workers.run(options.workers, text.train, work_dir, subjects, source, subject_codes, options.text_steps, SEED)
    if "transformer" in stages:
        steps = options.transformer_steps
        workers.run(options.workers, transformer.train, work_dir, subjects, sprites, source, steps, SEED)


if __name__ == "__main__":
    main()
