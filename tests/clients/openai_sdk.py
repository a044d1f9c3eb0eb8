"""The real OpenAI SDK against a running Tintype: ordinary calls."""

import asyncio

from harness import async_client, check, file_of, look, sync_client

client = sync_client()

EFFECTIVE_QUALITY = {
    "auto": {"medium"},
    "low": {"low"},
    "medium": {"medium"},
    "high": {"high"},
    "xhigh": {"high", "xhigh"},
    "max": {"high", "xhigh", "max"},
    "standard": {"medium"},
    "hd": {"high"},
}


def one_call_generates_an_image():
    answer = client.images.generate(prompt="a lighthouse at dawn")
    assert look(file_of(answer.data[0])) == ("PNG", (32, 32))
    assert answer.data[0].url is None
    usage = answer.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.input_tokens_details.text_tokens == usage.input_tokens > 0
    assert answer.created > 1_700_000_000


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
        output_compression=100,
        response_format="b64_json",
        style="vivid",
        user="studio-7",
    )
    assert [look(file_of(image)) for image in answer.data] == [("PNG", (24, 16))] * 2
    assert answer.quality == "low"


def null_stands_for_the_default():
    answer = client.images.generate(
        prompt="a cup of tea",
        model=None,
        n=None,
        size=None,
        quality=None,
        background=None,
        moderation=None,
        output_format=None,
        output_compression=None,
        partial_images=None,
        response_format=None,
        stream=None,
        style=None,
    )
    assert len(answer.data) == 1 and answer.size == "32x32"


def the_answer_reports_what_was_done():
    answer = client.images.generate(prompt="a cup of tea", size="auto", quality="auto", background="auto")
    done = (answer.size, answer.quality, answer.background, answer.output_format)
    assert done == ("32x32", "medium", "opaque", "png"), done


def every_word_for_quality_is_taken():
    for word, effective in EFFECTIVE_QUALITY.items():
        answer = client.images.generate(prompt="a cup of tea", size="16x16", quality=word)
        assert answer.quality in effective, (word, answer.quality)


def extensions_go_through_extra_body():
    def generate(**extra):
        return client.images.generate(prompt="a cup of tea", extra_body=extra).data[0]

    first, again = generate(seed=42, steps=3), generate(seed=42, num_inference_steps=3)
    assert first.b64_json == again.b64_json
    assert first.seed == 42
    assert first.receipt["total"] > 0 and first.receipt["energy_source"] in ("metered", "estimated")
    guided = generate(seed=42, steps=3, guidance_scale=4.0, negative_prompt="blurry")
    assert guided.b64_json != first.b64_json


def every_image_has_its_seed_and_receipt():
    images = client.images.generate(prompt="tea", n=3, extra_body={"seed": 5}).data
    assert [image.seed for image in images] == [5, 6, 7]
    assert all(image.receipt["total"] > 0 for image in images)
    alone = client.images.generate(prompt="tea", extra_body={"seed": 6}).data[0]
    assert alone.b64_json == images[1].b64_json


def a_quote_is_read_from_the_answer_and_generates_nothing():
    quote = client.images.generate(prompt="tea", n=2, extra_body={"dry_run": True})
    assert quote.data is None and (quote.object, quote.n) == ("quote", 2)
    assert quote.all_images["total"] > quote.per_image["total"] > 0
    assert quote.duration_source in ("measured", "estimated")


def the_raw_answer_carries_a_request_id():
    def request_id():
        raw = client.images.with_raw_response.generate(prompt="a cup of tea", size="16x16")
        assert look(file_of(raw.parse().data[0])) == ("PNG", (16, 16))
        return raw.headers["x-request-id"]

    first, second = request_id(), request_id()
    assert first.startswith("req_") and first != second


def models_are_listed_and_retrieved():
    models = list(client.models.list())
    names = [model.id for model in models]
    assert "dall-e-3" in names and "gpt-image-1" in names and len(set(names)) == len(names)
    assert all(model.object == "model" and model.created > 0 for model in models)
    assert [client.models.retrieve(name).id for name in names] == names


async def the_async_client_generates_many_at_once():
    async with async_client() as client:
        calls = [
            client.images.generate(prompt=f"image {i}", size="16x16", extra_body={"seed": i}) for i in range(8)
        ]
        answers = await asyncio.gather(*calls)
    assert [answer.data[0].seed for answer in answers] == list(range(8))
    assert len({answer.data[0].b64_json for answer in answers}) == 8


check(
    one_call_generates_an_image,
    every_ordinary_parameter_is_taken,
    null_stands_for_the_default,
    the_answer_reports_what_was_done,
    every_word_for_quality_is_taken,
    extensions_go_through_extra_body,
    every_image_has_its_seed_and_receipt,
    a_quote_is_read_from_the_answer_and_generates_nothing,
    the_raw_answer_carries_a_request_id,
    models_are_listed_and_retrieved,
    the_async_client_generates_many_at_once,
)
