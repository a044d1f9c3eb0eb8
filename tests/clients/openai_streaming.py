"""The real OpenAI SDK against a running Tintype: streams.

The test's server generates in two steps unless asked for more, and shows at most one partial image a step.
"""

import asyncio

import openai
from harness import async_client, check, file_of, look, refused, sync_client

client = sync_client()
PARTIAL, COMPLETED = "image_generation.partial_image", "image_generation.completed"


def ask(steps=8, **arguments):
    """The arguments of a stream with the seed 7."""
    defaults = {"prompt": "a lighthouse", "size": "24x16", "stream": True}
    return defaults | arguments | {"extra_body": {"steps": steps, "seed": 7}}


def is_whole(events, partials, found="PNG"):
    """Checks every event of a stream with that many partial images."""
    assert [event.type for event in events] == [PARTIAL] * partials + [COMPLETED], [event.type for event in events]
    assert [event.partial_image_index for event in events[:-1]] == list(range(partials))
    for event in events:
        assert look(file_of(event)) == (found, (24, 16))
        described = (event.size, event.background, event.output_format)
        assert described == ("24x16", "opaque", found.lower()), described
        assert event.quality == "medium" and event.created_at > 1_700_000_000
    usage = events[-1].usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0
    assert usage.input_tokens_details.text_tokens == usage.input_tokens


def partial_images_come_first_and_one_image_ends_the_stream():
    for partials in [1, 2, 3]:
        is_whole(list(client.images.generate(**ask(partial_images=partials))), partials)


def no_partial_images_are_one_event():
    is_whole(list(client.images.generate(**ask(partial_images=0))), 0)
    is_whole(list(client.images.generate(**ask())), 0)


def partial_images_grow_into_the_last():
    images = [event.b64_json for event in client.images.generate(**ask(partial_images=3))]
    assert len(set(images)) == 4, "every step changes the image"


def more_partial_images_than_steps_are_not_promised():
    events = list(client.images.generate(**ask(steps=1, partial_images=3)))
    is_whole(events, len(events) - 1)


def a_stream_ends_in_the_image_of_a_plain_call():
    *_, last = client.images.generate(**ask(partial_images=2))
    plain = client.images.generate(**ask(stream=False)).data[0]
    assert last.b64_json == plain.b64_json


def partial_images_have_the_asked_for_format():
    for asked in ["jpeg", "webp"]:
        events = list(client.images.generate(**ask(partial_images=2, output_format=asked)))
        is_whole(events, 2, asked.upper())


def the_headers_tell_the_place_in_the_queue():
    raw = client.images.with_raw_response.generate(**ask(partial_images=1))
    assert raw.headers["content-type"].startswith("text/event-stream")
    assert raw.headers["x-request-id"].startswith("req_")
    assert int(raw.headers["x-queue-position"]) >= 0
    assert int(raw.headers["x-queue-eta-ms"]) >= 0
    is_whole(list(raw.parse()), 1)


def a_refusal_comes_before_the_stream():
    several = refused(openai.BadRequestError, client.images.generate, **ask(n=2))
    assert several.param == "n", several
    many = refused(openai.BadRequestError, client.images.generate, **ask(partial_images=4))
    assert (many.param, many.code) == ("partial_images", "integer_above_max_value"), many
    size = refused(openai.BadRequestError, client.images.generate, **ask(size="17x17"))
    assert (size.param, size.code) == ("size", "invalid_value"), size


async def the_async_client_streams():
    async with async_client() as client:
        stream = await client.images.generate(**ask(partial_images=3))
        is_whole([event async for event in stream], 3)


async def streams_run_side_by_side():
    async def read(client, partials):
        stream = await client.images.generate(**ask(partial_images=partials))
        is_whole([event async for event in stream], partials)

    async with async_client() as client:
        await asyncio.gather(*(read(client, partials) for partials in [0, 1, 2, 3]))


check(
    partial_images_come_first_and_one_image_ends_the_stream,
    no_partial_images_are_one_event,
    partial_images_grow_into_the_last,
    more_partial_images_than_steps_are_not_promised,
    a_stream_ends_in_the_image_of_a_plain_call,
    partial_images_have_the_asked_for_format,
    the_headers_tell_the_place_in_the_queue,
    a_refusal_comes_before_the_stream,
    the_async_client_streams,
    streams_run_side_by_side,
)
