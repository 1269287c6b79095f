//! Our own ways for the bytes, under libgit2's protocol.
//!
//! libgit2 finds a transport by the scheme of the address and by nothing else, for the whole
//! process. So one scheme is registered, and which wire is meant is said on the thread that makes
//! the transfer, for as long as it takes.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use git2::{Error, ErrorClass, ErrorCode};

use super::TransportError;

/// What libgit2 is told to connect to.
pub(super) const ADDRESS: &str = "hoist-wire://remote/";

/// The scheme of [`ADDRESS`].
pub(in super::super) const SCHEME: &str = "hoist-wire";

/// A way for the bytes of Git's protocol.
pub(in super::super) trait Wire: Send + Sync {
    /// Reaches the server and asks it for a service.
    fn open(&self, service: Service) -> Result<Box<dyn SmartSubtransportStream>, TransportError>;

    /// Whether each question is an exchange of its own, or all go over one connection.
    fn manner(&self) -> Manner;

    /// Takes our secret out of a text of the server's.
    fn scrub(&self, text: &str) -> String;
}

/// How questions and answers follow each other on a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Manner {
    /// One connection from the first word to the last.
    Conversation,
    /// A request and a response each time, which know nothing of those before.
    Exchanges,
}

thread_local! {
    static CALL: RefCell<Option<Arc<Call>>> = const { RefCell::new(None) };
}

/// A transfer under way, and the first thing that went wrong with it.
struct Call {
    wire: Arc<dyn Wire>,
    failure: Mutex<Option<TransportError>>,
}

impl Call {
    /// libgit2 keeps a text of an error and nothing else.
    fn note(&self, error: &TransportError) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| error.clone());
    }
}

/// Has libgit2 do `work` over a wire; tells also what went wrong on the wire itself.
pub(super) fn over<T>(
    wire: &Arc<dyn Wire>,
    work: impl FnOnce() -> T,
) -> (T, Option<TransportError>) {
    let call = Arc::new(Call { wire: Arc::clone(wire), failure: Mutex::default() });
    CALL.set(Some(Arc::clone(&call)));
    let done = work();
    CALL.set(None);
    let failure = call.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    (done, failure)
}

/// What libgit2 gets for an address of [`SCHEME`].
pub(in super::super) fn transport(remote: &git2::Remote<'_>) -> Result<Transport, Error> {
    let call = CALL.with_borrow(Clone::clone);
    let call = call.ok_or_else(|| Error::from_str("no transfer of hoist's is under way"))?;
    let rounds = match call.wire.manner() {
        Manner::Conversation => false,
        Manner::Exchanges => true,
    };
    Transport::smart(remote, rounds, Subtransport(call))
}

struct Subtransport(Arc<Call>);

impl SmartSubtransport for Subtransport {
    fn action(&self, _: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, Error> {
        match self.0.wire.open(service) {
            Ok(stream) => Ok(Box::new(Noted { call: Arc::clone(&self.0), stream })),
            Err(error) => {
                self.0.note(&error);
                let told = error.to_string().replace('\0', "");
                Err(Error::new(ErrorCode::GenericError, ErrorClass::Net, told))
            }
        }
    }

    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A stream whose failures are kept as they are.
struct Noted {
    call: Arc<Call>,
    stream: Box<dyn SmartSubtransportStream>,
}

impl Noted {
    fn note<T>(&self, done: io::Result<T>) -> io::Result<T> {
        if let Err(cause) = &done
            && let Some(error) = cause.get_ref().and_then(|it| it.downcast_ref())
        {
            self.call.note(error);
        }
        done
    }
}

impl Read for Noted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let done = self.stream.read(buffer);
        self.note(done)
    }
}

impl Write for Noted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.stream.write(bytes);
        self.note(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.stream.flush();
        self.note(done)
    }
}
