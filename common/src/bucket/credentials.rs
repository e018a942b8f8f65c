//! Whose keys: found through the whole chain, and looked for again when they run out.
//!
//! The SDK reads a profile once and then keeps what it found in it, and keys without a date of expiry it keeps for
//! a quarter of an hour whatever the server says of them. A dump that runs for a day outlives both. So the SDK's
//! cache is off, and the chain is built anew for each look: a file that was rewritten, a token that was exchanged,
//! a process, a container or an instance role is asked again. A look happens shortly before keys expire, and
//! when a server refuses them. Keys that were found are never given up for none: if a look fails, those at hand
//! go on being used, and what the server says of them decides.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::imds;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_s3::config::{Credentials, Region};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::Mutex;

use super::failure::Failure;
use crate::run::Speaker;
use crate::settings::Settings;

/// Keys are renewed this long before they expire. Cloud machines have new ones by then.
const EARLY: Duration = Duration::from_secs(300);
/// A look that brought nothing better is not repeated for this long.
const NOT_AGAIN: Duration = Duration::from_secs(30);
/// A program or a service that gives out keys has this long.
const LOOKING: Duration = Duration::from_secs(30);

/// Where keys are looked for.
pub(super) enum Source {
    /// A settings file, which holds them.
    Settings(PathBuf),
    /// Where AWS's own tools look.
    Standard(Standard),
}

/// The chain of AWS's own tools.
pub(super) struct Standard {
    /// Only in this profile.
    pub(super) profile: Option<String>,
    pub(super) http: SharedHttpClient,
    pub(super) region: Region,
}

/// The keys in use, shared by all requests.
#[derive(Clone)]
pub(super) struct Keys(Arc<Inner>);

struct Inner {
    source: Source,
    speaker: Speaker,
    held: Mutex<Option<Held>>,
    /// The server has accepted some.
    good: AtomicBool,
    /// It was said that there are no newer ones.
    warned: AtomicBool,
}

struct Held {
    credentials: Credentials,
    /// When these came into use.
    since: Instant,
    /// When the last look for newer ones ended.
    looked: Instant,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(hidden)")
    }
}

impl Keys {
    /// Keys from `source`; `known` are those that came from there already.
    pub(super) fn new(source: Source, known: Option<Credentials>, speaker: Speaker) -> Self {
        Self(Arc::new(Inner {
            source,
            speaker,
            held: Mutex::new(known.map(Held::new)),
            good: AtomicBool::new(false),
            warned: AtomicBool::new(false),
        }))
    }

    /// The keys to sign with: those at hand, unless they are about to expire.
    pub(super) async fn hold(&self) -> Result<Credentials, Failure> {
        // Whoever waits here for another's look gets what that one found.
        let mut held = self.0.held.lock().await;
        match held.as_mut() {
            Some(known) if !known.is_due() => Ok(known.credentials.clone()),
            Some(known) => {
                self.look(known).await;
                Ok(known.credentials.clone())
            }
            None => {
                let credentials = self.0.source.look().await?;
                *held = Some(Held::new(credentials.clone()));
                Ok(credentials)
            }
        }
    }

    /// Looks for other keys than those with which an attempt that began at `began` was refused. True if there are.
    pub(super) async fn look_again(&self, began: Instant) -> bool {
        let mut held = self.0.held.lock().await;
        let Some(known) = held.as_mut() else {
            return false;
        };
        if known.since > began {
            return true;
        }
        // Others were refused at the same time, and one look is enough for all of them.
        if known.looked <= began {
            self.look(known).await;
        }
        let renewed = known.since > began;
        if !renewed && self.were_good() && !self.0.warned.swap(true, Ordering::Relaxed) {
            self.0.speaker.warning(
                "the server no longer accepts the keys in use, and no newer ones are found yet",
            );
        }
        renewed
    }

    /// Looks for newer keys, unless that was done a while ago.
    pub(super) async fn look_now_and_then(&self) {
        let mut held = self.0.held.lock().await;
        if let Some(known) = held.as_mut()
            && known.looked.elapsed() >= NOT_AGAIN
        {
            self.look(known).await;
        }
    }

    /// Replaces `known` if there is something else.
    async fn look(&self, known: &mut Held) {
        let found = self.0.source.look().await;
        known.looked = Instant::now();
        match found {
            Ok(fresh) if !same(&fresh, &known.credentials) => {
                self.0.speaker.detail("new keys were found");
                self.0.warned.store(false, Ordering::Relaxed);
                known.since = known.looked;
                known.credentials = fresh;
            }
            // They may have been given more time.
            Ok(fresh) => known.credentials = fresh,
            Err(failure) => self
                .0
                .speaker
                .detail(failure.error("find new keys, and the old ones stay in use")),
        }
    }

    /// The server has accepted those in use.
    pub(super) fn are_good(&self) {
        self.0.good.store(true, Ordering::Relaxed);
    }

    /// True if the server has ever accepted some.
    pub(super) fn were_good(&self) -> bool {
        self.0.good.load(Ordering::Relaxed)
    }
}

/// For requests that nobody repeats.
impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.hold()
                .await
                .map_err(|failure| CredentialsError::not_loaded(failure.text().to_owned()))
        })
    }
}

impl Held {
    fn new(credentials: Credentials) -> Self {
        let now = Instant::now();
        Self {
            credentials,
            since: now,
            looked: now,
        }
    }

    fn is_due(&self) -> bool {
        let expiry = self.credentials.expiry();
        expiry.is_some_and(|expiry| expiry <= SystemTime::now() + EARLY)
            && self.looked.elapsed() >= NOT_AGAIN
    }
}

impl Source {
    /// Looks for keys, from the beginning.
    async fn look(&self) -> Result<Credentials, Failure> {
        let found = match self {
            Self::Settings(path) => of_settings(path)?,
            Self::Standard(standard) => {
                match tokio::time::timeout(LOOKING, standard.look()).await {
                    Ok(found) => found.map_err(|error| Failure::of_keys(&error))?,
                    Err(_) => {
                        return Err(Failure::passing(
                            "what gives out credentials did not answer in time",
                        ));
                    }
                }
            }
        };
        // The SDK panics on keys that no header can carry.
        let plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if plain(found.access_key_id()) && found.session_token().is_none_or(plain) {
            Ok(found)
        } else {
            Err(Failure::no_keys(
                "those that were found hold a character that can't be part of them",
            ))
        }
    }
}

impl Standard {
    async fn look(&self) -> Result<Credentials, CredentialsError> {
        // It remembers the files that it has read, so it is made anew as well.
        let configuration = ProviderConfig::without_region()
            .with_http_client(self.http.clone())
            .with_region(Some(self.region.clone()));
        match &self.profile {
            // Asked for by name, it is not to lose against keys that happen to be in the environment.
            Some(profile) => {
                ProfileFileCredentialsProvider::builder()
                    .configure(&configuration)
                    .profile_name(profile)
                    .build()
                    .provide_credentials()
                    .await
            }
            None => {
                DefaultCredentialsChain::builder()
                    .region(self.region.clone())
                    .imds_client(metadata_service(&self.http))
                    .configure(configuration)
                    .build()
                    .await
                    .provide_credentials()
                    .await
            }
        }
    }
}

fn of_settings(path: &Path) -> Result<Credentials, Failure> {
    // A pipe can't be read twice, and opening it again might wait for ever.
    if !path.is_file() {
        return Err(Failure::no_keys("the settings came from no file"));
    }
    let settings = Settings::read(path).map_err(|error| Failure::no_keys(error.to_string()))?;
    let keys = settings
        .keys
        .ok_or_else(|| Failure::no_keys("the settings file no longer holds any"))?;
    Ok(from_settings(&keys))
}

/// The keys of a settings file as the SDK takes them.
pub(super) fn from_settings(keys: &crate::settings::Keys) -> Credentials {
    Credentials::new(
        &keys.id,
        &keys.secret,
        keys.session.clone(),
        None,
        "settings file",
    )
}

fn same(one: &Credentials, other: &Credentials) -> bool {
    one.access_key_id() == other.access_key_id()
        && one.secret_access_key() == other.secret_access_key()
        && one.session_token() == other.session_token()
}

/// The metadata service of a cloud machine; elsewhere nothing answers, and that must not take long.
pub(super) fn metadata_service(http: &SharedHttpClient) -> imds::Client {
    imds::Client::builder()
        .configure(&ProviderConfig::without_region().with_http_client(http.clone()))
        .max_attempts(1)
        .connect_timeout(Duration::from_secs(1))
        .read_timeout(Duration::from_secs(1))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Voice;
    use crate::run::Streams;

    /// A file with a key, and the keys that came from it, which expire in `left`.
    fn held(folder: &Path, left: Option<Duration>) -> (PathBuf, Keys) {
        let file = folder.join("settings");
        write(&file, "old");
        let expiry = left.map(|left| SystemTime::now() + left);
        let known = Credentials::new("old", "secret", None, expiry, "test");
        let speaker = Streams::standard("test", Voice::default()).voice();
        let keys = Keys::new(Source::Settings(file.clone()), Some(known), speaker);
        (file, keys)
    }

    fn write(file: &Path, id: &str) {
        let text = format!("access_key_id {id}\nsecret_access_key secret\n");
        std::fs::write(file, text).unwrap();
    }

    async fn id(keys: &Keys) -> String {
        keys.hold().await.unwrap().access_key_id().to_owned()
    }

    /// As if the last look had been a while ago.
    async fn later(keys: &Keys) {
        let mut held = keys.0.held.lock().await;
        let held = held.as_mut().unwrap();
        held.looked = held.looked.checked_sub(NOT_AGAIN).unwrap();
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().build().unwrap().block_on(work)
    }

    #[test]
    fn keys_are_renewed_before_they_expire_and_not_all_the_time() {
        let folder = tempfile::tempdir().unwrap();
        run(async {
            let (file, keys) = held(folder.path(), Some(EARLY / 2));
            write(&file, "new");
            assert_eq!(id(&keys).await, "old", "it was looked a moment ago");
            later(&keys).await;
            assert_eq!(id(&keys).await, "new");

            for unhurried in [None, Some(EARLY * 2)] {
                let (file, keys) = held(folder.path(), unhurried);
                write(&file, "new");
                later(&keys).await;
                assert_eq!(id(&keys).await, "old");
                // Where connections break they are looked for all the same.
                keys.look_now_and_then().await;
                assert_eq!(id(&keys).await, "new");
            }
        });
    }

    #[test]
    fn keys_are_not_given_up_for_none() {
        let folder = tempfile::tempdir().unwrap();
        run(async {
            let (file, keys) = held(folder.path(), Some(Duration::ZERO));
            for rubbish in ["", "rubbish", "access_key_id \u{e9}\nsecret_access_key s\n"] {
                std::fs::write(&file, rubbish).unwrap();
                later(&keys).await;
                assert_eq!(id(&keys).await, "old", "{rubbish}");
            }
            std::fs::remove_file(&file).unwrap();
            assert!(!keys.look_again(Instant::now()).await);
            assert_eq!(id(&keys).await, "old");
        });
    }

    #[test]
    fn a_refusal_of_older_keys_is_no_reason_to_look() {
        let folder = tempfile::tempdir().unwrap();
        run(async {
            let before = Instant::now();
            let (file, keys) = held(folder.path(), None);
            write(&file, "new");
            assert!(
                keys.look_again(before).await,
                "there are newer ones than those"
            );
            assert_eq!(id(&keys).await, "old");
            let now = Instant::now();
            assert!(keys.look_again(now).await);
            assert_eq!(id(&keys).await, "new");
            // Others that began with the old ones are refused as well.
            assert!(keys.look_again(now).await);
            // And these are refused again: there is nothing else.
            assert!(!keys.look_again(Instant::now()).await);
        });
    }
}
