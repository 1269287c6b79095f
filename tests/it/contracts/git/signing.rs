//! Commits that are signed, as Git itself sees it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use hoist::adapters::git::Signer;
use hoist::app::ports::{Git, Merged, RefOutcome};
use hoist::domain::id::CommitId;
use secrecy::SecretString;

use crate::support::git::{Remote, bot, spec, update};

const PASSPHRASE: &str = "hunter2-for-commits";

/// Makes a key with OpenSSH's own program, and reads it back.
fn key(place: &Path, kind: &str, passphrase: &str) -> SecretString {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", kind, "-N", passphrase, "-C", "hoist", "-f"]).arg(place);
    assert!(keygen.status().unwrap().success());
    std::fs::read_to_string(place).unwrap().into()
}

fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}

/// What `git verify-commit` says, to whom this public key is hoist's.
fn verify(remote: &Remote, public: &Path, commit: &CommitId) -> (bool, String) {
    let allowed = remote.directory.path().join("allowed");
    let public = std::fs::read_to_string(public).unwrap();
    std::fs::write(&allowed, format!("hoist@example.com namespaces=\"git\" {public}")).unwrap();
    let mut git = Command::new("git");
    git.arg("-C").arg(remote.bare());
    git.arg("-c").arg(format!("gpg.ssh.allowedSignersFile={}", allowed.display()));
    let told = git.args(["verify-commit", commit.as_str()]).output().unwrap();
    (told.status.success(), String::from_utf8_lossy(&told.stderr).into_owned())
}

#[tokio::test]
async fn git_verifies_what_hoist_signs_and_nothing_else() {
    let remote = Remote::local();
    let place = remote.directory.path().join("signing");
    let public = place.with_extension("pub");
    let signer = Signer::ssh(&key(&place, "ed25519", PASSPHRASE), Some(&secret(PASSPHRASE)));
    let mirror = remote.mirror().signing_with(Some(signer.unwrap()));

    let first = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    let side = mirror.commit(spec(&[&first], &[("w.yaml", Some("tag: 2\n"))])).await.unwrap();
    let main = mirror.commit(spec(&[&first], &[("v.yaml", Some("tag: 2\n"))])).await.unwrap();
    let merged = mirror.merge(&main, &side, "merge: ünïcode\n".into(), bot()).await.unwrap();
    let Merged::Clean(merge) = merged else { panic!("{merged:?}") };
    let pushed = mirror.push(vec![update("refs/heads/main", None, Some(&merge))]).await.unwrap();
    assert_eq!(pushed, [RefOutcome::Moved]);
    for commit in [&first, &side, &main, &merge] {
        let (good, told) = verify(&remote, &public, commit);
        assert!(good, "{told}");
        assert!(told.contains("Good \"git\" signature for hoist@example.com"), "{told}");
    }
    assert_eq!(remote.git(&["fsck", "--strict"]), "");

    let again = mirror.commit(spec(&[], &[("v.yaml", Some("tag: 1\n"))])).await.unwrap();
    assert_eq!(again, first, "made again, it is the same commit");

    let unsigned = remote.other_mirror("unsigned");
    unsigned.fetch().await.unwrap();
    let plain = unsigned.commit(spec(&[&merge], &[("v.yaml", Some("tag: 3\n"))])).await.unwrap();
    unsigned.push(vec![update("refs/heads/plain", None, Some(&plain))]).await.unwrap();
    assert!(!verify(&remote, &public, &plain).0);
    let other = remote.directory.path().join("other");
    key(&other, "ed25519", "");
    assert!(!verify(&remote, &other.with_extension("pub"), &merge).0, "not by another's key");
}

#[test]
fn a_key_that_cannot_sign_says_why_and_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rsa = key(&folder.path().join("rsa"), "rsa", "");
    let locked = key(&folder.path().join("locked"), "ed25519", PASSPHRASE);
    let cases = [
        (&rsa, None, "ssh-keygen -t ed25519"),
        (&locked, None, "give its `passphrase`"),
        (&locked, Some(secret("wrong-hunter3")), "does not open it"),
        (&secret("-----BEGIN OPENSSH PRIVATE KEY-----\nhunter4"), None, "no private key"),
    ];
    for (key, passphrase, words) in cases {
        let told = format!("{:#?}", Signer::ssh(key, passphrase.as_ref()).unwrap_err());
        assert!(told.contains(words), "{told}");
        assert!(!told.contains("hunter"), "{told}");
    }
    let good = Signer::ssh(&locked, Some(&secret(PASSPHRASE))).unwrap();
    assert_eq!(format!("{good:?}"), "Signer(***)");
}

/// A keyring of GPG's own, with its agent; it ends with the test.
struct Gpg {
    home: tempfile::TempDir,
}

impl Gpg {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let open_to_us = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(home.path(), open_to_us).unwrap();
        Self { home }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut gpg = Command::new("gpg");
        gpg.env("GNUPGHOME", self.home.path());
        gpg.args(["--batch", "--quiet", "--pinentry-mode", "loopback"]).args(arguments);
        let told = gpg.output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8(told.stdout).unwrap()
    }

    /// Makes a key that signs, and gives what is exported of it.
    fn key(&self, kind: &str, passphrase: &str) -> SecretString {
        self.run(&[
            "--passphrase",
            passphrase,
            "--quick-gen-key",
            "hoist@example.com",
            kind,
            "sign",
        ]);
        self.run(&["--passphrase", passphrase, "--armor", "--export-secret-keys"]).into()
    }

    fn verify(&self, remote: &Remote, commit: &CommitId) -> (bool, String) {
        let mut git = Command::new("git");
        git.env("GNUPGHOME", self.home.path()).arg("-C").arg(remote.bare());
        let told = git.args([OsStr::new("verify-commit"), commit.as_str().as_ref()]).output();
        let told = told.unwrap();
        (told.status.success(), String::from_utf8_lossy(&told.stderr).into_owned())
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut agent = Command::new("gpgconf");
        let _ended = agent.env("GNUPGHOME", self.home.path()).args(["--kill", "all"]).status();
    }
}

#[tokio::test]
async fn git_verifies_by_gpg_what_hoist_signs_with_its_keys() {
    for (kind, passphrase) in [("ed25519", PASSPHRASE), ("rsa2048", "")] {
        let gpg = Gpg::new();
        let locked_with = (!passphrase.is_empty()).then(|| secret(passphrase));
        let signer = Signer::openpgp(&gpg.key(kind, passphrase), locked_with.as_ref()).unwrap();
        let remote = Remote::local();
        let mirror = remote.mirror().signing_with(Some(signer));
        let mut commit = spec(&[], &[("v.yaml", Some("tag: 1\n"))]);
        // A key vouches for nothing from before it was made.
        commit.author.at = jiff::Timestamp::now();
        let first = mirror.commit(commit.clone()).await.unwrap();
        assert_eq!(mirror.commit(commit).await.unwrap(), first, "the same commit again");
        mirror.push(vec![update("refs/heads/main", None, Some(&first))]).await.unwrap();
        let (good, told) = gpg.verify(&remote, &first);
        assert!(good && told.contains("Good signature from \"hoist@example.com\""), "{told}");
        assert!(!Gpg::new().verify(&remote, &first).0, "not without its public key");
    }
}

#[test]
fn the_part_of_a_gpg_key_that_is_for_signing_signs() {
    let gpg = Gpg::new();
    gpg.run(&["--passphrase", "", "--quick-gen-key", "hoist@example.com", "ed25519", "cert"]);
    let exported = || gpg.run(&["--passphrase", "", "--armor", "--export-secret-keys"]);
    let told = format!("{:#}", Signer::openpgp(&exported().into(), None).unwrap_err());
    assert_eq!(told, "none of its keys is for signing");
    let listed = gpg.run(&["--with-colons", "--list-keys"]);
    let print = listed.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).unwrap();
    let print = print.trim_end_matches(':');
    gpg.run(&["--passphrase", "", "--quick-add-key", print, "ed25519", "sign"]);
    assert!(Signer::openpgp(&exported().into(), None).is_ok());
}

#[test]
fn a_gpg_key_that_cannot_sign_says_why_and_shows_nothing() {
    let (gpg, other) = (Gpg::new(), Gpg::new());
    let locked = gpg.key("ed25519", PASSPHRASE);
    let cases = [
        (&locked, None, "give its `passphrase`"),
        (&locked, Some(secret("wrong-hunter3")), "does not open it"),
        (&other.key("nistp256", ""), None, "Ed25519 and RSA"),
        (&secret("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nhunter4"), None, "no private key"),
    ];
    for (key, passphrase, words) in cases {
        let told = format!("{:#?}", Signer::openpgp(key, passphrase.as_ref()).unwrap_err());
        assert!(told.contains(words), "{told}");
        assert!(!told.contains("hunter"), "{told}");
    }
}
