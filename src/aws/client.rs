//! The connection to one account and region: credentials, typed clients made on first use, quota buckets, retries.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::BehaviorVersion;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider as Tls;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::engine::failure::{Failure, Reason};
use crate::engine::notes::Note;
use crate::engine::retry::Retry;
use crate::engine::value::{MASK, Value};

use super::account::Account;
use super::bounded::bounded;
use super::kinds::run::Run;
use super::ownership::Scope;
use super::partition::Partition;
use super::{quotas, retries};

const CONNECT: Duration = Duration::from_secs(5);
/// From the request to the first byte of the answer. The clients that upload or invoke have their own.
const READ: Duration = Duration::from_secs(30);
/// A secret that is shorter would mask half of every text.
const SHORTEST_SECRET: usize = 4;

/// What a connection is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The service and stage whose resources are ours.
    pub scope: Scope,
    /// `--region`, else `provider.region`, else `us-east-1`: decided by the caller.
    pub region: String,
    /// `--aws-profile`
    pub profile: Option<String>,
    /// `provider.profile`
    pub provider_profile: Option<String>,
    /// The ARN of the role to work with (`provider.iam.deploymentRole`); `None` for the credentials' own rights.
    pub role: Option<String>,
}

/// The name of hoist's sessions with a deployment role: CloudTrail shows it beside every call.
const SESSION: &str = "hoist";

/// Where the credentials come from.
#[derive(Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// A profile of `~/.aws`, with whatever it leads to (SSO, a role, a process).
    Profile(String),
    /// Keys from the environment of a stage (`AWS_PROD_ACCESS_KEY_ID` and its kin).
    Keys { id: String, secret: String, token: Option<String> },
    /// The SDK's own chain: environment, web identity, container, instance.
    Chain,
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(name) => write!(f, "Profile({name})"),
            Self::Keys { .. } => write!(f, "Keys({MASK})"),
            Self::Chain => f.write_str("Chain"),
        }
    }
}

impl CredentialSource {
    /// The first that is given, in this order: `--aws-profile`, `AWS_<STAGE>_PROFILE`, `AWS_<STAGE>_ACCESS_KEY_ID`,
    /// `AWS_PROFILE`, `AWS_ACCESS_KEY_ID`, `provider.profile`, `AWS_DEFAULT_PROFILE`, the SDK's chain.
    pub fn choose(settings: &Settings, variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let keys = |prefix: &str| {
            Some(Self::Keys {
                id: variable(&format!("{prefix}ACCESS_KEY_ID"))?,
                secret: variable(&format!("{prefix}SECRET_ACCESS_KEY"))?,
                token: variable(&format!("{prefix}SESSION_TOKEN")),
            })
        };
        let stage = settings.scope.stage.to_uppercase();
        // A dash cannot be part of a variable's name in a shell.
        let stages = [stage.clone(), stage.replace('-', "_")];
        let of_stage = || {
            let profile = stages.iter().find_map(|stage| variable(&format!("AWS_{stage}_PROFILE")));
            profile.map(Self::Profile).or_else(|| stages.iter().find_map(|stage| keys(&format!("AWS_{stage}_"))))
        };
        settings
            .profile
            .clone()
            .map(Self::Profile)
            .or_else(of_stage)
            .or_else(|| variable("AWS_PROFILE").map(Self::Profile))
            // The chain begins with these variables, and knows all of them.
            .or_else(|| variable("AWS_ACCESS_KEY_ID").map(|_| Self::Chain))
            .or_else(|| settings.provider_profile.clone().map(Self::Profile))
            .or_else(|| variable("AWS_DEFAULT_PROFILE").map(Self::Profile))
            .unwrap_or(Self::Chain)
    }
}

/// One account and region, as one run sees it. Shared by every kind; nothing is sent before it is needed.
pub struct Aws {
    pub(super) scope: Scope,
    pub(super) region: String,
    pub(super) partition: Partition,
    pub(super) config: SdkConfig,
    pub(super) retry: Retry,
    pub(super) account: OnceCell<Account>,
    /// For answers that are streamed and may be of any size.
    pub(super) streaming: SharedHttpClient,
    /// What the kinds learnt or did in this run.
    pub(super) run: Run,
    counts: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    secrets: Mutex<BTreeSet<String>>,
    clients: Clients,
}

/// Typed clients, each made when it is first asked for.
#[derive(Default)]
struct Clients {
    lambda: OnceLock<aws_sdk_lambda::Client>,
    invoke: OnceLock<aws_sdk_lambda::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    apigateway: OnceLock<aws_sdk_apigateway::Client>,
    apigatewayv2: OnceLock<aws_sdk_apigatewayv2::Client>,
    events: OnceLock<aws_sdk_eventbridge::Client>,
    scheduler: OnceLock<aws_sdk_scheduler::Client>,
    sns: OnceLock<aws_sdk_sns::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("scope", &self.scope).field("region", &self.region).finish_non_exhaustive()
    }
}

/// One pool of connections for all clients: they do not share any by themselves. Honours `HTTPS_PROXY` and `NO_PROXY`.
fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Tls::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

/// The SDK's defaults of one day, so that an update of a crate does not change how hoist behaves.
pub(super) fn behaviour() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

impl Aws {
    /// Reads the AWS configuration of this machine. Nothing is sent: wrong credentials show with the first call.
    /// `stop` ends waits and keeps new calls from being sent.
    pub async fn connect(settings: &Settings, stop: CancellationToken) -> Arc<Self> {
        let http = http_client();
        let source = CredentialSource::choose(settings, |name| std::env::var(name).ok());
        let region = Region::new(settings.region.clone());
        let mut loader = aws_config::defaults(behaviour())
            .region(region.clone())
            .http_client(bounded(http.clone()))
            // Retries are the table's: what the SDK repeats by itself would overdraw the quotas unseen.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ).build());
        match source {
            CredentialSource::Profile(name) => {
                let provider = ProviderConfig::default().with_http_client(http.clone()).with_region(Some(region));
                loader = loader.profile_name(&name).credentials_provider(
                    ProfileFileCredentialsProvider::builder().profile_name(name).configure(&provider).build(),
                );
            }
            CredentialSource::Keys { id, secret, token } => {
                let keys = Credentials::new(id, secret, token, None, "the stage's environment");
                loader = loader.credentials_provider(SharedCredentialsProvider::new(keys));
            }
            CredentialSource::Chain => {}
        }
        let mut config = loader.load().await;
        if let Some(role) = &settings.role {
            let role = AssumeRoleProvider::builder(role).session_name(SESSION).configure(&config).build().await;
            config = config.into_builder().credentials_provider(SharedCredentialsProvider::new(role)).build();
        }
        Self::with_config(settings.scope.clone(), config, http, stop)
    }

    /// A connection with an SDK configuration that exists already; its region counts.
    pub(super) fn with_config(
        scope: Scope,
        config: SdkConfig,
        streaming: SharedHttpClient,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let region = config.region().map_or_else(|| "us-east-1".to_owned(), ToString::to_string);
        let limiter = Arc::new(quotas::limiter(&region));
        // Two runs that start together must not retry in step.
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| u64::from(now.subsec_nanos()));
        let retry = Retry::new(Arc::new(retries::table()), limiter, stop, seed ^ u64::from(std::process::id()));
        Arc::new(Self {
            scope,
            partition: Partition::of(&region),
            region,
            config,
            streaming,
            retry,
            account: OnceCell::new(),
            run: Run::default(),
            counts: Mutex::default(),
            secrets: Mutex::default(),
            clients: Clients::default(),
        })
    }

    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// `eu-central-1`
    pub fn region(&self) -> &str {
        &self.region
    }

    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Where all calls go instead of AWS (`AWS_ENDPOINT_URL`), for an emulator.
    pub fn endpoint(&self) -> Option<&str> {
        self.config.endpoint_url()
    }

    /// The retries and quotas that every call of the run goes through.
    pub fn retry(&self) -> &Retry {
        &self.retry
    }

    /// Forgets everything that was read for a plan. Before another plan is made: somebody else may have written since.
    pub async fn forget_reads(&self) {
        self.run.forget_reads().await;
    }

    /// Says what deploys made a moment ago: it is looked for though no list of tags has it yet. `None` when nobody can say.
    pub fn expect(&self, notes: Option<&[Note]>) {
        // Without a bucket nobody deployed: every deploy takes its lease there first.
        let none: &[Note] = &[];
        self.run.expect(notes.or_else(|| self.run.is_bucket_missing().then_some(none)));
    }

    /// How often each operation was sent, retries included: `("lambda", "GetFunction")`.
    pub fn counts(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        lock(&self.counts).clone()
    }

    pub(super) fn count(&self, service: &'static str, operation: &'static str) {
        *lock(&self.counts).entry((service, operation)).or_default() += 1;
    }

    /// Notes every secret of a property tree, so that no error text shows it. AWS echoes what it was sent.
    pub fn keep_secret(&self, properties: &Value) {
        match properties {
            Value::Secret(secret) if secret.reveal().len() >= SHORTEST_SECRET => {
                lock(&self.secrets).insert(secret.reveal().to_owned());
            }
            Value::List(values) => values.iter().for_each(|value| self.keep_secret(value)),
            Value::Map(map) => map.values().for_each(|value| self.keep_secret(value)),
            _ => {}
        }
    }

    /// A text with every secret of this run masked.
    pub fn mask(&self, text: &str) -> String {
        let secrets = lock(&self.secrets);
        // The longest first: one secret may be part of another.
        let mut found: Vec<&String> = secrets.iter().filter(|secret| text.contains(secret.as_str())).collect();
        found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        found.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
    }

    pub fn lambda(&self) -> &aws_sdk_lambda::Client {
        self.clients.lambda.get_or_init(|| aws_sdk_lambda::Client::new(&self.config))
    }

    /// Lambda with the patience of its longest function, 15 minutes, and that of an upload.
    pub fn lambda_patient(&self) -> &aws_sdk_lambda::Client {
        self.clients.invoke.get_or_init(|| {
            let timeouts =
                TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(Duration::from_secs(930)).build();
            let config = aws_sdk_lambda::config::Builder::from(&self.config).timeout_config(timeouts).build();
            aws_sdk_lambda::Client::from_conf(config)
        })
    }

    pub fn iam(&self) -> &aws_sdk_iam::Client {
        self.clients.iam.get_or_init(|| aws_sdk_iam::Client::new(&self.config))
    }

    pub fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        self.clients.logs.get_or_init(|| aws_sdk_cloudwatchlogs::Client::new(&self.config))
    }

    /// S3 with time for uploads. An emulator has no host name for each bucket: there the bucket is part of the path.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.clients.s3.get_or_init(|| {
            let timeouts =
                TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(Duration::from_secs(300)).build();
            let config = aws_sdk_s3::config::Builder::from(&self.config)
                .http_client(self.streaming.clone())
                .force_path_style(self.endpoint().is_some())
                .timeout_config(timeouts)
                .build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }

    pub fn sts(&self) -> &aws_sdk_sts::Client {
        self.clients.sts.get_or_init(|| aws_sdk_sts::Client::new(&self.config))
    }

    pub fn apigateway(&self) -> &aws_sdk_apigateway::Client {
        self.clients.apigateway.get_or_init(|| aws_sdk_apigateway::Client::new(&self.config))
    }

    pub fn apigatewayv2(&self) -> &aws_sdk_apigatewayv2::Client {
        self.clients.apigatewayv2.get_or_init(|| aws_sdk_apigatewayv2::Client::new(&self.config))
    }

    pub fn events(&self) -> &aws_sdk_eventbridge::Client {
        self.clients.events.get_or_init(|| aws_sdk_eventbridge::Client::new(&self.config))
    }

    pub fn scheduler(&self) -> &aws_sdk_scheduler::Client {
        self.clients.scheduler.get_or_init(|| aws_sdk_scheduler::Client::new(&self.config))
    }

    pub fn sns(&self) -> &aws_sdk_sns::Client {
        self.clients.sns.get_or_init(|| aws_sdk_sns::Client::new(&self.config))
    }

    pub fn sqs(&self) -> &aws_sdk_sqs::Client {
        self.clients.sqs.get_or_init(|| aws_sdk_sqs::Client::new(&self.config))
    }
}

/// A poisoned lock means that another task panicked between two lines that cannot panic: the data is whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a call gives whose answer lacks what AWS says is always there.
pub(super) fn incomplete(operation: &str, what: &str) -> Failure {
    Failure::new(Reason::Server, format!("the answer to {operation} has no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::value::Secret;

    fn settings(profile: Option<&str>, provider_profile: Option<&str>) -> Settings {
        Settings {
            scope: Scope::new("shop", "pre-prod"),
            region: "eu-central-1".into(),
            profile: profile.map(str::to_owned),
            provider_profile: provider_profile.map(str::to_owned),
            role: None,
        }
    }

    fn choose(settings: &Settings, variables: &[(&str, &str)]) -> CredentialSource {
        CredentialSource::choose(settings, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn credentials_come_in_the_frameworks_order() {
        // Each line takes away what decided before.
        let mut variables = vec![
            ("AWS_PRE_PROD_PROFILE", "of-stage"),
            ("AWS_PRE_PROD_ACCESS_KEY_ID", "AKSTAGE"),
            ("AWS_PRE_PROD_SECRET_ACCESS_KEY", "secret"),
            ("AWS_PROFILE", "general"),
            ("AWS_ACCESS_KEY_ID", "AK"),
            ("AWS_DEFAULT_PROFILE", "last"),
        ];
        let profile = |name: &str| CredentialSource::Profile(name.to_owned());
        assert_eq!(choose(&settings(Some("typed"), Some("file")), &variables), profile("typed"));
        let settings = settings(None, Some("file"));
        assert_eq!(choose(&settings, &variables), profile("of-stage"));
        variables.remove(0);
        let keys = CredentialSource::Keys { id: "AKSTAGE".into(), secret: "secret".into(), token: None };
        assert_eq!(choose(&settings, &variables), keys);
        variables.drain(..2);
        assert_eq!(choose(&settings, &variables), profile("general"));
        variables.remove(0);
        assert_eq!(choose(&settings, &variables), CredentialSource::Chain);
        variables.remove(0);
        assert_eq!(choose(&settings, &variables), profile("file"));
        let settings = Settings { provider_profile: None, ..settings };
        assert_eq!(choose(&settings, &variables), profile("last"));
        assert_eq!(choose(&settings, &[]), CredentialSource::Chain);
    }

    #[test]
    fn keys_do_not_show() {
        let keys = CredentialSource::Keys { id: "AK".into(), secret: "hunter2".into(), token: None };
        assert!(!format!("{keys:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn secrets_of_a_tree_are_masked_the_longest_first() {
        let config = SdkConfig::builder().region(Region::new("cn-north-1")).behavior_version(behaviour()).build();
        let aws = Aws::with_config(Scope::new("shop", "dev"), config, http_client(), CancellationToken::new());
        let secret = |text: &str| Value::Secret(Secret::new(text));
        let variables = [("A".to_owned(), secret("hunter2")), ("B".to_owned(), secret("hunter2hunter2"))];
        aws.keep_secret(&Value::List(vec![Value::Map(variables.into_iter().collect()), secret("x")]));
        assert_eq!(aws.mask("a hunter2hunter2 b hunter2 x"), format!("a {MASK} b {MASK} x"));
        assert_eq!(aws.partition().name, "aws-cn");
    }
}
