//! CloudWatch alarms that turn a shift back: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>.

use serde_json::{Value as Json, json};

use crate::aws::client::Aws;
use crate::aws::kinds::json::{member, members};
use crate::aws::signed::Signed;
use crate::engine::failure::Failure;
use crate::engine::kind::Progress;

/// DescribeAlarms takes so many names at once.
const AT_ONCE: usize = 100;

/// An alarm and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    pub name: String,
    /// Whether its state is `ALARM`.
    pub rings: bool,
    /// What CloudWatch says about the state.
    pub reason: String,
}

/// The alarms of these names that exist.
///
/// # Errors
/// As every call.
pub async fn look(aws: &Aws, names: &[String]) -> Result<Vec<Alarm>, Failure> {
    let mut found = Vec::new();
    for names in names.chunks(AT_ONCE) {
        // Without the types, alarms made of alarms are left out.
        let body = json!({ "AlarmNames": names, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] });
        let request = Signed::action("DescribeAlarms", body);
        let answer = aws.ask("cloudwatch", "DescribeAlarms", &request, &Progress::silent()).await?;
        found.extend(["MetricAlarms", "CompositeAlarms"].iter().flat_map(|kind| members(&answer, kind)).map(alarm));
    }
    Ok(found)
}

/// The first of these alarms that rings.
///
/// # Errors
/// As every call.
pub async fn ringing(aws: &Aws, names: &[String]) -> Result<Option<Alarm>, Failure> {
    Ok(look(aws, names).await?.into_iter().find(|alarm| alarm.rings))
}

fn alarm(answer: &Json) -> Alarm {
    Alarm {
        name: member(answer, "AlarmName").unwrap_or_default().to_owned(),
        rings: member(answer, "StateValue") == Some("ALARM"),
        reason: member(answer, "StateReason").unwrap_or("no reason given").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::fake::{Fake, Told};

    #[tokio::test]
    async fn an_alarm_rings_whatever_it_is_made_of() {
        let (aws, fake) = Fake::connect(|_| {
            Told::ok(json!({
                "MetricAlarms": [{ "AlarmName": "a", "StateValue": "OK" }, { "AlarmName": "b", "StateValue": "INSUFFICIENT_DATA" }],
                "CompositeAlarms": [{ "AlarmName": "c", "StateValue": "ALARM", "StateReason": "too much" }],
            }))
        });
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(look(&aws, &names).await.unwrap().len(), 3);
        let ringing = ringing(&aws, &names).await.unwrap().unwrap();
        assert_eq!((ringing.name.as_str(), ringing.reason.as_str()), ("c", "too much"));
        assert_eq!(fake.asked()[0].action, "DescribeAlarms");
    }

    #[tokio::test]
    async fn nothing_is_asked_where_nothing_is_watched() {
        let (aws, fake) = Fake::connect(|_| Told::refused(400, "Never", ""));
        assert_eq!(ringing(&aws, &[]).await, Ok(None));
        assert!(fake.asked().is_empty());
    }
}
