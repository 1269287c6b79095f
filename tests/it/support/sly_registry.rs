//! A simulated registry for what a real one does not do on demand: it is slow, broken, sly and
//! overwhelmed; and it counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::task::JoinHandle;

use super::registry::Layout;

/// What is wrong with it.
#[derive(Clone, Debug, Default)]
pub enum Mood {
    #[default]
    Well,
    /// No answer ever comes.
    Silent,
    /// Every answer is this status, with these headers.
    Says(StatusCode, Vec<(&'static str, String)>),
    /// Every body is endless.
    Endless,
    /// Every body ends in the middle.
    BreaksOff,
    /// Whoever logs in is sent elsewhere for blobs.
    Redirects(String),
}

#[derive(Default)]
struct Shop {
    mood: Mood,
    manifests: BTreeMap<String, (String, Vec<u8>)>,
    blobs: BTreeMap<String, Vec<u8>>,
    referrers: BTreeMap<String, Vec<u8>>,
    /// Every question: method, path with query, and what it brought to get in.
    asked: Vec<String>,
    digest_header: bool,
}

pub struct SlyRegistry {
    pub port: u16,
    shop: Arc<Mutex<Shop>>,
    server: JoinHandle<()>,
}

impl Drop for SlyRegistry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl SlyRegistry {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shop = Arc::new(Mutex::new(Shop { digest_header: true, ..Shop::default() }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shop));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, shop, server }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn mood(&self, mood: Mood) {
        self.shop().mood = mood;
    }

    /// Has a layout's content, in every repository, and its manifest under a tag.
    pub fn keep(&self, layout: &Layout, tag: &str) {
        let mut shop = self.shop();
        for (digest, bytes) in layout.blobs() {
            let kind = media_type(&bytes).unwrap_or_default();
            shop.manifests.insert(digest.clone(), (kind, bytes.clone()));
            shop.blobs.insert(digest, bytes);
        }
        let manifest = (layout.media_type.clone(), layout.bytes.clone());
        shop.manifests.insert(tag.to_owned(), manifest);
    }

    /// Has other bytes under a tag or a digest than it should.
    pub fn put(&self, reference: &str, media_type: &str, bytes: &[u8]) {
        let manifest = (media_type.to_owned(), bytes.to_vec());
        self.shop().manifests.insert(reference.to_owned(), manifest);
    }

    /// Has other bytes than it should under a blob's digest, or nothing any more.
    pub fn spoil(&self, digest: &str, bytes: Option<&[u8]>) {
        let mut shop = self.shop();
        shop.blobs.remove(digest);
        shop.blobs.extend(bytes.map(|bytes| (digest.to_owned(), bytes.to_vec())));
    }

    /// Lists what refers to a digest, as OCI 1.1 has it.
    pub fn refer(&self, digest: &str, index: &serde_json::Value) {
        let index = index.to_string().into_bytes();
        self.shop().referrers.insert(digest.to_owned(), index);
    }

    /// Does not say which digest an answer has.
    pub fn keep_digests_to_itself(&self) {
        self.shop().digest_header = false;
    }

    /// What it was asked since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shop().asked)
    }

    fn shop(&self) -> MutexGuard<'_, Shop> {
        self.shop.lock().unwrap()
    }
}

fn media_type(bytes: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    Some(json.get("mediaType")?.as_str()?.to_owned())
}

async fn answer(
    State(shop): State<Arc<Mutex<Shop>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let (mood, is_stranger) = {
        let mut shop = shop.lock().unwrap();
        let login = headers.get(header::AUTHORIZATION).map_or("-", |it| it.to_str().unwrap());
        shop.asked.push(format!("{method} {uri} {login}"));
        (shop.mood.clone(), login == "-")
    };
    match mood {
        Mood::Silent => std::future::pending().await,
        Mood::Says(status, headers) => {
            let mut answer = status.into_response();
            for (name, value) in headers {
                answer.headers_mut().append(name, value.parse().unwrap());
            }
            answer
        }
        Mood::Endless => {
            let chunk = vec![b'x'; 64 * 1024];
            let chunks = std::iter::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
            Body::from_stream(futures::stream::iter(chunks)).into_response()
        }
        Mood::BreaksOff => {
            let parts = [Ok("{\"schema"), Err(std::io::Error::other("the cable is cut"))];
            Body::from_stream(futures::stream::iter(parts)).into_response()
        }
        Mood::Redirects(_) if is_stranger => {
            let asks = [(header::WWW_AUTHENTICATE, "Basic realm=\"x\"")];
            (StatusCode::UNAUTHORIZED, asks).into_response()
        }
        Mood::Redirects(to) if uri.path().contains("/blobs/") => {
            let to = format!("{to}{}", uri.path());
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
        }
        Mood::Well | Mood::Redirects(_) => serve(&shop.lock().unwrap(), &uri),
    }
}

fn serve(shop: &Shop, uri: &Uri) -> Response {
    let (rest, name) = uri.path().rsplit_once('/').unwrap();
    let is_blob = rest.ends_with("/blobs");
    if let (true, Some(blob)) = (is_blob, shop.blobs.get(name)) {
        return blob.clone().into_response();
    }
    if let (true, Some(index)) = (rest.ends_with("/referrers"), shop.referrers.get(name)) {
        return index.clone().into_response();
    }
    match shop.manifests.get(name) {
        Some((media_type, bytes)) if rest.ends_with("/manifests") => {
            let mut answer = bytes.clone().into_response();
            let headers = answer.headers_mut();
            headers.insert(header::CONTENT_TYPE, media_type.parse().unwrap());
            if shop.digest_header {
                let digest = super::registry::digest_of(bytes);
                headers.insert("docker-content-digest", digest.parse().unwrap());
            }
            answer
        }
        Some(_) | None => StatusCode::NOT_FOUND.into_response(),
    }
}
