"""The real OpenAI SDK against a running Tintype that buys its images elsewhere: an ordinary answer."""

from harness import check, file_of, look, sync_client

client = sync_client()


def a_bought_image_is_an_ordinary_answer():
    raw = client.images.with_raw_response.generate(prompt="a lighthouse at dawn", n=2, size="32x32")
    assert raw.headers["x-tintype-made-by"].startswith("acme; "), raw.headers
    answer = raw.parse()
    assert len(answer.data) == 2 and answer.created > 1_700_000_000
    assert look(file_of(answer.data[0])) == ("PNG", (32, 32))
    assert answer.usage.total_tokens > 0


def a_stream_ends_with_the_bought_image():
    events = list(client.images.generate(prompt="x", size="32x32", stream=True, partial_images=2))
    assert [event.type for event in events] == ["image_generation.completed"], events
    assert look(file_of(events[0])) == ("PNG", (32, 32))


check(a_bought_image_is_an_ordinary_answer, a_stream_ends_with_the_bought_image)
