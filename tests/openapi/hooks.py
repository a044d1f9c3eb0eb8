"""What a JSON Schema cannot say: sizes that the model can generate, and names of one thing that must agree.

Each field whose value fits the document gets a value that the test server accepts, in requests that break the document
too: so they can be refused for nothing but what is wrong with them.
"""

import base64
import json
import struct
import zlib
from itertools import count

import jsonschema_rs
import schemathesis

# Other names of one field.
SAME = [
    ("steps", "num_inference_steps", "step"),
    ("guidance_scale", "true_cfg_scale", "cfg_scale"),
    ("n", "batch_size"),
    ("strength", "denoising_strength"),
]
# The test server has no LoRA: tests/api/loras.rs asks for some.
LORAS = ["lora", "loras"]
IMAGES = ["image", "image[]", "images", "images[]"]
MASKS = ["mask", "mask[]", "mask_image"]
SIDE = 16
BOUNDARY = "----tintype"
MODELS = ["dall-e-3", "gpt-image-1"]
numbers = count()


@schemathesis.hook("before_call").apply_to(name=["POST /v1/images/generations", "POST /v1/async/images/generations"])
def make_generatable(context, case, kwargs):
    components = context.operation.schema.raw_schema["components"]
    use_new_key(case, components)
    if isinstance(case.body, dict):
        case.body = generatable(case.body, components, "CreateImageRequest")


@schemathesis.hook
def filter_case(context, case):
    """No form that breaks the document: as text, a number or a null does not. tests/api/edits sends such forms."""
    return not (case.media_type == "multipart/form-data" and case.meta and case.meta.generation.mode.is_negative)


@schemathesis.hook("before_call").apply_to(name=["POST /v1/images/edits", "POST /v1/async/images/edits"])
def make_editable(context, case, kwargs):
    components = context.operation.schema.raw_schema["components"]
    use_new_key(case, components)
    if isinstance(case.body, dict):
        is_form = case.media_type == "multipart/form-data"
        case.body = editable(case.body, components, "EditImageForm" if is_form else "EditImageRequest", is_form)
        say_boundary(case)


@schemathesis.hook("before_call").apply_to(name="POST /v1/images/variations")
def make_variable(context, case, kwargs):
    components = context.operation.schema.raw_schema["components"]
    use_new_key(case, components)
    if isinstance(case.body, dict):
        case.body = editable(case.body, components, "VariationForm", True)
        say_boundary(case)


@schemathesis.hook("before_call").apply_to(name="POST /v1/files")
def make_uploadable(context, case, kwargs):
    say_boundary(case)


def say_boundary(case):
    if case.media_type == "multipart/form-data":
        case.headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"


def use_new_key(case, components):
    """Never the same key twice: a second request under it is a replay or a 422, which tests/api looks at."""
    key = case.headers.get("Idempotency-Key")
    if jsonschema_rs.is_valid(components["parameters"]["IdempotencyKey"]["schema"], key):
        suffix = f"-{next(numbers)}"
        case.headers["Idempotency-Key"] = key[: 255 - len(suffix)] + suffix


def editable(body, components, schema, is_form):
    """One image and at most one mask, each under one of its names, where there are any."""
    body = generatable(body, components, schema)
    for names, alpha in [(IMAGES, 255), (MASKS, 0)]:
        given = [name for name in names if name in body]
        for name in given[1:]:
            del body[name]
        for name in [] if is_form else given[:1]:
            body[name] = reference(body[name], "data:image/png;base64," + base64.b64encode(png(alpha)).decode())
    return body


@schemathesis.serializer("multipart/form-data")
def form(context, body):
    """Files in place of the texts that were drawn for them, which the document says nothing of. A form has no null."""
    parts = bytearray()
    for name, value in body.items():
        if value is None:
            continue
        is_file = name in IMAGES + MASKS
        if is_file:
            content = png(255 if name in IMAGES else 0)
        elif name == "file":
            # Drawn bytes may be none, whatever the document says of their length.
            content = b'{"custom_id": "1"}'
        else:
            content = (value if isinstance(value, str) else json.dumps(value)).encode()
        file = '; filename="image.png"' if is_file else ""
        parts += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
    return bytes(parts) + f"--{BOUNDARY}--\r\n".encode()


def reference(drawn, url):
    """The form that was drawn, with another URL; one that breaks the document is left as it is."""
    match drawn:
        case str():
            return url
        case {"image_url": str()}:
            return {**drawn, "image_url": url}
        case [one]:
            return [reference(one, url)]
        case _:
            return drawn


def png(alpha):
    """A white square whose middle has this alpha, which is left in every other shape."""
    rows = [bytearray(b"\0" + b"\xff" * 4 * SIDE) for _ in range(SIDE)]
    for row in rows[6:10]:
        for column in range(6, 10):
            row[1 + 4 * column + 3] = alpha
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 6, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    written = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def is_fitting(components, schema, name, value):
    """Whether `value` fits the document as field `name` of `schema`."""
    field = components["schemas"][schema]["properties"][name]
    return jsonschema_rs.is_valid({**field, "components": components}, value)


def generatable(body, components, schema):
    fields = components["schemas"][schema]["properties"]
    fitting = {
        name: value
        for name, value in body.items()
        if value is not None and name in fields and is_fitting(components, schema, name, value)
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
    body = {name: value for name, value in body.items() if not (name in LORAS and name in fitting)}
    fitting = {name: value for name, value in fitting.items() if name not in LORAS}
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
