"""LiteLLM against a running Tintype: images and edits, as its proxy and its library send them."""

import io
import os

# Prices of models, which it would fetch when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from harness import KEY, URL, check, file_of, look
from PIL import Image

OPTIONS = {"model": "openai/gpt-image-1", "api_key": KEY, "api_base": URL, "prompt": "a red door"}
SIZE = (40, 24)


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    file.seek(0)
    return file


def plain(colour):
    return png(Image.new("RGB", SIZE, colour))


def pixels(image):
    with Image.open(io.BytesIO(file_of(image))) as decoded:
        return decoded.convert("RGB")


def edited(**arguments):
    return litellm.image_edit(image=plain((200, 30, 30)), **(OPTIONS | arguments))


def an_image_is_generated():
    answer = litellm.image_generation(**OPTIONS, n=2, size="24x16", quality="low")
    assert [look(file_of(image)) for image in answer.data] == [("PNG", (24, 16))] * 2


def an_image_is_edited_within_a_mask():
    mask = Image.new("RGBA", SIZE, (0, 0, 0, 255))
    mask.putpixel((3, 3), (0, 0, 0, 0))
    answer = edited(mask=png(mask), n=2, quality="low")
    for image in map(pixels, answer.data):
        outside = {image.getpixel((x, y)) for x in range(40) for y in range(24) if (x, y) != (3, 3)}
        assert outside == {(200, 30, 30)}
    assert len(answer.data) == 2


def fields_of_ours_reach_the_server():
    def of(**arguments):
        return pixels(edited(**arguments).data[0]).tobytes()

    by_seed = of(seed=7)
    assert by_seed == of(seed=7) == of(extra_body={"seed": 7})
    assert by_seed != of(seed=7, strength=0.2)


async def the_async_call_edits():
    answer = await litellm.aimage_edit(image=plain((9, 9, 9)), **OPTIONS, size="32x32")
    assert [look(file_of(image)) for image in answer.data] == [("PNG", (32, 32))]


def two_images_are_refused():
    try:
        litellm.image_edit(image=[plain(0), plain(0)], **OPTIONS)
    except litellm.BadRequestError as error:
        assert "This model edits one image; got 2." in str(error), error
        return
    raise AssertionError("two images were taken")


check(
    an_image_is_generated,
    an_image_is_edited_within_a_mask,
    fields_of_ours_reach_the_server,
    the_async_call_edits,
    two_images_are_refused,
)
