#[allow(
    non_local_definitions,
    non_upper_case_globals,
    unused_imports,
    unused_variables,
    clippy::all,
    clippy::pedantic
)]
const _: () = {
    use ::chirp::__private as __chirp;
    const __CODE_OF_Missing: u16 = MISSING;
    const _: () = ::core::assert!(
        __CODE_OF_Missing < 0xC700 || 0xC7FF < __CODE_OF_Missing,
        "the codes 0xC700 to 0xC7FF are reserved"
    );
    const _: () = ::core::assert!(
        17u16 != __CODE_OF_Missing, "`Tired` and `Missing` have the same error code"
    );
    const _: () = ::core::assert!(
        18u16 != __CODE_OF_Missing, "`Both` and `Missing` have the same error code"
    );
    const _: () = ::core::assert!(
        19u16 != __CODE_OF_Missing, "`Tuple` and `Missing` have the same error code"
    );
    const _: () = ::core::assert!(
        __CODE_OF_Missing != 20u16, "`Missing` and `Modified` have the same error code"
    );
    const _: () = ::core::assert!(
        __CODE_OF_Missing != 32735u16,
        "`Missing` and `Modified` have the same error code"
    );
    const _: () = ::core::assert!(
        __CODE_OF_Missing != 32736u16,
        "`Missing` and `Cancelled` have the same error code"
    );
    const _: () = ::core::assert!(
        __CODE_OF_Missing != 0u16, "`Missing` and `Plain` have the same error code"
    );
    #[automatically_derived]
    impl __chirp::ServiceError for Error {
        const HAS_FIELDS: bool = true;
        fn to_error_data(&self, codec: __chirp::CodecId) -> __chirp::ErrorData {
            let text = <Error as __chirp::Describe>::text(self);
            match self {
                Self::Tired => __chirp::ErrorData::new(17u16, text),
                Self::Both { a: field_a, b: field_b } => {
                    let mut fields = __chirp::FieldEncoder::named(codec, &["a", "b"]);
                    <i64 as __chirp::Field>::put(field_a, &mut fields);
                    fields.put::<__chirp::Blob<Vec<u8>>>(field_b);
                    __chirp::ErrorData::new(18u16, text).with_data(fields.finish())
                }
                Self::Tuple(field_0) => {
                    let mut fields = __chirp::FieldEncoder::new(codec);
                    <Option<String> as __chirp::Field>::put(field_0, &mut fields);
                    __chirp::ErrorData::new(19u16, text).with_data(fields.finish())
                }
                Self::Missing { key: field_key } => {
                    __chirp::ErrorData::new(__CODE_OF_Missing, text)
                        .with_data(<String as __chirp::Data>::to_bytes(field_key))
                }
                Self::Modified(field_0) => {
                    let mut fields = __chirp::FieldEncoder::new(codec);
                    <u8 as __chirp::Field>::put(field_0, &mut fields);
                    __chirp::ErrorData::new(20u16, text).with_data(fields.finish())
                }
                Self::Cancelled => __chirp::ErrorData::new(32736u16, text),
                Self::Plain => __chirp::ErrorData::new(0u16, text),
                Self::Other(field_0) => {
                    <chirp::packet::ErrorData as __chirp::Kept>::kept(field_0)
                }
            }
        }
        fn from_error_data(
            error: &__chirp::ErrorData,
            codec: __chirp::CodecId,
        ) -> ::core::option::Option<Self> {
            let known = || -> ::core::option::Option<Self> {
                match error.code {
                    17u16 if error.data.is_empty() => __chirp::Some(Self::Tired),
                    18u16 => {
                        let mut fields = __chirp::FieldDecoder::named(
                            codec,
                            &error.data,
                            &[&["a"], &["b"]],
                        );
                        let (
                            __chirp::Some(field_a),
                            __chirp::Some(field_b),
                            __chirp::Some(()),
                        ) = (
                            <i64 as __chirp::Field>::take(&mut fields),
                            fields.take::<__chirp::Blob<Vec<u8>>>(),
                            fields.end(),
                        ) else {
                            return ::core::option::Option::None;
                        };
                        __chirp::Some(Self::Both {
                            a: field_a,
                            b: field_b,
                        })
                    }
                    19u16 => {
                        let mut fields = __chirp::FieldDecoder::new(codec, &error.data);
                        let (__chirp::Some(field_0), __chirp::Some(())) = (
                            <Option<String> as __chirp::Field>::take(&mut fields),
                            fields.end(),
                        ) else {
                            return ::core::option::Option::None;
                        };
                        __chirp::Some(Self::Tuple(field_0))
                    }
                    __CODE_OF_Missing => {
                        let field_key = <String as __chirp::Data>::from_bytes(
                            &error.data,
                        )?;
                        __chirp::Some(Self::Missing { key: field_key })
                    }
                    20u16 | 32735u16 => {
                        let mut fields = __chirp::FieldDecoder::new(codec, &error.data);
                        let (__chirp::Some(field_0), __chirp::Some(())) = (
                            <u8 as __chirp::Field>::take(&mut fields),
                            fields.end(),
                        ) else {
                            return ::core::option::Option::None;
                        };
                        __chirp::Some(Self::Modified(field_0))
                    }
                    32736u16 if error.data.is_empty() => __chirp::Some(Self::Cancelled),
                    0u16 if error.data.is_empty() => __chirp::Some(Self::Plain),
                    _ => ::core::option::Option::None,
                }
            };
            known()
                .or_else(|| {
                    let field_0 = <chirp::packet::ErrorData as __chirp::Kept>::keep(
                        error,
                    );
                    __chirp::Some(Self::Other(field_0))
                })
        }
        fn as_error(
            &self,
        ) -> ::core::option::Option<&(dyn ::core::error::Error + 'static)> {
            use __chirp::NoError as _;
            __chirp::MaybeError(self).get()
        }
        fn has_raw_data(code: u16) -> bool {
            !::core::matches!(
                code, 17u16 | 18u16 | 19u16 | 20u16 | 32735u16 | 32736u16 | 0u16
            )
        }
        __chirp::reflected_items! {
            fn describe < __D : __chirp::DescribeErrors > (errors : & mut __D) { errors
            .error(17u16, "Tired", "", false); errors.error(18u16, "Both", "", false); <
            i64 as __chirp::Field > ::describe(errors, "a", "i64"); errors.field:: <
            __chirp::Blob < Vec < u8 > > > ("b", "Vec<u8>"); errors.error(19u16, "Tuple",
            "", false); < Option < String > as __chirp::Field > ::describe(errors, "0",
            "Option<String>"); errors.error(__CODE_OF_Missing, "Missing", "", true);
            errors.error(20u16, "Modified", "", false); errors.number(- 32801i32); < u8
            as __chirp::Field > ::describe(errors, "0", "u8"); errors.error(32736u16,
            "Cancelled", "", false); errors.number(- 32800i32); errors.error(0u16,
            "Plain", "", false); }
        }
    }
};
