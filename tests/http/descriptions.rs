//! The description of methods, and the page that shows it.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use chirp::http::Gateway;
use chirp::{AccessPolicy, Identity, PeerBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::client::{Response, send, serve};
use crate::services::{ArithMethods, Calculator, Flows};

#[derive(Debug, Default, Serialize, Deserialize)]
struct Everything {
    number: u64,
    small: i8,
    ratio: f32,
    letter: char,
    maybe: Option<Box<Everything>>,
    list: Vec<(u8, String)>,
    map: BTreeMap<String, Color>,
    bytes: Vec<u8>,
    time: Duration,
    #[serde(default)]
    extra: String,
    unit: (),
    kind: Kind,
    tagged: Vec<Tagged>,
    adjacent: Vec<Adjacent>,
    any: Value,
}

#[derive(Debug, Default, Serialize, Deserialize)]
enum Color {
    #[default]
    Red,
    Green,
}

#[derive(Debug, Default, Serialize, Deserialize)]
enum Kind {
    #[default]
    Plain,
    Number(u32),
    Pair(u8, u8),
    Named {
        name: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    Empty,
    Full { size: u32 },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Empty,
    One(u8),
}

/// Values of every kind.
#[chirp::service]
trait Values {
    /// Returns what it is given.
    ///
    /// All of it.
    #[chirp(idempotent)]
    async fn echo(&self, value: Everything, scale: Option<u32>) -> Everything;
    #[chirp(params, name = "text/document {x}")]
    async fn whole(&self, value: Everything) -> Color;
    #[deprecated]
    async fn table(&self, table: HashMap<u32, Kind>) -> Vec<Kind>;
}

struct Echo;

#[allow(deprecated, reason = "deprecated methods are described, too")]
impl Values for Echo {
    async fn echo(&self, value: Everything, _: Option<u32>) -> Everything {
        value
    }

    async fn whole(&self, _: Everything) -> Color {
        Color::Green
    }

    async fn table(&self, table: HashMap<u32, Kind>) -> Vec<Kind> {
        table.into_values().collect()
    }
}

pub(crate) fn gateway() -> Gateway {
    Gateway::new()
        .service(Calculator::server())
        .service(Flows::server())
        .service(ValuesServer::new(Echo))
        .allow_get()
}

pub(crate) async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response {
    send(address, &format!("GET /api{path}"), headers, "").await
}

async fn document(gateway: Gateway) -> Value {
    let address = serve(gateway).await;
    let response = get(address, "/openapi.json", &[]).await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/json"));
    serde_json::from_slice(&response.body).unwrap()
}

#[tokio::test]
async fn methods_are_described_as_openapi() {
    let document = document(gateway()).await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/call/Values.text%2Fdocument%20%7Bx%7D"));
    assert!(paths.contains_key("/call/Arith.text%2Fl%C3%A4nge"));

    let echo = &document["paths"]["/call/Values.echo"]["post"];
    assert_eq!(echo["operationId"], "Values.echo");
    assert_eq!(echo["tags"], json!(["Values"]));
    assert_eq!(echo["summary"], "Returns what it is given.");
    let arguments = &echo["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(arguments["required"], json!(["value"]));
    let reference = json!({"$ref": "#/components/schemas/Everything"});
    assert_eq!(arguments["properties"]["value"], reference);
    let get = &document["paths"]["/call/Values.echo"]["get"];
    assert_eq!(get["parameters"][1]["name"], "scale");
    assert_eq!(get["parameters"][1]["required"], false);

    let schemas = &document["components"]["schemas"];
    let everything = &schemas["Everything"]["properties"];
    assert_eq!(everything["number"]["maximum"], u64::MAX);
    assert_eq!(everything["small"]["minimum"], -128);
    assert_eq!(
        everything["list"]["items"]["prefixItems"][1],
        json!({"type": "string"})
    );
    assert_eq!(everything["bytes"]["items"]["maximum"], 255);
    // The fields of a variant are a component, which generators can name.
    let named = &schemas["Kind"]["oneOf"][3]["properties"]["Named"];
    assert_eq!(*named, json!({"$ref": "#/components/schemas/Kind.Named"}));
    assert_eq!(schemas["Kind.Named"]["required"], json!(["name"]));
    let color = json!({"type": "string", "enum": ["Red", "Green"]});
    assert_eq!(schemas["Color"], color);
    let required = schemas["Everything"]["required"].as_array().unwrap();
    assert!(!required.contains(&json!("extra")));

    let divide = &document["paths"]["/call/Arith.divide"]["post"]["responses"];
    for (status, text) in [
        ("422", "- `7`: DivisionByZero: The divisor is zero."),
        ("409", "- `8`: Overflow: The quotient is out of range."),
    ] {
        assert_eq!(divide[status]["description"], text);
    }
    let store = &document["paths"]["/call/Flow.store"]["post"];
    let body = store["requestBody"]["content"].as_object().unwrap();
    assert!(body.contains_key("application/octet-stream"));
    assert_eq!(store["parameters"][0]["name"], "name");
    let reversed = &document["paths"]["/call/Arith.reversed"]["post"]["requestBody"];
    let data = &reversed["content"]["application/json"]["schema"]["properties"]["data"];
    assert_eq!(data["contentEncoding"], "base64");
}

#[tokio::test]
async fn the_description_has_what_the_caller_may_call() {
    let access = AccessPolicy::new().allow([ArithMethods::SUM_DIFF], Identity::is_anonymous);
    let document = document(gateway().access(access)).await;
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/call/Arith.sum_diff"]);
    let schemas: Vec<_> = document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(schemas, ["Problem", "SumDiff"]);
}

#[tokio::test]
async fn targets_are_described_together_and_missing_ones_left_out() {
    let (near, far) = chirp::channel::memory();
    let _server = PeerBuilder::new()
        .reflect()
        .service(Flows::server())
        .start(far)
        .unwrap();
    let flows = PeerBuilder::new().start(near).unwrap();
    let (near, _far) = chirp::channel::memory();
    let gone = PeerBuilder::new().start(near).unwrap();
    gone.close();
    let gateway = Gateway::new()
        .service(Calculator::server())
        .target(&gone)
        .target(&flows);
    let document = document(gateway).await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.contains_key("/call/Arith.sum_diff"));
    assert!(paths.contains_key("/call/Flow.count"));

    let address = serve(Gateway::new().target(&gone)).await;
    let response = get(address, "/openapi.json", &[]).await;
    assert!(response.status >= 502, "{response:?}");
    response.problem();
}

#[tokio::test]
async fn a_description_that_is_known_is_not_sent_again() {
    let address = serve(gateway()).await;
    let first = get(address, "/openapi.json", &[]).await;
    let tag = first.header("etag").unwrap();
    let again = get(address, "/openapi.json", &[("If-None-Match", tag)]).await;
    assert_eq!((again.status, again.text()), (304, ""));
    let response = send(address, "POST /api/openapi.json", &[], "").await;
    assert_eq!(response.status, 405);
    assert_eq!(response.header("allow"), Some("GET, HEAD"));
}

/// Runs a script of Python, with the document as its input, if the interpreter has the package.
pub(crate) async fn python(
    package: &str,
    script: &str,
    arguments: &[&str],
    input: &str,
) -> Option<String> {
    let python = std::env::var("CHIRP_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_package = Command::new(&python)
        .args(["-c", &format!("import {package}")])
        .stderr(Stdio::null())
        .status()
        .await;
    if !has_package.is_ok_and(|status| status.success()) {
        println!("skipped: {python} has no package {package}");
        return None;
    }
    let mut child = Command::new(&python)
        .args(["-c", script])
        .args(arguments)
        // Programs keep what they have found in the current folder.
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    Some(stdout)
}

/// A gateway whose responses may come later.
#[cfg(feature = "requests")]
fn deferring() -> Gateway {
    gateway().requests(chirp::requests::DeferredRequests::new())
}

#[cfg(feature = "requests")]
#[tokio::test]
async fn requests_whose_responses_come_later_are_described() {
    let document = document(deferring()).await;
    validate(&document).await;
    let post = &document["paths"]["/call/Arith.sum_diff"]["post"];
    assert_eq!(post["parameters"].as_array().unwrap().len(), 3);
    assert!(post["responses"]["202"]["content"].is_object(), "{post}");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths["/requests/{id}"]["delete"].is_object());
    assert_conforms(deferring(), "sum_diff|divide|note|requests").await;
}

#[tokio::test]
async fn a_validator_finds_no_mistake_in_the_document() {
    validate(&document(gateway()).await).await;
}

async fn validate(document: &Value) {
    let script = "import json, sys\n\
                  from openapi_spec_validator import OpenAPIV31SpecValidator as Validator\n\
                  errors = list(Validator(json.load(sys.stdin)).iter_errors())\n\
                  sys.exit('\\n'.join(str(error) for error in errors) or None)";
    python("openapi_spec_validator", script, &[], &document.to_string()).await;
}

#[tokio::test]
async fn responses_are_as_the_document_says() {
    assert_conforms(gateway(), "sum_diff|divide|reversed|note|store|Values").await;
}

async fn assert_conforms(gateway: Gateway, paths: &str) {
    let address = serve(gateway).await;
    let document = get(address, "/openapi.json", &[]).await;
    let base = format!("http://{address}/api");
    // Requests that are made up from the document, valid and invalid ones. Left out are calls that never end or always fail, and two
    // checks: a method may refuse arguments that are valid, and arguments are accepted by position, too.
    let script = "import subprocess, sys\n\
                  open(sys.argv[2], 'w').write(sys.stdin.read())\n\
                  sys.exit(subprocess.call([sys.executable, '-m', 'schemathesis.cli', 'run', sys.argv[2], '--url', sys.argv[1],\n\
                  '--include-path-regex', sys.argv[3], '--max-examples', '3', '--seed', '1',\n\
                  '--exclude-checks', 'positive_data_acceptance,negative_data_rejection',\n\
                  '--phases', 'examples,coverage,fuzzing', '--request-timeout', '10']))";
    let name = format!(
        "chirp-openapi-{}-{}.json",
        std::process::id(),
        address.port()
    );
    let file = std::env::temp_dir().join(name);
    let path = file.to_str().unwrap();
    python(
        "schemathesis",
        script,
        &[&base, path, paths],
        document.text(),
    )
    .await;
    let _ = std::fs::remove_file(&file);
}

#[tokio::test]
async fn a_page_lists_the_methods_and_runs_only_its_own_script() {
    let address = serve(gateway()).await;
    // A link on a page of another site leads here.
    let link = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
    ];
    for headers in [&[][..], &link] {
        let response = get(address, "/", headers).await;
        assert_eq!(response.status, 200);
        assert_eq!(
            response.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let policy = response.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'; script-src 'sha256-"));
        assert!(policy.contains("frame-ancestors 'none'"));
        assert!(response.text().starts_with("<!doctype html>"));
    }
    let rebound = [("Host", "evil.example"), ("Sec-Fetch-Mode", "navigate")];
    assert_eq!(get(address, "/", &rebound).await.status, 421);
    // The description is for the page, not for others.
    assert_eq!(get(address, "/openapi.json", &link).await.status, 403);
    assert_eq!(send(address, "POST /api/", &[], "").await.status, 405);

    let address = serve(gateway().without_page()).await;
    assert_eq!(get(address, "/", &[]).await.status, 404);
}
