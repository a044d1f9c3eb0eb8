"""LangChain's DALL-E wrapper against a running Tintype. It reads nothing but URLs, and cannot ask for them."""

import openai
from harness import KEY, URL, check, fetch, look, refused
from langchain_community.tools.openai_dalle_image_generation import OpenAIDALLEImageGenerationTool
from langchain_community.utilities.dalle_image_generator import DallEAPIWrapper


def wrapper(**arguments):
    return DallEAPIWrapper(**({"base_url": URL, "api_key": KEY, "size": "32x32"} | arguments))


def is_image(url, size=(32, 32)):
    kind, file = fetch(url)
    return (kind, look(file)) == ("image/png", ("PNG", size))


def the_wrapper_answers_with_a_url():
    assert is_image(wrapper().run("a lighthouse at dawn"))


def several_images_are_several_lines():
    urls = wrapper(model="dall-e-3", n=2, size="24x16", quality="hd").run("a lighthouse").splitlines()
    assert len(set(urls)) == 2
    assert all(is_image(url, (24, 16)) for url in urls)


def an_agents_tool_generates():
    tool = OpenAIDALLEImageGenerationTool(api_wrapper=wrapper())
    assert is_image(tool.invoke("a lighthouse at dusk"))


def a_refusal_reaches_the_caller():
    error = refused(openai.NotFoundError, wrapper(model="midjourney").run, "x")
    assert error.code == "model_not_found"


check(
    the_wrapper_answers_with_a_url,
    several_images_are_several_lines,
    an_agents_tool_generates,
    a_refusal_reaches_the_caller,
)
