//! Differences between two versions of an interface.
#![cfg(feature = "reflect")]

use chirp_runtime::reflect::{Description, InterfaceDifference, compare_descriptions};
use serde_json::{Value, json};

/// The description that a peer would send as this JSON.
fn description(json: Value) -> Description {
    serde_json::from_value(json).expect("a description")
}

fn value(shape: &str) -> Value {
    json!({ "type": shape, "readable": shape, "compact": shape })
}

fn argument(name: &str, shape: &str) -> Value {
    json!({ "name": name, "type": shape, "readable": shape, "compact": shape, "required": true })
}

/// A description of the service `Arith` with one method `sum(a: u32, b: u32) -> u32`, in a codec.
fn arith(codec: &str) -> Value {
    json!({
        "version": 1,
        "services": [{
            "name": "Arith",
            "codec": codec,
            "methods": [{
                "name": "Arith.sum",
                "arguments": [argument("a", "u32"), argument("b", "u32")],
                "result": value("u32"),
                "errors": [{ "code": 17, "name": "Overflow", "fields": [{ "name": "by", "type": "u32", "readable": "u32", "compact": "u32" }] }],
            }],
        }],
    })
}

/// Changes a copy of a description, at a path into its JSON.
fn changed(old: &Value, path: &str, value: Value) -> Value {
    let mut new = old.clone();
    let (parent, key) = path.rsplit_once('/').expect("a path");
    let parent = new.pointer_mut(parent).expect("the parent");
    match parent {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
        }
        Value::Array(items) => match key.parse() {
            Ok(at) => items.insert(at, value),
            Err(_) => items.push(value),
        },
        other => panic!("no place in {other}"),
    }
    new
}

fn differences(old: &Value, new: &Value) -> Vec<String> {
    let found = compare_descriptions(&description(old.clone()), &description(new.clone()));
    found.iter().map(InterfaceDifference::to_string).collect()
}

const METHOD: &str = "/services/0/methods/0";

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn each_kind_of_difference() {
    let method = |key: &str| format!("{METHOD}/{key}");
    let stream = {
        let mut argument = argument("b", "u32");
        argument["stream"] = true.into();
        json!([self::argument("a", "u32"), argument])
    };
    let optional = {
        let mut argument = argument("c", "u32");
        argument["required"] = false.into();
        argument
    };
    let aliased = {
        let mut argument = argument("first", "u32");
        argument["aliases"] = json!(["a"]);
        json!([argument, self::argument("b", "u32")])
    };
    let error = |code: u16, name: &str, fields: Value| json!([{ "code": code, "name": name, "fields": fields }]);
    let by =
        |shape: &str| json!([{ "name": "by", "type": shape, "readable": shape, "compact": shape }]);
    let cases: Vec<(String, Value, &[&str])> = vec![
        (method("documentation"), json!("Adds."), &[]),
        (
            method("name"),
            json!("Arith.add"),
            &[
                "Arith.sum: method removed (breaks calls of old clients)",
                "Arith.add: method added (breaks calls of new clients)",
            ],
        ),
        (
            method("aliases"),
            json!(["Arith.add"]),
            &["Arith.sum: alias Arith.add added"],
        ),
        (
            "/services/0/codec".to_owned(),
            json!("Postcard"),
            &["Arith: codec changed from Bincode to Postcard (breaks native calls)"],
        ),
        (
            "/services/0/ordered".to_owned(),
            json!(true),
            &["Arith: methods run in order now (breaks calls of new clients)"],
        ),
        (
            method("one_way"),
            json!(true),
            &["Arith.sum: answer changed from a value to none (one-way) (breaks calls)"],
        ),
        (
            method("items"),
            value("u32"),
            &["Arith.sum: answer changed from a value to a stream (breaks calls)"],
        ),
        (
            method("idempotent"),
            json!(true),
            &["Arith.sum: idempotent now (breaks native calls of new clients)"],
        ),
        (
            method("params"),
            json!(true),
            &["Arith.sum: the argument is all of the parameters now (breaks JSON calls)"],
        ),
        (
            method("deprecated"),
            json!("use add"),
            &["Arith.sum: deprecated now"],
        ),
        (
            method("arguments/-"),
            argument("c", "u32"),
            &[
                "Arith.sum → argument 3 (c): required argument added (breaks native calls, JSON calls of old clients)",
            ],
        ),
        (
            method("arguments/-"),
            optional,
            &["Arith.sum → argument 3 (c): optional argument added (breaks native calls)"],
        ),
        (
            method("arguments"),
            json!([argument("a", "u32")]),
            &[
                "Arith.sum → argument 2 (b): required argument removed (breaks native calls, JSON calls of new clients)",
            ],
        ),
        (
            method("arguments"),
            json!([argument("b", "u32"), argument("a", "u32")]),
            &[
                "Arith.sum → argument 1 (a): argument moved (breaks native calls)",
                "Arith.sum → argument 2 (b): argument moved (breaks native calls)",
            ],
        ),
        (
            method("arguments"),
            json!([argument("first", "u32"), argument("b", "u32")]),
            &["Arith.sum → argument 1 (a): argument renamed to first (breaks JSON calls)"],
        ),
        (
            method("arguments"),
            aliased,
            &[
                "Arith.sum → argument 1 (a): argument renamed to first (breaks JSON calls of new clients)",
            ],
        ),
        (
            method("arguments"),
            json!([argument("a", "text"), argument("b", "u32")]),
            &["Arith.sum → argument 1 (a): type changed from u32 to string (breaks calls)"],
        ),
        (
            method("arguments"),
            json!([argument("a", "u64"), argument("b", "u32")]),
            &[
                "Arith.sum → argument 1 (a): type changed from u32 to u64 (breaks calls of new clients)",
            ],
        ),
        (
            method("arguments"),
            stream,
            &["Arith.sum → argument 2 (b): became a stream (breaks calls)"],
        ),
        (
            method("result"),
            value("u64"),
            &["Arith.sum → result: type changed from u32 to u64 (breaks calls of old clients)"],
        ),
        (
            method("errors"),
            json!([]),
            &["Arith.sum → error 17 (Overflow): error removed"],
        ),
        (
            method("errors"),
            error(18, "Overflow", by("u32")),
            &["Arith.sum → error 17 (Overflow): error code changed to 18 (breaks calls)"],
        ),
        (
            method("errors"),
            error(17, "TooLarge", by("u32")),
            &["Arith.sum → error 17 (Overflow): error renamed to TooLarge"],
        ),
        (
            method("errors"),
            error(17, "Overflow", json!([])),
            &[
                "Arith.sum → error 17 (Overflow) → by: error field removed (breaks native calls, JSON calls of old clients)",
            ],
        ),
        (
            method("errors"),
            error(17, "Overflow", by("u64")),
            &[
                "Arith.sum → error 17 (Overflow) → by: type changed from u32 to u64 (breaks calls of old clients)",
            ],
        ),
        (
            method("errors/-"),
            error(18, "Underflow", json!([]))[0].clone(),
            &["Arith.sum → error 18 (Underflow): error added"],
        ),
        ("/others".to_owned(), json!(["Arith.mul"]), &[]),
    ];
    let old = arith("Bincode");
    for (path, value, expected) in cases {
        assert_eq!(differences(&old, &changed(&old, &path, value)), expected);
    }
}

#[test]
fn a_renamed_method_with_an_alias_serves_old_clients() {
    let old = arith("Json");
    let new = changed(&old, &format!("{METHOD}/name"), json!("Arith.add"));
    let new = changed(&new, &format!("{METHOD}/aliases"), json!(["Arith.sum"]));
    assert_eq!(
        differences(&old, &new),
        ["Arith.sum: method renamed to Arith.add (breaks calls of new clients)"]
    );
    assert_eq!(
        differences(&new, &old),
        ["Arith.add: method renamed to Arith.sum (breaks calls of old clients)"]
    );
}

#[test]
fn a_method_of_a_plain_handler_is_not_described() {
    let old = arith("Json");
    let new = json!({ "version": 1, "services": [], "others": ["Arith.sum"] });
    assert_eq!(
        differences(&old, &new),
        ["Arith.sum: method no longer described (breaks calls of old clients)"]
    );
}

#[test]
fn named_arguments() {
    let optional = {
        let mut argument = argument("c", "u32");
        argument["required"] = false.into();
        argument
    };
    for (codec, expected) in [
        // An old server refuses what it does not expect, except by name.
        ("Bincode", " (breaks native calls of new clients)"),
        ("Json", ""),
    ] {
        let old = changed(&arith(codec), &format!("{METHOD}/named"), json!(true));
        let new = changed(&old, &format!("{METHOD}/arguments/-"), optional.clone());
        assert_eq!(
            differences(&old, &new),
            [format!(
                "Arith.sum → argument 3 (c): optional argument added{expected}"
            )]
        );
    }
    let old = arith("Json");
    let new = changed(&old, &format!("{METHOD}/named"), json!(true));
    assert_eq!(
        differences(&old, &new),
        ["Arith.sum: arguments are sent by name now (breaks native calls of new clients)"]
    );
    assert_eq!(
        differences(&new, &old),
        ["Arith.sum: arguments are sent by position now (breaks native calls of old clients)"]
    );
}

#[test]
fn differences_inside_of_types_have_paths() {
    let order = |count: &str| {
        json!({
            "Line": { "struct": [
                { "name": "name", "shape": "text", "required": true },
                { "name": "count", "shape": count, "required": true },
            ] },
            "Order": { "struct": [
                { "name": "lines", "shape": { "sequence": { "named": "Line" } }, "required": true },
            ] },
        })
    };
    let version = |count: &str| {
        let named = json!({ "named": "Order" });
        let argument = json!([{ "name": "order", "type": "Order", "readable": named, "compact": named, "required": true }]);
        let version = changed(&arith("Bincode"), &format!("{METHOD}/arguments"), argument);
        let types = json!({ "readable": order(count), "compact": order(count) });
        changed(&version, "/types", types)
    };
    assert_eq!(
        differences(&version("u32"), &version("text")),
        [
            "Arith.sum → argument 1 (order) → Order.lines[].count: type changed from u32 to string (breaks calls)"
        ]
    );
}

/// A description comes from the other side, which may lie.
#[test]
fn hostile_descriptions_take_bounded_time() {
    let many = |next: &dyn Fn(usize) -> usize| {
        let types: serde_json::Map<String, Value> = (0..2_000)
            .map(|at| {
                let fields = json!([
                    { "name": "a", "shape": { "named": format!("T{}", next(at)) }, "required": true },
                    { "name": "b", "shape": { "named": format!("T{}", next(next(at))) }, "required": true },
                ]);
                (format!("T{at}"), json!({ "struct": fields }))
            })
            .collect();
        let named = json!({ "named": "T0" });
        let argument = json!([{ "name": "order", "type": "Order", "readable": named, "compact": named, "required": true }]);
        let version = changed(&arith("Json"), &format!("{METHOD}/arguments"), argument);
        changed(&version, "/types", json!({ "readable": types }))
    };
    let chain = many(&|at| (at + 1) % 2_000);
    let other = many(&|at| (at * 7 + 1) % 2_000);
    assert!(differences(&chain, &chain.clone()).len() < 10_001);
    assert!(differences(&chain, &other).len() < 10_001);
    let alias = json!({ "readable": { "T0": { "alias": { "named": "T1" } }, "T1": { "alias": { "named": "T0" } } } });
    let cyclic = changed(&chain, "/types", alias);
    differences(&cyclic, &chain);
    differences(&cyclic, &cyclic.clone());
}

/// Bytes have one shape, whatever their number.
#[test]
fn lengths_of_byte_arrays() {
    let with = |ty: &str| {
        let result = json!({ "type": ty, "readable": "bytes", "compact": "bytes" });
        changed(&arith("Bincode"), &format!("{METHOD}/result"), result)
    };
    let from_to = |old: &str, new: &str| differences(&with(old), &with(new));
    let nothing: [&str; 0] = [];
    assert_eq!(from_to("[u8; 4]", "[u8; 4]"), nothing);
    assert_eq!(from_to("Vec<u8>", "Bytes"), nothing);
    assert_eq!(
        from_to("[u8; 4]", "[u8; 5]"),
        ["Arith.sum → result: type changed from [u8; 4] to [u8; 5] (breaks calls)"]
    );
    assert_eq!(
        from_to("Vec<u8>", "[u8; 4]"),
        ["Arith.sum → result: type changed from Vec<u8> to [u8; 4] (breaks calls of new clients)"]
    );
}
