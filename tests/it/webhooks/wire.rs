//! What strangers put on the wire itself: too much, too little, and without end.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hoist::http::listener::{self, Deadlines};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot::{self, Sender};
use tokio::task::JoinHandle;

use super::world::*;

/// Serves on a real socket.
async fn listening(world: &World) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = world.router.clone();
    let forever = std::future::pending();
    tokio::spawn(listener::serve(listener, router, Deadlines::default(), forever));
    address
}

/// The same until it is told to end.
async fn serving(world: &World, within: Deadlines) -> (SocketAddr, Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, (end, ended)) = (world.router.clone(), oneshot::channel::<()>());
    let serving = tokio::spawn(async move {
        listener::serve(listener, router, within, async move { drop(ended.await) }).await;
    });
    (address, end, serving)
}

const HEAD: &str =
    "POST /hooks/artifacts HTTP/1.1\r\nHost: hoist\r\nContent-Type: application/json\r\n";

async fn sending(address: SocketAddr, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{HEAD}{more}\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

/// The status that comes back, or `-` where the connection just ends.
async fn status(stream: &mut TcpStream) -> String {
    let mut answer = [0; 12];
    let reading = stream.read_exact(&mut answer);
    match tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap() {
        Ok(_) => String::from_utf8_lossy(&answer[9..]).into_owned(),
        Err(_) => "-".to_owned(),
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for() {
    let world = World::new().await;
    let soon = Deadlines { head: Duration::from_millis(300), ..Deadlines::default() };
    let (address, end, serving) = serving(&world, soon).await;
    // Half a head, none, and a whole one behind which no other comes.
    let heads = [
        "POST /hooks/artifacts HTTP/1.1\r\nHost: ho",
        "",
        "GET /healthz HTTP/1.1\r\nHost: hoist\r\n\r\n",
    ];
    for (head, answer) in heads.into_iter().zip(["", "", "HTTP/1.1 200 OK"]) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut all = String::new();
        let reading = stream.read_to_string(&mut all);
        tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap();
        assert!(all.starts_with(answer) && all.is_empty() == answer.is_empty(), "{head:?}: {all}");
    }

    // What has begun when the end comes is answered.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{HEAD}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut goes_on = [0; 25];
    stream.read_exact(&mut goes_on).await.unwrap();
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    drop(end);
    stream.write_all(b"{}").await.unwrap();
    assert_eq!(status(&mut stream).await, "401");
    drop(stream);
    tokio::time::timeout(Duration::from_secs(20), serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn at_the_end_nobody_is_waited_for_who_never_comes_to_theirs() {
    let world = World::new().await;
    let soon = Deadlines { end: Duration::from_millis(300), ..Deadlines::default() };
    let (address, end, serving) = serving(&world, soon).await;
    let mut streams = Vec::new();
    // Half a head, a body of which nothing comes, and somebody who asks and asks, and never reads.
    let form = "POST /sign-in HTTP/1.1\r\nHost: hoist\r\nSec-Fetch-Site: same-origin\r\n\
                Content-Length: 9\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\n";
    let greedy = "GET /sign-in HTTP/1.1\r\nHost: hoist\r\n\r\n".repeat(20_000);
    for sent in ["POST /hooks/artifacts HTTP/1.1\r\nHost: ho", form, &greedy] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // What the machine's own buffers do not hold is never taken.
        let sending = stream.write_all(sent.as_bytes());
        drop(tokio::time::timeout(Duration::from_millis(500), sending).await);
        streams.push(stream);
    }
    drop(end);
    tokio::time::timeout(Duration::from_secs(5), serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_body_that_says_to_be_huge_is_refused_before_it_comes() {
    let world = World::new().await;
    let mut stream = sending(listening(&world).await, "Content-Length: 99999999999").await;
    assert_eq!(status(&mut stream).await, "413");
}

#[tokio::test]
async fn of_a_body_without_end_little_more_than_the_limit_is_read() {
    let world = World::new().await;
    let stream = sending(listening(&world).await, "Transfer-Encoding: chunked").await;
    let (mut from, mut to) = stream.into_split();
    let endless = tokio::spawn(async move {
        let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
        let mut sent = 0_usize;
        while to.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        sent
    });
    let mut answer = [0; 12];
    from.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer[9..], b"413");
    drop(from);
    let sent = endless.await.unwrap();
    // What the machine's own buffers hold on both sides is more than what hoist takes.
    assert!(sent < 32 << 20, "{sent}");
    assert_eq!(world.deliveries().await, [""; 0]);
}

#[tokio::test]
async fn what_breaks_off_or_is_packed_leaves_nothing_behind() {
    let world = World::new().await;
    let address = listening(&world).await;
    let body = shop(1).to_string();
    let signature = hub_signature(SECRET, body.as_bytes());
    let signed = format!("X-Hub-Signature-256: {signature}\r\nContent-Length: {}", body.len());
    let mut stream = sending(address, &signed).await;
    stream.write_all(&body.as_bytes()[..body.len() / 2]).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(["400", "-"].contains(&status(&mut stream).await.as_str()));

    // A mebibyte of zeros, packed a thousandfold, is not unpacked to be refused.
    let mut packed = sending(address, "Content-Encoding: gzip\r\nContent-Length: 1000000").await;
    assert_eq!(status(&mut packed).await, "415");
    assert_eq!(world.deliveries().await, [""; 0]);
    assert_eq!(world.audit().await, [""; 0]);

    // The whole is taken.
    let mut stream = sending(address, &signed).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    assert_eq!(status(&mut stream).await, "202");
}
