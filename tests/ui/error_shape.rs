#[derive(chirp::ServiceError)]
struct Failed<T>(T);

#[derive(chirp::ServiceError)]
union Either {
    a: u8,
}

#[derive(chirp::ServiceError)]
enum Never {}

fn main() {}
