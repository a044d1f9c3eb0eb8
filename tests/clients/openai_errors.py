"""The real OpenAI SDK against a running Tintype: refusals are the SDK's own classes. Nothing is generated."""

import os

import openai
from harness import async_client, check, refused, sync_client

client = sync_client()

BAD_REQUESTS = [
    ({"prompt": ""}, "prompt", "empty_string"),
    ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 11}, "n", "integer_above_max_value"),
    ({"n": "two"}, "n", "invalid_type"),
    ({"size": "17x17"}, "size", "invalid_value"),
    ({"size": "large"}, "size", "invalid_value"),
    ({"quality": "best"}, "quality", "invalid_value"),
    ({"extra_body": {"colour": "blue"}}, "colour", "unknown_parameter"),
    ({"extra_body": {"seed": -1}}, "seed", "integer_below_min_value"),
    ({"extra_body": {"prompt": None}}, "prompt", "missing_required_parameter"),
]


def generate(with_client=client, **arguments):
    return with_client.images.generate(**({"prompt": "x"} | arguments))


def is_answered_with(error, status, kind, param, code):
    given = (error.status_code, error.type, error.param, error.code)
    assert given == (status, kind, param, code), (given, error)
    assert error.request_id.startswith("req_")
    assert error.body["message"]


def a_bad_request_names_the_parameter():
    for arguments, param, code in BAD_REQUESTS:
        is_answered_with(refused(openai.BadRequestError, generate, **arguments), 400, "invalid_request_error", param, code)


def an_unknown_model_is_not_found():
    for call in [lambda: generate(model="midjourney"), lambda: client.models.retrieve("midjourney/v7")]:
        error = refused(openai.NotFoundError, call)
        is_answered_with(error, 404, "invalid_request_error", "model", "model_not_found")


def a_wrong_key_is_an_authentication_error():
    for key in ["tt-unknown-secret", "sk-proj-not-one-of-ours"]:
        error = refused(openai.AuthenticationError, generate, sync_client(api_key=key))
        is_answered_with(error, 401, "invalid_request_error", None, "invalid_api_key")
        assert key not in str(error)


def a_key_without_the_scope_is_denied():
    reader = sync_client(api_key=os.environ["TINTYPE_READER_KEY"])
    error = refused(openai.PermissionDeniedError, generate, reader)
    is_answered_with(error, 403, "invalid_request_error", None, "insufficient_permissions")


def an_empty_budget_is_refused_without_a_retry():
    broke = sync_client(api_key=os.environ["TINTYPE_BROKE_KEY"])
    error = refused(openai.RateLimitError, generate, broke)
    is_answered_with(error, 429, "insufficient_quota", None, "insufficient_quota")
    assert error.response.headers["x-should-retry"] == "false"
    assert error.response.request.headers["x-stainless-retry-count"] == "0", "the SDK tried again"


async def the_async_client_raises_the_same():
    async with async_client() as client:
        try:
            await client.images.generate(prompt="x", size="17x17")
        except openai.BadRequestError as error:
            return is_answered_with(error, 400, "invalid_request_error", "size", "invalid_value")
    raise AssertionError("17x17 was not refused")


check(
    a_bad_request_names_the_parameter,
    an_unknown_model_is_not_found,
    a_wrong_key_is_an_authentication_error,
    a_key_without_the_scope_is_denied,
    an_empty_budget_is_refused_without_a_retry,
    the_async_client_raises_the_same,
)
