"""OpenAI's SDK for Python against Tintype: what one image costs, then a stream of it with previews.

    pip install openai
    OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=tt-… python examples/openai_client.py
"""

import base64
import sys

from openai import OpenAI

prompt = sys.argv[1] if len(sys.argv) > 1 else "a red apple on a blue background"
client = OpenAI()  # reads both variables

quote = client.images.generate(prompt=prompt, extra_body={"dry_run": True})
cost = quote.per_image
print(f"will cost about {cost['total']} {cost['currency']} and {cost['duration_ms']} ms")

stream = client.images.generate(prompt=prompt, stream=True, partial_images=2, extra_body={"seed": 42})
for event in stream:
    if event.type == "image_generation.partial_image":
        file = f"preview-{event.partial_image_index}.png"
    else:
        file = "image.png"
        print(f"seed {event.seed}: cost {event.receipt['total']} {event.receipt['currency']}")
    with open(file, "wb") as out:
        out.write(base64.b64decode(event.b64_json))
    print(file)
