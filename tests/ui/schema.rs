#[derive(serde::Serialize, serde::Deserialize)]
struct Place {
    x: f64,
}

#[chirp::service(schema)]
trait Maps {
    fn find(&self, near: &Place, text: &str) -> u8;
    fn all(&self) -> Vec<Place>;
}

#[chirp::service(schema = true)]
trait Wrong {
    fn find(&self);
}

#[chirp::service(schema, reflect = false)]
trait Hidden {
    fn find(&self);
}

fn main() {}
