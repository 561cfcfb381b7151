#[chirp::service(ordered, codec = "json", name = Arith)]
trait Arith {
    #[chirp(deadline = "5s")]
    fn a(&self);
    #[chirp]
    fn b(&self);
    #[chirp(oneway = true, name = "c", name = "d")]
    fn c(&self);
    #[cfg_attr(unix, chirp(oneway))]
    fn d(&self);
}

fn main() {}
