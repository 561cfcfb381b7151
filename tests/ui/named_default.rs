struct Level(u8);

#[derive(serde::Serialize, serde::Deserialize)]
struct Filter;

#[chirp::service(named)]
trait Search {
    fn no_default(&self, #[serde(default)] filter: Filter);
    fn other_type(&self, #[serde(default = "ten")] limit: u8);
    fn not_there(&self, #[serde(default = "eleven")] limit: u8);
}

fn ten() -> Level {
    Level(10)
}

fn main() {}
