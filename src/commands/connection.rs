//! One account and region, with everything that a command needs of it.

use std::sync::Arc;

use super::cli::Global;
use super::prepare::{Place, Read};
use crate::aws::client::{Aws, Settings};
use crate::aws::cloud::AwsCloud;
use crate::aws::history_store::S3History;
use crate::aws::lease_store::S3Lease;
use crate::aws::naming;
use crate::aws::ownership::Scope;
use crate::aws::remote::AwsRemote;
use crate::engine::failure::{Failure, Reason};
use crate::engine::history::HistoryStore;
use crate::engine::kind::Cloud;
use crate::engine::lease::LeaseStore;
use crate::engine::stop::Stop;

/// What variables such as `${ssm:/name}` are read from. Nothing is sent unless the file has one.
pub fn remote(global: &Global, stop: &Stop) -> AwsRemote {
    // Before the file is read, its stage is only known from the command line.
    AwsRemote::new(global.stage.clone().unwrap_or_else(|| "dev".to_owned()), global.aws_profile.clone(), stop.token())
}

/// Says which profile was asked for, where its credentials are what is wrong.
fn with_profile(mut failure: Failure, settings: &Settings) -> Failure {
    let named = [(&settings.profile, "--aws-profile"), (&settings.provider_profile, "`provider.profile`")];
    if failure.reason == Reason::Credentials
        && let Some((profile, by)) = named.into_iter().find_map(|(profile, by)| Some((profile.as_ref()?, by)))
    {
        let help =
            format!("the profile `{profile}` was asked for by {by}: is it in ~/.aws/config or ~/.aws/credentials?");
        failure.help.insert(0, help);
    }
    failure
}

/// An account that was reached.
pub struct Connection {
    pub aws: Arc<Aws>,
    pub cloud: Arc<dyn Cloud>,
    pub lease_store: Arc<dyn LeaseStore>,
    pub history: Arc<dyn HistoryStore>,
}

impl Connection {
    /// Connects for the service, stage and region of a file, and asks whose account it is.
    ///
    /// # Errors
    /// No credentials, wrong ones, or an endpoint that cannot be reached.
    pub async fn open(global: &Global, read: &Read, stop: &Stop) -> Result<Self, Failure> {
        Self::to(global, &read.place(), stop).await
    }

    /// The same for the service's custom domains, which are kept apart from it: they outlive what is mapped to them.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn open_for_domains(global: &Global, read: &Read, stop: &Stop) -> Result<Self, Failure> {
        let place = read.place();
        let place = Place { service: naming::domains_of(&place.service), ..place };
        Self::to(global, &place, stop).await
    }

    /// The same, but what left the file stays.
    #[must_use]
    pub fn keeping_orphans(self) -> Self {
        Self { cloud: Arc::new(AwsCloud::new(&self.aws).keeping_orphans()), ..self }
    }

    /// The same for a place.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn to(global: &Global, place: &Place, stop: &Stop) -> Result<Self, Failure> {
        let settings = Settings {
            scope: Scope { service: place.service.clone(), stage: place.target.stage.clone() },
            region: place.target.region.clone(),
            profile: global.aws_profile.clone(),
            provider_profile: place.profile.clone(),
            role: place.role.clone(),
        };
        let aws = Aws::connect(&settings, stop.token()).await;
        aws.account().await.map_err(|failure| with_profile(failure, &settings))?;
        Ok(Self {
            cloud: Arc::new(AwsCloud::new(&aws)),
            lease_store: Arc::new(S3Lease::new(&aws)),
            history: Arc::new(S3History::new(&aws)),
            aws,
        })
    }
}
