//! Generates the service. Most programs use `protoc`, which would be another program to install.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let greet = Method::builder()
        .name("greet")
        .route_name("Greet")
        .input_type("crate::Name")
        .output_type("crate::Greeting")
        .codec_path("tonic_prost::ProstCodec")
        .build();
    let greeter = Service::builder().name("Greeter").package("hello");
    Builder::new().compile(&[greeter.method(greet).build()]);
}
