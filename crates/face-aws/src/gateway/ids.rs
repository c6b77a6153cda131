//! What requests are called, in the form that each kind of gateway uses.

use aws_lc_rs::digest;
use base::Random;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use functions::GatewayKind;

/// Room for either form.
pub(super) type Room = [u8; uuid::fmt::Hyphenated::LENGTH];
pub(super) const EMPTY: Room = [0; uuid::fmt::Hyphenated::LENGTH];
/// Of the short form, before it is printed: sixteen letters.
const SHORT: usize = 11;

/// A new one, printed into `room`.
pub(super) fn new<'r>(random: &Random, kind: GatewayKind, room: &'r mut Room) -> &'r str {
    match kind {
        GatewayKind::Classic | GatewayKind::Direct => random.uuid().hyphenated().encode_lower(room),
        GatewayKind::Simple | GatewayKind::Socket => {
            let written = URL_SAFE.encode_slice(random.bytes::<SHORT>(), room);
            let written = room.get(..written.unwrap_or_default());
            std::str::from_utf8(written.unwrap_or_default()).unwrap_or_default()
        }
    }
}

/// The other id of the same request; where there is only one, that again.
pub(super) fn extended(kind: GatewayKind, id: &str) -> String {
    match kind {
        GatewayKind::Classic | GatewayKind::Direct => short(id),
        GatewayKind::Simple | GatewayKind::Socket => id.to_owned(),
    }
}

/// Always the same for an id, so that all who print it agree.
pub(super) fn short(id: &str) -> String {
    let digest = digest::digest(&digest::SHA256, id.as_bytes());
    URL_SAFE.encode(&digest.as_ref()[..SHORT])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_their_kind() {
        let random = Random::seeded(1);
        let mut room = EMPTY;
        let id = new(&random, GatewayKind::Classic, &mut room).to_owned();
        assert_eq!(id.len(), 36);
        let extended_id = extended(GatewayKind::Classic, &id);
        assert!(extended_id.len() == 16 && extended_id.ends_with('='));
        let id = new(&random, GatewayKind::Simple, &mut room).to_owned();
        assert!(id.len() == 16 && id.ends_with('='));
        assert_eq!(extended(GatewayKind::Simple, &id), id);
    }
}
