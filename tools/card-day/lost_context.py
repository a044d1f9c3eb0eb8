"""A device that breaks under one of two servers on it: what its clients see, how it ends, and how soon the next one serves.

The weights of the first server turn into no numbers under it (layers that come one by one are read from the model's files), so it
takes the same way as one whose context is lost: the image fails, so does the warm-up image, the device is given up, the process
ends. A kernel that traps is the test `lost_context` of the unit tests, which needs a card.
"""

import base64
import json
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from day import Cut
from requests_over_http import Server

TRANSFORMER = Path("transformer/diffusion_pytorch_model.safetensors")
SIZE = "64x64"


def spoil(file):
    """Every weight becomes NaN, in its place."""
    length = file.stat().st_size
    with file.open("r+b") as weights:
        first = 8 + struct.unpack("<Q", weights.read(8))[0]
        weights.seek(first)
        weights.write(b"\xff" * (length - first))


def measure(day):
    """Milliseconds and statuses of the whole story."""
    program, device = day.program("tintype"), ["--device", day.device]
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        model = place / "model"
        shutil.copytree(day.kit / "models/embedded", model)
        breaking = [program, "serve", "--model", model, "--memory", "low", *device]
        sound = [program, "serve", "--model", day.kit / "models/embedded", *device]
        with Server(day, sound, place / "sound") as neighbour:
            before = image(neighbour)
            with Server(day, breaking, place / "broken") as server:
                first = image(server)
                spoil(model / TRANSFORMER)
                begin = time.perf_counter()
                status, answer = server.ask(SIZE, 1)
                answered = time.perf_counter()
                ended_with = end_of(day, server.child)
                ended = time.perf_counter()
            beside = image(neighbour)
            shutil.copyfile(day.kit / "models/embedded" / TRANSFORMER, model / TRANSFORMER)
            with Server(day, breaking, place / "broken", key=server.key) as again:
                after = image(again)
                ready_ms = again.ready_ms
    if status < 500:
        raise RuntimeError(f"the image of a broken device got {status}: {json.dumps(answer)[:200]}")
    return {
        "status_of_its_request": status,
        "answered_after_ms": 1e3 * (answered - begin),
        "ended_with": ended_with,
        "ended_after_ms": 1e3 * (ended - begin),
        "ready_again_after_ms": ready_ms,
        "its_image_is_the_same": first == after,
        "its_neighbours_image_is_the_same": before == beside,
    }


def image(server):
    """The pixels of seed 0's image, packed as the PNG has them: what else it says is its own."""
    status, answer = server.ask(SIZE, 0)
    if status != 200:
        raise RuntimeError(f"an image got {status}: {json.dumps(answer)[:200]}")
    png, pixels, at = base64.b64decode(answer["data"][0]["b64_json"]), [], 8
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        if kind == b"IDAT":
            pixels.append(png[at + 8 : at + 8 + length])
        at += 12 + length
    return b"".join(pixels)


def end_of(day, child):
    """The exit status of a server that ends by itself."""
    try:
        return child.wait(max(day.left(), 0))
    except subprocess.TimeoutExpired:
        raise Cut from None
