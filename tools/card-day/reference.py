"""diffusers beside Tintype, on one card and the same random weights: eager, compiled, ours, and how far the images are apart.

Prints a line of JSON for each figure, so that nothing is lost if it is cut. Ends with 3 if diffusers is not here. The weights
stay in --into, for who measures after it.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROMPT = "a lighthouse at dawn"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--tintype", type=Path, required=True)
    parser.add_argument("--into", type=Path, required=True, help="where the model of random weights is written")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rehearse", action="store_true", help="the embedded model, at the size that it was trained for")
    parser.add_argument("--known", nargs="*", default=[], help="figures that an earlier run has: not measured again")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    sys.path[:0] = [str(arguments.kit / "python")]
    try:
        import torch
        from diffusers import ZImagePipeline
    except ImportError as error:
        print(f"PyTorch and diffusers ({error})")
        sys.exit(3)
    if arguments.rehearse:
        model, side, steps, dtype, repetitions = arguments.kit / "models/embedded", 128, 2, torch.float32, 1
    else:
        model, side, steps, dtype, repetitions = arguments.into, 1024, 8, torch.float16, 3
        make_model(torch, arguments, dtype)
    pipeline = ZImagePipeline.from_pretrained(model, dtype=dtype).to(arguments.device)
    pipeline.set_progress_bar_config(disable=True)

    def generate():
        synchronize(torch, arguments.device)
        begin = time.perf_counter()
        generator = torch.Generator("cpu").manual_seed(0)
        image = pipeline(
            PROMPT, width=side, height=side, num_inference_steps=steps, guidance_scale=0.0, generator=generator
        ).images[0]
        synchronize(torch, arguments.device)
        return 1e3 * (time.perf_counter() - begin), image

    def timed(name):
        generate()
        times, images = zip(*(generate() for _ in range(repetitions)))
        peak = torch.cuda.max_memory_allocated() if arguments.device != "cpu" else None
        say(name, {"whole_ms": statistics.median(times), "repetitions": repetitions, "peak_bytes": peak})
        return images[-1]

    known = set(arguments.known)
    if not {"diffusers eager", "tintype", "difference"} <= known:
        theirs = timed("diffusers eager")
        ours, figures = by_tintype(arguments, model, side, steps, dtype)
        say("tintype", figures)
        say("difference", difference(ours, theirs))
    if arguments.device != "cpu" and "diffusers compiled" not in known:
        pipeline.transformer = torch.compile(pipeline.transformer)
        timed("diffusers compiled")


def synchronize(torch, device):
    if device != "cpu":
        torch.cuda.synchronize()


def make_model(torch, arguments, dtype):
    """A model of Z-Image's shape with random weights, made on the card and written as safetensors."""
    from diffusers import AutoencoderKL, ZImageTransformer2DModel
    from transformers import Qwen3Config, Qwen3ForCausalLM

    target, shape = arguments.into, arguments.kit / "models/shapes/full"
    if (target / "vae/diffusion_pytorch_model.safetensors").is_file():
        return
    torch.manual_seed(0)
    shutil.copytree(shape, target, dirs_exist_ok=True)
    shutil.copytree(arguments.kit / "models/embedded/tokenizer", target / "tokenizer", dirs_exist_ok=True)
    with torch.device(arguments.device):
        encoder = Qwen3ForCausalLM(Qwen3Config(**json.loads((shape / "text_encoder/config.json").read_text())))
        encoder.to(dtype).save_pretrained(target / "text_encoder")
        del encoder
        transformer = ZImageTransformer2DModel.from_config(
            ZImageTransformer2DModel.load_config(str(shape / "transformer"))
        )
        for pad in (transformer.x_pad_token, transformer.cap_pad_token):
            torch.nn.init.normal_(pad)
        transformer.to(dtype).save_pretrained(target / "transformer")
        del transformer
        torch.cuda.empty_cache()
        # Last: its file says that the model is whole.
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(str(shape / "vae")))
        vae.save_pretrained(target / "vae")


def by_tintype(arguments, model, side, steps, dtype):
    """The image of seed 0, and the times of `tintype bench` on the same weights."""
    number = str(dtype).rsplit(".", 1)[1].replace("float16", "f16").replace("float32", "f32")
    device = ["--device", arguments.device, "--dtype", number]
    picture = arguments.into.parent / "ours.png"
    command = [arguments.tintype, "generate", PROMPT, "--model", model, *device, "--size", f"{side}x{side}"]
    command += ["--steps", str(steps), "--seed", "0", "-o", picture]
    picture.unlink(missing_ok=True)
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    command = [arguments.tintype, "bench", "--json", "--model", model, *device, "--sizes", f"{side}x{side}"]
    command += ["--steps", str(steps), "--repetitions", "3", "--prompt", PROMPT]
    if not arguments.rehearse:
        command += ["--kernels", "own"]
    run = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE)
    return picture, json.loads(run.stdout)


def difference(ours, theirs):
    """Of two images in 8 bits: the mean and the largest difference of a number."""
    from PIL import Image, ImageChops

    with Image.open(ours) as image:
        levels = ImageChops.difference(image.convert("RGB"), theirs.convert("RGB")).histogram()
    counts = [sum(levels[channel * 256 + level] for channel in range(3)) for level in range(256)]
    whole = sum(counts)
    mean = sum(level * count for level, count in enumerate(counts)) / whole
    return {"mean": mean, "largest": max(level for level, count in enumerate(counts) if count)}


def say(name, figure):
    print(json.dumps({name: figure}), flush=True)


main()
