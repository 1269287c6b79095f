//! Commits that are signed, as Git itself sees it.

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
    let signer = Signer::new(&key(&place, "ed25519", PASSPHRASE), Some(&secret(PASSPHRASE)));
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
        let told = format!("{:#?}", Signer::new(key, passphrase.as_ref()).unwrap_err());
        assert!(told.contains(words), "{told}");
        assert!(!told.contains("hunter"), "{told}");
    }
    let good = Signer::new(&locked, Some(&secret(PASSPHRASE))).unwrap();
    assert_eq!(format!("{good:?}"), "Signer(***)");
}
