//! Faults of the network between a tool and its server, which are in network namespaces of their own.
//!
//! What must be true afterwards is the same as in [`storm`](crate::storm), and judged by the same code.

mod tls;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tests::net::proxy::{Plan, Proxy, Trouble, Way};
use tests::net::{Cable, SERVER};
use tests::serve::{self, Options};
use tests::servers::Server;
use tests::tools::Ran;

use crate::stored::Stored;
use crate::storm::faults::STALL;
use crate::storm::ready::{Leeway, Ready, Stage, look};
use crate::storm::verbs::{BUCKET, VERBS, Verb, bytes_of};

/// Cases at once.
const AT_ONCE: usize = 8;

/// What the kernel has taken moves where a tool can't see it. On a slow line that is a lot.
const LATE: &str = "20s";

/// All but those that need no network of their own to be tried.
const TRIED: [&str; 5] = ["put of one part", "put of parts", "get", "ls", "prune"];

/// On a bad line nobody knows everything: see [`Leeway`].
const LEEWAY: Leeway = Leeway {
    uploads: true,
    deletions: true,
};

fn ready() -> Vec<Ready> {
    let tried = VERBS.iter().filter(|verb| TRIED.contains(&verb.name));
    tried.map(Verb::ready).collect()
}

/// One run.
struct Case<'a> {
    name: String,
    ready: &'a Ready,
    plan: Plan,
    /// Faults of the server.
    faults: Vec<&'static str>,
    patience: &'static str,
    stall: &'static str,
    /// It must succeed, and not only leave nothing half done.
    must: bool,
}

/// What came of a run.
struct Outcome {
    ran: Ran,
    after: Stored,
    log: Vec<String>,
    proxy: Proxy,
    stage: Stage,
}

impl<'a> Case<'a> {
    /// A run without any trouble.
    fn plain(ready: &'a Ready) -> Self {
        Self {
            name: ready.verb.name.to_owned(),
            ready,
            plan: Arc::new(|_| None),
            faults: Vec::new(),
            patience: "20s",
            stall: STALL,
            must: true,
        }
    }

    /// With the same trouble for the first connection, or for all.
    fn with(ready: &'a Ready, trouble: Trouble, always: bool) -> Self {
        let name = format!("{}, {trouble:?}, always: {always}", ready.verb.name);
        Self {
            name,
            plan: Arc::new(move |number| (always || number == 0).then(|| trouble.clone())),
            must: !always,
            patience: if always { "1s" } else { "20s" },
            ..Self::plain(ready)
        }
    }

    fn run(&self, cable: &Cable) -> Outcome {
        self.run_while(cable, |_| {})
    }

    /// Runs it; `meanwhile` watches the proxy on another thread.
    fn run_while(&self, cable: &Cable, meanwhile: impl FnOnce(&Proxy) + Send) -> Outcome {
        let mut stage = Stage::new(self.ready);
        let options = Options {
            page: Some(3),
            listen: (SERVER, 0).into(),
            ..Options::new(stage.disk())
        };
        let options = self.faults.iter().copied().fold(options, Options::fault);
        let running = cable.at_server(|| serve::start(options).expect("start s3serve"));
        let target: SocketAddr = running.url["http://".len()..].parse().expect("an address");
        let plan = Arc::clone(&self.plan);
        let proxy = cable.at_server(|| Proxy::start(SERVER, target, plan).expect("start a proxy"));
        let server = Server::of_tests("s3serve", &format!("http://{}", proxy.address));
        stage.shop.go_to(&server, BUCKET);
        let words = self.ready.words(self.patience, self.stall);
        let words: Vec<&str> = cable.at_tool().into_iter().chain(words).collect();
        let ran = std::thread::scope(|scope| {
            scope.spawn(|| meanwhile(&proxy));
            stage.shop.run(&words, self.ready.input().as_deref())
        });
        Outcome {
            ran,
            after: look(&stage.disk()),
            log: running.log(),
            proxy,
            stage,
        }
    }

    /// What is wrong about it, and what is wrong when the same command is run again.
    fn wrong(&self, outcome: &mut Outcome) -> Vec<String> {
        let verdict = self.ready.judge(&outcome.ran, &outcome.after, LEEWAY);
        let mut wrong = verdict.wrong;
        if self.must && outcome.ran.code != Some(0) {
            wrong.push(format!("it ended with {:?}", outcome.ran.code));
        }
        let (ran, _) = outcome.stage.run(self.ready, None, "20s");
        let last = look(&outcome.stage.disk());
        wrong.extend(self.ready.again(&ran, &outcome.after, &last, false));
        let said = |why: &String| {
            let (err, log) = (&outcome.ran.err, outcome.log.join("\n"));
            format!("== {}: {why}\n{err}{log}", self.name)
        };
        wrong.iter().map(said).collect()
    }
}

/// Runs all of them, some at once, and fails with what is wrong with any.
fn all_right(cable: &Cable, cases: &[Case<'_>]) {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut outcome = case.run(cable);
                    let found = case.wrong(&mut outcome);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!("{} cases", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Cuts of the first connection: in its first headers, in the middle, before its last byte, each way.
fn cuts(first: &Proxy) -> Vec<Trouble> {
    let mut cuts = Vec::new();
    for way in [Way::Up, Way::Down] {
        let passed = first.passed(0, way);
        for after in [10, passed / 2, passed.saturating_sub(1)] {
            cuts.extend([false, true].map(|reset| Trouble::Cut { way, after, reset }));
        }
    }
    cuts
}

#[test]
fn connections_are_cut() {
    let Some(cable) = Cable::new("cut") else {
        return;
    };
    let ready = ready();
    let mut cases = Vec::new();
    for ready in &ready {
        let mut plain = Case::plain(ready).run(&cable);
        assert_eq!(Case::plain(ready).wrong(&mut plain), Vec::<String>::new());
        let cuts = cuts(&plain.proxy);
        // Every connection in its middle: then nothing large gets through.
        cases.extend(
            cuts[2..4]
                .iter()
                .chain(&cuts[8..10])
                .map(|cut| Case::with(ready, cut.clone(), true)),
        );
        cases.extend(cuts.into_iter().map(|cut| Case::with(ready, cut, false)));
    }
    all_right(&cable, &cases);
}

#[test]
fn bits_flip() {
    let Some(cable) = Cable::new("flip") else {
        return;
    };
    for ready in &ready() {
        let (way, bytes) = match ready.verb.name {
            "put of one part" | "put of parts" => (Way::Up, bytes_of(77, 100_000)),
            "get" => (Way::Down, bytes_of(6, 100_000)),
            _ => continue,
        };
        let mark = bytes[70_000..70_016].to_vec();
        let case = Case {
            must: way == Way::Up,
            ..Case::with(ready, Trouble::Flip { way, mark }, true)
        };
        let mut outcome = Case {
            patience: "20s",
            ..case
        }
        .run(&cable);
        let case = Case::plain(ready);
        let (ran, log) = (&outcome.ran, &outcome.log);
        if way == Way::Up {
            // The server's checksum noticed, and it was sent again.
            let refused = log
                .iter()
                .any(|line| line.contains(" PUT ") && line.contains(" 400"));
            assert!(
                ran.code == Some(0) && refused,
                "{}{}",
                ran.err,
                log.join("\n")
            );
            assert_eq!(case.wrong(&mut outcome), Vec::<String>::new());
        } else {
            assert!(
                ran.code == Some(100) && ran.err.contains("it does not match its checksum"),
                "{}",
                ran.err
            );
        }
    }
}

#[test]
fn servers_fail_in_bursts() {
    let Some(cable) = Cable::new("burst") else {
        return;
    };
    let ready = ready();
    let bursts = [
        "any#2-4:slowdown",
        "any#2-4:error=500,InternalError",
        "any#1-3:retry=1",
    ];
    let cases: Vec<Case<'_>> = ready
        .iter()
        .flat_map(|ready| {
            bursts.map(|burst| Case {
                name: format!("{}, {burst}", ready.verb.name),
                faults: vec![burst],
                ..Case::plain(ready)
            })
        })
        .collect();
    all_right(&cable, &cases);
}

/// A line with much delay, and one that loses packets, where this kernel can do that.
#[test]
fn lines_are_slow_and_lossy() {
    let Some(cable) = Cable::new("bad") else {
        return;
    };
    let ready = ready();
    let cases: Vec<Case<'_>> = ready.iter().map(Case::plain).collect();
    for discipline in [
        &["netem", "delay", "100ms"][..],
        &["netem", "loss", "5%"],
        &["netem", "loss", "30%"],
        // A queue for few packets at a limited rate drops the others.
        &["tbf", "rate", "50mbit", "burst", "3k", "limit", "10k"],
    ] {
        if cable.worsen(discipline) {
            println!("{}", discipline.join(" "));
            all_right(&cable, &cases);
        } else {
            println!("this kernel has no {}", discipline.join(" "));
        }
    }
    let late = |ready| {
        // A part passes in many pieces, each of which is late.
        let time = Duration::from_millis(20);
        Case {
            must: true,
            patience: "20s",
            stall: LATE,
            ..Case::with(ready, Trouble::Late(time), true)
        }
    };
    let cases: Vec<Case<'_>> = ready.iter().map(late).collect();
    all_right(&cable, &cases);
}

/// Bytes that wait for the cable to be pulled out, so that none of them is faster.
fn held(after: u64, released: &Arc<AtomicBool>) -> Trouble {
    let released = Arc::clone(released);
    Trouble::Held { after, released }
}

/// The cable is pulled out while bytes flow, and plugged in again after a second: nobody is told of either.
#[test]
fn cable_is_pulled_out() {
    let Some(cable) = Cable::new("pull") else {
        return;
    };
    for ready in &ready() {
        let released = Arc::new(AtomicBool::new(false));
        let case = Case {
            must: true,
            patience: "60s",
            stall: LATE,
            ..Case::with(ready, held(0, &released), true)
        };
        let mut before = 0;
        let mut outcome = case.run_while(&cable, |proxy| {
            while proxy.all() == 0 {
                std::thread::yield_now();
            }
            cable.pull_out();
            before = proxy.all();
            released.store(true, Ordering::Relaxed);
            // Not to wait for something: this is how long it is out.
            std::thread::sleep(Duration::from_secs(1));
            cable.plug_in();
        });
        let name = ready.verb.name;
        assert!(outcome.proxy.all() > before, "{name}: it was over before");
        assert_eq!(case.wrong(&mut outcome), Vec::<String>::new());
    }
}

/// The cable is pulled out while bytes flow, and stays out: the tool gives up, and nothing is half done.
#[test]
fn cable_stays_out() {
    let Some(cable) = Cable::new("out") else {
        return;
    };
    for ready in &ready() {
        // In the midst of the bytes, where there are many.
        let some = match ready.verb.name {
            "put of one part" | "put of parts" | "get" => 50_000,
            _ => 0,
        };
        let released = Arc::new(AtomicBool::new(false));
        let case = Case {
            must: false,
            patience: "1s",
            ..Case::with(ready, held(some, &released), true)
        };
        let mut outcome = case.run_while(&cable, |proxy| {
            while proxy.all() <= some {
                std::thread::yield_now();
            }
            cable.pull_out();
            released.store(true, Ordering::Relaxed);
        });
        cable.plug_in();
        let name = ready.verb.name;
        assert_eq!(outcome.ran.code, Some(111), "{name}: {}", outcome.ran.err);
        assert_eq!(case.wrong(&mut outcome), Vec::<String>::new());
    }
}

/// A connection is accepted and nothing ever comes over it. Told how long to wait, the tool tries another one.
#[test]
fn servers_fall_silent() {
    let Some(cable) = Cable::new("mute") else {
        return;
    };
    let ready = ready();
    let cases: Vec<Case<'_>> = ready
        .iter()
        .flat_map(|ready| [false, true].map(|always| Case::with(ready, Trouble::Mute, always)))
        .collect();
    all_right(&cable, &cases);
}
