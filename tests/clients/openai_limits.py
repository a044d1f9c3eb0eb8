"""The real OpenAI SDK against a Tintype with rate limits.

TINTYPE_LIMITS says which, a minute: `requests=60,images=30`. Answers with images report both, others requests.
"""

import os
import re

import openai
from harness import check, refused, sync_client

LIMITS = {name: int(limit) for name, limit in (part.split("=") for part in os.environ["TINTYPE_LIMITS"].split(","))}
DURATION = re.compile(r"(?=\d)(\d+h)?(\d+m)?(\d+(\.\d+)?s)?|\d+ms")
impatient, patient = sync_client(max_retries=0), sync_client(max_retries=3)


def left(headers, names=("requests",)):
    """Requests left, once the windows of `names` in the headers have been checked."""
    for name in names:
        limit = LIMITS[name]
        assert int(headers[f"x-ratelimit-limit-{name}"]) == limit
        assert 0 <= int(headers[f"x-ratelimit-remaining-{name}"]) <= limit
        reset = headers[f"x-ratelimit-reset-{name}"]
        assert DURATION.fullmatch(reset), reset
    return int(headers["x-ratelimit-remaining-requests"])


def every_answer_tells_what_is_left():
    assert left(impatient.models.with_raw_response.list().headers) < LIMITS["requests"]
    generated = impatient.images.with_raw_response.generate(prompt="tea", size="16x16")
    left(generated.headers, LIMITS)
    assert int(generated.headers["x-ratelimit-remaining-images"]) == LIMITS["images"] - 1
    error = refused(openai.BadRequestError, impatient.images.generate, prompt="tea", size="17x17")
    left(error.response.headers)


def too_many_requests_are_a_rate_limit_error():
    def list_them_too_often():
        for _ in range(10 * LIMITS["requests"]):
            impatient.models.list()

    error = refused(openai.RateLimitError, list_them_too_often)
    assert (error.type, error.param, error.code) == ("requests", None, "rate_limit_exceeded"), error
    assert 1 <= int(error.response.headers["retry-after"]) <= 120
    assert left(error.response.headers) == 0


def the_sdk_waits_as_long_as_it_is_told():
    for _ in range(10 * LIMITS["requests"]):
        answer = patient.models.with_raw_response.list()
        if answer.retries_taken > 0:
            return
    raise AssertionError("no request was refused at first")


check(
    every_answer_tells_what_is_left,
    too_many_requests_are_a_rate_limit_error,
    the_sdk_waits_as_long_as_it_is_told,
)
