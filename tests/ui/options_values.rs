#[chirp::service(codec = "Json")]
trait First {
    #[chirp(deadline = 5)]
    fn a(&self);
    #[chirp(name("sum"))]
    fn b(&self);
    #[chirp("sum")]
    fn c(&self);
}

#[chirp::service(Json, crate = "chirp", name = Sums)]
trait Second {}

#[chirp::service(name("Sums"))]
trait Third {}

fn main() {}
