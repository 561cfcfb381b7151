struct Calculator;

fn main() {
    let mut router = chirp::Router::default();
    chirp::Service::register(Calculator, &mut router).unwrap();
}
