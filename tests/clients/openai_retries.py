"""The real OpenAI SDK against a running Tintype: lost connections, time limits, and Idempotency-Key.

Each check generates one image, however often it asks.
"""

import asyncio
import json

import openai
from harness import async_client, check, file_of, look, refused, sync_client
from proxy import losing_proxy

client = sync_client()
# Long enough that a second call comes while the first is generated.
LONG = {"size": "128x128", "extra_body": {"steps": 60}}


def ask(key, **arguments):
    """The arguments of a call with that Idempotency-Key, and with no seed, so that two images would differ."""
    return {"prompt": "a lighthouse", "extra_headers": {"Idempotency-Key": key}} | arguments


def same(first, second):
    images = [[(image.b64_json, image.seed) for image in answer.data] for answer in (first, second)]
    receipts = [[image.receipt["request_id"] for image in answer.data] for answer in (first, second)]
    return images[0] == images[1] and receipts[0] == receipts[1]


def a_repeated_call_gets_the_first_answer():
    first = client.images.generate(**ask("repeated"))
    again = client.images.generate(**ask("repeated"))
    assert same(first, again)
    assert look(file_of(again.data[0])) == ("PNG", (32, 32))


def another_body_under_a_used_key_is_refused():
    client.images.generate(**ask("reused"))
    for change in [{"prompt": "a windmill"}, {"size": "16x16"}]:
        error = refused(openai.UnprocessableEntityError, client.images.generate, **ask("reused", **change))
        assert (error.type, error.code) == ("invalid_request_error", "idempotency_key_reused"), error


def an_answer_that_was_lost_is_given_again():
    with losing_proxy(hang_up=False) as proxy:
        answer = sync_client(base_url=proxy.url).images.generate(**ask("lost"))
    assert proxy.requests == 2, "the SDK tried once more"
    lost = json.loads(proxy.lost_answer)["data"][0]
    given = answer.data[0]
    assert (given.b64_json, given.seed) == (lost["b64_json"], lost["seed"])
    assert same(answer, client.images.generate(**ask("lost")))


def a_connection_that_broke_costs_no_second_image():
    with losing_proxy(hang_up=True) as proxy:
        answer = sync_client(base_url=proxy.url).images.generate(**ask("broken", **LONG))
    assert proxy.requests == 2, "the SDK tried once more"
    assert same(answer, client.images.generate(**ask("broken", **LONG)))


def a_call_that_ran_out_of_time_is_taken_up_again():
    hasty = client.with_options(timeout=0.01, max_retries=0)
    refused(openai.APITimeoutError, hasty.images.generate, **ask("late", **LONG))
    answer = client.images.generate(**ask("late", **LONG))
    assert look(file_of(answer.data[0])) == ("PNG", (128, 128))
    assert same(answer, client.images.generate(**ask("late", **LONG)))


async def calls_side_by_side_share_one_image():
    async with async_client() as client:
        first, *others = await asyncio.gather(*(client.images.generate(**ask("shared", **LONG)) for _ in range(4)))
    assert all(same(first, other) for other in others)


check(
    a_repeated_call_gets_the_first_answer,
    another_body_under_a_used_key_is_refused,
    an_answer_that_was_lost_is_given_again,
    a_connection_that_broke_costs_no_second_image,
    a_call_that_ran_out_of_time_is_taken_up_again,
    calls_side_by_side_share_one_image,
)
