//! What was said about an object when it was stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Given back as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Metadata {
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub content_disposition: Option<String>,
    pub content_language: Option<String>,
    pub cache_control: Option<String>,
    pub expires: Option<String>,
    /// Where visitors of the bucket's website are sent instead: an address, or a path there.
    pub redirect: Option<String>,
    pub user: BTreeMap<String, String>,
}

/// As it is in the store. Few objects send visitors elsewhere, and what was stored before any could is to be read as it
/// is, so the redirect is among the user's pairs.
#[derive(Serialize, Deserialize)]
struct Stored {
    content_type: Option<String>,
    content_encoding: Option<String>,
    content_disposition: Option<String>,
    content_language: Option<String>,
    cache_control: Option<String>,
    expires: Option<String>,
    user: BTreeMap<String, String>,
}

/// No client can give a pair this name: it could be no part of a header's.
const REDIRECT: &str = "\0redirect";

impl From<Stored> for Metadata {
    fn from(mut stored: Stored) -> Self {
        Self {
            content_type: stored.content_type,
            content_encoding: stored.content_encoding,
            content_disposition: stored.content_disposition,
            content_language: stored.content_language,
            cache_control: stored.cache_control,
            expires: stored.expires,
            redirect: stored.user.remove(REDIRECT),
            user: stored.user,
        }
    }
}

impl From<Metadata> for Stored {
    fn from(mut metadata: Metadata) -> Self {
        if let Some(redirect) = metadata.redirect {
            metadata.user.insert(REDIRECT.to_owned(), redirect);
        }
        Self {
            content_type: metadata.content_type,
            content_encoding: metadata.content_encoding,
            content_disposition: metadata.content_disposition,
            content_language: metadata.content_language,
            cache_control: metadata.cache_control,
            expires: metadata.expires,
            user: metadata.user,
        }
    }
}

#[cfg(test)]
mod tests {
    use store::Record;

    use super::*;

    impl Record for Metadata {}
    impl Record for Stored {}

    fn user() -> BTreeMap<String, String> {
        [("redirect".to_owned(), "mine".to_owned())].into()
    }

    #[test]
    fn where_visitors_are_sent_is_kept_beside_what_the_user_says() {
        let metadata = Metadata {
            redirect: Some("/there".into()),
            user: user(),
            ..Metadata::default()
        };
        assert_eq!(Metadata::decode(&metadata.encode()).unwrap(), metadata);
    }

    #[test]
    fn what_was_stored_before_objects_sent_visitors_elsewhere_reads() {
        let stored = Stored {
            content_type: Some("text/html".into()),
            content_encoding: None,
            content_disposition: None,
            content_language: None,
            cache_control: None,
            expires: None,
            user: user(),
        };
        let read = Metadata::decode(&stored.encode()).unwrap();
        assert_eq!(read.content_type.as_deref(), Some("text/html"));
        assert_eq!((read.redirect, read.user), (None, user()));
    }
}
