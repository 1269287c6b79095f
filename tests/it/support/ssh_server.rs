//! A real SSH server: `sshd` of its own, with its own keys, on a free loopback port.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hoist::adapters::git::{Credentials, HostKeys, Login};

/// What locks [`SshServer::locked_key`].
pub const PASSPHRASE: &str = "open-hunter2-sesame";

/// Serves the bare repositories of a directory until it is dropped.
pub struct SshServer {
    pub port: u16,
    pub user: String,
    directory: PathBuf,
    sshd: Child,
}

impl SshServer {
    /// Lets in who has one of the keys here, and runs Git's two programs for them and nothing else.
    pub fn start(repositories: &Path) -> Self {
        let directory = repositories.join("ssh");
        std::fs::create_dir_all(&directory).unwrap();
        for (name, kind) in
            [("host_ed25519", "ed25519"), ("host_ecdsa", "ecdsa"), ("host_rsa", "rsa")]
        {
            keygen(&directory.join(name), kind, "");
        }
        for (name, kind, passphrase) in [
            ("key", "ed25519", ""),
            ("locked", "ed25519", PASSPHRASE),
            ("rsa", "rsa", ""),
            ("stranger", "ed25519", ""),
        ] {
            keygen(&directory.join(name), kind, passphrase);
        }
        let admitted: String = ["key", "locked", "rsa"]
            .map(|name| std::fs::read_to_string(directory.join(format!("{name}.pub"))).unwrap())
            .concat();
        std::fs::write(directory.join("authorized"), admitted).unwrap();
        write_gate(&directory);
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout);
        let user = user.unwrap().trim().to_owned();
        if user == "root" {
            // Debian's service makes it; sshd of root's wants it, and does not start without.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        std::fs::write(directory.join("sshd_config"), configuration(&directory, port)).unwrap();
        let sshd = start_sshd(&directory);
        let server = Self { port, user, directory, sshd };
        server.wait();
        server
    }

    fn wait(&self) {
        for _ in 0..400 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("sshd does not answer: {}", self.log());
    }

    /// What sshd has told of each visit.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// One of the keys here: `key`, `locked`, `rsa`; or `stranger`, who is not let in.
    pub fn key(&self, name: &str, passphrase: Option<&str>) -> Credentials {
        let key = std::fs::read_to_string(self.directory.join(name)).unwrap();
        let passphrase = passphrase.map(|text| text.to_owned().into());
        Credentials::Ssh(Login::Key { key: key.into(), passphrase })
    }

    /// The place of a key's file.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The line of `known_hosts` for one of the host keys.
    pub fn line(&self, host_key: &str) -> String {
        let public = std::fs::read_to_string(self.directory.join(format!("{host_key}.pub")));
        format!("[127.0.0.1]:{} {}", self.port, public.unwrap())
    }

    /// A file that knows this server by one of its host keys.
    pub fn known_by(&self, host_key: &str) -> HostKeys {
        HostKeys::File(format!("# the test's server\n\n{}", self.line(host_key)))
    }

    /// A host key's fingerprint, as OpenSSH itself makes it.
    pub fn fingerprint(&self, host_key: &str) -> String {
        let mut keygen = Command::new("ssh-keygen");
        keygen.arg("-lf").arg(self.directory.join(format!("{host_key}.pub")));
        let told = String::from_utf8(keygen.output().unwrap().stdout).unwrap();
        told.split(' ').nth(1).unwrap().to_owned()
    }

    /// Serves a bare repository under a name, too, as a forge does.
    pub fn name(&self, name: &str, bare: &Path) {
        let place = self.directory.join("named").join(name);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(bare, place).unwrap();
    }

    /// Has the gate say this and end, before any program of Git's runs; or work again.
    pub fn answer(&self, words: Option<&str>) {
        let path = self.directory.join("words");
        match words {
            Some(words) => std::fs::write(path, words).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        drop(self.sshd.kill());
        drop(self.sshd.wait());
    }
}

/// The only program that whoever is let in can run.
fn write_gate(directory: &Path) {
    let gate = format!(
        "#!/bin/sh\nif [ -e {0}/words ]; then cat {0}/words >&2; exit 1; fi\n\
         echo \"$SSH_ORIGINAL_COMMAND\" >> {0}/commands\n\
         named=$(echo \"$SSH_ORIGINAL_COMMAND\" | sed \"s#'/#'{0}/named/#\")\n\
         eval \"set -- $named\"\n\
         if [ -e \"$2\" ]; then SSH_ORIGINAL_COMMAND=$named; fi\n\
         exec git-shell -c \"$SSH_ORIGINAL_COMMAND\"\n",
        directory.display()
    );
    let path = directory.join("gate");
    std::fs::write(&path, gate).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn keygen(path: &Path, kind: &str, passphrase: &str) {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", kind, "-N", passphrase, "-C", "hoist test", "-f"]).arg(path);
    if kind == "rsa" {
        keygen.args(["-b", "2048"]);
    }
    let made = keygen.output().unwrap_or_else(|error| {
        panic!("ssh-keygen does not start ({error}); apt-get install openssh-server git")
    });
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// sshd wants to be called by its whole path.
fn start_sshd(directory: &Path) -> Child {
    let program = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .unwrap_or_else(|| panic!("there is no sshd; apt-get install openssh-server"));
    let mut sshd = Command::new(program);
    sshd.arg("-D").arg("-f").arg(directory.join("sshd_config"));
    sshd.arg("-E").arg(directory.join("log"));
    sshd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Many tests log in at the same time: no limit turns some away by chance.
fn configuration(directory: &Path, port: u16) -> String {
    let here = directory.display();
    format!(
        "ListenAddress 127.0.0.1\nPort {port}\nPidFile none\n\
         HostKey {here}/host_ed25519\nHostKey {here}/host_ecdsa\nHostKey {here}/host_rsa\n\
         AuthorizedKeysFile {here}/authorized\nForceCommand {here}/gate\n\
         StrictModes no\nUsePAM no\nPermitRootLogin yes\nUseDNS no\nLogLevel VERBOSE\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         MaxStartups 200\nMaxSessions 200\nDisableForwarding yes\n"
    )
}
