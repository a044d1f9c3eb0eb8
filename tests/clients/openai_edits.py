"""The real OpenAI SDK against a running Tintype: edits and variations, and Open WebUI's own call of an edit."""

import base64
import io
import uuid

import aiohttp
import openai
from harness import KEY, URL, async_client, check, file_of, look, refused, sync_client
from PIL import Image

client = sync_client()
WIDTH, HEIGHT = 40, 24
PARTIAL, COMPLETED = "image_edit.partial_image", "image_edit.completed"


def is_masked(x, y):
    return 12 <= x < 28 and 6 <= y < 18


def encoded(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def made(mode, colour):
    image = Image.new(mode, (WIDTH, HEIGHT))
    image.putdata([colour(x, y) for y in range(HEIGHT) for x in range(WIDTH)])
    return encoded(image)


PHOTO = made("RGB", lambda x, y: (x * 6, y * 10, (x * y) % 256))
MASK = made("RGBA", lambda x, y: (0, 0, 0, 0 if is_masked(x, y) else 255))


def pixels(file):
    with Image.open(io.BytesIO(file)) as image:
        return image.convert("RGB")


def is_put_back(file):
    """Whether every pixel outside the mask is the photo's, and one within it is not."""
    before, after = pixels(PHOTO), pixels(file)
    changed = {(x, y) for x in range(WIDTH) for y in range(HEIGHT) if before.getpixel((x, y)) != after.getpixel((x, y))}
    return len(changed) > 0 and all(is_masked(x, y) for x, y in changed)


def one_image_is_edited_as_a_whole():
    answer = client.images.edit(image=PHOTO, prompt="a red door", extra_body={"seed": 7, "steps": 8})
    assert look(file_of(answer.data[0])) == ("PNG", (WIDTH, HEIGHT))
    assert (answer.size, answer.steps_run, answer.edited_pixels) == ("40x24", 5, WIDTH * HEIGHT)
    assert answer.data[0].seed == 7 and answer.data[0].receipt["total"] > 0


def a_mask_keeps_what_is_outside_it():
    answer = client.images.edit(
        image=("photo.png", PHOTO, "image/png"), mask=("mask.png", MASK, "image/png"), prompt="a red door", n=2
    )
    assert all(is_put_back(file_of(image)) for image in answer.data)
    assert answer.unchanged_outside_mask is True and len(answer.data) == 2


def a_list_with_one_image_is_taken_and_one_with_two_is_refused():
    one = client.images.edit(image=[io.BytesIO(PHOTO)], mask=MASK, prompt="a red door", extra_body={"seed": 3})
    alone = client.images.edit(image=PHOTO, mask=MASK, prompt="a red door", extra_body={"seed": 3})
    assert one.data[0].b64_json == alone.data[0].b64_json
    error = refused(openai.BadRequestError, client.images.edit, image=[PHOTO, PHOTO], prompt="a red door")
    assert (error.param, error.code) == ("image", "unsupported_value"), error


def an_edit_streams_and_its_previews_are_put_back_too():
    *partials, last = client.images.edit(
        image=PHOTO, mask=MASK, prompt="a red door", stream=True, partial_images=2, extra_body={"steps": 8, "seed": 5}
    )
    assert [event.type for event in partials] == [PARTIAL, PARTIAL] and last.type == COMPLETED
    assert all(is_put_back(file_of(event)) for event in [*partials, last])
    plain = client.images.edit(image=PHOTO, mask=MASK, prompt="a red door", extra_body={"steps": 8, "seed": 5})
    assert plain.data[0].b64_json == last.b64_json


def every_parameter_of_an_edit_is_taken():
    answer = client.images.edit(
        model="gpt-image-1", image=PHOTO, prompt="a red door", n=1, size="32x32", quality="low", background="auto",
        input_fidelity="high", output_format="webp", output_compression=100, user="studio-7",
    )
    assert look(file_of(answer.data[0])) == ("WEBP", (32, 32))
    assert (answer.quality, answer.output_format) == ("low", "webp")


def what_cannot_be_done_is_refused_by_name():
    def of(**arguments):
        defaults = {"image": PHOTO, "prompt": "a red door"}
        error = refused(openai.BadRequestError, client.images.edit, **(defaults | arguments))
        return error.param

    assert of(background="transparent") == "background"
    assert of(mask=PHOTO) == "mask", "a mask has an alpha channel"
    assert of(mask=encoded(Image.new("RGBA", (8, 8)))) == "mask", "a mask has the size of its image"
    assert of(image=b"no image") == "image"
    assert of(extra_body={"strength": 2}) == "strength"


def a_variation_needs_no_prompt():
    raw = client.images.with_raw_response.create_variation(image=PHOTO, n=2, response_format="b64_json")
    assert raw.headers["deprecation"].startswith("@")
    assert [look(file_of(image)) for image in raw.parse().data] == [("PNG", (WIDTH, HEIGHT))] * 2


async def the_async_client_edits():
    async with async_client() as client:
        answer = await client.images.edit(image=PHOTO, mask=MASK, prompt="a red door")
    assert is_put_back(file_of(answer.data[0]))


async def open_webui_edits():
    """Its fields, as its routers/images.py sends them with aiohttp: no mask, and a name that says nothing."""
    for name in ["image", "image[]"]:
        form = aiohttp.FormData()
        for field, value in [("model", "gpt-image-1"), ("prompt", "a red door"), ("n", "1"), ("size", "32x32"),
                             ("background", "auto"), ("response_format", "b64_json")]:
            form.add_field(field, value)
        form.add_field(name, io.BytesIO(PHOTO), filename=f"{uuid.uuid4()}.png", content_type="image/png")
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{URL}/images/edits", headers=headers, data=form) as answer:
                answer.raise_for_status()
                images = (await answer.json(content_type=None))["data"]
        assert [look(base64.b64decode(image["b64_json"])) for image in images] == [("PNG", (32, 32))]


async def open_webui_fetches_a_link_with_its_key():
    form = aiohttp.FormData()
    for field, value in [("model", "dall-e-2"), ("prompt", "a red door"), ("response_format", "url")]:
        form.add_field(field, value)
    form.add_field("image", io.BytesIO(PHOTO), filename=f"{uuid.uuid4()}.png", content_type="image/png")
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{URL}/images/edits", data=form) as answer:
            answer.raise_for_status()
            url = (await answer.json(content_type=None))["data"][0]["url"]
        async with session.get(url) as file:
            assert look(await file.read()) == ("PNG", (WIDTH, HEIGHT))


check(
    one_image_is_edited_as_a_whole,
    a_mask_keeps_what_is_outside_it,
    a_list_with_one_image_is_taken_and_one_with_two_is_refused,
    an_edit_streams_and_its_previews_are_put_back_too,
    every_parameter_of_an_edit_is_taken,
    what_cannot_be_done_is_refused_by_name,
    a_variation_needs_no_prompt,
    the_async_client_edits,
    open_webui_edits,
    open_webui_fetches_a_link_with_its_key,
)
