"""The official library of Standard Webhooks, on messages that a receiver got from Tintype."""

import json
import os
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

MESSAGES = json.load(open(sys.argv[1], encoding="utf-8"))
VERIFIER = Webhook(os.environ["TINTYPE_WEBHOOK_SECRET"])


def is_refused(body, headers):
    try:
        VERIFIER.verify(body, headers)
    except WebhookVerificationError:
        return True
    return False


for message in MESSAGES:
    body, headers = message["body"], message["headers"]
    event = VERIFIER.verify(body, headers)
    assert event["id"] == headers["webhook-id"] and event["object"] == "event", event
    assert is_refused(body.replace("event", "elephant"), headers)
    assert is_refused(body, headers | {"webhook-id": "evt_another"})
    assert is_refused(body, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 3600)})
    print("ok", event["type"])
