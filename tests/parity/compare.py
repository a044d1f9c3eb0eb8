"""Renders a prompt with diffusers in f32 on the CPU and compares the image with one that Tintype made.

    python tests/parity/compare.py --model DIR --prompt "a cat" --width 512 --height 512 --steps 8 --seed 42 \\
        --image cat.png
"""

import argparse
import sys

import numpy as np
import torch
from diffusers import ZImagePipeline
from PIL import Image


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a model in the diffusers layout")
    parser.add_argument("--image", required=True, help="the image to compare with")
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--negative-prompt")
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--height", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--guidance", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", metavar="PNG", help="keep the image that diffusers made")
    arguments = parser.parse_args()

    pipeline = ZImagePipeline.from_pretrained(arguments.model, dtype=torch.float32)
    image = pipeline(
        prompt=arguments.prompt,
        negative_prompt=arguments.negative_prompt,
        width=arguments.width,
        height=arguments.height,
        num_inference_steps=arguments.steps,
        guidance_scale=arguments.guidance,
        generator=torch.Generator("cpu").manual_seed(arguments.seed),
        output_type="np",
    ).images[0]
    reference = np.rint(image * 255).astype(np.uint8)
    if arguments.save:
        Image.fromarray(reference).save(arguments.save)

    given = np.asarray(Image.open(arguments.image).convert("RGB"))
    if given.shape != reference.shape:
        sys.exit(f"the sizes differ: {given.shape[1]}x{given.shape[0]}, reference {image.shape[1]}x{image.shape[0]}")
    difference = np.abs(given.astype(int) - reference.astype(int))
    print(f"largest pixel difference {difference.max()} of 255, mean {difference.mean():.4f}")


if __name__ == "__main__":
    main()
