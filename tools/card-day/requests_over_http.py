"""A server of its own, and clients that ask it over HTTP."""

import json
import os
import re
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

from day import Cut


class Server:
    """`command` as a server, with data of its own, from its first image on until the end of the block or of the box.

    `directory` may have an earlier server's data, whose `key` holds then. `ready_ms`: from the start to the first readiness.
    """

    def __init__(self, day, command, directory, key=None):
        self.day, self.key, self.directory = day, key, directory
        self.words = [*map(str, command), "--listen", "127.0.0.1:0", "--data-dir", str(directory)]

    def __enter__(self):
        self.began = time.perf_counter()
        self.said = tempfile.TemporaryFile("w+")
        environment = os.environ | {"TINTYPE_LOG": "warn"}
        self.child = subprocess.Popen(self.words, stdout=subprocess.PIPE, stderr=self.said, text=True, env=environment)
        # What it says is waited for, and it may say nothing.
        self.watch = threading.Timer(max(self.day.left(), 0), self.child.kill)
        self.watch.start()
        try:
            self.open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.watch.cancel()
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.day.log(self.words, "", self.complaints())
        self.said.close()

    def complaints(self):
        self.said.seek(0)
        return self.said.read()

    def open(self):
        """Waits for the address and the key that the start names, and until the server is ready."""
        self.address = None
        for line in self.child.stdout:
            self.address = self.address or next(iter(re.findall(r"http://[\d.]+:\d+", line)), None)
            self.key = self.key or next(iter(re.findall(r"\btt-\w+-\w+", line)), None)
            if self.address and self.key:
                break
        else:
            if self.day.left() <= 0:
                raise Cut
            raise RuntimeError(f"the server did not start: {self.complaints().strip()[-300:]}")
        while self.day.left() > 0 and self.child.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/readyz", timeout=5).read()
                self.ready_ms = 1e3 * (time.perf_counter() - self.began)
                return
            except OSError:
                time.sleep(0.05)
        raise Cut if self.day.left() <= 0 else RuntimeError(f"the server ended: {self.complaints().strip()[-300:]}")

    def ask(self, size, seed):
        """The status and the answer to a request for one image; 0 and why, if the server is gone."""
        if self.day.left() <= 0:
            raise Cut
        body = {"prompt": "a lighthouse at dawn", "size": size, "seed": seed}
        request = urllib.request.Request(
            f"{self.address}/v1/images/generations",
            json.dumps(body).encode(),
            {"authorization": f"Bearer {self.key}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self.day.left()) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read() or "null")
        except OSError as error:
            return 0, str(error)


def measure(day, command, size, count):
    """Starts `command` with an empty data directory and asks it for `count` images, one after the other.

    Gives milliseconds: of the whole request, of the device by the receipt, and what lies between.
    """
    whole, device = [], []
    with tempfile.TemporaryDirectory() as directory, Server(day, command, directory) as server:
        for number in range(count + 1):
            begin = time.perf_counter()
            status, answer = server.ask(size, number)
            taken = 1e3 * (time.perf_counter() - begin)
            if status != 200:
                raise RuntimeError(f"request {number} got {status}: {answer}")
            # The first one warms up.
            if number:
                whole.append(taken)
                device.append(answer["data"][0]["receipt"]["duration_ms"])
    added = sorted(request - spent for request, spent in zip(whole, device))
    return {
        "requests": count,
        "whole_ms": statistics.median(whole),
        "device_ms": statistics.median(device),
        "added_ms_p50": statistics.median(added),
        "added_ms_longest": added[-1],
    }
