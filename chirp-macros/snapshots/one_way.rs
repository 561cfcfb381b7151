#[chirp::service]
pub trait OneWay {
    #[chirp(oneway)]
    async fn log(&self, line: &str);
    #[chirp(oneway)]
    fn flush(&self);
}
