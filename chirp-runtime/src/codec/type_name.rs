/// The name of a type for an error message: without the paths of modules, and without elided lifetimes.
pub(crate) fn type_name<T: ?Sized>() -> String {
    shorten(std::any::type_name::<T>())
}

#[cold]
fn shorten(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        let (path, after) = rest.split_at(end.unwrap_or(rest.len()));
        short.push_str(path.rsplit("::").next().unwrap_or(path));
        rest = after.strip_prefix("'_, ").unwrap_or_else(|| {
            let mut chars = after.chars();
            short.extend(chars.next());
            chars.as_str()
        });
    }
    short
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_of_types_have_no_paths() {
        for (name, expected) in [
            (type_name::<u8>(), "u8"),
            (type_name::<&str>(), "&str"),
            (type_name::<Cow<'_, str>>(), "Cow<str>"),
            (
                type_name::<Vec<(String, [u8; 4])>>(),
                "Vec<(String, [u8; 4])>",
            ),
            (type_name::<Option<Vec<u64>>>(), "Option<Vec<u64>>"),
            (type_name::<BTreeMap<String, u8>>(), "BTreeMap<String, u8>"),
        ] {
            assert_eq!(name, expected);
        }
    }
}
