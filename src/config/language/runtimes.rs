//! The runtimes of Lambda and how long they are supported.
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>, as of February 2026.

use jiff::civil::Date;

/// A runtime of Lambda.
#[derive(Clone, Copy, Debug)]
pub struct Runtime {
    pub name: &'static str,
    /// From this day on there are no security updates: year, month, day.
    deprecated: (i16, i8, i8),
    /// Whether Lambda refuses new functions and changes for good. AWS has put off the day for many deprecated
    /// runtimes, so only those are marked that have long been gone.
    pub removed: bool,
}

impl Runtime {
    /// The day from which there are no security updates.
    pub fn deprecated(&self) -> Date {
        let (year, month, day) = self.deprecated;
        // The table below holds days that exist; a test looks at each.
        Date::new(year, month, day).unwrap_or(Date::ZERO)
    }
}

const fn current(name: &'static str, year: i16, month: i8, day: i8) -> Runtime {
    Runtime { name, deprecated: (year, month, day), removed: false }
}

const fn gone(name: &'static str, year: i16, month: i8, day: i8) -> Runtime {
    Runtime { name, deprecated: (year, month, day), removed: true }
}

/// Every runtime that Lambda has or had, the newest of each language first.
pub const RUNTIMES: &[Runtime] = &[
    current("nodejs24.x", 2028, 4, 30),
    current("nodejs22.x", 2027, 4, 30),
    current("nodejs20.x", 2026, 4, 30),
    current("nodejs18.x", 2025, 9, 1),
    current("nodejs16.x", 2024, 6, 12),
    gone("nodejs14.x", 2023, 12, 4),
    gone("nodejs12.x", 2023, 3, 31),
    gone("nodejs10.x", 2021, 7, 30),
    gone("nodejs8.10", 2020, 3, 6),
    gone("nodejs6.10", 2019, 8, 12),
    gone("nodejs4.3", 2020, 3, 5),
    gone("nodejs", 2016, 10, 31),
    current("python3.14", 2029, 6, 30),
    current("python3.13", 2029, 6, 30),
    current("python3.12", 2028, 10, 31),
    current("python3.11", 2027, 6, 30),
    current("python3.10", 2026, 10, 31),
    current("python3.9", 2025, 12, 15),
    current("python3.8", 2024, 10, 14),
    gone("python3.7", 2023, 12, 4),
    gone("python3.6", 2022, 7, 18),
    gone("python2.7", 2021, 7, 15),
    current("java25", 2029, 6, 30),
    current("java21", 2029, 6, 30),
    current("java17.al2023", 2029, 6, 30),
    current("java17", 2027, 6, 30),
    current("java11.al2023", 2029, 6, 30),
    current("java11", 2027, 6, 30),
    current("java8.al2023", 2029, 6, 30),
    current("java8.al2", 2027, 6, 30),
    gone("java8", 2024, 1, 8),
    current("dotnet10", 2028, 11, 14),
    current("dotnet9", 2026, 11, 10),
    current("dotnet8", 2026, 11, 10),
    current("dotnet6", 2024, 12, 20),
    gone("dotnetcore3.1", 2023, 4, 3),
    gone("dotnetcore2.1", 2022, 1, 5),
    gone("dotnetcore2.0", 2019, 5, 30),
    gone("dotnetcore1.0", 2019, 7, 30),
    current("ruby4.0", 2029, 3, 31),
    current("ruby3.4", 2028, 3, 31),
    current("ruby3.3", 2027, 3, 31),
    current("ruby3.2", 2026, 3, 31),
    gone("ruby2.7", 2023, 12, 7),
    gone("ruby2.5", 2021, 7, 30),
    gone("go1.x", 2024, 1, 8),
    current("provided.al2023", 2029, 6, 30),
    current("provided.al2", 2026, 7, 31),
    gone("provided", 2024, 1, 8),
];

/// The runtime of a name.
pub fn find(name: &str) -> Option<&'static Runtime> {
    RUNTIMES.iter().find(|runtime| runtime.name == name)
}

/// The newest runtime of the same language: what to move to.
pub fn successor(name: &str) -> Option<&'static str> {
    if name == "go1.x" || name.starts_with("provided") {
        return (name != "provided.al2023").then_some("provided.al2023");
    }
    let language = |name: &str| -> String { name.chars().take_while(|c| c.is_ascii_alphabetic()).collect() };
    let wanted = language(name).replace("dotnetcore", "dotnet");
    RUNTIMES
        .iter()
        .map(|runtime| runtime.name)
        .find(|newest| language(newest) == wanted)
        .filter(|newest| *newest != name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_in_the_table_exists() {
        for runtime in RUNTIMES {
            assert!(runtime.deprecated().year() > 2015, "{}", runtime.name);
        }
    }

    #[test]
    fn knows_what_to_move_to() {
        assert_eq!(successor("nodejs14.x"), Some("nodejs24.x"));
        assert_eq!(successor("python2.7"), Some("python3.14"));
        assert_eq!(successor("go1.x"), Some("provided.al2023"));
        assert_eq!(successor("dotnetcore3.1"), Some("dotnet10"));
        assert_eq!(successor("nodejs24.x"), None);
    }
}
