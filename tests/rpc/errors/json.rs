//! The data of errors in JSON.

use chirp::ServiceError as _;
use chirp::codec::CodecId;
use chirp::packet::ErrorData;

#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum OrderError {
    #[error("no order")]
    #[chirp(code = 1)]
    Missing {
        id: u64,
        r#type: Option<String>,
        data: Vec<u8>,
    },
    #[error("too many")]
    #[chirp(code = 2)]
    TooMany(u32, Option<u32>),
    #[error("closed")]
    #[chirp(code = 3)]
    Closed,
    #[error("empty")]
    #[chirp(code = 4)]
    Empty {},
    #[error("hand-written")]
    #[chirp(code = 5)]
    Raw {
        #[chirp(data)]
        text: String,
    },
}

fn missing(kind: Option<&str>) -> OrderError {
    OrderError::Missing {
        id: 7,
        r#type: kind.map(str::to_owned),
        data: vec![1, 2, 3],
    }
}

fn read(code: u16, data: &str) -> Option<OrderError> {
    let error = ErrorData::new(code, "whatever").with_data(data.as_bytes().to_vec());
    OrderError::from_error_data(&error, CodecId::Json)
}

#[test]
fn named_fields_are_an_object() {
    for (error, code, expected) in [
        (
            missing(Some("book")),
            1,
            r#"{"id":7,"type":"book","data":"AQID"}"#,
        ),
        (missing(None), 1, r#"{"id":7,"type":null,"data":"AQID"}"#),
        (OrderError::TooMany(5, None), 2, "[5,null]"),
        (OrderError::Closed, 3, ""),
        (OrderError::Empty {}, 4, ""),
        (
            OrderError::Raw {
                text: "as it is".to_owned(),
            },
            5,
            "as it is",
        ),
    ] {
        let sent = error.to_error_data(CodecId::Json);
        assert_eq!(sent.code, code);
        assert_eq!(String::from_utf8_lossy(&sent.data), expected);
        let got = OrderError::from_error_data(&sent, CodecId::Json);
        assert_eq!(got, Some(error));
    }
}

#[test]
fn fields_are_read_in_any_order_and_by_position() {
    for data in [
        r#" { "data" : "AQID", "unknown": [{}], "id": 7, "type": null } "#,
        r#"{"id":7,"data":"AQID"}"#,
        r#"[7,null,"AQID"]"#,
    ] {
        assert_eq!(read(1, data), Some(missing(None)), "{data}");
    }
    for data in [
        r#"{"type":null,"data":"AQID"}"#,
        r#"{"id":7}"#,
        r#"{"id":null,"data":"AQID"}"#,
        r#"{"id":7,"id":7,"data":"AQID"}"#,
        r#"{"id":7,"data":"AQID"} 1"#,
        r#"{"id":7,"data":"AQID""#,
        "[7,null]",
        r#"[7,null,"AQID",1]"#,
        "7",
        "",
    ] {
        assert_eq!(read(1, data), None, "{data}");
    }
    // Fields without names have no object.
    assert_eq!(read(2, r#"{"0":5,"1":null}"#), None);
}

#[test]
fn other_codecs_have_no_names() {
    let sent = missing(None).to_error_data(CodecId::Bincode);
    assert_eq!(&sent.data[..], [7, 0, 3, 1, 2, 3]);
    let sent = missing(None).to_error_data(CodecId::MessagePack);
    assert_eq!(&sent.data[..], [0x93, 7, 0xC0, 0xC4, 3, 1, 2, 3]);
}
