#[chirp::service]
trait Search {
    fn by_position(&self, text: &str, #[serde(default)] limit: u32);
    #[chirp(named)]
    fn twice(&self, #[serde(rename = "b")] a: u8, b: u8, #[serde(alias = "a")] c: u8);
    #[chirp(named)]
    fn others(&self, #[serde(skip)] a: u8, #[serde] b: u8, #[serde(default = 5)] c: u8);
    #[chirp(named)]
    fn context(&self, #[serde(default)] cx: &chirp::CallContext);
}

fn main() {}
