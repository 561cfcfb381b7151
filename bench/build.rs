//! Generates the code of other systems, without `protoc` and without the Cap'n Proto compiler.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/systems/bench.capnp.request");
    println!("cargo::rerun-if-changed=src/systems/bench.proto");
    #[cfg(feature = "capnp")]
    capnp();
    #[cfg(feature = "connectrpc")]
    connectrpc();
    #[cfg(feature = "tonic")]
    tonic();
    #[cfg(feature = "ttrpc")]
    ttrpc();
}

/// Does what the plugin of the Cap'n Proto compiler does, with the request that the compiler would send.
#[cfg(feature = "capnp")]
fn capnp() {
    let request =
        std::fs::File::open("src/systems/bench.capnp.request").expect("the request exists");
    let systems = ["systems", "capnp"].map(str::to_owned);
    capnpc::codegen::CodeGenerationCommand::new()
        .output_directory(out_dir())
        .default_parent_module(systems.into())
        .run(request)
        .expect("the request is valid");
}

#[cfg(feature = "connectrpc")]
fn connectrpc() {
    use protobuf::Message;

    let parsed = protobuf_parse::Parser::new()
        .pure()
        .include("src/systems")
        .input("src/systems/bench.proto")
        .file_descriptor_set()
        .expect("the messages are valid");
    let descriptors = out_dir().join("bench.descriptors");
    let bytes = parsed.write_to_bytes().expect("descriptors can be encoded");
    std::fs::write(&descriptors, bytes).expect("the output can be written");
    connectrpc_build::Config::new()
        .files(&["bench.proto"])
        .descriptor_set(descriptors)
        .include_file("connectrpc.rs")
        .compile()
        .expect("the service can be generated");
}

#[cfg(any(feature = "capnp", feature = "connectrpc"))]
fn out_dir() -> std::path::PathBuf {
    std::env::var_os("OUT_DIR").expect("cargo sets it").into()
}

#[cfg(feature = "tonic")]
fn tonic() {
    use tonic_build::manual::{Builder, Method, Service};

    let methods = [
        ("add", "Add", "AddRequest", "AddResponse", false),
        ("echo", "Echo", "Text", "Text", false),
        ("wait", "Wait", "WaitRequest", "Text", false),
        ("blob", "Blob", "Blob", "Blob", false),
        ("bytes", "Bytes", "Shared", "Shared", false),
        ("ready", "Ready", "Many", "Number", true),
        ("from_channel", "FromChannel", "Many", "Number", true),
        ("pieces", "Pieces", "Many", "Shared", true),
    ];
    let mut service = Service::builder().name("Bench").package("bench");
    for (name, route, input, output, streams) in methods {
        let mut method = Method::builder()
            .name(name)
            .route_name(route)
            .input_type(format!("crate::systems::tonic::{input}"))
            .output_type(format!("crate::systems::tonic::{output}"))
            .codec_path("tonic_prost::ProstCodec");
        if streams {
            method = method.server_streaming();
        }
        service = service.method(method.build());
    }
    Builder::new().compile(&[service.build()]);
}

#[cfg(feature = "ttrpc")]
fn ttrpc() {
    protobuf_codegen::Codegen::new()
        .pure()
        .include("src/systems")
        .input("src/systems/bench.proto")
        .cargo_out_dir("ttrpc")
        .run_from_script();
}
