use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use serde_json::json;
use triggers::Source;

use super::*;

const NOW: u64 = 1_795_000_000;

fn guard() -> TokenGuard {
    TokenGuard {
        source: Source::Header("authorization".into()),
        issuer: "https://issuer.example".into(),
        audiences: vec!["app".into()],
    }
}

fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = json!({
        "iss": "https://issuer.example", "aud": "app", "exp": NOW + 60, "nbf": NOW, "iat": NOW, "scope": "read write"
    });
    change(&mut claims);
    claims
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn token(claims: &Value) -> String {
    let head = json!({ "alg": "RS256", "kid": "k1" });
    format!("{}.{}.c2ln", encoded(&head), encoded(claims))
}

#[expect(clippy::needless_pass_by_value, reason = "literals are handed over")]
fn checked(claims: Value) -> Result<(), &'static str> {
    let text = token(&claims);
    let token = Token::read(&text).unwrap();
    token.check(&guard(), Timestamp::from_secs(NOW))
}

#[test]
fn every_claim_counts() {
    assert_eq!(checked(claims(|_| {})), Ok(()));
    assert_eq!(checked(claims(|c| c["aud"] = json!(["x", "app"]))), Ok(()));
    let client = claims(|c| {
        c.as_object_mut().unwrap().remove("aud");
        c["client_id"] = json!("app");
    });
    assert_eq!(checked(client), Ok(()));
    let audience = "the token does not have a valid audience";
    for (wrong, why) in [
        (
            claims(|c| c["iss"] = json!("https://other")),
            "the token does not have a valid issuer",
        ),
        (claims(|c| c["aud"] = json!("other")), audience),
        // The client counts only where no audience is named.
        (
            claims(|c| {
                c["aud"] = json!("other");
                c["client_id"] = json!("app");
            }),
            audience,
        ),
        (claims(|c| c["exp"] = json!(NOW)), "the token has expired"),
        (
            claims(|c| c["exp"] = json!("never")),
            "the token has expired",
        ),
        (
            claims(|c| c["nbf"] = json!(NOW + 1)),
            "the token is not valid yet",
        ),
        (
            claims(|c| c["iat"] = json!(NOW + 1)),
            "the token is not valid yet",
        ),
    ] {
        assert_eq!(checked(wrong.clone()), Err(why), "{wrong}");
    }
}

#[test]
fn signatures_are_the_keys_own() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let key = Key {
        id: "k1".into(),
        algorithm: None,
        modulus: pair
            .public_key()
            .modulus()
            .big_endian_without_leading_zero()
            .to_vec(),
        exponent: pair
            .public_key()
            .exponent()
            .big_endian_without_leading_zero()
            .to_vec(),
    };
    let unsigned = token(&claims(|_| {}));
    let signed = unsigned.rsplit_once('.').unwrap().0.to_owned();
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = SystemRandom::new();
    pair.sign(
        &RSA_PKCS1_SHA256,
        &random,
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    let good = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&signature));
    assert!(Token::read(&good).unwrap().is_signed_with(&key));
    let other = Key {
        algorithm: Some("RS512".into()),
        ..key.clone()
    };
    assert!(!Token::read(&good).unwrap().is_signed_with(&other));
    assert!(!Token::read(&unsigned).unwrap().is_signed_with(&key));
    // Nothing that needs no key, and nothing that takes the public one for a secret.
    for algorithm in ["none", "HS256", "ES256"] {
        let head = encoded(&json!({ "alg": algorithm, "kid": "k1" }));
        let (_, rest) = good.split_once('.').unwrap();
        let forged = format!("{head}.{rest}");
        assert!(
            !Token::read(&forged).unwrap().is_signed_with(&key),
            "{algorithm}"
        );
    }
}

#[test]
fn what_is_no_token_is_not_read() {
    for text in ["", "a", "a.b", "a.b.c", "e30.e30.c2ln"] {
        assert!(Token::read(text).is_none(), "{text}");
    }
    let critical = encoded(&json!({ "alg": "RS256", "kid": "k1", "crit": ["exp"] }));
    assert!(Token::read(&format!("{critical}.e30.c2ln")).is_none());
    assert_eq!(bare("Bearer x"), "x");
    assert_eq!(bare("bearer x"), "x");
    assert_eq!(bare("x"), "x");
}

#[test]
fn claims_become_text() {
    assert_eq!(text(&json!(["a", 1])), "[a 1]");
    assert_eq!(text(&json!(true)), "true");
    assert_eq!(text(&json!("a")), "a");
}
