//! Descriptions of other sides that are odd, wrong, or made to do harm.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Write;
use std::time::Instant;

use chirp::reflect::Description;
use chirp::typescript::{Options, generate};

use crate::generated::assert_recorded;

fn code(json: &str) -> String {
    let description = Description::from_json(json.as_bytes()).unwrap();
    generate(&description, &Options::new())
}

/// A method whose argument has a shape.
fn with_argument(shape: &str, types: &str) -> String {
    format!(
        r#"{{"version":1,"services":[{{"name":"S","codec":"Json","methods":[{{"name":"S.m",
            "arguments":[{{"name":"a","type":"T","readable":{shape},"compact":"any","required":true}}]}}]}}],
            "types":{{"readable":{{{types}}}}}}}"#
    )
}

/// The compiler reads the file in `generated_code_compiles_and_calls_in_both_directions`.
#[test]
fn odd_descriptions_give_code_that_compiles() {
    let json = r#"{"version":1,"services":[
        {"name":"S","codec":"Json","documentation":"Ends */ a comment.\n/ and\u2028 begins `one` /*","methods":[
            {"name":"S.m","documentation":"*/","deprecated":"*/ or\nnot","arguments":[
                {"name":"a","type":"*/","readable":{"named":"Endless"},"compact":"any","required":true},
                {"name":"b","type":"T","readable":{"named":"unknown there"},"compact":"any","required":false},
                {"name":"a","type":"T","readable":{"named":"Twice"},"compact":"any","required":true},
                {"name":"S_Methods","type":"T","readable":{"optional":{"optional":"unit"}},"compact":"any","required":false},
                {"name":"this","type":"T","readable":{"map":[{"named":"Keys"},{"named":"Loop"}]},"compact":"any","required":true}],
             "result":{"type":"T","readable":{"tuple":[]},"compact":"any"},
             "errors":[{"code":1,"name":"*/"},{"code":2,"name":"S","fields":[{"name":"__proto__","type":"T","readable":"u64","compact":"any"}]},
                {"code":2,"name":"S","raw":true},{"code":3,"name":"Error"}]},
            {"name":"S.m","one_way":true},
            {"name":"*/","result":{"type":"T","readable":{"map":["bytes","u8"]},"compact":"any"}},
            {"name":"","params":true,"arguments":[
                {"name":"","type":"T","readable":{"named":"Wide"},"compact":"any","required":false,"stream":true}],
             "items":{"type":"T","readable":{"named":"Empty"},"compact":"any"}}]},
        {"name":"S","codec":"Json","methods":[{"name":"S.n"}]},
        {"name":"s","codec":"Json","methods":[{"name":"s.n"}]},
        {"name":"*/\n","codec":"Json","methods":[]},
        {"name":"","codec":"Json","methods":[{"name":"constructor"},{"name":"then"},{"name":"prototype"}]}],
        "types":{"readable":{
            "Endless":{"newtype":{"optional":{"named":"More"}}},
            "More":{"alias":{"named":"Endless"}},
            "Twice":{"struct":[{"name":"t","shape":{"named":"S"},"required":true},
                {"name":"deep","shape":{"sequence":{"optional":{"sequence":{"map":["bool",{"named":"Loop"}]}}}},"required":false}]},
            "S":{"tagged":{"tag":"__proto__","variants":[{"name":"*/","definition":{"alias":"any"}},{"name":"o","definition":
                {"open_struct":[{"name":"a b","shape":"char","required":false}]}}]}},
            "Loop":{"newtype":{"map":["text",{"sequence":{"named":"Loop"}}]}},
            "Keys":{"enum":[{"name":"a\"b","definition":"unit"},{"name":"c","definition":"unit"}]},
            "Empty":{"enum":[]},
            "t":{"unit":null},
            "Wide":{"adjacent":{"tag":"t","content":"c","variants":[
                {"name":"A","definition":{"alias":"any"}},
                {"name":"B","definition":{"tuple":["u8",{"named":"Keys"},{"named":"Wide"}]}},
                {"name":"C","definition":{"newtype":{"tuple":["i128","i128","i128","i128","i128","i128","i128","i128","i128","i128","i128","i128"]}}}]}}
        }}}"#;
    let json = json.replace(r#""t":{"unit":null},"#, r#""t":"unit","#);
    assert_recorded("odd.ts", &code(&json));
}

#[test]
fn large_descriptions_take_time_in_proportion() {
    let types = |count: usize, body: &dyn Fn(usize) -> String| {
        let mut types = String::new();
        for at in 0..count {
            let comma = if at == 0 { "" } else { "," };
            write!(types, "{comma}\"{at}\":{}", body(at)).unwrap();
        }
        with_argument(r#"{"named":"0"}"#, &types)
    };
    let begin = Instant::now();
    // Each type contains the next: a stack of this depth would overflow.
    let chain = types(20_000, &|at| {
        format!(r#"{{"newtype":{{"named":"{}"}}}}"#, at + 1)
    });
    assert!(code(&chain).contains("export type _19999 = unknown;"));
    let structs = types(20_000, &|at| {
        format!(
            r#"{{"struct":[{{"name":"next","shape":{{"optional":{{"named":"{}"}}}},"required":true}}]}}"#,
            at + 1
        )
    });
    assert!(code(&structs).contains("export interface _19999 {"));
    // Names without a letter are the same name.
    let mut shapes = String::new();
    let mut definitions = String::new();
    for at in 0..5000_u32 {
        let name = char::from_u32(0x2_0000 + at).unwrap();
        let comma = if at == 0 { "" } else { "," };
        write!(shapes, r#"{comma}{{"named":"{name}"}}"#).unwrap();
        write!(definitions, r#"{comma}"{name}":{{"newtype":"u8"}}"#).unwrap();
    }
    let same = with_argument(&format!(r#"{{"tuple":[{shapes}]}}"#), &definitions);
    assert!(code(&same).contains("export type Type5000 = number;"));
    // Methods and errors without an end, each of which leads to all types.
    let mut methods = String::new();
    for at in 0..3000 {
        let comma = if at == 0 { "" } else { "," };
        write!(
            methods,
            r#"{comma}{{"name":"S.m{at}","errors":[{{"code":{at},"name":"E"}}],
                "result":{{"type":"T","readable":{{"map":[{{"named":"0"}},{{"named":"0"}}]}},"compact":"any"}}}}"#
        )
        .unwrap();
    }
    let many = chain.replacen("\"methods\":[", &format!("\"methods\":[{methods},"), 1);
    assert!(code(&many).contains("export class E2999 extends"));
    let time = begin.elapsed();
    assert!(time.as_secs() < 60, "{time:?}");
}

#[test]
fn shapes_in_shapes_are_limited_by_the_description() {
    let nested = |depth: usize| {
        let open = r#"{"optional":"#.repeat(depth);
        with_argument(&format!(r#"{open}"u8"{}"#, "}".repeat(depth)), "")
    };
    assert!(code(&nested(50)).contains("m(a: number | null, options"));
    assert!(Description::from_json(nested(100_000).as_bytes()).is_err());
}

#[test]
fn services_are_chosen_with_the_types_that_they_use() {
    let json = r#"{"version":1,"services":[
        {"name":"A","codec":"Json","methods":[{"name":"A.a","result":{"type":"X","readable":{"named":"X"},"compact":"any"}}]},
        {"name":"B","codec":"Json","methods":[{"name":"B.b","one_way":true}]}],
        "types":{"readable":{"X":{"newtype":"u8"},"Y":{"newtype":"u8"}}}}"#;
    let description = Description::from_json(json.as_bytes()).unwrap();
    let one = generate(&description, &Options::new().service("A"));
    assert!(one.contains("class AClient") && one.contains("export type X"));
    assert!(!one.contains("class BClient") && !one.contains("export type Y"));
    let other = generate(
        &description,
        &Options::new().service("B").module("./chirp.js"),
    );
    assert!(other.contains("class BClient") && !other.contains("export type X"));
    assert!(other.contains("} from \"./chirp.js\";") && !other.contains("  t,\n"));
}
