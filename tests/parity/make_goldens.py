"""Regenerates everything that the parity tests compare with. See README.md.

    python tests/parity/make_goldens.py                       all of it
    python tests/parity/make_goldens.py --write-models DIR    only the test models, as whole diffusers models
    python tests/parity/make_goldens.py --embedded            only those of the embedded model
    python tests/parity/make_goldens.py --edits               only those of edits, and the models' manifests
"""

import argparse
import contextlib
import dataclasses
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import ZImageImg2ImgPipeline, ZImageInpaintPipeline, ZImagePipeline
from diffusers.utils import logging as diffusers_logging
from PIL import Image
from safetensors.numpy import load_file, save_file
from transformers.utils import logging as transformers_logging

import edit_inputs
from case_list import CASES, EMBEDDED_CASES
from edit_cases import EDIT_CASES, ENCODER_MODELS
from model_specs import MODELS, VOCAB_SIZE, copy_committed_files, write_model
from qwen3_prompts import write_qwen3_ids
from tokenizer_build import write_tokenizer

HERE = Path(__file__).resolve().parent
EMBEDDED_MODEL = HERE.parents[1] / "models" / "embedded"
F16_MAX = 65504

NOISE_SEEDS = [0, 1, 42, 2**32 - 1, 2**32 + 5, 2**63 - 1]
NOISE_SHAPES = [(1, 2, 3), (3, 5, 7), (1, 3, 5), (4, 2, 2), (1, 1, 17), (16, 4, 8)]


def write_models(tokenizer_dir, directory):
    for model, spec in MODELS.items():
        write_model(model, spec, tokenizer_dir, directory / model)


def load_pipeline(directory):
    pipeline = ZImagePipeline.from_pretrained(directory, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def generators(seeds):
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def encode(pipeline, prompts):
    """The conditioning of each prompt, real tokens only. (The pipeline changes the list it is given.)"""
    with torch.no_grad():
        conditioning, _ = pipeline.encode_prompt(list(prompts), do_classifier_free_guidance=False)
    return conditioning


def render(pipeline, case):
    """Everything the pipeline computes on its way to the images of `case`, by name."""
    tensors = {}

    def keep_step(_, step, _timestep, kept):
        tensors[f"latents.{step + 1}"] = kept["latents"]
        return {}

    prepare_latents = pipeline.prepare_latents

    def keep_noise(*args, **kwargs):
        tensors["latents.0"] = prepare_latents(*args, **kwargs)
        return tensors["latents.0"]

    pipeline.prepare_latents = keep_noise
    try:
        image = pipeline(
            prompt=list(case.prompts),
            negative_prompt=None if case.negative_prompts is None else list(case.negative_prompts),
            width=case.width,
            height=case.height,
            num_inference_steps=case.steps,
            guidance_scale=case.guidance,
            cfg_normalization=False,
            generator=generators(case.seeds),
            output_type="np",
            callback_on_step_end=keep_step,
        ).images
    finally:
        pipeline.prepare_latents = prepare_latents

    for index, conditioning in enumerate(encode(pipeline, case.prompts)):
        tensors[f"conditioning.{index}"] = conditioning
    if case.guidance > 0:
        negatives = case.negative_prompts or [""] * len(case.prompts)
        for index, conditioning in enumerate(encode(pipeline, negatives)):
            tensors[f"negative_conditioning.{index}"] = conditioning
    tensors["sigmas"] = pipeline.scheduler.sigmas

    arrays = {name: tensor.float().numpy() for name, tensor in tensors.items()}
    arrays["image"] = np.rint(image * 255).astype(np.uint8)
    return arrays


def save(arrays, path):
    """Saves in row-major order; safetensors would write the bytes of a transposed view as they lie."""
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    for name, array in load_file(path).items():
        assert np.array_equal(array, arrays[name]), (path, name)


def check(case, arrays):
    """That a golden says something: exact caption lengths, finite latents, an image with contrast."""
    tokens = [len(arrays[f"conditioning.{index}"]) for index in range(len(case.prompts))]
    assert tokens == case.tokens, (case.name, tokens)
    for step in range(case.steps + 1):
        assert np.isfinite(arrays[f"latents.{step}"]).all(), case.name
    for image in arrays["image"]:
        assert image.std() > 20, (case.name, image.std())
        assert np.isin(image, (0, 255)).mean() < 0.3, case.name


@contextlib.contextmanager
def largest_activations(transformer, maxima):
    """Keeps in `maxima` the largest |value| of what f16 overflows on, by kind, over all blocks and steps."""

    def keep(kind, tensor):
        maxima[kind] = max(maxima.get(kind, 0.0), tensor.abs().max().item())

    hooks = []
    for block in [*transformer.noise_refiner, *transformer.context_refiner, *transformer.layers]:
        attention, feed_forward = block.attention.to_out[0], block.feed_forward.w2
        hooks.append(attention.register_forward_hook(lambda _m, _i, out: keep("attention output", out)))
        hooks.append(feed_forward.register_forward_hook(lambda _m, given, _o: keep("SwiGLU product", given[0])))
        hooks.append(feed_forward.register_forward_hook(lambda _m, _i, out: keep("feed-forward output", out)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def write_embedded_goldens():
    """What diffusers generates with the embedded model's weights."""
    goldens = HERE / "goldens-embedded"
    shutil.rmtree(goldens, ignore_errors=True)
    goldens.mkdir()
    pipeline = load_pipeline(EMBEDDED_MODEL)
    for case in EMBEDDED_CASES:
        arrays = render(pipeline, case)
        check(case, arrays)
        save(arrays, goldens / f"{case.name}.safetensors")
    write_cases(EMBEDDED_CASES, HERE / "embedded_cases.json")


def write_goldens(models_dir):
    goldens = HERE / "goldens"
    shutil.rmtree(goldens, ignore_errors=True)
    goldens.mkdir()
    loaded, pipeline = None, None
    for case in CASES:
        if loaded != case.model:
            loaded, pipeline = case.model, load_pipeline(models_dir / case.model)
        maxima = {}
        with largest_activations(pipeline.transformer, maxima):
            arrays = render(pipeline, case)
        check(case, arrays)
        if case.model == "overflow":
            assert min(maxima.values()) > F16_MAX, (case.name, maxima)
            print(case.name, {kind: round(value) for kind, value in maxima.items()})
        save(arrays, goldens / f"{case.name}.safetensors")


def edit(pipeline, case):
    """Everything that diffusers computes on its way to the edits of `case`, in f32, by name."""
    tensors = {}

    def keep_step(_, step, _timestep, kept):
        tensors[f"latents.{step + 1}"] = kept["latents"]
        return {}

    source = edit_inputs.image(case.seeds[0] % 2**32, case.width, case.height)
    arrays = {"source": source}
    arguments = {}
    edits = ZImageImg2ImgPipeline
    if case.mask is not None:
        edits = ZImageInpaintPipeline
        arrays["mask"] = edit_inputs.mask(case.mask, case.width, case.height)
        arguments["mask_image"] = [Image.fromarray(arrays["mask"])] * len(case.prompts)
    edits = edits(**pipeline.components)
    edits.set_progress_bar_config(disable=True)
    prepare_latents = edits.prepare_latents

    def keep_start(*args, **kwargs):
        prepared = prepare_latents(*args, **kwargs)
        tensors["latents.0"] = prepared if case.mask is None else prepared[0]
        return prepared

    edits.prepare_latents = keep_start
    # An image for each prompt: each has a generator of its own, which draws the VAE's noise first.
    image = edits(
        prompt=list(case.prompts),
        image=[Image.fromarray(source)] * len(case.prompts),
        strength=case.strength,
        negative_prompt=None if case.negative_prompts is None else list(case.negative_prompts),
        num_inference_steps=case.steps,
        guidance_scale=case.guidance,
        cfg_normalization=False,
        generator=generators(case.seeds),
        output_type="np",
        callback_on_step_end=keep_step,
        **arguments,
    ).images
    assert all(tensor.dtype == torch.float32 for tensor in tensors.values()), case.name
    arrays |= {name: tensor.numpy() for name, tensor in tensors.items()}
    arrays["image"] = np.rint(image * 255).astype(np.uint8)
    return arrays


def encoded(pipeline, width, height):
    """What a model's encoder makes of an image: the distribution, and a sample of it."""
    image = edit_inputs.image(width, width, height)
    colours = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        distribution = pipeline.vae.encode(colours).latent_dist
    return {
        "image": image,
        "mean": distribution.mean.numpy(),
        "std": distribution.std.numpy(),
        "sample": distribution.sample(torch.Generator("cpu").manual_seed(width)).numpy(),
    }


def write_edit_goldens(models_dir):
    goldens = HERE / "goldens-edits"
    shutil.rmtree(goldens, ignore_errors=True)
    goldens.mkdir()
    pipelines = {model: load_pipeline(models_dir / model) for model, _, _ in ENCODER_MODELS}
    for model, width, height in ENCODER_MODELS:
        save(encoded(pipelines[model], width, height), goldens / f"encoder-{model}.safetensors")
    for case in EDIT_CASES:
        arrays = edit(pipelines[case.model], case)
        assert all(image.std() > 10 for image in arrays["image"]), case.name
        save(arrays, goldens / f"{case.name}.safetensors")
    write_cases(EDIT_CASES, HERE / "edit_cases.json")


def write_cases(cases, path):
    lines = []
    for case in cases:
        fields = dataclasses.asdict(case)
        if "tokens" in fields:
            fields["caption_tokens"] = fields.pop("tokens")
        lines.append(json.dumps(fields, ensure_ascii=False))
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def write_noise():
    """What torch.randn draws from a seed on the CPU, in blocks of 16 and below one block."""
    noise = {}
    for seed in NOISE_SEEDS:
        for shape in NOISE_SHAPES:
            generator = torch.Generator("cpu").manual_seed(seed)
            noise[f"seed{seed}_{'x'.join(map(str, shape))}"] = torch.randn((1, *shape), generator=generator).numpy()
    save(noise, HERE / "noise.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--write-models", metavar="DIR", type=Path, help="write the test models to DIR with their weights, and stop"
    )
    parser.add_argument("--embedded", action="store_true", help="only the goldens of the embedded model")
    parser.add_argument("--edits", action="store_true", help="only the goldens of edits, and the models' manifests")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()

    if arguments.write_models is not None:
        write_models(HERE / "tokenizer", arguments.write_models)
        return
    if arguments.embedded:
        write_embedded_goldens()
        return

    if not arguments.edits:
        write_tokenizer(VOCAB_SIZE, HERE / "tokenizer")
    with tempfile.TemporaryDirectory() as directory:
        models_dir = Path(directory)
        write_models(HERE / "tokenizer", models_dir)
        shutil.rmtree(HERE / "models", ignore_errors=True)
        for model in MODELS:
            copy_committed_files(models_dir / model, HERE / "models" / model)
        write_edit_goldens(models_dir)
        if arguments.edits:
            return
        write_goldens(models_dir)
    write_cases(CASES, HERE / "cases.json")
    write_embedded_goldens()
    write_noise()
    write_qwen3_ids(HERE / "qwen3_ids.json")


if __name__ == "__main__":
    main()
