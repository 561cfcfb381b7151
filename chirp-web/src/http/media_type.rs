//! Media types of requests, and the choice of those of responses.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};

/// A media type that the gateway reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    /// Bytes without an encoding.
    Bytes,
    /// A line of JSON for each item.
    Lines,
    /// Server-sent events.
    Events,
}

impl MediaType {
    const ALL: [Self; 4] = [Self::Json, Self::Bytes, Self::Lines, Self::Events];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Bytes => "application/octet-stream",
            Self::Lines => "application/x-ndjson",
            Self::Events => "text/event-stream",
        }
    }

    /// Returns the type of a request's body. `None` if the type is missing, unknown or given twice.
    pub(crate) fn of_content(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() {
            return None;
        }
        let essence = essence(value);
        Self::ALL
            .into_iter()
            .find(|media| essence.eq_ignore_ascii_case(media.name()))
    }

    /// Returns the type of `offered` that the request prefers. The first is the default. `None` if the request accepts none.
    ///
    /// Lines of JSON, if they are the default, are sent to those who accept JSON alone, as `curl --json` does.
    pub(crate) fn accepted(headers: &HeaderMap, offered: &[Self]) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        let values = headers.get_all(ACCEPT);
        let texts = || values.iter().filter_map(|value| value.to_str().ok());
        if texts().all(|text| text.trim().is_empty()) {
            return offered.first().copied();
        }
        for media in offered {
            // The most specific range decides (RFC 9110, section 12.5.1).
            let ranges = texts().flat_map(|text| text.split(','));
            let quality = ranges
                .filter_map(|range| quality(range, *media))
                .max()
                .map_or(0, |(_, quality)| quality);
            if quality > 0 && best.is_none_or(|(found, _)| quality > found) {
                best = Some((quality, *media));
            }
        }
        if best.is_none() && offered.first() == Some(&Self::Lines) {
            return Self::accepted(headers, &[Self::Json]).map(|_| Self::Lines);
        }
        best.map(|(_, media)| media)
    }
}

/// Returns a media type without its parameters.
fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// Returns how specific a range of media types is, and its quality in thousandths, if it contains the type.
fn quality(range: &str, media: MediaType) -> Option<(u8, u16)> {
    let name = essence(range);
    let (main, _) = media.name().split_once('/')?;
    let precision = if name.eq_ignore_ascii_case(media.name()) {
        2
    } else if name
        .strip_suffix("/*")
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(main))
    {
        1
    } else if name == "*/*" {
        0
    } else {
        return None;
    };
    let weight = range.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case("q")
            .then(|| value.trim().parse::<f32>().unwrap_or(0.0))
    });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value is between 0 and 1000"
    )]
    let quality = (weight.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u16;
    Some((precision, quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str, offered: &[MediaType]) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().expect("a value"));
        MediaType::accepted(&headers, offered)
    }

    #[test]
    fn the_preferred_type_is_chosen_and_the_first_is_the_default() {
        use MediaType::{Bytes, Events, Json, Lines};
        let offered = [Lines, Events];
        assert_eq!(
            MediaType::accepted(&HeaderMap::new(), &offered),
            Some(Lines)
        );
        for (accept, media) in [
            ("*/*", Some(Lines)),
            ("text/event-stream", Some(Events)),
            ("text/*", Some(Events)),
            ("application/*, text/event-stream;q=0.5", Some(Lines)),
            (
                "text/event-stream, application/x-ndjson;q=0.9",
                Some(Events),
            ),
            ("*/*, application/x-ndjson;q=0", Some(Events)),
            ("application/json", Some(Lines)),
            ("application/json, text/event-stream", Some(Events)),
            ("application/json;q=0", None),
            ("text/html", None),
            ("application/x-ndjson;q=x", None),
        ] {
            assert_eq!(accepted(accept, &offered), media, "{accept}");
        }
        assert_eq!(accepted("application/json", &[Bytes, Lines]), None);
        assert_eq!(accepted("application/*", &[Json, Bytes]), Some(Json));
        assert_eq!(
            accepted("application/octet-stream", &[Json, Bytes]),
            Some(Bytes)
        );
    }
}
