#!/usr/bin/env bash
# JSON patches (RFC 6902) and numbers: Rust's json-patch 5.0.0 finds that 1 is not 1.0, in a test and in a difference. PyPI jsonpatch
# 1.47 finds them equal in a test and different in a difference. Python writes 1.0 where JavaScript writes 1, so that a test may fail
# only because of who wrote the value.
# To be expected: equal, as the RFC compares numbers by their value.
source "$(dirname "$(realpath "$0")")/lib.sh"
pip_install jsonpatch==1.47

cat >run.py <<'PY'
import jsonpatch

try:
    jsonpatch.apply_patch({"a": 1}, [{"op": "test", "path": "/a", "value": 1.0}])
    print("jsonpatch: test passes,", jsonpatch.make_patch({"a": 1}, {"a": 1.0}).to_string())
except jsonpatch.JsonPatchTestFailed:
    print("jsonpatch: test fails,", jsonpatch.make_patch({"a": 1}, {"a": 1.0}).to_string())
PY
python3 run.py >output
cargo_run 'json-patch = "=5.0.0"' 'serde_json = "1"' <<'RS' >>output
use serde_json::json;

fn main() {
    let patch: json_patch::Patch = serde_json::from_value(json!([{ "op": "test", "path": "/a", "value": 1.0 }])).unwrap();
    let passes = json_patch::patch(&mut json!({ "a": 1 }), &patch).is_ok();
    let difference = json_patch::diff(&json!({ "a": 1 }), &json!({ "a": 1.0 }));
    println!("json-patch: test {}, {difference}", if passes { "passes" } else { "fails" });
}
RS
expect 'jsonpatch: test passes, [{"op": "replace", "path": "/a", "value": 1.0}]
json-patch: test fails, [{"op":"replace","path":"/a","value":1.0}]' <output
