use access::Principal;
use aws_lc_rs::digest;
use serde_json::{Value, json};

use super::Asked;

pub(super) fn get(asked: &Asked<'_>) -> Value {
    let principal = &asked.context.principal;
    let (Principal::Owner { account } | Principal::Role { account, .. }) = principal;
    json!({ "UserId": id(principal), "Account": account, "Arn": arn(principal) })
}

/// The unique id of whom a key stands for.
pub(crate) fn id(principal: &Principal) -> String {
    match principal {
        Principal::Owner { account } => account.clone(),
        Principal::Role {
            account,
            role,
            session,
        } => session_id(account, role, session),
    }
}

pub(crate) fn arn(principal: &Principal) -> String {
    match principal {
        Principal::Owner { account } => format!("arn:aws:iam::{account}:root"),
        Principal::Role {
            account,
            role,
            session,
        } => format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
    }
}

/// A role's unique id and its session's name. Roles are not kept, so the id is made from what there is: the same role
/// has the same one each time.
pub(super) fn session_id(account: &str, role: &str, session: &str) -> String {
    const LETTERS: usize = 17;
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = digest::digest(&digest::SHA256, format!("{account}/{role}").as_bytes());
    let letters = digest.as_ref().iter().take(LETTERS);
    let id: String = letters
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect();
    format!("AROA{id}:{session}")
}
