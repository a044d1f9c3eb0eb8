"""The real OpenAI SDK against a running Tintype: files, and batches from one to the other."""

import base64
import io
import json
import time

import openai
from harness import check, look, refused, sync_client

client = sync_client()


def line(name, **body):
    return {"custom_id": name, "method": "POST", "url": "/v1/images/generations", "body": {"prompt": "a cat", **body}}


def jsonl(*lines):
    return "\n".join(map(json.dumps, lines)).encode()


def waited(batch):
    """The batch at its end."""
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    return batch


def begun(*lines, **terms):
    file = client.files.create(file=("requests.jsonl", jsonl(*lines)), purpose="batch")
    defaults = {"endpoint": "/v1/images/generations", "completion_window": "24h"}
    return client.batches.create(input_file_id=file.id, **(defaults | terms))


def files_are_created_listed_read_and_deleted():
    content = jsonl(line("one"))
    made = [
        client.files.create(file=io.BytesIO(content), purpose="batch"),
        client.files.create(
            file=("named.jsonl", content), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
        ),
    ]
    assert (made[1].filename, made[1].expires_at - made[1].created_at) == ("named.jsonl", 3600)
    listed = list(client.files.list(limit=1, purpose="batch"))
    assert [file.id for file in listed] == [made[1].id, made[0].id], "page by page, the newest first"
    assert client.files.retrieve(made[0].id) == made[0]
    assert client.files.content(made[0].id).read() == content
    assert client.files.wait_for_processing(made[0].id).status == "processed"
    for file in made:
        assert client.files.delete(file.id).deleted is True
    error = refused(openai.NotFoundError, client.files.retrieve, made[0].id)
    assert (error.param, error.type) == ("id", "invalid_request_error")
    assert refused(openai.BadRequestError, client.files.create, file=content, purpose="fine-tune").param == "purpose"


def a_batch_is_answered_in_a_file():
    batch = begun(line("one", seed=7), line("two", n=2, size="64x64"), metadata={"project": "spring"})
    assert (batch.object, batch.status, batch.metadata) == ("batch", "validating", {"project": "spring"})
    batch = waited(batch)
    assert batch.status == "completed", batch
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (2, 2, 0)
    lines = [json.loads(text) for text in client.files.content(batch.output_file_id).text.splitlines()]
    answers = {answer["custom_id"]: answer["response"] for answer in lines}
    assert {answer["status_code"] for answer in answers.values()} == {200}
    sizes = [look(base64.b64decode(image["b64_json"])) for image in answers["two"]["body"]["data"]]
    assert sizes == [("PNG", (64, 64))] * 2
    live = client.images.generate(prompt="a cat", extra_body={"seed": 7})
    assert live.data[0].b64_json == answers["one"]["body"]["data"][0]["b64_json"]
    assert client.batches.list(limit=1).data[0].id == batch.id
    error = refused(openai.ConflictError, client.batches.cancel, batch.id)
    assert "Cannot cancel a batch with status 'completed'." in error.message


def a_faulty_file_fails_with_its_lines():
    batch = waited(begun(line("one"), line("two", size="7x7"), line("one")))
    assert batch.status == "failed"
    faults = [(fault.line, fault.code, fault.param) for fault in batch.errors.data]
    assert faults == [(2, "invalid_value", "body.size"), (3, "duplicate_custom_id", "custom_id")]


def what_a_batch_cannot_be_is_refused_by_name():
    terms = {"input_file_id": "file-none", "endpoint": "/v1/images/generations", "completion_window": "24h"}
    assert refused(openai.NotFoundError, client.batches.create, **terms).param == "input_file_id"
    for name, value in [("endpoint", "/v1/embeddings"), ("completion_window", "1d"), ("metadata", {"n": "x" * 513})]:
        assert refused(openai.BadRequestError, client.batches.create, **(terms | {name: value})).param == name
    assert "No batch found" in refused(openai.NotFoundError, client.batches.retrieve, "batch_none").message


check(
    files_are_created_listed_read_and_deleted,
    a_batch_is_answered_in_a_file,
    a_faulty_file_fails_with_its_lines,
    what_a_batch_cannot_be_is_refused_by_name,
)
