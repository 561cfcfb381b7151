#[derive(chirp::ServiceError)]
struct Failed<T>(T);

#[derive(chirp::ServiceError)]
union Either {
    a: u8,
}

fn main() {}
