//! Names that TypeScript does not allow, or that are the same in TypeScript.

/// Names of other languages and protocols.
#[chirp::service(name = "", codec = chirp::codec::Json)]
pub(crate) trait OddNames {
    #[chirp(name = "$/cancelRequest")]
    async fn cancel_request(&self, class: u8, r#type: u8) -> u8;
    #[chirp(name = "textDocument/didChange")]
    async fn did_change(&self, text_document: String) -> String;
    #[chirp(name = "foo-bar")]
    async fn foo_bar(&self) -> u8;
    #[chirp(name = "foo_bar")]
    async fn foo_bar_again(&self) -> u8;
    #[chirp(name = "größe")]
    async fn size(&self) -> u8;
    #[chirp(name = "日本")]
    async fn country(&self) -> u8;
    #[chirp(name = "2nd")]
    async fn second(&self) -> u8;
    #[chirp(name = "toString")]
    async fn text(&self) -> String;
    #[chirp(name = "__proto__")]
    async fn prototype(&self) -> u8;
    #[chirp(name = "a\"b\\c\n")]
    async fn quotes(&self) -> u8;
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Odd;

impl OddNames for Odd {
    async fn cancel_request(&self, class: u8, r#type: u8) -> u8 {
        class + r#type
    }

    async fn did_change(&self, text_document: String) -> String {
        text_document
    }

    async fn foo_bar(&self) -> u8 {
        1
    }

    async fn foo_bar_again(&self) -> u8 {
        2
    }

    async fn size(&self) -> u8 {
        3
    }

    async fn country(&self) -> u8 {
        4
    }

    async fn second(&self) -> u8 {
        5
    }

    async fn text(&self) -> String {
        "text".to_owned()
    }

    async fn prototype(&self) -> u8 {
        6
    }

    async fn quotes(&self) -> u8 {
        7
    }
}
