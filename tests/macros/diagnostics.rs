//! The macros' diagnostics, compared with `tests/ui/*.stderr`.

#[test]
fn mistakes_are_reported_at_their_place() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
