//! A real Git server: nginx and fcgiwrap before `git http-backend`, on a free loopback port.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Who may enter.
pub const USER: &str = "bot";
/// With which password; no error may ever show it.
pub const PASSWORD: &str = "pass-wörd-hunter2";

/// What a server shows that speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A certificate for its address, which lasts.
    Sound,
    /// One for another server.
    Misnamed,
    /// One that has ended.
    Expired,
}

/// Serves the bare repositories of a directory until it is dropped.
pub struct GitServer {
    pub port: u16,
    directory: PathBuf,
    nginx: Child,
    fcgiwrap: Child,
}

impl GitServer {
    /// Serves plain HTTP, asking for [`USER`] and [`PASSWORD`].
    pub fn start(repositories: &Path) -> Self {
        Self::start_with(repositories, "")
    }

    /// Serves HTTPS with a certificate that only whoever trusts the returned authority accepts, if
    /// anybody.
    pub fn start_tls(repositories: &Path, shown: Shown) -> (Self, PathBuf) {
        let place = |name: &str| repositories.join(name);
        let (ca, ca_key) = (place("ca.pem"), place("ca-key.pem"));
        certify((&ca, &ca_key), "/CN=hoist test authority", &[]);
        let (certificate, key) = (place("server.pem"), place("server-key.pem"));
        let by = ["-CA".as_ref(), ca.as_os_str(), "-CAkey".as_ref(), ca_key.as_os_str()];
        match shown {
            Shown::Sound => certify((&certificate, &key), "/CN=hoist test", &by),
            Shown::Misnamed => {
                certify_for(("/CN=elsewhere", "DNS:git.example.com"), (&certificate, &key), &by);
            }
            Shown::Expired => certify_long_ago((&certificate, &key), &by, repositories),
        }
        let tls = format!(
            "ssl_certificate {}; ssl_certificate_key {};",
            certificate.display(),
            key.display()
        );
        (Self::start_with(repositories, &tls), ca)
    }

    fn start_with(repositories: &Path, tls: &str) -> Self {
        let directory = repositories.join("server");
        std::fs::create_dir_all(&directory).unwrap();
        let socket = directory.join("fcgiwrap.sock");
        let fcgiwrap =
            spawn(Command::new("fcgiwrap").arg("-s").arg(format!("unix:{}", socket.display())));
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        std::fs::write(directory.join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
        std::fs::write(
            directory.join("nginx.conf"),
            configuration(&directory, repositories, (port, tls)),
        )
        .unwrap();
        let nginx = spawn(
            Command::new("nginx")
                .arg("-p")
                .arg(&directory)
                .arg("-e")
                .arg(directory.join("error.log"))
                .arg("-c")
                .arg(directory.join("nginx.conf")),
        );
        let server = Self { port, directory, nginx, fcgiwrap };
        server.wait(&socket);
        server
    }

    fn wait(&self, socket: &Path) {
        for _ in 0..200 {
            if socket.exists() && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("nginx does not answer: {}", self.log("error.log"));
    }

    /// How often clients asked for something whose request line holds `part`.
    pub fn requests(&self, part: &str) -> usize {
        self.log("access.log").lines().filter(|line| line.contains(part)).count()
    }

    /// Over which connection each request came, in order.
    pub fn connections(&self) -> Vec<String> {
        let connection = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
        self.log("access.log").lines().map(connection).collect()
    }

    /// How many bytes came and went so far.
    pub fn bytes(&self) -> u64 {
        let numbers = |line: &str| -> Option<u64> {
            let mut words = line.rsplit(' ');
            Some(words.next()?.parse::<u64>().ok()? + words.next()?.parse::<u64>().ok()?)
        };
        self.log("access.log").lines().filter_map(numbers).sum()
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.join(name)).unwrap_or_default()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        for child in [&mut self.nginx, &mut self.fcgiwrap] {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Makes a certificate: of an authority, or of a server on this machine that one vouches for.
pub fn certify(files: (&Path, &Path), name: &str, by: &[&OsStr]) {
    if by.is_empty() {
        make(&["-x509", "-days", "2", "-subj", name], &[], files);
    } else {
        certify_for((name, "IP:127.0.0.1"), files, by);
    }
}

/// The same, of a server by another name.
fn certify_for((name, address): (&str, &str), files: (&Path, &Path), by: &[&OsStr]) {
    let address = format!("subjectAltName={address}");
    let of_a_server = ["-addext", &address, "-addext", "basicConstraints=critical,CA:FALSE"];
    make(&[&["-x509", "-days", "2", "-subj", name][..], &of_a_server].concat(), by, files);
}

/// The same, by an authority that gave it for one day, long ago.
fn certify_long_ago((certificate, key): (&Path, &Path), by: &[&OsStr], directory: &Path) {
    let [_, ca, _, ca_key] = by else { panic!("no authority") };
    let place = |name: &str| directory.join(name);
    let asked = place("asked.pem");
    make(&["-subj", "/CN=hoist test"], &[], (&asked, key));
    std::fs::write(place("given.txt"), "").unwrap();
    std::fs::write(place("serial.txt"), "01\n").unwrap();
    std::fs::write(place("san.cnf"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    let here = directory.display();
    let rules = format!(
        "[ca]\ndefault_ca=it\n[it]\ndatabase={here}/given.txt\nnew_certs_dir={here}\n\
         serial={here}/serial.txt\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n"
    );
    std::fs::write(place("ca.cnf"), rules).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["ca", "-batch", "-notext"]);
    openssl.args(["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]);
    openssl.arg("-config").arg(place("ca.cnf")).arg("-extfile").arg(place("san.cnf"));
    openssl.arg("-cert").arg(ca).arg("-keyfile").arg(ca_key);
    let made = openssl.arg("-in").arg(asked).arg("-out").arg(certificate).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Makes a key, and what it is asked for.
fn make(what: &[&str], by: &[&OsStr], (certificate, key): (&Path, &Path)) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(what).args(by);
    let made = openssl.arg("-out").arg(certificate).arg("-keyout").arg(key).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn spawn(command: &mut Command) -> Child {
    let program = command.get_program().to_string_lossy().into_owned();
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().unwrap_or_else(|error| {
        panic!("{program} does not start ({error}); apt-get install nginx-light fcgiwrap git")
    })
}

/// One process each, so that killing the child leaves nobody behind.
fn configuration(directory: &Path, repositories: &Path, (port, tls): (u16, &str)) -> String {
    let backend = Command::new("git").arg("--exec-path").output().unwrap().stdout;
    let backend = String::from_utf8(backend).unwrap();
    let (backend, here, root) = (backend.trim(), directory.display(), repositories.display());
    let listen = if tls.is_empty() { "" } else { "ssl" };
    format!(
        r#"daemon off; master_process off; pid {here}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  # Over which connection what was asked, and how many bytes came and went.
  log_format counted '$remote_addr $connection "$request" $status $request_length $bytes_sent';
  access_log {here}/access.log counted; client_max_body_size 0;
  client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
  uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  # Under /first/ a server that knows the protocol as it was before there were versions, under
  # /older/ one that knows the first version and answers with it whoever asks for a later one.
  map $uri $place {{ default $uri; ~^/(first|older)(?<rest>/.*)$ $rest; }}
  map $http_git_protocol $older {{ default ""; ~version=[12] "version=1"; }}
  map $uri $version {{ default $http_git_protocol; ~^/first/ ""; ~^/older/ $older; }}
  server {{
    listen 127.0.0.1:{port} {listen}; {tls}
    location /moved.git {{ return 301 http://localhost:{port}/gitops.git$is_args$args; }}
    # Two names that send on: one for good, one for a while; elsewhere once there is a third.git.
    location ~ ^/renamed\.git(?<asked>/.*)$ {{
      if (-d {root}/third.git) {{ return 301 /third.git$asked$is_args$args; }}
      return 301 /gitops.git$asked$is_args$args;
    }}
    location ~ ^/away\.git(?<asked>/.*)$ {{
      if (-d {root}/third.git) {{ return 302 /third.git$asked$is_args$args; }}
      return 302 /gitops.git$asked$is_args$args;
    }}
    location /broken.git {{ return 503; }}
    location /busy.git {{
      default_type text/plain; add_header Retry-After 17 always; return 429 "not so fast";
    }}
    location /limited.git {{ add_header Retry-After 17 always; return 403; }}
    location /often.git {{ return 429; }}
    location /page.git {{ default_type text/html; return 200 "<html>sign in</html>"; }}
    location / {{
      auth_basic git; auth_basic_user_file {here}/users;
      fastcgi_pass unix:{here}/fcgiwrap.sock;
      fastcgi_param SCRIPT_FILENAME {backend}/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT {root};
      fastcgi_param GIT_HTTP_EXPORT_ALL "";
      fastcgi_param PATH_INFO $place;
      fastcgi_param HTTP_GIT_PROTOCOL $version;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_USER $remote_user;
    }}
  }}
}}
"#
    )
}
