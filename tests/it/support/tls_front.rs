//! A server before another one: by https, under a path, with a certificate of an authority that
//! nobody knows. So many an Enterprise server is reached.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::git_server::certify;

/// The path that everything is under.
pub const PATH: &str = "/code";

pub struct TlsFront {
    port: u16,
    /// The authority's certificate.
    pub ca: PathBuf,
    nginx: Child,
}

impl TlsFront {
    /// Stands before what listens on that port of this machine.
    pub fn before(port: u16, directory: &Path) -> Self {
        let place = |name: &str| directory.join(name);
        let (ca, ca_key) = (place("front-ca.pem"), place("front-ca-key.pem"));
        certify((&ca, &ca_key), "/CN=hoist test authority", &[]);
        let (certificate, key) = (place("front.pem"), place("front-key.pem"));
        let by = ["-CA".as_ref(), ca.as_os_str(), "-CAkey".as_ref(), ca_key.as_os_str()];
        certify((&certificate, &key), "/CN=hoist test", &by);
        let own = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let here = directory.display();
        let text = format!(
            "daemon off; master_process off; pid {here}/front.pid;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n\
             access_log off; client_max_body_size 0;\n\
             client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;\n\
             fastcgi_temp_path {here}/fastcgi; uwsgi_temp_path {here}/uwsgi;\n\
             scgi_temp_path {here}/scgi;\n\
             # As it came: a GitLab tells %2F from a slash.\n\
             map $request_uri $rest {{ default \"\"; ~^{PATH}(?<as_it_came>/.*)$ $as_it_came; }}\n\
             server {{ listen 127.0.0.1:{own} ssl;\n\
             ssl_certificate {}; ssl_certificate_key {};\n\
             location {PATH}/ {{ proxy_pass http://127.0.0.1:{port}$rest; proxy_http_version 1.1; }}\n\
             }} }}\n",
            certificate.display(),
            key.display(),
        );
        std::fs::write(place("front.conf"), text).unwrap();
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(directory).arg("-e").arg(place("front-error.log"));
        nginx.arg("-c").arg(place("front.conf"));
        nginx.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let nginx = nginx.spawn().expect("nginx starts: apt-get install nginx-light");
        let front = Self { port: own, ca, nginx };
        front.wait();
        front
    }

    fn wait(&self) {
        for _ in 0..200 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("nginx does not answer")
    }

    /// Where it stands, with its path.
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}{PATH}", self.port)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        drop(self.nginx.kill());
        drop(self.nginx.wait());
    }
}
