//! Generates the code of tonic and ttrpc, without `protoc`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/systems/bench.proto");
    #[cfg(feature = "tonic")]
    tonic();
    #[cfg(feature = "ttrpc")]
    ttrpc();
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
