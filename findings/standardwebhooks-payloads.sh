#!/usr/bin/env bash
# Standard Webhooks: npm standardwebhooks 1.1.1 verifies a signature only if the headers are a plain object, not the Headers of a
# request, and the payload is a text or a Buffer, not a Uint8Array. It returns the payload as parsed JSON, in which integers above
# 2^53 are rounded, and fails if it is not JSON. PyPI standardwebhooks 1.1.0 takes a time without a zone for UTC when it signs.
# Guess: both verify bytes and Headers, and leave the payload alone; a time without a zone is local time, as in Python.
source "$(dirname "$(realpath "$0")")/lib.sh"
npm_install standardwebhooks@1.1.1
pip_install standardwebhooks==1.1.0

cat >run.js <<'JS'
const { Webhook } = require('standardwebhooks');
const webhook = new Webhook(Buffer.from('a secret of 24 bytes ...').toString('base64'));
const time = new Date();
const attempt = (name, payload, wrap = (headers) => headers, input = payload) => {
  const headers = wrap({
    'webhook-id': 'message',
    'webhook-timestamp': String(Math.floor(time / 1000)),
    'webhook-signature': webhook.sign('message', time, payload),
  });
  try {
    console.log(`${name}: ${JSON.stringify(webhook.verify(input, headers))}`);
  } catch (error) {
    console.log(`${name}: ${error.constructor.name}`);
  }
};
attempt('text', '{"id":9007199254740993}');
attempt('Uint8Array', '{}', undefined, new TextEncoder().encode('{}'));
attempt('Headers', '{}', (headers) => new Headers(headers));
attempt('not JSON', 'done');
JS
cat >run.py <<'PY'
import base64, datetime
from standardwebhooks.webhooks import Webhook

webhook = Webhook(base64.b64encode(b"a secret of 24 bytes ...").decode())
local = datetime.datetime(2030, 1, 1, 12)
same_time = webhook.sign("message", local, "{}") == webhook.sign("message", local.astimezone(datetime.timezone.utc), "{}")
print("Python, time without a zone:", "local" if same_time else "taken for UTC")
PY
{ node run.js && TZ=Asia/Tokyo python3 run.py; } | expect 'text: {"id":9007199254740992}
Uint8Array: Error
Headers: WebhookVerificationError
not JSON: SyntaxError
Python, time without a zone: taken for UTC'
