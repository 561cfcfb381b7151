use chirp_runtime::packet::Metadata;

fn metadata(entries: &[(&str, &str)]) -> Metadata {
    let mut metadata = Metadata::new();
    for (key, value) in entries {
        metadata.append(key, value).expect("it is valid");
    }
    metadata
}

/// Programs log what they debug, and values may be tokens.
#[test]
fn debug_output_hides_the_values() {
    let secret = metadata(&[("authorization", "hunter2"), ("tenant", "acme")]);
    assert_eq!(format!("{secret:?}"), r#"["authorization", "tenant"]"#);
}

/// A key of both has the values of the second alone, and is optional if it is so there.
#[test]
fn merging_replaces_keys_and_takes_over_whether_they_are_optional() {
    let mut ours = metadata(&[("a", "1"), ("b", "2"), ("b", "3")]);
    ours.optional("b");
    let mut theirs = metadata(&[("b", "4"), ("c", "5")]);
    theirs.optional("c");
    theirs.optional("not there");
    ours.merge(&theirs);
    let entries: Vec<_> = (&ours).into_iter().collect();
    let expected: [(&str, &[u8]); 3] = [("a", b"1"), ("b", b"4"), ("c", b"5")];
    assert_eq!(entries, expected);
    assert!(!ours.is_optional("b"), "it is required by the second");
    assert!(ours.is_optional("c"));
    assert!(!ours.is_optional("not there"), "no entry has it");

    let mut empty = Metadata::new();
    empty.merge(&ours);
    assert_eq!(empty, ours);
    ours.merge(&Metadata::new());
    assert_eq!(empty, ours);
}
