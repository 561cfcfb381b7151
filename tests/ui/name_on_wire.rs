#[chirp::service(name = "")]
trait Arith {
    #[chirp(name = "")]
    fn empty(&self);
    #[chirp(name = "chirp.hello")]
    fn reserved(&self);
    #[chirp(name = "sum;json")]
    fn json(&self);
    #[chirp(name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    fn long(&self);
}

fn main() {}
