"""Times Tintype beside diffusers on the CPU: the same weights, threads, size and steps, taking turns in one run.

    cargo build --release
    pip install -r tools/compare-with-diffusers/requirements.txt
    python tools/compare-with-diffusers/compare.py --shape middle --size 512x512
    python tools/compare-with-diffusers/compare.py --model models/embedded --size 128x128

Both run in --dtype, f32 unless told otherwise. Each round starts `tintype bench --json`, then lets diffusers generate as
often. Of every part the median of all repetitions is printed, of the wall clock and of the processor's time over all cores
(user and system), and the ratio Tintype / diffusers: below 1, Tintype is the faster one. The machine must do nothing else:
where other work takes a core, PyTorch's threads wait for each other at every operation, and small models take ten times as
long and more.

`--vectors avx2` holds both to what a CPU without AVX-512 has: Tintype by its own option, PyTorch by ATEN_CPU_CAPABILITY,
oneDNN by ONEDNN_MAX_CPU_ISA and MKL by MKL_ENABLE_INSTRUCTIONS.

`--shape` makes a model of random weights in --directory first: the configurations of models/shapes.
"""

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "a lighthouse at dawn"
PARTS = ["text", "step", "decode", "png", "whole"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model", type=Path, help="a model in the diffusers layout")
    model.add_argument("--shape", choices=["middle"], help="random weights of this shape")
    parser.add_argument("--directory", type=Path, default=ROOT / "target/compare", help="where --shape makes its model")
    parser.add_argument("--tintype", type=Path, default=ROOT / "target/release/tintype")
    parser.add_argument("--size", default="512x512", metavar="WxH")
    parser.add_argument("--dtype", choices=["f32", "f16", "bf16"], default="f32")
    parser.add_argument("--vectors", choices=["avx2"], help="compute with these instead of the widest")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=2, help="images of a round, for each of the two")
    return parser.parse_args()


def make_model(shape, directory):
    """A model of random weights, as diffusers initialises them."""
    import torch
    from diffusers import AutoencoderKL, ZImageTransformer2DModel
    from transformers import Qwen3Config, Qwen3ForCausalLM

    if (directory / "vae/diffusion_pytorch_model.safetensors").is_file():
        return directory
    torch.manual_seed(0)
    shutil.copytree(ROOT / "models/shapes" / shape, directory, dirs_exist_ok=True)
    shutil.copytree(ROOT / "models/embedded/tokenizer", directory / "tokenizer", dirs_exist_ok=True)
    encoder = json.loads((directory / "text_encoder/config.json").read_text())
    Qwen3ForCausalLM(Qwen3Config(**encoder)).save_pretrained(directory / "text_encoder")
    transformer = ZImageTransformer2DModel.from_config(
        ZImageTransformer2DModel.load_config(str(directory / "transformer"))
    )
    for pad in (transformer.x_pad_token, transformer.cap_pad_token):
        torch.nn.init.normal_(pad)
    transformer.save_pretrained(directory / "transformer")
    # Last: its file says that the model is whole.
    AutoencoderKL.from_config(AutoencoderKL.load_config(str(directory / "vae"))).save_pretrained(directory / "vae")
    return directory


def time_tintype(arguments, model):
    """The parts of one run: their medians in milliseconds, on the wall clock and of the processor."""
    command = [
        arguments.tintype, "bench", "--json", "--model", model, "--device", "cpu", "--dtype", arguments.dtype,
        "--sizes", arguments.size, "--steps", str(arguments.steps), "--prompt", PROMPT,
        "--repetitions", str(arguments.repetitions),
    ]  # fmt: skip
    if arguments.vectors:
        command += ["--vectors", arguments.vectors]
    environment = os.environ | {"RAYON_NUM_THREADS": str(arguments.threads), "TINTYPE_LOG": "warn"}
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    (case,) = json.loads(run.stdout)["cases"]
    return [{part["name"]: part[clock] for part in case["parts"]} for clock in ("median_ms", "cpu_ms")]


class Diffusers:
    def __init__(self, arguments, model):
        import torch
        from diffusers import ZImagePipeline

        torch.set_num_threads(arguments.threads)
        self.torch, self.steps = torch, arguments.steps
        self.width, self.height = map(int, arguments.size.split("x"))
        dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[arguments.dtype]
        self.pipeline = ZImagePipeline.from_pretrained(model, dtype=dtype)
        self.pipeline.set_progress_bar_config(disable=True)

    def generate(self):
        """One image: the milliseconds of its parts, on the wall clock and of the processor."""
        moments = []

        def now():
            moments.append((time.perf_counter(), time.process_time()))

        def step_done(pipeline, index, timestep, kwargs):
            now()
            return kwargs

        pipeline = self.pipeline
        with self.torch.no_grad():
            now()
            prompt_embeds, _ = pipeline.encode_prompt(PROMPT, do_classifier_free_guidance=False)
            now()
            latents = pipeline(
                prompt_embeds=prompt_embeds,
                width=self.width,
                height=self.height,
                num_inference_steps=self.steps,
                guidance_scale=0.0,
                generator=self.torch.Generator().manual_seed(0),
                output_type="latent",
                callback_on_step_end=step_done,
            ).images
            vae = pipeline.vae
            latents = latents.to(vae.dtype) / vae.config.scaling_factor + vae.config.shift_factor
            image = pipeline.image_processor.postprocess(vae.decode(latents, return_dict=False)[0])[0]
            now()
            # The level that Tintype's own encoder has: fast.
            image.save(io.BytesIO(), "png", compress_level=1)
            now()
        return [self.parts([moment[clock] for moment in moments]) for clock in (0, 1)]

    def parts(self, moments):
        spans = [1000 * (after - before) for before, after in zip(moments, moments[1:])]
        text, *steps, decode, png = spans
        whole = 1000 * (moments[-1] - moments[0])
        return {"text": text, "step": statistics.median(steps), "decode": decode, "png": png, "whole": whole}


def main():
    arguments = parse_arguments()
    if arguments.vectors:
        # Read when PyTorch is first imported.
        os.environ |= {
            "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"
        }  # fmt: skip
    model = arguments.model or make_model(arguments.shape, arguments.directory / arguments.shape)
    diffusers = Diffusers(arguments, model)
    diffusers.generate()
    ours, theirs = [], []
    for number in range(arguments.rounds):
        ours.append(time_tintype(arguments, model))
        theirs += [diffusers.generate() for _ in range(arguments.repetitions)]
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)

    vectors = f" of {arguments.vectors}" if arguments.vectors else ""
    print(f"{model}, {arguments.size}, {arguments.steps} steps, {arguments.dtype}, {arguments.threads} threads{vectors}\n")
    print("| | tintype ms | diffusers ms | ratio | tintype cpu ms | diffusers cpu ms | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for part in PARTS:
        cells = []
        for clock in (0, 1):
            tintype, reference = (
                statistics.median(sample[clock][part] for sample in samples) for samples in (ours, theirs)
            )
            cells += [f"{tintype:.1f}", f"{reference:.1f}", f"{tintype / reference:.2f}"]
        print(f"| {part} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
