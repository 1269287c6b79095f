//! Signatures as GPG makes them: detached, in OpenPGP's armour (RFC 9580, and RFC 4880 before it).

use anyhow::{Context, anyhow, ensure};
use jiff::Timestamp;
use pgp::composed::{ArmorOptions, Deserializable as _, DetachedSignature, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData};
use pgp::types::{KeyDetails as _, Password, SecretParams, SigningKey};
use secrecy::{ExposeSecret, SecretString};

/// A private key, and which of its parts signs.
pub(super) struct OpenPgpKey {
    key: SignedSecretKey,
    part: Part,
    passphrase: Password,
}

/// A key may have others under it, each for its own use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Primary,
    Under(usize),
}

impl OpenPgpKey {
    /// Reads what `gpg --armor --export-secret-keys` prints.
    pub(super) fn read(
        text: &SecretString,
        passphrase: Option<&SecretString>,
    ) -> anyhow::Result<Self> {
        // Its reader's own words may repeat what stands in the file.
        let (key, _) = SignedSecretKey::from_string(text.expose_secret().trim())
            .map_err(|_| anyhow!("it is no private key as GPG exports it"))?;
        key.verify_bindings()
            .map_err(|_| anyhow!("its parts do not vouch for each other, as GPG has them do"))?;
        let part = signing_part(&key).context("none of its keys is for signing")?;
        let locked = match part {
            Part::Primary => key.primary_key.secret_params(),
            Part::Under(place) => key.secret_subkeys[place].key.secret_params(),
        };
        let passphrase = match (locked, passphrase) {
            (SecretParams::Encrypted(_), Some(passphrase)) => {
                Password::from(passphrase.expose_secret())
            }
            (SecretParams::Encrypted(_), None) => {
                return Err(anyhow!("it is locked: give its `passphrase`"));
            }
            (SecretParams::Plain(_), _) => Password::empty(),
        };
        let found = Self { key, part, passphrase };
        found.check()?;
        Ok(found)
    }

    /// Signs, at a time of the caller's: the same text at the same time gives the same signature.
    pub(super) fn sign(&self, text: &str, at: Timestamp) -> anyhow::Result<String> {
        match self.part {
            Part::Primary => self.sign_by(&self.key.primary_key, text, at),
            Part::Under(place) => self.sign_by(&self.key.secret_subkeys[place].key, text, at),
        }
    }

    fn sign_by(&self, key: &impl SigningKey, text: &str, at: Timestamp) -> anyhow::Result<String> {
        let seconds = u32::try_from(at.as_second()).context("a time that OpenPGP cannot tell")?;
        let at = pgp::types::Timestamp::from_secs(seconds);
        let mut config =
            SignatureConfig::v4(SignatureType::Binary, key.algorithm(), HashAlgorithm::Sha512);
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::SignatureCreationTime(at))?,
            Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
        ];
        config.unhashed_subpackets =
            vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
        let signature = config.sign(key, &self.passphrase, text.as_bytes())?;
        let armour = ArmorOptions::default();
        Ok(DetachedSignature::new(signature).to_armored_string(armour)?)
    }

    /// Fails if it cannot sign, or would sign otherwise the next time.
    fn check(&self) -> anyhow::Result<()> {
        let algorithm = match self.part {
            Part::Primary => self.key.primary_key.algorithm(),
            Part::Under(place) => self.key.secret_subkeys[place].key.algorithm(),
        };
        let is_known = matches!(
            algorithm,
            PublicKeyAlgorithm::RSA
                | PublicKeyAlgorithm::RSASign
                | PublicKeyAlgorithm::EdDSALegacy
                | PublicKeyAlgorithm::Ed25519
        );
        ensure!(
            is_known,
            "hoist signs with Ed25519 and RSA, and it is of the kind {algorithm:?}; make one with \
             `gpg --quick-gen-key NAME ed25519 sign`"
        );
        self.sign("", Timestamp::UNIX_EPOCH)
            .map_err(|_| anyhow!("its `passphrase` does not open it"))?;
        Ok(())
    }
}

/// The part that GPG would sign with: the newest one under it that is for signing, or itself.
fn signing_part(key: &SignedSecretKey) -> Option<Part> {
    let signs = |signature: &Signature| signature.key_flags().sign();
    let is_revoked = |signature: &Signature| {
        matches!(
            signature.typ(),
            Some(SignatureType::SubkeyRevocation | SignatureType::KeyRevocation)
        )
    };
    let under = key.secret_subkeys.iter().enumerate().filter(|(_, part)| {
        part.signatures.iter().any(signs) && !part.signatures.iter().any(is_revoked)
    });
    let newest = under.max_by_key(|(_, part)| part.key.created_at().as_secs());
    newest.map(|(place, _)| Part::Under(place)).or_else(|| {
        let users = key.details.users.iter().flat_map(|user| &user.signatures);
        let mut own = users.chain(&key.details.direct_signatures);
        own.any(signs).then_some(Part::Primary)
    })
}
