#!/usr/bin/env bash
# Python's two SSE clients that are imported as "sseclient": sseclient-py 1.9.0 delivers what it has of an event when the connection
# ends in the middle of it, and sseclient 0.0.27 delivers an empty event for each comment, which servers send as keep-alive.
# Guess: an unfinished event is dropped, and a comment is no event.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install sseclient-py==1.9.0
python3 -m pip install --quiet --disable-pip-version-check --target "$work/other" sseclient==0.0.27 >/dev/null 2>&1

cat >run.py <<'PY'
import codecs, sys
import sseclient

if sys.argv[1] == "sseclient-py":
    class Source:
        def __iter__(self):
            yield b"data: whole\n\ndata: first line\n"

        def close(self):
            pass

    print("sseclient-py:", [event.data for event in sseclient.SSEClient(Source()).events()])
else:
    class Client(sseclient.SSEClient):
        def _connect(self):
            self.resp_iterator = iter([b":keep-alive\n\ndata: whole\n\n"])
            self.decoder = codecs.getincrementaldecoder("utf-8")()

    client = Client("http://localhost/")
    print("sseclient:", [next(client).data for _ in range(2)])
PY
{
    python3 run.py sseclient-py
    PYTHONPATH="$work/other" python3 run.py sseclient
} | expect "sseclient-py: ['whole', 'first line']
sseclient: ['', 'whole']"
