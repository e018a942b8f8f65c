//! The same with TLS: what is cut is a stream of records.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tests::missing;
use tests::net::proxy::{Plan, Proxy};
use tests::net::{Cable, SERVER};
use tests::scratch;
use tests::serve::{self, Options};
use tests::servers::Server;

use super::{LEEWAY, cuts, ready};
use crate::storm::faults::STALL;
use crate::storm::ready::{Ready, Stage, look};
use crate::storm::verbs::BUCKET;

const CERTIFICATES: &str = r#"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=Our own CA' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -keyout ca.key -out ca.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=our server' -keyout server.key -out server.csr
printf '%s\n' basicConstraints=critical,CA:FALSE "subjectAltName=IP:$1" extendedKeyUsage=serverAuth >extensions
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem -extfile extensions
"#;

/// socat, which ends when this is dropped.
struct Socat {
    child: Child,
    address: SocketAddr,
}

impl Socat {
    fn start(cable: &Cable, folder: &std::path::Path, target: SocketAddr) -> Self {
        let mut child = cable
            .server_command("socat")
            .args(["-d", "-d"])
            .arg(format!(
                "OPENSSL-LISTEN:0,bind={SERVER},fork,cert=server.pem,key=server.key,verify=0"
            ))
            .arg(format!("TCP:{target}"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start socat");
        let mut lines = BufReader::new(child.stderr.take().expect("its messages")).lines();
        let listening = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.contains("listening on"));
        let line = listening.expect("socat listens");
        let address = line.rsplit(' ').next().and_then(|word| word.parse().ok());
        // It says more; somebody must listen.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address: address.unwrap_or_else(|| panic!("no address in {line}")),
        }
    }
}

impl Drop for Socat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn encrypted_connections_are_cut() {
    let lacking = missing::programs(&["socat", "openssl"]);
    if !lacking.is_empty() {
        missing::skipped(
            "cuts of TLS",
            &format!("not installed: {}", lacking.join(" ")),
        );
        return;
    }
    let Some(cable) = Cable::new("tls") else {
        return;
    };
    let folder = scratch::folder();
    let made = Command::new("bash")
        .args(["-ec", CERTIFICATES, "bash", &SERVER.to_string()])
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "make certificates"
    );
    let ready = ready();
    let (cable, folder) = (&cable, folder.path());
    std::thread::scope(|scope| {
        for ready in &ready {
            scope.spawn(move || {
                let plain = run(cable, folder, ready, Arc::new(|_| None));
                for cut in cuts(&plain) {
                    let first = move |number| (number == 0).then(|| cut.clone());
                    run(cable, folder, ready, Arc::new(first));
                }
            });
        }
    });
}

/// Runs the verb through a proxy in front of TLS in front of the server: it must come to a good end.
fn run(cable: &Cable, folder: &std::path::Path, ready: &Ready, plan: Plan) -> Proxy {
    let mut stage = Stage::new(ready);
    let options = Options {
        page: Some(3),
        listen: (SERVER, 0).into(),
        ..Options::new(stage.disk())
    };
    let running = cable.at_server(|| serve::start(options).expect("start s3serve"));
    let target = running.url["http://".len()..].parse().expect("an address");
    let socat = Socat::start(cable, folder, target);
    let trouble = format!("{:?}", plan(0));
    let proxy =
        cable.at_server(|| Proxy::start(SERVER, socat.address, plan).expect("start a proxy"));
    let server = Server::of_tests("s3serve", &format!("https://{}", proxy.address));
    stage.shop.go_to(&server, BUCKET);
    stage.shop.set(
        "AWS_CA_BUNDLE",
        &folder.join("ca.pem").display().to_string(),
    );
    let words = ready.words("20s", STALL);
    let words: Vec<&str> = cable.at_tool().into_iter().chain(words).collect();
    let ran = stage.shop.run(&words, ready.input().as_deref());
    let verdict = ready.judge(&ran, &look(&stage.disk()), LEEWAY);
    assert!(
        ran.code == Some(0) && verdict.wrong.is_empty(),
        "{}, {trouble}: {:?} {}{:?}",
        ready.verb.name,
        verdict.wrong,
        ran.err,
        running.log()
    );
    proxy
}
