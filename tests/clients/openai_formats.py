"""The real OpenAI SDK against a running Tintype: URLs and file formats."""

import re
import urllib.error

import openai
from harness import SERVER, check, fetch, file_of, look, refused, sync_client

client = sync_client()


def generate(**arguments):
    return client.images.generate(prompt="a cup of tea", **arguments)


def is_image_url(url, ending):
    pattern = re.escape(SERVER) + r"/pictures/[\w-]+\." + ending + r"\?expires=[^&]+&signature=[^&]+"
    return re.fullmatch(pattern, url) is not None


def only_dall_e_names_get_a_url_unasked():
    for model, gets_url in [("dall-e-2", True), ("dall-e-3", True), ("gpt-image-1", False)]:
        image = generate(model=model).data[0]
        assert (image.url is not None, image.b64_json is not None) == (gets_url, not gets_url), model


def response_format_overrules_the_name():
    assert generate(model="dall-e-3", response_format="b64_json").data[0].url is None
    assert generate(model="gpt-image-1", response_format="url").data[0].b64_json is None


def a_url_is_fetched_without_a_key():
    image = generate(response_format="url", size="24x16", extra_body={"seed": 7}).data[0]
    assert image.b64_json is None and image.seed == 7 and image.receipt["total"] > 0
    assert is_image_url(image.url, "png"), image.url
    kind, file = fetch(image.url)
    assert (kind, look(file)) == ("image/png", ("PNG", (24, 16)))
    assert fetch(image.url) == (kind, file), "a URL may be fetched twice"
    assert file == file_of(generate(size="24x16", extra_body={"seed": 7}).data[0])


def every_image_has_a_url_of_its_own():
    first, second = generate(response_format="url", n=2).data
    assert first.url != second.url
    assert fetch(first.url) != fetch(second.url)


def a_forged_url_opens_nothing():
    url = generate(response_format="url").data[0].url
    head, signature = url.split("&signature=")
    forged = head + "&signature=" + ("A" if signature[0] != "A" else "B") + signature[1:]
    later = re.sub(r"expires=(\d)", r"expires=9\1", url)
    for wrong in [forged, later, head, url.split("?")[0]]:
        status = refused(urllib.error.HTTPError, fetch, wrong).code
        assert 400 <= status < 500, (wrong, status)


def images_come_as_png_jpeg_and_webp():
    for asked, found in [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")]:
        answer = generate(output_format=asked, size="24x16")
        assert look(file_of(answer.data[0])) == (found, (24, 16))
        assert answer.output_format == asked


def a_url_names_the_format():
    for asked, ending, found in [("jpeg", "jpg", "JPEG"), ("webp", "webp", "WEBP")]:
        url = generate(output_format=asked, response_format="url").data[0].url
        assert is_image_url(url, ending), url
        kind, file = fetch(url)
        assert (kind, look(file)[0]) == (f"image/{asked}", found)


def compression_is_a_quality_in_percent():
    def bytes_at(percent):
        extra = {"seed": 7}
        answer = generate(output_format="jpeg", output_compression=percent, size="64x64", extra_body=extra)
        return len(file_of(answer.data[0]))

    assert bytes_at(5) < bytes_at(50) < bytes_at(100)
    webp = generate(output_format="webp", output_compression=50).data[0]
    assert look(file_of(webp))[0] == "WEBP"


def other_formats_are_refused():
    for name, value in [("output_format", "gif"), ("response_format", "file"), ("background", "transparent")]:
        error = refused(openai.BadRequestError, generate, extra_body={name: value})
        assert (error.param, error.code) == (name, "invalid_value"), error
    error = refused(openai.BadRequestError, generate, output_compression=101)
    assert (error.param, error.code) == ("output_compression", "integer_above_max_value"), error


check(
    only_dall_e_names_get_a_url_unasked,
    response_format_overrules_the_name,
    a_url_is_fetched_without_a_key,
    every_image_has_a_url_of_its_own,
    a_forged_url_opens_nothing,
    images_come_as_png_jpeg_and_webp,
    a_url_names_the_format,
    compression_is_a_quality_in_percent,
    other_formats_are_refused,
)
