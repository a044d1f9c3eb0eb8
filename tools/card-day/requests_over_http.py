"""A server of its own, and clients that ask it over HTTP."""

import json
import os
import re
import statistics
import subprocess
import tempfile
import time
import urllib.request

from day import Cut


def measure(day, command, size, count):
    """Starts `command` with an empty data directory and asks it for `count` images, one after the other.

    Gives milliseconds: of the whole request, of the device by the receipt, and what lies between.
    """
    with tempfile.TemporaryDirectory() as directory:
        words = [*map(str, command), "--listen", "127.0.0.1:0", "--data-dir", directory]
        server = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"TINTYPE_LOG": "warn"}
        )
        try:
            address, key = opened(server, day)
            whole, device = [], []
            for number in range(count + 1):
                taken, on_device = ask(address, key, size, number, day)
                # The first one warms up.
                if number:
                    whole.append(taken)
                    device.append(on_device)
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    added = sorted(request - spent for request, spent in zip(whole, device))
    return {
        "requests": count,
        "whole_ms": statistics.median(whole),
        "device_ms": statistics.median(device),
        "added_ms_p50": statistics.median(added),
        "added_ms_longest": added[-1],
    }


def opened(server, day):
    """The address and the first key that the start names, once the server is ready."""
    address = key = None
    for line in server.stdout:
        address = address or next(iter(re.findall(r"http://[\d.]+:\d+", line)), None)
        key = key or next(iter(re.findall(r"\btt-\w+-\w+", line)), None)
        if address and key:
            break
    if not (address and key):
        raise RuntimeError(f"the server did not start: {server.stderr.read().strip()[-300:]}")
    while day.left() > 0:
        try:
            urllib.request.urlopen(f"{address}/readyz", timeout=5).read()
            return address, key
        except OSError:
            time.sleep(0.1)
    raise Cut


def ask(address, key, size, seed, day):
    """Milliseconds of one request, and those of them on the device."""
    if day.left() <= 0:
        raise Cut
    body = {"prompt": "a lighthouse at dawn", "size": size, "seed": seed}
    request = urllib.request.Request(
        f"{address}/v1/images/generations",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    begin = time.perf_counter()
    with urllib.request.urlopen(request, timeout=day.left()) as answer:
        received = json.loads(answer.read())
    taken = 1e3 * (time.perf_counter() - begin)
    return taken, received["data"][0]["receipt"]["duration_ms"]
