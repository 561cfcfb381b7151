#[chirp::service]
trait Table<V> {
    async fn get(&self) -> V;
}

struct Plain;

fn table(table: impl Table<Plain> + 'static) {
    let _ = TableServer::new(table);
}

fn main() {}
