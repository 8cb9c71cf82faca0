//! A specimen that runs: two replicas on loopback with one shared state.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use authbench_conf::ConfError;
use authbench_conformance::hooks::{HookError, Hooks};
use authbench_conformance::verifier::Verifier;
use authbench_wire::Profile;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::app::{App, Client, World};
use crate::clock::Clock;
use crate::key_source::{KeyCache, KeySource};
use crate::keys::KeyRing;
use crate::kind::Kind;
use crate::log::Log;
use crate::serve::Ports;
use crate::store::Store;
use crate::tls::Tls;
use crate::{flaw, hooks, profile, random, serve, verifier};

/// How many replicas there are.
const REPLICAS: usize = 2;

/// A specimen cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecimenError {
    /// There is no such flaw.
    #[error("there is no flaw `{0}`: the register is in `flaw::all`")]
    UnknownFlaw(&'static str),
    /// No listener on loopback.
    #[error("the specimen cannot listen on 127.0.0.1")]
    Listen(#[source] std::io::Error),
    /// No keys.
    #[error("the specimen cannot make its keys: the random generator failed")]
    Keys,
    /// No certificate.
    #[error("the specimen cannot make its certificate")]
    Certificate(#[source] rcgen::Error),
    /// No TLS.
    #[error("the specimen cannot speak TLS with the certificate that it made")]
    Tls(#[source] tokio_rustls::rustls::Error),
    /// The profile that it writes of itself cannot be read.
    #[error("the specimen's own profile is wrong")]
    Profile(#[source] ConfError),
}

/// A specimen that runs; it ends when this is dropped. It may be stepped,
/// broken and asked by any number of threads.
pub struct Specimen {
    inner: Arc<Inner>,
}

/// What the doors reach.
pub(crate) struct Inner {
    pub(crate) kind: Kind,
    pub(crate) world: Arc<World>,
    replicas: Vec<Replica>,
    tls: Option<Tls>,
    flaws: Arc<[&'static str]>,
}

/// The machine that a replica runs on: its ports and its clock outlive the
/// process.
pub(crate) struct Replica {
    number: usize,
    ports: Ports,
    pub(crate) clock: Arc<Clock>,
    process: Mutex<Option<JoinHandle<()>>>,
}

impl Specimen {
    /// Starts a specimen of that kind, with these flaws switched on, on the
    /// runtime that this is called in.
    ///
    /// # Errors
    /// [`SpecimenError`].
    pub async fn start(kind: Kind, flaws: &[&'static str]) -> Result<Self, SpecimenError> {
        if let Some(unknown) = flaws.iter().find(|id| flaw::find(id).is_none()) {
            return Err(SpecimenError::UnknownFlaw(unknown));
        }
        let secret = || random::client_secret().map_err(|_| SpecimenError::Keys);
        let world = Arc::new(World {
            store: Store::new(!kind.is_stateless()),
            keys: KeyRing::new(kind, flaws).map_err(|_| SpecimenError::Keys)?,
            key_source: KeySource::new(),
            log: Log::default(),
            clients: [
                Client {
                    id: "app",
                    secret: secret()?,
                },
                Client {
                    id: "other",
                    secret: secret()?,
                },
            ],
            latest_ms: Arc::new(AtomicU64::new(0)),
        });
        let tls = kind.speaks_tls().then(Tls::new).transpose()?;
        let mut replicas = Vec::with_capacity(REPLICAS);
        for number in 0..REPLICAS {
            replicas.push(Replica::new(number, &world, tls.as_ref()).await?);
        }
        let inner = Inner {
            kind,
            world,
            replicas,
            tls,
            flaws: flaws.into(),
        };
        for replica in &inner.replicas {
            inner.run(replica);
        }
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What the specimen says of itself, as of now: after a rotation it names
    /// the new key.
    ///
    /// # Errors
    /// [`SpecimenError::Profile`].
    pub fn profile(&self) -> Result<Profile, SpecimenError> {
        profile::written(&self.inner).map_err(SpecimenError::Profile)
    }

    /// Scheme, host and port of each replica.
    #[must_use]
    pub fn base_urls(&self) -> Vec<String> {
        self.inner.base_urls()
    }

    /// The one certificate of its replicas (DER), if it speaks TLS: clients
    /// must be told to trust it.
    #[must_use]
    pub fn certificate_der(&self) -> Option<&[u8]> {
        let tls = self.inner.tls.as_ref();
        tls.map(|tls| tls.certificate_der.as_slice())
    }

    /// The verifier of its credentials, in this process: the same code, with
    /// the same flaws.
    #[must_use]
    pub fn verifier(&self) -> Arc<dyn Verifier> {
        Arc::new(verifier::Judge::of(&self.inner))
    }

    /// The doors to it.
    #[must_use]
    pub fn hooks(&self) -> Arc<dyn Hooks> {
        hooks::doors(&self.inner)
    }
}

impl Drop for Specimen {
    fn drop(&mut self) {
        for replica in &self.inner.replicas {
            if let Some(process) = replica.process.lock().take() {
                process.abort();
            }
        }
    }
}

impl Replica {
    async fn new(number: usize, world: &World, tls: Option<&Tls>) -> Result<Self, SpecimenError> {
        let acceptor = tls.map(|tls| tls.acceptor.clone());
        let ports = Ports::bind(acceptor).await.map_err(SpecimenError::Listen)?;
        Ok(Self {
            number,
            ports,
            clock: Arc::new(Clock::new(Arc::clone(&world.latest_ms))),
            process: Mutex::new(None),
        })
    }
}

impl Inner {
    /// Whether the flaw of that name is switched on.
    pub(crate) fn flaw(&self, id: &'static str) -> bool {
        self.flaws.contains(&id)
    }

    /// The replica of that number.
    pub(crate) fn replica(&self, number: usize) -> Result<&Replica, HookError> {
        self.replicas.get(number).ok_or_else(|| {
            hooks::failed(
                "a replica was asked for that is not there",
                format!("there are {REPLICAS}, numbered from 0: not {number}"),
            )
        })
    }

    pub(crate) fn base_urls(&self) -> Vec<String> {
        let replicas = self.replicas.iter();
        replicas.map(|replica| replica.ports.base_url()).collect()
    }

    /// Scheme, host and port of what is without TLS beside the first replica.
    pub(crate) fn plain_url(&self) -> Option<String> {
        self.replicas[0].ports.plain_url()
    }

    /// Kills the process of a replica, with all that only it remembers, and
    /// starts another.
    pub(crate) async fn restart_replica(&self, replica: &Replica) -> Result<(), HookError> {
        let process = replica.process.lock().take();
        if let Some(process) = process {
            process.abort();
            // It ends as cancelled; all else is a defect of the specimen.
            if let Err(error) = process.await
                && !error.is_cancelled()
            {
                return Err(hooks::failed("a replica had died", error));
            }
        }
        self.run(replica);
        Ok(())
    }

    /// A process of the first replica that serves nobody.
    pub(crate) fn spare(&self) -> App {
        self.app(&self.replicas[0])
    }

    /// A fresh process of that replica.
    fn app(&self, replica: &Replica) -> App {
        App {
            kind: self.kind,
            replica: replica.number,
            clock: Arc::clone(&replica.clock),
            world: Arc::clone(&self.world),
            key_cache: KeyCache::default(),
            drawn: AtomicU64::new(0),
            flaws: Arc::clone(&self.flaws),
            under_way: Mutex::default(),
            memory: Mutex::default(),
            seals: AtomicU64::new(0),
        }
    }

    fn run(&self, replica: &Replica) {
        let app = self.app(replica);
        let process = serve::spawn(replica.ports.clone(), app);
        *replica.process.lock() = Some(process);
    }
}
