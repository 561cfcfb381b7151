"""Generates a client from the document on the standard input, and calls methods with it.

Arguments: the address of the gateway, and a folder for the client.
"""

import pathlib
import subprocess
import sys

base, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(exist_ok=True)
(folder / "openapi.json").write_text(sys.stdin.read())
# The generator would warn that it finds no program that formats the client.
(folder / "config.yml").write_text("post_hooks: []")
command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--overwrite", "--fail-on-warning"]
command += ["--path", folder / "openapi.json", "--config", folder / "config.yml", "--output-path", folder / "generated"]
subprocess.run(command, check=True)

sys.path.insert(0, str(folder))
from generated import Client
from generated.api.arith import arith_divide, arith_nothing, arith_note, arith_sum_diff
from generated.api.values import values_echo
from generated.models import ArithDivideBody, ArithNoteBody, ArithNothingBody, ArithSumDiffBody, ValuesEchoBody

client = Client(base_url=base)
sums = arith_sum_diff.sync(client=client, body=ArithSumDiffBody(a=100, b=250))
assert (sums.sum_, sums.diff) == (350, -150), sums
assert arith_divide.sync(client=client, body=ArithDivideBody(a=7, b=2)) == 3
failed = arith_divide.sync_detailed(client=client, body=ArithDivideBody(a=1, b=0))
assert (failed.status_code, failed.parsed.code) == (422, 7), failed
failed = arith_divide.sync_detailed(client=client, body=ArithDivideBody(a=-(2**63), b=-1))
assert (failed.status_code, failed.parsed.code) == (409, 8), failed
assert arith_nothing.sync_detailed(client=client, body=ArithNothingBody()).status_code == 200
assert arith_note.sync_detailed(client=client, body=ArithNoteBody(text="x")).status_code == 202

# A value of every kind comes back as it was.
value = {
    "number": 2**64 - 1,
    "small": -128,
    "ratio": 0.5,
    "letter": "x",
    "maybe": None,
    "list": [[1, "a"]],
    "map": {"k": "Red"},
    "bytes": [0, 255],
    "time": {"secs": 1, "nanos": 2},
    "extra": "",
    "unit": None,
    "kind": {"Pair": [1, 2]},
    "tagged": [{"type": "Empty"}, {"type": "Full", "size": 3}],
    "adjacent": [{"t": "One", "c": 4}],
    "any": {"x": [1]},
}
echoed = values_echo.sync(client=client, body=ValuesEchoBody.from_dict({"value": value}))
assert echoed.to_dict() == value, echoed
print("called")
