//! Provisioned concurrency that follows the load, as serverless-provisioned-concurrency-autoscaling writes it.

use super::super::decode::{Bounded, Toggle, keywords, object};
use super::function::Function;

object! {
    /// Target tracking of provisioned concurrency (serverless-provisioned-concurrency-autoscaling).
    pub struct ConcurrencyAutoscaling {
        /// Whether the number of environments follows the load.
        enabled "enabled" = true: Option<bool>,
        /// The alias that is scaled: that of `provisionedConcurrency`.
        alias "alias" = "provisioned": Option<String>,
        /// The fewest environments.
        minimum "minimum" = 1: Option<Bounded<1, { i32::MAX as i64 }>>,
        /// The most environments.
        maximum "maximum" = 10: Option<Bounded<1, { i32::MAX as i64 }>>,
        /// The share of the environments that should be busy, up to 1.
        usage "usage" = 0.75: Option<f64>,
        /// Seconds after a step down in which there is no other.
        scale_in_cooldown "scaleInCooldown" = 120: Option<Bounded<0, { i32::MAX as i64 }>>,
        /// Seconds after a step up in which there is no other.
        scale_out_cooldown "scaleOutCooldown" = 0: Option<Bounded<0, { i32::MAX as i64 }>>,
        /// Whether another statistic than the average of the use is followed.
        custom_metric "customMetric" = false: Option<Toggle<CustomMetric>>,
        /// Bounds that change at certain times.
        scheduled_actions "scheduledActions": Vec<ScheduledAction>,
    }
}

object! {
    /// Bounds that change at a certain time.
    pub struct ScheduledAction {
        /// Its name; each action has another. Default: `ScheduledAction` and its place in the list.
        name "name": Option<String>,
        /// When, as `at(..)`, `rate(..)` or `cron(..)`.
        schedule "schedule": String,
        /// Since when: `2027-01-01T00:00:00.000Z`.
        start_time "startTime": Option<String>,
        /// Until when.
        end_time "endTime": Option<String>,
        /// The time zone of `at` and `cron`, which is UTC otherwise: `Europe/Berlin`.
        timezone "timezone": Option<String>,
        /// The bounds from then on.
        action "action": ScheduledBounds,
    }
}

object! {
    /// Bounds from a certain time on; one that is left out stays as it is.
    pub struct ScheduledBounds {
        /// The fewest environments.
        minimum "minimum": Option<Bounded<0, { i32::MAX as i64 }>>,
        /// The most environments.
        maximum "maximum": Option<Bounded<0, { i32::MAX as i64 }>>,
    }
}

object! {
    /// The statistic that is followed.
    pub struct CustomMetric {
        /// Which one.
        statistic "statistic" = "Maximum": Option<Statistic>,
    }
}

keywords! {
    /// A statistic of CloudWatch.
    pub enum Statistic [ignore_case] {
        Average = "Average",
        Maximum = "Maximum",
        Minimum = "Minimum",
        SampleCount = "SampleCount",
        Sum = "Sum",
    }
}

/// How the provisioned concurrency of a function follows its load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    pub minimum: i64,
    pub maximum: i64,
    /// The share of the environments that should be busy: 0 to 1.
    pub usage: f64,
    /// Seconds.
    pub scale_in_cooldown: i64,
    /// Seconds.
    pub scale_out_cooldown: i64,
    /// What is followed instead of Lambda's own metric, which is an average.
    pub statistic: Option<Statistic>,
}

impl Function {
    /// Bounds that change at certain times, where the function's provisioned concurrency follows its load.
    pub fn scheduled_actions(&self) -> &[ScheduledAction] {
        let settings = self.concurrency_autoscaling.as_ref().and_then(Toggle::settings);
        settings.map(|settings| settings.scheduled_actions.as_slice()).unwrap_or_default()
    }

    /// How the function's provisioned concurrency follows its load, when it has some and is to.
    pub fn scaling(&self) -> Option<Scaling> {
        let provisioned = self.provisioned_concurrency.as_ref()?;
        let toggle = self.concurrency_autoscaling.as_ref().filter(|toggle| toggle.is_on())?;
        let settings = toggle.settings();
        if provisioned.executions() == Some(0) || settings.is_some_and(|settings| settings.enabled == Some(false)) {
            return None;
        }
        let metric = settings.and_then(|settings| settings.custom_metric.as_ref()).filter(|metric| metric.is_on());
        let statistic = metric.map(|metric| metric.settings().and_then(|metric| metric.statistic));
        Some(Scaling {
            minimum: settings.and_then(|settings| settings.minimum).map_or(1, |count| count.get()),
            maximum: settings.and_then(|settings| settings.maximum).map_or(10, |count| count.get()),
            usage: settings.and_then(|settings| settings.usage).unwrap_or(0.75),
            scale_in_cooldown: settings.and_then(|settings| settings.scale_in_cooldown).map_or(120, |time| time.get()),
            scale_out_cooldown: settings.and_then(|settings| settings.scale_out_cooldown).map_or(0, |time| time.get()),
            statistic: statistic.map(|statistic| statistic.unwrap_or(Statistic::Maximum)),
        })
    }
}
