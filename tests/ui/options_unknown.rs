#[chirp::service(orderly, codec = "json", name = Arith)]
trait Arith {
    #[chirp(retries = 3)]
    fn a(&self);
    #[chirp]
    fn b(&self);
    #[chirp(oneway = true, name = "c", name = "d")]
    fn c(&self);
    #[cfg_attr(unix, chirp(oneway))]
    fn d(&self);
}

fn main() {}
