//! One account and region, with everything that a command needs of it.

use std::sync::Arc;

use super::cli::Global;
use super::prepare::Read;
use crate::aws::client::{Aws, Settings};
use crate::aws::cloud::AwsCloud;
use crate::aws::lease_store::S3Lease;
use crate::aws::naming;
use crate::aws::ownership::Scope;
use crate::aws::remote::AwsRemote;
use crate::engine::failure::Failure;
use crate::engine::kind::Cloud;
use crate::engine::lease::LeaseStore;
use crate::engine::stop::Stop;

/// What variables such as `${ssm:/name}` are read from. Nothing is sent unless the file has one.
pub fn remote(global: &Global, stop: &Stop) -> AwsRemote {
    // Before the file is read, its stage is only known from the command line.
    AwsRemote::new(global.stage.clone().unwrap_or_else(|| "dev".to_owned()), global.aws_profile.clone(), stop.token())
}

/// An account that was reached.
pub struct Connection {
    pub aws: Arc<Aws>,
    pub cloud: Arc<dyn Cloud>,
    pub lease_store: Arc<dyn LeaseStore>,
}

impl Connection {
    /// Connects for the service, stage and region of a file, and asks whose account it is.
    ///
    /// # Errors
    /// No credentials, wrong ones, or an endpoint that cannot be reached.
    pub async fn open(global: &Global, read: &Read, stop: &Stop) -> Result<Self, Failure> {
        Self::open_as(read.service.name().to_owned(), global, read, stop).await
    }

    /// The same for the service's custom domains, which are kept apart from it: they outlive what is mapped to them.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn open_for_domains(global: &Global, read: &Read, stop: &Stop) -> Result<Self, Failure> {
        Self::open_as(naming::domains_of(read.service.name()), global, read, stop).await
    }

    /// The same, but what left the file stays.
    #[must_use]
    pub fn keeping_orphans(self) -> Self {
        Self { cloud: Arc::new(AwsCloud::new(&self.aws).keeping_orphans()), ..self }
    }

    async fn open_as(service: String, global: &Global, read: &Read, stop: &Stop) -> Result<Self, Failure> {
        let settings = Settings {
            scope: Scope { service, stage: read.target.stage.clone() },
            region: read.target.region.clone(),
            profile: global.aws_profile.clone(),
            provider_profile: read.service.provider.profile.clone(),
        };
        let aws = Aws::connect(&settings, stop.token()).await;
        aws.account().await?;
        Ok(Self { cloud: Arc::new(AwsCloud::new(&aws)), lease_store: Arc::new(S3Lease::new(&aws)), aws })
    }
}
