//! Signatures of responses, as the Standard Webhooks specification says.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The beginning of secrets as text.
const PREFIX: &str = "whsec_";

/// The beginning of signatures by a shared secret.
const VERSION: &str = "v1,";

/// The lengths that a secret may have, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that a gateway and the receivers of its responses share: as text, `whsec_` and base64 of 24 to 64 bytes.
///
/// The gateway signs each response with it (HMAC with SHA-256), in the form of the
/// [Standard Webhooks](https://www.standardwebhooks.com) specification, for which libraries exist in many languages.
///
/// ```
/// # mod chirp { pub use chirp_web::requests; }
/// use chirp::requests::SigningSecret;
///
/// # fn example() -> Result<(), chirp::requests::SigningSecretError> {
/// let secret: SigningSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse()?;
/// # Ok(()) }
/// # example().unwrap();
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Box<[u8]>);

/// The text is not a secret for signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningSecretError {
    /// The text is not base64, with or without `whsec_` before it.
    #[error("a secret is \"whsec_\" and base64")]
    Malformed,
    /// The secret is too short or too long.
    #[error("a secret has 24 to 64 bytes, not {0}")]
    Length(usize),
}

impl SigningSecret {
    /// Creates a random secret of 32 bytes.
    ///
    /// # Errors
    ///
    /// The error of the system's random numbers.
    pub fn generate() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(bytes.into()))
    }

    /// Returns the secret as text, for the configuration of a receiver.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// Returns the signature of a message.
    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let code = self
            .authenticated(id, &timestamp.to_string(), body)
            .finalize();
        format!("{VERSION}{}", STANDARD.encode(code.into_bytes()))
    }

    /// Returns `true` if one of the signatures in a header is that of the message. The comparison takes the same time wherever they
    /// differ.
    pub(super) fn verifies(
        &self,
        id: &str,
        timestamp: &str,
        body: &[u8],
        signatures: &str,
    ) -> bool {
        let code = self.authenticated(id, timestamp, body);
        signatures.split(' ').any(|signature| {
            let signature = signature.strip_prefix(VERSION);
            let signature = signature.and_then(|text| STANDARD.decode(text).ok());
            signature.is_some_and(|signature| code.clone().verify_slice(&signature).is_ok())
        })
    }

    fn authenticated(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key may have any length");
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            code.update(part);
        }
        code
    }
}

impl FromStr for SigningSecret {
    type Err = SigningSecretError;

    fn from_str(text: &str) -> Result<Self, SigningSecretError> {
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        // The libraries of the specification take secrets without padding, too.
        let bytes = STANDARD_NO_PAD
            .decode(text.trim_end_matches('='))
            .map_err(|_| SigningSecretError::Malformed)?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(SigningSecretError::Length(bytes.len()));
        }
        Ok(Self(bytes.into()))
    }
}

/// Does not print the secret.
impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(..)")
    }
}

/// Returns the value of the header `webhook-signature`: the signatures by all secrets, so that receivers may have any of them while
/// secrets are replaced.
pub(super) fn signatures(
    secrets: &[SigningSecret],
    id: &str,
    timestamp: u64,
    body: &[u8],
) -> String {
    let signatures = secrets
        .iter()
        .map(|secret| secret.sign(id, timestamp, body));
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference implementations.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret: SigningSecret = SECRET.parse().expect("a secret");
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(secret.sign(ID, 1_614_265_330, body), SIGNATURE);
        assert!(secret.verifies(ID, "1614265330", body, SIGNATURE));
        let others = format!("v1a,abc v1,!! v1,{} {SIGNATURE}", STANDARD.encode([0; 32]));
        assert!(secret.verifies(ID, "1614265330", body, &others));
        for wrong in [
            "",
            "v1,",
            &SIGNATURE[3..],
            &SIGNATURE[..SIGNATURE.len() - 1],
        ] {
            assert!(!secret.verifies(ID, "1614265330", body, wrong), "{wrong}");
        }
        assert!(!secret.verifies(ID, "1614265331", body, SIGNATURE));
        assert!(!secret.verifies("msg", "1614265330", body, SIGNATURE));
        assert!(!secret.verifies(ID, "1614265330", b"{}", SIGNATURE));
    }

    #[test]
    fn secrets_have_a_form_and_a_length_and_are_not_printed() {
        let secret: SigningSecret = SECRET.parse().expect("a secret");
        assert_eq!(SECRET[6..].parse(), Ok(secret.clone()));
        assert_eq!(secret.reveal(), SECRET);
        assert!(!format!("{secret:?}").contains("MfKQ"));
        assert_eq!(
            "whsec_?".parse::<SigningSecret>(),
            Err(SigningSecretError::Malformed)
        );
        assert_eq!(
            "whsec_AAAA".parse::<SigningSecret>(),
            Err(SigningSecretError::Length(3))
        );
        let made = SigningSecret::generate().expect("random bits");
        assert_eq!(made.reveal().parse(), Ok(made.clone()));
        assert!(made.reveal().ends_with('='));
        assert_eq!(made.reveal().trim_end_matches('=').parse(), Ok(made));
    }
}
