//! Build cost of generated code for traits with many methods.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::{self, Cargo, Times};
use crate::options::Options;
use crate::record::{Metric, Record};
use crate::report::figure;
use crate::system::Result;
use crate::tokens;

const NAME: &str = "macro-cost";
const METHODS: [usize; 3] = [10, 100, 500];

/// Checks and builds a program for each number of methods. Dependencies are built before.
pub(super) fn run(options: &Options) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for (count, written) in METHODS
        .into_iter()
        .flat_map(|count| [(count, &CHIRP), (count, &TARPC)])
        .filter(|(_, written)| options.wants_system(written.system))
    {
        for record in written.measure(count, if options.quick { 1 } else { 5 })? {
            eprintln!(
                "{NAME} {} {}: {} {}",
                written.system,
                record.case,
                figure(record.median),
                record.metric.title()
            );
            records.push(record);
        }
    }
    Ok(records)
}

/// The parts of a program for one system.
struct Written {
    system: &'static str,
    dependencies: &'static str,
    head: &'static str,
    /// A method of the trait, of the implementation, and a call; `#` is its number.
    method: &'static str,
    implementation: &'static str,
    call: &'static str,
    /// The text between those parts.
    serve: &'static str,
    main: &'static str,
}

const CHIRP: Written = Written {
    system: "chirp",
    dependencies: "chirp = { path = \"CHIRP\" }\n",
    head: "#[chirp::service]\npub trait Many {\n",
    method: "async fn m#(&self, a: u64, b: &str, c: Option<u32>) -> u64;\n",
    implementation: "async fn m#(&self, a: u64, b: &str, c: Option<u32>) -> u64 \
                     { a + b.len() as u64 + u64::from(c.unwrap_or(#)) }\n",
    serve: "struct Server;\nimpl Many for Server {\n",
    main: "#[tokio::main]\nasync fn main() {\n\
           let (one, other) = chirp::channel::memory();\n\
           let _server = chirp::PeerBuilder::new().service(ManyServer::new(Server)).start(one).unwrap();\n\
           let peer = chirp::PeerBuilder::new().start(other).unwrap();\n\
           let client = ManyClient::new(&peer);\n\
           let mut sum = 0;\n",
    call: "sum += client.m#(1, \"two\", Some(3)).await.unwrap();\n",
};

const TARPC: Written = Written {
    system: "tarpc",
    dependencies: "tarpc = { version = \"VERSION\", features = [\"tokio1\", \"serde-transport\", \"serde-transport-bincode\"] }\n\
                   tokio-serde = { version = \"0.9\", features = [\"bincode\"] }\n\
                   futures = \"0.3\"\n",
    head: "#[tarpc::service]\npub trait Many {\n",
    method: "async fn m#(a: u64, b: String, c: Option<u32>) -> u64;\n",
    implementation: "async fn m#(self, _: tarpc::context::Context, a: u64, b: String, c: Option<u32>) -> u64 \
                     { a + b.len() as u64 + u64::from(c.unwrap_or(#)) }\n",
    serve: "#[derive(Clone)]\nstruct Server;\nimpl Many for Server {\n",
    main: "#[tokio::main]\nasync fn main() {\n\
           use futures::StreamExt;\n\
           use tarpc::server::{BaseChannel, Channel};\n\
           use tarpc::tokio_util::codec::{Framed, LengthDelimitedCodec};\n\
           use tokio_serde::formats::Bincode;\n\
           let (one, other) = tokio::io::duplex(65536);\n\
           let one = tarpc::serde_transport::new(Framed::new(one, LengthDelimitedCodec::new()), Bincode::default());\n\
           let other = tarpc::serde_transport::new(Framed::new(other, LengthDelimitedCodec::new()), Bincode::default());\n\
           tokio::spawn(BaseChannel::with_defaults(one).execute(Server.serve()).for_each(|response| async { tokio::spawn(response); }));\n\
           let client = ManyClient::new(tarpc::client::Config::default(), other).spawn();\n\
           let mut sum = 0;\n",
    call: "sum += client.m#(tarpc::context::current(), 1, \"two\".to_owned(), Some(3)).await.unwrap();\n",
};

impl Written {
    fn source(&self, count: usize) -> String {
        let each = |pattern: &str| {
            (0..count).fold(String::new(), |mut text, number| {
                text += &pattern.replace('#', &number.to_string());
                text
            })
        };
        let mut source = self.head.to_owned();
        let _ = writeln!(source, "{}}}", each(self.method));
        let _ = writeln!(source, "{}{}}}", self.serve, each(self.implementation));
        let _ = writeln!(
            source,
            "{}{}println!(\"{{sum}}\");\n}}",
            self.main,
            each(self.call)
        );
        source
    }

    /// Writes the package, and returns its directory.
    fn package(&self, count: usize, target: &Path) -> Result<PathBuf> {
        let folder = target.join(format!("{}-{count}", self.system));
        fs::create_dir_all(folder.join("src"))?;
        let chirp = cargo::package().join("..");
        let versions = crate::machine::versions();
        let version = versions.get(self.system).map_or("*", String::as_str);
        let dependencies = self
            .dependencies
            .replace("CHIRP", &chirp.display().to_string())
            .replace("VERSION", version);
        let manifest = format!(
            "[workspace]\n[package]\nname = \"many\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [dependencies]\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"rt-multi-thread\", \"io-util\"] }}\n\
             {dependencies}[profile.release]\nstrip = true\n"
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::write(folder.join("src/main.rs"), self.source(count))?;
        Ok(folder)
    }

    fn measure(&self, count: usize, rounds: usize) -> Result<Vec<Record>> {
        let target = cargo::target()?.join(NAME);
        let folder = self.package(count, &target)?;
        let checking = target.join("checked");
        let (building, expanding) = (target.join("built"), target.join("expanded"));
        let again = || fs::write(folder.join("src/main.rs"), self.source(count));
        let time = |build: &dyn Fn() -> Cargo| {
            // The first run builds the dependencies.
            build().run()?;
            let mut times = Times::default();
            for _ in 0..rounds {
                again()?;
                times.take(build())?;
            }
            Result::Ok(times)
        };
        let check = time(&|| Cargo::new("check", &folder, &checking))?;
        let build = time(&|| Cargo::new("build", &folder, &building).arg("--release"))?;
        let size = fs::metadata(building.join("release/many"))?.len();
        // `RUSTC_BOOTSTRAP` lets the stable compiler expand macros.
        let source = Cargo::new("rustc", &folder, &expanding)
            .arg("--profile=check")
            .arg("--")
            .arg("-Zunpretty=expanded")
            .env("RUSTC_BOOTSTRAP", "1")
            .run()?;
        let source = String::from_utf8_lossy(&source).into_owned();
        let generated = tokens::count(&source).saturating_sub(tokens::count(&self.source(count)));
        let case = format!("{count} methods");
        let checks = check.records(NAME, &format!("{case}, check"), self.system);
        let builds = build.records(NAME, &format!("{case}, release build"), self.system);
        let numbers = [
            (Metric::Size, size as f64),
            (Metric::Tokens, generated as f64),
        ];
        let numbers = numbers
            .map(|(metric, value)| Record::new(NAME, &case, self.system, metric, vec![value]));
        Ok(checks.into_iter().chain(builds).chain(numbers).collect())
    }
}
