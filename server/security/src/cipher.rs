//! Seals what has to be kept and must not be readable where it is kept. It must never use one nonce twice, or say why something could not be opened.
//!
//! XChaCha20-Poly1305: its nonces are long enough to be drawn by chance for each text. What is sealed is bound to a name, so that the sealed
//! text of one owner is worth nothing in the place of another's.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

/// The first byte of everything that is sealed, for the day on which another way is better.
const FORM: u8 = 1;
/// Bytes of a nonce.
const NONCE: usize = 24;

/// Why something could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// The system gives no random numbers.
    #[error("The system gives no random numbers.")]
    Chance,
    /// It was sealed with another key or for somebody else, or was changed.
    #[error("What was sealed cannot be opened with this key.")]
    Sealed,
}

/// A key, ready to seal and to open. It cannot be printed.
pub struct Cipher(XChaCha20Poly1305);

/// A key of 32 bytes for one purpose, made of a secret that has other purposes too. The context names the purpose, for ever.
#[must_use]
pub fn derived_key(context: &str, secret: &[u8]) -> [u8; 32] {
    blake3::derive_key(context, secret)
}

impl Cipher {
    /// A cipher for one purpose.
    #[must_use]
    pub fn new(context: &str, secret: &[u8]) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(derived_key(context, secret))))
    }

    /// Seals bytes for the owner of this name.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn seal(&self, plain: &[u8], owner: &str) -> Result<Vec<u8>, CipherError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| CipherError::Chance)?;
        let payload = Payload { msg: plain, aad: owner.as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).map_err(|_| CipherError::Sealed)?;
        Ok([&[FORM][..], &nonce, &sealed].concat())
    }

    /// Opens what was sealed for the owner of this name.
    ///
    /// # Errors
    /// If it was sealed otherwise, or changed.
    pub fn open(&self, sealed: &[u8], owner: &str) -> Result<Vec<u8>, CipherError> {
        let (nonce, sealed) = sealed
            .strip_prefix(&[FORM])
            .and_then(|rest| rest.split_first_chunk::<NONCE>())
            .ok_or(CipherError::Sealed)?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        self.0.decrypt(&XNonce::from(*nonce), payload).map_err(|_| CipherError::Sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_its_owner_alone() {
        let cipher = Cipher::new("tests 2026 one", b"secret");
        let sealed = cipher.seal(b"hunter2", "ann").unwrap();
        assert_eq!(cipher.open(&sealed, "ann").unwrap(), b"hunter2");
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_ne!(sealed, cipher.seal(b"hunter2", "ann").unwrap(), "nonces differ");
        assert_eq!(cipher.open(&sealed, "bob"), Err(CipherError::Sealed));
        for other in [Cipher::new("tests 2026 two", b"secret"), Cipher::new("tests 2026 one", b"Secret")] {
            assert_eq!(other.open(&sealed, "ann"), Err(CipherError::Sealed), "another purpose or key");
        }
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(cipher.open(&changed, "ann"), Err(CipherError::Sealed), "byte {place} was changed");
            assert_eq!(cipher.open(&sealed[..place], "ann"), Err(CipherError::Sealed), "cut at {place}");
        }
    }

    #[test]
    fn the_cipher_is_the_one_of_its_draft() {
        // draft-irtf-cfrg-xchacha, A.3.1.
        let bytes = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let key: [u8; 32] =
            bytes("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f").try_into().unwrap();
        let cipher = Cipher(XChaCha20Poly1305::new(&Key::from(key)));
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let nonce: [u8; NONCE] = bytes("404142434445464748494a4b4c4d4e4f5051525354555657").try_into().unwrap();
        let payload = Payload { msg: plain.as_slice(), aad: &bytes("50515253c0c1c2c3c4c5c6c7") };
        let sealed = cipher.0.encrypt(&XNonce::from(nonce), payload).unwrap();
        assert_eq!(sealed[..16], bytes("bd6d179d3e83d43b9576579493c0e939"));
        assert_eq!(sealed[sealed.len() - 16..], bytes("c0875924c1c7987947deafd8780acf49"));
    }
}
