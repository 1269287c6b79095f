//! The Git of the simulated forges over HTTP: `git http-backend`, by CGI.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

pub async fn serve(
    known: bool,
    bare: &Path,
    (method, rest, uri): (&Method, &str, &Uri),
    (headers, body): (&HeaderMap, Bytes),
) -> Response {
    if !known {
        let ask = [("www-authenticate", "Basic realm=\"Git\"")];
        return (StatusCode::UNAUTHORIZED, ask, "").into_response();
    }
    let header = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or("");
    let mut git = Command::new("git");
    git.args(["-c", "http.receivepack=true", "http-backend"]);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    git.env("GIT_PROJECT_ROOT", bare).env("GIT_HTTP_EXPORT_ALL", "1");
    git.env("PATH_INFO", format!("/{rest}")).env("REQUEST_METHOD", method.as_str());
    git.env("QUERY_STRING", uri.query().unwrap_or_default());
    git.env("CONTENT_TYPE", header("content-type")).env("CONTENT_LENGTH", body.len().to_string());
    git.env("HTTP_CONTENT_ENCODING", header("content-encoding"));
    git.env("GIT_PROTOCOL", header("git-protocol"));
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let run = tokio::task::spawn_blocking(move || {
        let mut child = git.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let writing = std::thread::spawn(move || {
            let _it_may_not_read_all = input.write_all(&body);
        });
        let out = child.wait_with_output().unwrap();
        writing.join().unwrap();
        out
    });
    let out = run.await.unwrap();
    answer(&out.stdout)
}

/// Reads what a CGI program printed.
fn answer(printed: &[u8]) -> Response {
    let end = printed.windows(4).position(|it| it == b"\r\n\r\n");
    let end =
        end.unwrap_or_else(|| panic!("git http-backend: {}", String::from_utf8_lossy(printed)));
    let mut response = (StatusCode::OK, printed[end + 4..].to_vec()).into_response();
    response.headers_mut().clear();
    for line in String::from_utf8_lossy(&printed[..end]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        if name == "Status" {
            *response.status_mut() = value[..3].parse().unwrap();
        } else {
            let name: axum::http::HeaderName = name.parse().unwrap();
            response.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    response
}
