//! A rate changed from outside: `SIGUSR1` halves it, `SIGUSR2` doubles it.
//!
//! The signals are waited for on a thread of its own, so that it makes no difference whether the tool
//! blocks in system calls or runs an async runtime. Each change is told on standard error.

use std::sync::Arc;
use std::thread::JoinHandle;

use signal_hook::consts::{SIGUSR1, SIGUSR2};
use signal_hook::iterator::{Handle, Signals};

use super::{Clock, Pacer, Rate};
use crate::error::{Doing, Result};
use crate::run::Speaker;

/// Signals change the rate as long as this lives. Afterwards they do nothing; they don't kill.
#[must_use = "the signals are obeyed only while this lives"]
pub struct Obedience {
    handle: Handle,
    listener: Option<JoinHandle<()>>,
}

impl Drop for Obedience {
    fn drop(&mut self) {
        self.handle.close();
        // Only then is it certain that no signal is obeyed any more.
        if let Some(listener) = self.listener.take() {
            // If it has panicked it has ended, too.
            let _ = listener.join();
        }
    }
}

/// Lets `SIGUSR1` and `SIGUSR2` change the rate of `pacer` from now on.
///
/// # Errors
/// If the signals can't be caught or no thread can be started.
pub fn obey_signals<C>(pacer: &Arc<Pacer<C>>, voice: Speaker) -> Result<Obedience>
where
    C: Clock + Send + Sync + 'static,
{
    let mut signals = Signals::new([SIGUSR1, SIGUSR2]).doing("catch SIGUSR1 and SIGUSR2")?;
    let handle = signals.handle();
    let pacer = Arc::clone(pacer);
    let listen = move || {
        for signal in signals.forever() {
            voice.note(format!("the rate is now {}", obey(signal, &pacer)));
        }
    };
    let listener = std::thread::Builder::new()
        .name("signals".into())
        .spawn(listen)
        .doing("start a thread for signals")?;
    Ok(Obedience {
        handle,
        listener: Some(listener),
    })
}

/// Changes the rate as one signal says, and returns the new one.
fn obey<C: Clock>(signal: i32, pacer: &Pacer<C>) -> Rate {
    if signal == SIGUSR1 {
        pacer.halve()
    } else {
        pacer.double()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;
    use crate::args::Voice;
    use crate::run::Streams;

    /// A signal is caught on another thread: waits until it has been, or gives up.
    fn changed(pacer: &Pacer, to: Rate) -> bool {
        let patience = Instant::now() + Duration::from_secs(60);
        while pacer.rate() != to && Instant::now() < patience {
            std::thread::yield_now();
        }
        pacer.rate() == to
    }

    #[test]
    fn real_signals_change_the_rate() {
        let voice = Streams::standard(
            "test",
            Voice {
                quiet: true,
                verbose: false,
            },
        )
        .voice();
        let pacer = Arc::new(Pacer::new(Rate::UNLIMITED));
        let obedience = obey_signals(&pacer, voice).unwrap();
        for (signal, expected) in [
            (Signal::USR2, 256 << 10),
            (Signal::USR1, 128 << 10),
            (Signal::USR2, 256 << 10),
            (Signal::USR2, 512 << 10),
        ] {
            kill_process(getpid(), signal).unwrap();
            assert!(changed(&pacer, Rate::per_second(expected)));
        }
        drop(obedience);
        assert_eq!(Arc::strong_count(&pacer), 1, "somebody still listens");
        kill_process(getpid(), Signal::USR1).unwrap();
        assert_eq!(pacer.rate(), Rate::per_second(512 << 10));
    }
}
