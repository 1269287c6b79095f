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
    /// They pass; but those to whoever wants everything wait.
    NoClones,
    /// They pass; but whoever wants everything is turned away by HTTP, and told to come back in a
    /// second.
    ClonesRefused,
}

const ROADS: [Road; 10] = [
    Road::Good,
    Road::Stuck,
    Road::Slow,
    Road::Narrow,
    Road::Cut,
    Road::Lossy,
    Road::Clogged,
    Road::Abreast,
    Road::NoClones,
    Road::ClonesRefused,
];

/// What a server says that has had too much of somebody.
const TOO_MUCH: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\
                        Connection: close\r\n\r\n";

/// How many bytes pass before an answer is cut: into the list of refs, not past it.
const BEFORE_THE_CUT: usize = 250;

/// Leads to a server on this machine until it is dropped.
pub struct Detour {
    pub port: u16,
    road: Arc<AtomicU8>,
    closed: Arc<AtomicBool>,
    calls: Arc<Mutex<Vec<TcpStream>>>,
    clones: Arc<AtomicUsize>,
}

/// The traffic of one connection, and of all.
#[derive(Clone)]
struct Traffic {
    road: Arc<AtomicU8>,
    /// Where two who come together wait for each other.
    both: Arc<Barrier>,
    /// How often everything was asked for by HTTP.
    clones: Arc<AtomicUsize>,
    /// Whether this connection is asked to take a push.
    pushes: Arc<AtomicBool>,
    /// Whether it is asked for everything.
    clone: Arc<AtomicBool>,
}

impl Traffic {
    fn now(&self) -> Road {
        ROADS[usize::from(self.road.load(Ordering::SeqCst))]
    }

    /// Listens to what is asked. Everything is wanted by who says that they have nothing.
    fn hear(&self, asked: &mut String, text: &str) {
        if text.contains("POST ") {
            asked.clear();
            self.clone.store(false, Ordering::SeqCst);
            self.pushes.store(text.contains("/git-receive-pack"), Ordering::SeqCst);
        }
        asked.push_str(text);
        let is_whole = asked.contains("command=fetch") && asked.contains("0009done\n");
        if is_whole && !asked.contains("have ") && !self.clone.swap(true, Ordering::SeqCst) {
            self.clones.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Detour {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let here = listener.local_addr().unwrap().port();
        let (road, closed) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicBool::new(false)));
        let calls = Arc::<Mutex<Vec<TcpStream>>>::default();
        let clones = Arc::<AtomicUsize>::default();
        let detour = Self {
            port: here,
            road: Arc::clone(&road),
            closed: Arc::clone(&closed),
            calls: Arc::clone(&calls),
            clones: Arc::clone(&clones),
        };
        let both = Arc::new(Barrier::new(2));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
                calls.lock().unwrap().push(server.try_clone().unwrap());
                let (road, both, clones) = (road.clone(), both.clone(), clones.clone());
                let (pushes, clone) = Default::default();
                join((client, server), Traffic { road, both, clones, pushes, clone });
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

    /// How often everything was asked for by HTTP.
    pub fn clones(&self) -> usize {
        self.clones.load(Ordering::SeqCst)
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

fn join((client, server): (TcpStream, TcpStream), traffic: Traffic) {
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let there = traffic.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        let mut asked = String::new();
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..read]);
            there.hear(&mut asked, &text);
            while there.now() == Road::Clogged {
                std::thread::sleep(Duration::from_millis(20));
            }
            if there.now() == Road::ClonesRefused && there.clone.load(Ordering::SeqCst) {
                drop(from.write_all(TOO_MUCH.as_bytes()));
                break;
            }
            let of_two = ["command=ls-refs", "?service=git-receive-pack"];
            if there.now() == Road::Abreast && of_two.iter().any(|part| text.contains(part)) {
                there.both.wait();
            }
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Write));
    });
    std::thread::spawn(move || {
        answer(&client, &server, &traffic);
        drop((client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both)));
    });
}

/// Passes answers on, as the road is at each moment; ends the connection when it returns.
fn answer(mut client: &TcpStream, mut server: &TcpStream, traffic: &Traffic) {
    let mut buffer = [0; 16 * 1024];
    let passed = AtomicUsize::new(0);
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        let mut left = &buffer[..read];
        while !left.is_empty() {
            let step = match traffic.now() {
                Road::Good | Road::Clogged | Road::Abreast | Road::ClonesRefused => left.len(),
                Road::Lossy if traffic.pushes.load(Ordering::SeqCst) => return,
                Road::NoClones if traffic.clone.load(Ordering::SeqCst) => {
                    std::thread::sleep(Duration::from_millis(20));
                    continue;
                }
                Road::Lossy | Road::NoClones => left.len(),
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
