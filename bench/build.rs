//! What tonic and ttrpc generate code for. It needs no `protoc`.

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
        ("add", "Add", "AddRequest", "AddResponse"),
        ("echo", "Echo", "Text", "Text"),
        ("wait", "Wait", "WaitRequest", "Text"),
        ("blob", "Blob", "Blob", "Blob"),
        ("bytes", "Bytes", "Shared", "Shared"),
    ];
    let mut service = Service::builder().name("Bench").package("bench");
    for (name, route, input, output) in methods {
        service = service.method(
            Method::builder()
                .name(name)
                .route_name(route)
                .input_type(format!("crate::systems::tonic::{input}"))
                .output_type(format!("crate::systems::tonic::{output}"))
                .codec_path("tonic_prost::ProstCodec")
                .build(),
        );
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
