#[chirp::service]
trait Count {
    fn next(&self) -> u64;
}

struct Counter(std::cell::Cell<u64>);

impl Count for Counter {
    fn next(&self) -> u64 {
        self.0.replace(self.0.get() + 1)
    }
}

fn main() {}
