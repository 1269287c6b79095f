//! A server behind SSH, by libssh2.
//!
//! libgit2 has a way of its own over the same library. This one dials itself, so that a stuck
//! transfer can be ended from outside; judges the host key by what the configuration says and not by
//! files of whoever runs hoist; and keeps apart what libgit2 tells in one text.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use git2::transport::{Service, SmartSubtransportStream};
use secrecy::{ExposeSecret, SecretString};
use ssh2::{Channel, ErrorCode, MethodType, Session};

use super::hosts::{HostKeys, Verdict};
use super::wire::{Manner, Wire};
use super::{Held, Kind, Patience, TransportError, WORDS_LIMIT, readable};
use crate::adapters::git::settings::Login;
use crate::domain::address::SshAddress;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest wait for an agent: it answers at once, or asks a person whom a service does not have.
const AGENT: Duration = Duration::from_secs(10);

/// Longest silence of the server, and longest wait for room to write.
const SILENCE_MILLIS: u32 = 60_000;

/// What libssh2 answers when a key does not get in.
const NOT_ADMITTED: [i32; 3] = [-18, -19, -42];

/// What libssh2 answers when it cannot read a key.
const UNREADABLE_KEY: i32 = -16;

/// The kinds of host keys that are asked for, one after the other, until one is known.
///
/// A server shows one key only, of the kind that its visitor likes best; the known one may be of
/// another.
const KINDS: [&str; 4] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "rsa-sha2-512,rsa-sha2-256",
    "ecdsa-sha2-nistp521,ecdsa-sha2-nistp384",
];

pub(super) struct SshWire {
    address: SshAddress,
    login: Login,
    hosts: HostKeys,
    patience: Patience,
    /// The kind of host key that was known last time.
    kind: Mutex<Option<&'static str>>,
    /// Who speaks with the agent, or still waits for it.
    asking: Mutex<Option<JoinHandle<()>>>,
}

impl SshWire {
    pub(super) fn new(
        address: SshAddress,
        login: Login,
        hosts: HostKeys,
        patience: Patience,
    ) -> Self {
        let (kind, asking) = Default::default();
        Self { address, login, hosts, patience, kind, asking }
    }

    /// A connection to the server that was meant, and to no other.
    fn connect(&self) -> Result<(Session, Held), TransportError> {
        let liked = *self.kind.lock().unwrap_or_else(PoisonError::into_inner);
        let others = KINDS.into_iter().filter(|kind| Some(*kind) != liked).map(Some);
        let mut refusal: Option<TransportError> = None;
        for kind in [liked].into_iter().chain(others) {
            let (session, held) = match self.shake_hands(kind) {
                Ok(met) => met,
                // It has no key of this kind.
                Err(_) if refusal.is_some() => continue,
                Err(error) => return Err(error),
            };
            match self.hosts.judge(&session, &self.address)? {
                Verdict::Known => {
                    *self.kind.lock().unwrap_or_else(PoisonError::into_inner) = kind;
                    return Ok((session, held));
                }
                Verdict::Unknown(told) => return Err(TransportError::new(Kind::Untrusted, told)),
                Verdict::Other(told) => {
                    refusal.get_or_insert_with(|| TransportError::new(Kind::Untrusted, told));
                }
            }
        }
        Err(refusal.unwrap_or_else(|| self.broken("the server shows no host key")))
    }

    fn shake_hands(&self, kind: Option<&str>) -> Result<(Session, Held), TransportError> {
        let stream = self.dial()?;
        // Questions and answers are short and wait for each other.
        stream.set_nodelay(true).map_err(|cause| self.broken(cause))?;
        let held = self.patience.hold(&stream).map_err(|cause| self.broken(cause))?;
        let mut session = Session::new().map_err(|cause| self.broken(cause))?;
        session.set_timeout(SILENCE_MILLIS);
        if let Some(kind) = kind {
            let asked = session.method_pref(MethodType::HostKey, kind);
            asked.map_err(|cause| self.broken(cause))?;
        }
        session.set_tcp_stream(stream);
        session.handshake().map_err(|cause| self.broken(cause))?;
        Ok((session, held))
    }

    fn dial(&self) -> Result<TcpStream, TransportError> {
        let SshAddress { host, port, .. } = &self.address;
        let found = (host.as_str(), *port).to_socket_addrs().map_err(|cause| self.broken(cause))?;
        let mut last = None;
        for address in found {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(stream) => return Ok(stream),
                Err(cause) => last = Some(cause),
            }
        }
        Err(match last {
            Some(cause) => self.broken(cause),
            None => self.broken("its name leads nowhere"),
        })
    }

    /// Says who we are, once: a server may lock out who tries again and again.
    fn log_in(&self, session: &Session) -> Result<(), TransportError> {
        let user = &self.address.user;
        let done = match &self.login {
            Login::Key { key, passphrase } => {
                // A key's last line wants its end.
                let key: SecretString = format!("{}\n", key.expose_secret().trim_end()).into();
                let passphrase = passphrase.as_ref().map(ExposeSecret::expose_secret);
                session.userauth_pubkey_memory(user, None, key.expose_secret(), passphrase)
            }
            Login::Agent(socket) => return self.ask_agent(session, socket),
        };
        done.map_err(|cause| match cause.code() {
            ErrorCode::Session(UNREADABLE_KEY) => self.refused(
                "our `ssh_key` cannot be read: its `passphrase` is wrong or missing, or it is of \
                 a kind that hoist does not know (OpenSSH's Ed25519, ECDSA and RSA are)",
            ),
            ErrorCode::Session(code) if NOT_ADMITTED.contains(&code) => self.refused(&format!(
                "the server does not let `{user}` in with our `ssh_key`; give it the public half \
                 (`ssh-keygen -y -f KEY` prints it), as a deploy key that may write"
            )),
            ErrorCode::Session(_) | ErrorCode::SFTP(_) => self.broken(cause),
        })
    }

    /// Has somebody speak with the agent who can be left alone: libssh2 waits for one without an end.
    /// Of those there is one at most.
    fn ask_agent(&self, session: &Session, socket: &Path) -> Result<(), TransportError> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = || {
            let (shown, waited) = (socket.display(), AGENT.as_secs());
            // It may answer the next time.
            self.broken(format!(
                "the agent at {shown} (`ssh_agent`) gave no answer within {waited} s; check that it \
                 asks nobody before it lets a key be used"
            ))
        };
        if asking.as_ref().is_some_and(|it| !it.is_finished()) {
            return Err(silent());
        }
        let (tell, told) = mpsc::channel();
        let (session, socket, user) =
            (session.clone(), socket.to_owned(), self.address.user.clone());
        let work = move || drop(tell.send(offer_keys(&session, &socket, &user)));
        let begun = thread::Builder::new().name("ssh-agent".to_owned()).spawn(work);
        *asking = Some(begun.map_err(|cause| self.broken(cause))?);
        match told.recv_timeout(AGENT) {
            Ok(done) => done.map_err(|why| self.refused(&why)),
            Err(_) => Err(silent()),
        }
    }

    fn refused(&self, told: &str) -> TransportError {
        TransportError::new(Kind::Unauthorized, format!("{}: {told}", self.address))
    }

    fn broken(&self, cause: impl std::fmt::Display) -> TransportError {
        TransportError::new(Kind::Unreachable, format!("{}: {cause}", self.address))
    }
}

/// Offers each key of an agent, as `ssh` does; tells why none lets us in.
fn offer_keys(session: &Session, socket: &Path, user: &str) -> Result<(), String> {
    let unreachable = |cause: ssh2::Error| {
        let shown = socket.display();
        format!(
            "the agent at {shown} (`ssh_agent`) cannot be asked: {}; check that it runs and that \
             hoist's user may use its socket",
            cause.message()
        )
    };
    let mut agent = session.agent().map_err(unreachable)?;
    agent.set_identity_path(socket).map_err(unreachable)?;
    agent.connect().map_err(unreachable)?;
    agent.list_identities().map_err(unreachable)?;
    let keys = agent.identities().map_err(unreachable)?;
    if keys.iter().any(|key| agent.userauth(user, key).is_ok()) {
        return Ok(());
    }
    Err(format!(
        "the server lets `{user}` in with none of the {} keys of the agent; `ssh-add -l` lists them",
        keys.len()
    ))
}

impl Wire for SshWire {
    fn open(&self, service: Service) -> Result<Box<dyn SmartSubtransportStream>, TransportError> {
        let program = match service {
            Service::UploadPackLs | Service::UploadPack => "git-upload-pack",
            Service::ReceivePackLs | Service::ReceivePack => "git-receive-pack",
        };
        let (session, held) = self.connect()?;
        self.log_in(&session).inspect_err(|_| held.cut())?;
        let mut channel = session.channel_session().map_err(|cause| self.broken(cause))?;
        let command = format!("{program} {}", quoted(&self.address.path));
        channel.exec(&command).map_err(|cause| self.broken(cause))?;
        let address = self.address.to_string();
        Ok(Box::new(SshStream { channel, held, address, heard: Heard::Nothing, _session: session }))
    }

    fn manner(&self) -> Manner {
        Manner::Conversation
    }

    /// A key is never sent, so no server can repeat it.
    fn scrub(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// A word for the server's shell.
fn quoted(path: &str) -> String {
    let mut word = String::from("'");
    for c in path.chars() {
        match c {
            // The second for the sake of csh, as Git does.
            '\'' | '!' => word.extend(["'\\", &c.to_string(), "'"]),
            other => word.push(other),
        }
    }
    word.push('\'');
    word
}

/// Whether the program on the other side has said anything yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Something,
}

/// A conversation with Git's program on the server. Fields end in this order.
struct SshStream {
    channel: Channel,
    _session: Session,
    held: Held,
    address: String,
    heard: Heard,
}

impl SshStream {
    /// The program ended before its first word: what it said on the way out tells why.
    fn explain(&mut self) -> TransportError {
        let mut words = Vec::new();
        let mut limited = self.channel.stderr().take(WORDS_LIMIT as u64);
        // Less than all of it is better than nothing.
        let _partly = limited.read_to_end(&mut words);
        let words = readable(&String::from_utf8_lossy(&words));
        let (kind, hint) = sort(&words);
        let words = if words.is_empty() { "the server ended it without a word" } else { &words };
        TransportError::new(kind, format!("{}: {words}{hint}", self.address))
    }

    fn broken(&self, cause: &io::Error) -> io::Error {
        self.held.cut();
        let told = format!("{}: {cause}", self.address);
        io::Error::other(TransportError::new(Kind::Unreachable, told))
    }
}

/// What a server means that ends the conversation with these words; each has its own.
fn sort(words: &str) -> (Kind, &'static str) {
    let words = words.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if says(&["not found", "not be found", "not appear to be a git", "not exist", "cannot find"]) {
        (Kind::NoRepository, "; check the repository's url, and that our key may see it")
    } else if says(&["denied", "permission", "read only", "read-only", "not allowed", "authoriz"]) {
        (Kind::Unauthorized, "; check what our key may do there")
    } else {
        (Kind::Unreachable, "")
    }
}

impl Read for SshStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.channel.read(buffer) {
            Ok(0) if self.heard == Heard::Nothing => Err(io::Error::other(self.explain())),
            Ok(read) => {
                self.heard = Heard::Something;
                self.held.0.note(read);
                Ok(read)
            }
            Err(cause) => Err(self.broken(&cause)),
        }
    }
}

impl Write for SshStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.channel.write(bytes).map_err(|cause| self.broken(&cause))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.channel.flush().map_err(|cause| self.broken(&cause))
    }
}
