//! A bad stretch of road before a server: what passes is held up, slowed, cut or lost.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

/// What becomes of the server's answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Road {
    /// They pass.
    Good,
    /// They never come.
    Stuck,
    /// They come a byte now and then.
    Slow,
    /// They come without a pause, and not fast: 160 KiB a second.
    Narrow,
    /// They break off in the middle.
    Cut,
    /// Those to pushes are lost, when the server has done what was asked.
    Lossy,
    /// They pass; but nothing more comes to the server.
    Clogged,
    /// They pass; but the question for refs and the one for what a push may do come to the server
    /// together, or not at all.
    Abreast,
}

const ROADS: [Road; 8] = [
    Road::Good,
    Road::Stuck,
    Road::Slow,
    Road::Narrow,
    Road::Cut,
    Road::Lossy,
    Road::Clogged,
    Road::Abreast,
];

/// How many bytes pass before an answer is cut: into the list of refs, not past it.
const BEFORE_THE_CUT: usize = 250;

/// Leads to a server on this machine until it is dropped.
pub struct Detour {
    pub port: u16,
    road: Arc<AtomicU8>,
    closed: Arc<AtomicBool>,
    calls: Arc<Mutex<Vec<TcpStream>>>,
}

impl Detour {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let here = listener.local_addr().unwrap().port();
        let (road, closed) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicBool::new(false)));
        let calls = Arc::<Mutex<Vec<TcpStream>>>::default();
        let detour = Self {
            port: here,
            road: Arc::clone(&road),
            closed: Arc::clone(&closed),
            calls: Arc::clone(&calls),
        };
        let both = Arc::new(Barrier::new(2));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
                calls.lock().unwrap().push(server.try_clone().unwrap());
                join((client, server), &road, &both);
            }
        });
        detour
    }

    /// Ends every connection, as a server does with one that nobody uses; new ones are welcome.
    pub fn hang_up(&self) {
        for server in self.calls.lock().unwrap().drain(..) {
            drop(server.shutdown(Shutdown::Both));
        }
    }

    pub fn take(&self, road: Road) {
        self.road.store(road as u8, Ordering::SeqCst);
    }
}

impl Drop for Detour {
    fn drop(&mut self) {
        self.take(Road::Cut);
        self.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

fn join((client, server): (TcpStream, TcpStream), road: &Arc<AtomicU8>, both: &Arc<Barrier>) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let pushes = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&pushes);
    let (taken, both) = (Arc::clone(road), Arc::clone(both));
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..read]);
            if text.contains("POST ") {
                noted.store(text.contains("/git-receive-pack"), Ordering::SeqCst);
            }
            let now = || ROADS[usize::from(taken.load(Ordering::SeqCst))];
            while now() == Road::Clogged {
                std::thread::sleep(Duration::from_millis(20));
            }
            let of_two = ["command=ls-refs", "?service=git-receive-pack"];
            if now() == Road::Abreast && of_two.iter().any(|part| text.contains(part)) {
                both.wait();
            }
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Write));
    });
    let road = Arc::clone(road);
    std::thread::spawn(move || {
        answer(&client, &server, (&road, &pushes));
        drop((client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both)));
    });
}

/// Passes answers on, as the road is at each moment; ends the connection when it returns.
fn answer(
    mut client: &TcpStream,
    mut server: &TcpStream,
    (road, pushes): (&AtomicU8, &AtomicBool),
) {
    let mut buffer = [0; 16 * 1024];
    let passed = AtomicUsize::new(0);
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        let now = || ROADS[usize::from(road.load(Ordering::SeqCst))];
        let mut left = &buffer[..read];
        while !left.is_empty() {
            let step = match now() {
                Road::Good | Road::Clogged | Road::Abreast => left.len(),
                Road::Lossy if pushes.load(Ordering::SeqCst) => return,
                Road::Lossy => left.len(),
                Road::Stuck => {
                    std::thread::sleep(Duration::from_millis(20));
                    continue;
                }
                Road::Slow => {
                    std::thread::sleep(Duration::from_millis(100));
                    1
                }
                Road::Narrow => {
                    std::thread::sleep(Duration::from_millis(100));
                    left.len()
                }
                Road::Cut => {
                    let room = BEFORE_THE_CUT.saturating_sub(passed.load(Ordering::SeqCst));
                    drop(client.write_all(&left[..room.min(left.len())]));
                    return;
                }
            };
            if client.write_all(&left[..step]).is_err() {
                return;
            }
            passed.fetch_add(step, Ordering::SeqCst);
            left = &left[step..];
        }
    }
}
