//! A service written by `macro_rules!` equals the handwritten one.

#![cfg(feature = "json")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use chirp::Compatibility;

macro_rules! services {
    ($codec:path, $name:literal, $deadline:literal, $byte:ty, $text:ty, $result:ty, $code:expr) => {
        #[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
        #[error("refused")]
        #[chirp(code = $code)]
        pub(crate) struct Refused;

        #[chirp::service(codec = $codec, name = $name)]
        pub(crate) trait Written {
            #[chirp(deadline = $deadline)]
            async fn count(
                &self,
                bytes: &[$byte],
                text: &$text,
                perhaps: Option<&$text>,
                owned: Vec<$byte>,
            ) -> $result;
        }
    };
}

mod by_macro {
    services!(
        chirp::codec::Json,
        "Counting",
        "5s",
        u8,
        str,
        Result<usize, Refused>,
        7
    );
}

mod by_hand {
    pub(crate) use super::by_macro::Refused;

    #[chirp::service(codec = chirp::codec::Json, name = "Counting")]
    pub(crate) trait Written {
        async fn count(
            &self,
            bytes: &[u8],
            text: &str,
            perhaps: Option<&str>,
            owned: Vec<u8>,
        ) -> Result<usize, Refused>;
    }
}

struct Lengths;

impl by_macro::Written for Lengths {
    async fn count(
        &self,
        bytes: &[u8],
        text: &str,
        perhaps: Option<&str>,
        owned: Vec<u8>,
    ) -> Result<usize, by_macro::Refused> {
        let perhaps = perhaps.ok_or(by_macro::Refused)?;
        Ok(bytes.len() + text.len() + perhaps.len() + owned.len())
    }
}

#[tokio::test]
async fn macro_fragments_are_encoded_like_handwritten_types() {
    let (here, there) = chirp::channel::memory();
    let server = by_macro::WrittenServer::new(Lengths);
    let _server = chirp::PeerBuilder::new()
        .service(server)
        .start(there)
        .unwrap();
    let peer = chirp::PeerBuilder::new().start(here).unwrap();
    let written = by_hand::WrittenClient::new(&peer);
    assert_eq!(
        written.check_compatibility().await.unwrap(),
        Compatibility::Same
    );
    let count = written.count(&[1], "ab", Some("c"), vec![1, 2]).await;
    assert_eq!(count.unwrap(), 6);
    let refused = written.count(&[1], "ab", None, vec![]).await;
    assert_eq!(refused.unwrap_err().to_string(), "refused");
}
