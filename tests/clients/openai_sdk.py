"""The real OpenAI SDK against a running Tintype. TINTYPE_URL, TINTYPE_KEY and TINTYPE_PAINTER_KEY come from the test.

TINTYPE_PAINTER_KEY may paint, has a budget of nothing, and may not read costs.
"""

import asyncio
import base64
import os
import struct

import openai

URL = os.environ["TINTYPE_URL"] + "/v1"
client = openai.OpenAI(base_url=URL, api_key=os.environ["TINTYPE_KEY"])


def png_size(image):
    file = base64.b64decode(image.b64_json, validate=True)
    assert file.startswith(b"\x89PNG\r\n\x1a\n"), file[:16]
    return struct.unpack(">II", file[16:24])


def one_call_paints_a_picture():
    answer = client.images.generate(prompt="a lighthouse at dawn")
    assert png_size(answer.data[0]) == (32, 32)
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.size == "32x32" and answer.output_format == "png" and answer.background == "opaque"


def every_ordinary_parameter_is_taken():
    answer = client.images.generate(
        model="gpt-image-1",
        prompt="一只猫坐在窗边 🐈",
        n=2,
        size="24x16",
        quality="low",
        background="auto",
        moderation="low",
        output_format="png",
        user="studio-7",
    )
    assert [png_size(image) for image in answer.data] == [(24, 16), (24, 16)]
    assert answer.quality == "low"


def extensions_go_through_extra_body():
    def paint(**extra):
        return client.images.generate(prompt="a cup of tea", extra_body=extra).data[0]

    first, again = paint(seed=42, steps=3), paint(seed=42, num_inference_steps=3)
    assert first.b64_json == again.b64_json
    assert first.seed == 42
    assert first.receipt["total"] > 0 and first.receipt["energy_source"] == "estimated"
    guided = paint(seed=42, steps=3, guidance_scale=4.0, negative_prompt="blurry")
    assert guided.b64_json != first.b64_json


def the_raw_answer_carries_a_request_id():
    raw = client.images.with_raw_response.generate(prompt="a cup of tea", size="16x16")
    assert raw.headers["x-request-id"].startswith("req_")
    assert png_size(raw.parse().data[0]) == (16, 16)


def models_are_listed_and_retrieved():
    names = [model.id for model in client.models.list()]
    assert "dall-e-3" in names and len(names) > 1
    assert client.models.retrieve(names[0]).id == names[0]


def errors_are_the_sdks_own_classes():
    def refused(kind, **arguments):
        try:
            client.images.generate(**arguments)
        except kind as error:
            return error
        raise AssertionError(f"{arguments} was not refused")

    size = refused(openai.BadRequestError, prompt="x", size="17x17")
    assert (size.param, size.code, size.type) == ("size", "invalid_value", "invalid_request_error"), size
    unknown = refused(openai.BadRequestError, prompt="x", extra_body={"colour": "blue"})
    assert (unknown.param, unknown.code) == ("colour", "unknown_parameter")
    model = refused(openai.NotFoundError, prompt="x", model="midjourney")
    assert (model.param, model.code) == ("model", "model_not_found")


def keys_and_budgets_are_refused_without_a_retry():
    stranger = openai.OpenAI(base_url=URL, api_key="tt-unknown-secret")
    try:
        stranger.images.generate(prompt="x")
        raise AssertionError("an unknown key painted")
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key"
    painter = openai.OpenAI(base_url=URL, api_key=os.environ["TINTYPE_PAINTER_KEY"])
    try:
        painter.images.generate(prompt="x")
        raise AssertionError("a budget was overspent")
    except openai.RateLimitError as error:
        assert error.code == "insufficient_quota"
        assert error.response.request.headers["x-stainless-retry-count"] == "0", "the SDK tried again"


def the_async_client_paints_many_at_once():
    async def paint():
        async with openai.AsyncOpenAI(base_url=URL, api_key=os.environ["TINTYPE_KEY"]) as async_client:
            calls = [
                async_client.images.generate(prompt=f"picture {i}", size="16x16", extra_body={"seed": i})
                for i in range(8)
            ]
            return await asyncio.gather(*calls)

    answers = asyncio.run(paint())
    assert [answer.data[0].seed for answer in answers] == list(range(8))
    assert len({answer.data[0].b64_json for answer in answers}) == 8


for check in [
    one_call_paints_a_picture,
    every_ordinary_parameter_is_taken,
    extensions_go_through_extra_body,
    the_raw_answer_carries_a_request_id,
    models_are_listed_and_retrieved,
    errors_are_the_sdks_own_classes,
    keys_and_budgets_are_refused_without_a_retry,
    the_async_client_paints_many_at_once,
]:
    check()
    print("ok", check.__name__)
