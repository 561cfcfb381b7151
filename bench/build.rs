//! The glue of tonic's service, made from a description in Rust, so that nobody needs `protoc`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "tonic")]
    tonic();
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
