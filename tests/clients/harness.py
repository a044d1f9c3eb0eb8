"""What the scripts share: clients, a look into images, and the run of the checks.

The test gives the environment: TINTYPE_KEY may do everything, TINTYPE_BROKE_KEY may generate but has a budget of nothing,
TINTYPE_READER_KEY may only read costs.
"""

import asyncio
import base64
import inspect
import io
import os
import urllib.request

import openai
from PIL import Image

SERVER = os.environ["TINTYPE_URL"]
URL = SERVER + "/v1"
KEY = os.environ["TINTYPE_KEY"]
OPTIONS = {"base_url": URL, "api_key": KEY, "timeout": 120}


def sync_client(**options):
    return openai.OpenAI(**(OPTIONS | options))


def async_client(**options):
    return openai.AsyncOpenAI(**(OPTIONS | options))


def look(file):
    """Format and size of an image, decoded to its last pixel."""
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        return image.format, image.size


def file_of(image):
    """The file in an image of an answer, or in an event of a stream."""
    return base64.b64decode(image.b64_json, validate=True)


def fetch(url):
    """Content type and file behind an image's URL, fetched without a key."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.headers["content-type"], answer.read()


def refused(kind, call, *arguments, **named):
    """The SDK's error where it is of class `kind`."""
    try:
        call(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError(f"{arguments} {named} was not refused")


def check(*checks):
    """Runs each check and says so; the first that fails ends the script."""
    for one in checks:
        if inspect.iscoroutinefunction(one):
            asyncio.run(one())
        else:
            one()
        print("ok", one.__name__, flush=True)
