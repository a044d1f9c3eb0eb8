"""What a JSON Schema cannot say: sizes that the model can paint, and names of one thing that must agree.

Each field whose value fits the document gets a value that the test server accepts, in requests that break the document
too: so they can be refused for nothing but what is wrong with them.
"""

from itertools import count

import jsonschema_rs
import schemathesis

# Other names of one field.
SAME = [("steps", "num_inference_steps", "step"), ("guidance_scale", "true_cfg_scale"), ("n", "batch_size")]
MODELS = ["dall-e-3", "gpt-image-1"]
numbers = count()


@schemathesis.hook("before_call").apply_to(name="POST /v1/images/generations")
def make_paintable(context, case, kwargs):
    components = context.operation.schema.raw_schema["components"]
    # Never the same key twice: a second request under it is a replay or a 422, which tests/api looks at.
    key = case.headers.get("Idempotency-Key")
    if jsonschema_rs.is_valid(components["parameters"]["IdempotencyKey"]["schema"], key):
        suffix = f"-{next(numbers)}"
        case.headers["Idempotency-Key"] = key[: 255 - len(suffix)] + suffix
    if isinstance(case.body, dict):
        case.body = paintable(case.body, components["schemas"]["CreateImageRequest"]["properties"])


def paintable(body, fields):
    fitting = {
        name: value
        for name, value in body.items()
        if value is not None and name in fields and jsonschema_rs.is_valid(fields[name], value)
    }
    for names in SAME:
        given = [name for name in names if name in fitting]
        fitting.update({name: fitting[given[0]] for name in given})
    if "model" in fitting:
        fitting["model"] = MODELS[len(fitting["model"]) % len(MODELS)]
    if fitting.get("stream"):
        fitting.update({name: 1 for name in ("n", "batch_size") if name in fitting})
        fitting.update({"response_format": "b64_json"} if "response_format" in fitting else {})
        fitting.update({"dry_run": False} if "dry_run" in fitting else {})
    elif "partial_images" in fitting:
        fitting["partial_images"] = 0
    return {**body, **fitting, **sizes(body, fitting)}


def sizes(body, fitting):
    """One small size, under all the names that the request has for it."""
    sides = {name: small(fitting[name]) for name in ("width", "height") if name in fitting}
    for name in ("width", "height"):
        if sides and body.get(name) is None:
            sides[name] = 16
    texts = [name for name in ("size", "image_size") if name in fitting]
    if sides:
        text = "x".join(str(sides.get(name, 16)) for name in ("width", "height"))
    elif any(fitting[name] == "auto" for name in texts):
        text = "auto"
    else:
        text = "x".join(str(small(int(side))) for name in texts[:1] for side in fitting[name].split("x"))
    return {**sides, **{name: text for name in texts}}


def small(side):
    return 32 if side % 2 else 16
