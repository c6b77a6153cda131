//! Signing what is sent to subscribers, with a key that each data folder has for itself.
//!
//! There are two versions of signatures, and the older one, over a SHA-1 digest, is what topics use unless they are told
//! otherwise. The crypto library makes no such signatures any more, so that one is put together here; the key signs
//! nothing but what this server says, and is known to nobody but its owner.

mod der;
mod power;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::Certificate;

use power::{Number, Prime};

/// The name in the certificate.
const NAME: &str = "sns.amazonaws.com";
/// Bytes of the key's modulus, and of a signature.
const LENGTH: usize = 2048 / 8;
/// What stands before a SHA-1 digest in a signature: RFC 8017, section 9.2.
const SHA1: [u8; 15] = [
    0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14,
];

/// Which digest is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Sha1,
    Sha256,
}

/// A key, made when it is first needed.
pub(crate) struct Signer {
    /// Where it is kept; none if it is not.
    folder: Option<PathBuf>,
    key: OnceLock<Option<Key>>,
}

struct Key {
    certificate: String,
    /// By which it is asked for.
    name: String,
    pair: KeyPair,
    private: Private,
}

/// The parts of a private key by which it signs fastest: RFC 8017, section 3.2.
struct Private {
    p: Prime,
    q: Prime,
    q_itself: Number,
    dp: Number,
    dq: Number,
    /// In the form of `p`.
    q_inverse: Number,
}

impl Signer {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            key: OnceLock::new(),
        }
    }

    /// The certificate with this name, as PEM.
    pub(crate) fn certificate(&self, name: &str) -> Option<&str> {
        let key = self.key()?;
        (key.name == name).then_some(key.certificate.as_str())
    }

    pub(crate) fn certificate_name(&self) -> Option<&str> {
        Some(self.key()?.name.as_str())
    }

    /// None if there is no key: without one notices go unsigned, which is better than not at all.
    pub(crate) fn sign(&self, text: &str, version: Version) -> Option<String> {
        let key = self.key()?;
        let signature = match version {
            Version::Sha1 => key.private.sign(text.as_bytes()),
            Version::Sha256 => {
                let mut signature = vec![0; key.pair.public_modulus_len()];
                let chance = SystemRandom::new();
                key.pair
                    .sign(&RSA_PKCS1_SHA256, &chance, text.as_bytes(), &mut signature)
                    .ok()?;
                signature
            }
        };
        Some(STANDARD.encode(signature))
    }

    fn key(&self) -> Option<&Key> {
        let key = self.key.get_or_init(|| {
            let made = self.kept().and_then(|kept| Key::read(&kept));
            made.inspect_err(|why| {
                tracing::error!(why, "what is sent to subscribers is not signed");
            })
            .ok()
        });
        key.as_ref()
    }

    fn kept(&self) -> Result<Certificate, String> {
        let make = || Certificate::for_signing(NAME).map_err(|error| error.to_string());
        let Some(folder) = &self.folder else {
            return make();
        };
        let (chain, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        if chain.is_file() && key.is_file() {
            let read = |path: &Path| fs::read_to_string(path).map_err(|error| error.to_string());
            return Ok(Certificate {
                chain: read(&chain)?,
                key: read(&key)?,
            });
        }
        let made = make()?;
        write(folder, &key, &made.key, 0o600)?;
        write(folder, &chain, &made.chain, 0o644)?;
        Ok(made)
    }
}

impl Key {
    fn read(certificate: &Certificate) -> Result<Self, String> {
        let der = der::of_pem(&certificate.key).ok_or("the key is no PEM")?;
        let pair = KeyPair::from_pkcs8(&der).map_err(|cause| cause.to_string())?;
        let private = private(&der).ok_or("the key has another form")?;
        let hash = digest::digest(&digest::SHA256, certificate.chain.as_bytes());
        let name = hash.as_ref().iter().take(16);
        Ok(Self {
            certificate: certificate.chain.clone(),
            name: name.map(|byte| format!("{byte:02x}")).collect(),
            pair,
            private,
        })
    }
}

/// RFC 5208, section 5, and in it RFC 8017, appendix A.1.2.
fn private(der: &[u8]) -> Option<Private> {
    let outer = der::sequence(der)?;
    let inner = der::sequence(outer.get(2)?.octets()?)?;
    let number = |at: usize| power::number(inner.get(at)?.integer()?);
    let (p, q) = (Prime::new(number(4)?)?, Prime::new(number(5)?)?);
    Some(Private {
        q_itself: number(5)?,
        dp: number(6)?,
        dq: number(7)?,
        q_inverse: p.formed(&number(8)?),
        p,
        q,
    })
}

impl Private {
    /// RFC 8017, section 8.2.1.
    fn sign(&self, text: &[u8]) -> Vec<u8> {
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text);
        let padding = LENGTH - 3 - SHA1.len() - digest.as_ref().len();
        let mut padded = vec![0x00, 0x01];
        padded.resize(2 + padding, 0xff);
        padded.push(0x00);
        padded.extend_from_slice(&SHA1);
        padded.extend_from_slice(digest.as_ref());
        self.raise(&padded)
    }

    /// RFC 8017, section 5.1.2: by each prime for itself, which is four times as fast.
    fn raise(&self, padded: &[u8]) -> Vec<u8> {
        let number = power::number(padded).expect("it is as long as the modulus");
        let by_p = self.p.power(&number, &self.dp);
        let by_q = self.q.power(&number, &self.dq);
        let of_q = self.p.less(by_q, 0);
        let difference = self.p.difference(&by_p, &of_q);
        let factor = self.p.product(&difference, &self.q_inverse);
        let signed = power::added(&power::multiplied(&factor, &self.q_itself), &by_q);
        power::bytes(&signed)
    }
}

fn write(folder: &Path, path: &Path, text: &str, mode: u32) -> Result<(), String> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    let file = made.and_then(|()| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(mode);
        options.open(path)
    });
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|cause| format!("cannot write to {}: {cause}", path.display()))
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        KeyPair as _, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
        UnparsedPublicKey,
    };

    use super::*;

    #[test]
    fn both_versions_are_verified_by_the_library() {
        let signer = Signer::new(None);
        let key = signer.key().unwrap();
        let public = key.pair.public_key().as_ref();
        let many = (0..40).map(|n| format!("Message\n{n}\n"));
        for text in ["", "a"].map(str::to_owned).into_iter().chain(many) {
            let text = text.as_str();
            let signature = |version| {
                STANDARD
                    .decode(signer.sign(text, version).unwrap())
                    .unwrap()
            };
            let old = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, public);
            old.verify(text.as_bytes(), &signature(Version::Sha1))
                .unwrap();
            let new = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
            new.verify(text.as_bytes(), &signature(Version::Sha256))
                .unwrap();
            assert!(new.verify(b"other", &signature(Version::Sha256)).is_err());
        }
        let name = signer.certificate_name().unwrap();
        assert!(
            signer
                .certificate(name)
                .unwrap()
                .contains("BEGIN CERTIFICATE")
        );
        assert_eq!(signer.certificate("other"), None);
    }

    #[test]
    fn a_key_that_is_kept_is_the_same_the_next_time() {
        let folder = std::env::temp_dir().join(format!("signing-{}", std::process::id()));
        let folder = folder.join("keys");
        let first = Signer::new(Some(folder.clone()));
        let name = first.certificate_name().unwrap().to_owned();
        let second = Signer::new(Some(folder.clone()));
        assert_eq!(second.certificate_name(), Some(name.as_str()));
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }
}
