#[chirp::service]
pub trait Search {
    #[chirp(named)]
    fn find(
        &self,
        text: &str,
        #[serde(rename = "limit", alias = "most", default = "ten")] at_most: u32,
        #[serde(default)] of: &[u64],
        within: Option<&str>,
    ) -> Vec<String>;
    #[chirp(params)]
    fn open(&self, params: Vec<String>) -> u64;
}

pub fn ten() -> u32 {
    10
}
