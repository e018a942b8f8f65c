//! The rows of the matrix: who dies, and how, in the words of a shell.
//!
//! `PUT` stands for s3put and its arguments, `SH` for the shell of the column, `OTHER` runs a program as another user,
//! `CAPLESS` without root's privileges. The producers are the scripts of [`SCRIPTS`].

/// Programs that the lines use. `produce` writes half of a stream and says so, waits until it is told to go on, and ends
/// as its argument says. `middle` passes on the first half, waits, and dies. `keep` passes on all, and then has the
/// number of a process that ended given to another one that goes on.
pub const SCRIPTS: [(&str, &str); 4] = [
    (
        "produce",
        r#"echo $$ >pid; echo half; : >begun; read go <go
case $1 in
    ok) echo rest ;;
    exit) exit 1 ;;
    exec) exec fail ;;
    *) kill -"$1" $$ ;;
esac"#,
    ),
    ("fail", "exit 1"),
    ("middle", "read x; echo \"$x\"; read go <gone; kill -9 $$"),
    (
        "keep",
        r#"cat; pid=$(cat pid); while [ -e /proc/$pid ]; do :; done
# Whoever is given the number must not keep the pipe open.
exec >&-
# A thread that s3put begins may be given it, too, and then it is taken for good.
until [ "$(cat reused 2>/dev/null)" = "$pid" ] || [ -e "/proc/$pid" ]; do
    echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
    sh -c 'echo $$ >reused; exec sleep 1000' </dev/null 2>/dev/null &
    while [ ! -s reused ]; do :; done
done"#,
    ),
];

/// What should become of the stream.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Truth {
    /// Something failed: it must not be stored.
    Bad,
    /// All is well, and the stream is this text, so many times.
    Good(&'static str, usize),
    /// s3put itself is killed: nothing may appear.
    Killed,
}

/// When the programs of a line are told to go on.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Cue {
    /// When s3put says that it watches.
    Watched,
    /// Nobody waits.
    None,
    /// s3put is started only when the producer is gone.
    Gone,
}

/// A row.
pub struct Scenario {
    /// What happens, for people.
    pub name: &'static str,
    pub truth: Truth,
    pub cue: Cue,
    /// The line of a plain pipe.
    pub plain: &'static str,
    /// The line in which s3put runs the command; empty where that says nothing new. Where it runs a pipeline, `PIPE`
    /// stands for a shell that fails if any part of it does.
    pub command: &'static str,
    /// The line of the first of two phases, where it is not that of a plain pipe.
    pub phases: Option<&'static str>,
    /// It needs process substitution.
    pub bash_like: bool,
    /// It needs root.
    pub root: bool,
    /// In a pid namespace of its own.
    pub namespace: bool,
}

const ROW: Scenario = Scenario {
    name: "",
    truth: Truth::Bad,
    cue: Cue::Watched,
    plain: "",
    command: "",
    phases: None,
    bash_like: false,
    root: false,
    namespace: false,
};

/// All rows.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "all is well",
        truth: Truth::Good("half\nrest\n", 1),
        plain: "produce ok | cat | PUT",
        command: "PUT -- PIPE 'produce ok | cat'",
        ..ROW
    },
    Scenario {
        name: "`exit 1`",
        plain: "produce exit | PUT",
        command: "PUT -- produce exit",
        ..ROW
    },
    Scenario {
        name: "`kill -9`",
        plain: "produce KILL | PUT",
        command: "PUT -- produce KILL",
        ..ROW
    },
    Scenario {
        name: "SIGSEGV",
        plain: "produce SEGV | PUT",
        command: "PUT -- produce SEGV",
        ..ROW
    },
    Scenario {
        name: "SIGTERM",
        plain: "produce TERM | PUT",
        command: "PUT -- produce TERM",
        ..ROW
    },
    Scenario {
        name: "the first of three",
        plain: "produce exit | cat | cat | PUT",
        command: "PUT -- PIPE 'produce exit | cat | cat'",
        ..ROW
    },
    Scenario {
        name: "the middle one is killed",
        plain: "produce ok | middle | cat | PUT",
        command: "PUT -- PIPE 'produce ok | middle | cat'",
        ..ROW
    },
    Scenario {
        name: "s3put is killed",
        truth: Truth::Killed,
        plain: "produce ok | sh -c 'echo $$ >put; exec PUT'",
        command: "sh -c 'echo $$ >put; exec PUT -- produce ok'",
        ..ROW
    },
    Scenario {
        name: "the reader has enough",
        // More than a pipe holds: nobody can end before s3put has looked.
        truth: Truth::Good("y\n", 100_000),
        cue: Cue::None,
        plain: "yes | head -n 100000 | PUT",
        command: "PUT -- SH -c 'yes | head -n 100000'",
        phases: Some("{ yes || [ $? = 141 ]; } | head -n 100000 | PUT"),
        ..ROW
    },
    Scenario {
        name: "a group that ends in `false`",
        plain: "{ produce ok; false; } | PUT",
        command: "PUT -- SH -c 'produce ok; false'",
        ..ROW
    },
    Scenario {
        name: "a group that expects it",
        truth: Truth::Good("half\n", 1),
        plain: "{ produce exit || true; } | PUT",
        command: "PUT -- SH -c 'produce exit || true'",
        ..ROW
    },
    Scenario {
        name: "a subshell",
        plain: "( produce exit ) | PUT",
        command: "PUT -- SH -c '( produce exit )'",
        ..ROW
    },
    Scenario {
        name: "a pipeline in a subshell",
        plain: "( produce exit | cat ) | PUT",
        command: "PUT -- PIPE '( produce exit | cat )'",
        ..ROW
    },
    Scenario {
        name: "process substitution",
        plain: "PUT < <(produce exit)",
        bash_like: true,
        ..ROW
    },
    Scenario {
        name: "process substitution, as a file",
        plain: "cat <(produce exit) | PUT",
        command: "PUT -- SH -c 'cat <(produce exit)'",
        bash_like: true,
        ..ROW
    },
    Scenario {
        name: "another user's program",
        plain: "OTHER produce exit | CAPLESS PUT",
        command: "PUT -- OTHER produce exit",
        root: true,
        ..ROW
    },
    Scenario {
        name: "`setsid`",
        plain: "setsid produce exit | PUT",
        command: "PUT -- setsid produce exit",
        ..ROW
    },
    Scenario {
        name: "in the background, its parent gone",
        plain: "( produce exit & ) | PUT",
        // Found if the watch looks before it ends, which is so most of the time: no cell can say that.
        command: "",
        ..ROW
    },
    Scenario {
        name: "it becomes another program",
        plain: "produce exec | PUT",
        command: "PUT -- produce exec",
        ..ROW
    },
    Scenario {
        name: "its number is reused",
        plain: "produce exit | keep | PUT",
        root: true,
        namespace: true,
        ..ROW
    },
    Scenario {
        name: "it ended before s3put began",
        cue: Cue::Gone,
        plain: "produce exit | { read x <gone; PUT; }",
        ..ROW
    },
];
