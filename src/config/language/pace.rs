//! How fast traffic moves from one version to the next: the names of CodeDeploy's configurations, and their steps.
//! <https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html>

use std::time::Duration;

/// The longest shift that CodeDeploy knows takes 100 minutes; nobody should wait longer than a day.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Minutes that the configurations last which CodeDeploy brings for functions: after 10 % of the traffic, and between
/// every 10 % of it.
const CANARIES: [u64; 4] = [5, 10, 15, 30];
const LINEARS: [u64; 4] = [1, 2, 3, 10];

/// How traffic moves from one version to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Everything in one step.
    AllAtOnce,
    /// A part of it first, and after so long the rest.
    Canary { percent: u8, bake: Duration },
    /// The same part again and again.
    Linear { percent: u8, every: Duration },
}

/// One step: the percentage of the new version, and how long it stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    pub percent: u8,
    pub wait: Duration,
}

impl Pace {
    /// CodeDeploy's names: `AllAtOnce`, `Canary10Percent5Minutes`, `Linear10PercentEvery1Minute`, with any percentage
    /// from 1 to 99 and any time in seconds, minutes or hours. `LambdaCanary…` and `CodeDeployDefault.…` are the same.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn parse(name: &str) -> Result<Self, String> {
        let plain = name.strip_prefix("CodeDeployDefault.").unwrap_or(name);
        let plain = plain.strip_prefix("Lambda").unwrap_or(plain);
        if plain == "AllAtOnce" {
            return Ok(Self::AllAtOnce);
        }
        let unknown = || format!("`{name}` is no way to shift traffic");
        let (is_canary, rest) = match (plain.strip_prefix("Canary"), plain.strip_prefix("Linear")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(unknown()),
        };
        let (percent, time) = rest.split_once("Percent").ok_or_else(unknown)?;
        let percent = percentage(percent).map_err(|problem| format!("`{name}`: {problem}"))?;
        let time = if is_canary { Some(time) } else { time.strip_prefix("Every") };
        let time = time.and_then(duration).ok_or_else(unknown)?;
        let pace = if is_canary { Self::Canary { percent, bake: time } } else { Self::Linear { percent, every: time } };
        if pace.takes() > LONGEST {
            return Err(format!("`{name}` would take longer than a day"));
        }
        Ok(pace)
    }

    /// The name, without `CodeDeployDefault.Lambda`, of the configuration of CodeDeploy that is as fast; `None` where it
    /// brings none.
    pub fn predefined(self) -> Option<String> {
        let minutes = |time: Duration| time.as_secs().is_multiple_of(60).then_some(time.as_secs() / 60);
        match self {
            Self::AllAtOnce => Some("AllAtOnce".to_owned()),
            Self::Canary { percent: 10, bake } => {
                let minutes = minutes(bake).filter(|minutes| CANARIES.contains(minutes))?;
                Some(format!("Canary10Percent{minutes}Minutes"))
            }
            Self::Linear { percent: 10, every } => {
                let minutes = minutes(every).filter(|minutes| LINEARS.contains(minutes))?;
                let unit = if minutes == 1 { "Minute" } else { "Minutes" };
                Some(format!("Linear10PercentEvery{minutes}{unit}"))
            }
            Self::Canary { .. } | Self::Linear { .. } => None,
        }
    }

    /// The steps before everything has moved.
    pub fn stages(self) -> Vec<Stage> {
        match self {
            Self::AllAtOnce => Vec::new(),
            Self::Canary { percent, bake } => vec![Stage { percent, wait: bake }],
            Self::Linear { percent, every } => (1..100)
                .map(|turn: u32| turn * u32::from(percent))
                .take_while(|so_far| *so_far < 100)
                .filter_map(|so_far| Some(Stage { percent: u8::try_from(so_far).ok()?, wait: every }))
                .collect(),
        }
    }

    /// How long it takes from the first step to the last.
    pub fn takes(self) -> Duration {
        self.stages().iter().map(|stage| stage.wait).sum()
    }

    /// The steps that are left when the new version has a part of the traffic already.
    pub fn stages_from(self, percent: u8) -> Vec<Stage> {
        self.stages().into_iter().filter(|stage| stage.percent >= percent).collect()
    }
}

/// A percentage of the traffic that leaves something for both versions.
///
/// # Errors
/// What is wrong with it.
pub fn percentage(text: &str) -> Result<u8, String> {
    match text.trim_end_matches('%').parse::<u8>() {
        Ok(percent @ 1..=99) => Ok(percent),
        _ => Err(format!("`{text}` is not a percentage from 1 to 99")),
    }
}

/// `5Minutes`, `1Minute`, `30Seconds`, `2Hours`
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|letter: char| !letter.is_ascii_digit())?;
    let number: u64 = text[..unit].parse().ok().filter(|number| *number > 0)?;
    let factor = match &text[unit..] {
        "Second" | "Seconds" => 1,
        "Minute" | "Minutes" => 60,
        "Hour" | "Hours" => 3600,
        _ => return None,
    };
    number.checked_mul(factor).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(name: &str) -> Vec<(u8, u64)> {
        let pace = Pace::parse(name).unwrap();
        pace.stages().iter().map(|stage| (stage.percent, stage.wait.as_secs())).collect()
    }

    #[test]
    fn every_type_of_code_deploy_has_its_steps() {
        assert_eq!(stages("AllAtOnce"), []);
        assert_eq!(stages("Canary10Percent5Minutes"), [(10, 300)]);
        assert_eq!(stages("CodeDeployDefault.LambdaCanary10Percent30Minutes"), [(10, 1800)]);
        assert_eq!(stages("Linear10PercentEvery1Minute").len(), 9);
        assert_eq!(stages("Linear10PercentEvery10Minutes")[8], (90, 600));
        assert_eq!(stages("Linear40PercentEvery2Seconds"), [(40, 2), (80, 2)]);
        assert_eq!(Pace::parse("Linear10PercentEvery10Minutes").unwrap().takes(), Duration::from_secs(5400));
    }

    #[test]
    fn code_deploy_has_configurations_for_some_paces() {
        let named = |name: &str| Pace::parse(name).unwrap().predefined();
        for name in [
            "AllAtOnce",
            "Canary10Percent5Minutes",
            "Canary10Percent30Minutes",
            "Linear10PercentEvery1Minute",
            "Linear10PercentEvery10Minutes",
        ] {
            assert_eq!(named(name).as_deref(), Some(name));
            assert_eq!(named(&format!("CodeDeployDefault.Lambda{name}")).as_deref(), Some(name));
        }
        assert_eq!(named("Canary10Percent300Seconds").as_deref(), Some("Canary10Percent5Minutes"));
        for own in ["Canary20Percent5Minutes", "Canary10Percent90Seconds", "Linear10PercentEvery5Minutes"] {
            assert_eq!(named(own), None, "{own}");
        }
    }

    #[test]
    fn what_is_no_way_to_shift_is_refused() {
        for wrong in [
            "",
            "Canary",
            "Canary10Percent",
            "Canary0Percent5Minutes",
            "Canary100Percent5Minutes",
            "Canary10Percent5Moons",
            "Canary10Percent0Minutes",
            "Linear10Percent1Minute",
            "Linear-5PercentEvery1Minute",
            "Linear10PercentEvery9999Hours",
            "allatonce",
        ] {
            assert!(Pace::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(percentage("10%"), Ok(10));
        assert!(percentage("100").is_err());
    }

    #[test]
    fn a_shift_goes_on_where_the_weights_are() {
        let linear = Pace::parse("Linear30PercentEvery1Minute").unwrap();
        let percents = |from| linear.stages_from(from).iter().map(|stage| stage.percent).collect::<Vec<_>>();
        assert_eq!(percents(0), [30, 60, 90]);
        assert_eq!(percents(60), [60, 90]);
        assert_eq!(percents(99), [0; 0]);
    }
}
