//! What stands after a deploy: endpoints and functions, the same for `deploy` and `info`.

use serde_json::{Value as Json, json};

use super::style::{DIM, HEAD};

/// A deployed function as the summary shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionLine {
    /// The key in the file.
    pub key: String,
    /// The name in AWS.
    pub name: String,
}

/// An address that answers requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `GET`, `ANY`, or `-` where every method is taken.
    pub method: String,
    pub url: String,
    /// The key of the function that answers.
    pub function: String,
}

/// Everything that the summary shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    pub endpoints: Vec<Endpoint>,
    pub functions: Vec<FunctionLine>,
}

impl Deployed {
    /// For people: endpoints first, since that is what is copied from here.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        if !self.endpoints.is_empty() {
            lines.push(format!("{HEAD}endpoints{HEAD:#}"));
            let width = self.endpoints.iter().map(|endpoint| endpoint.method.len()).max().unwrap_or(0);
            for endpoint in &self.endpoints {
                lines.push(format!("  {:width$}  {} {DIM}{}{DIM:#}", endpoint.method, endpoint.url, endpoint.function));
            }
        }
        if !self.functions.is_empty() {
            lines.push(format!("{HEAD}functions{HEAD:#}"));
            let width = self.functions.iter().map(|function| function.key.chars().count()).max().unwrap_or(0);
            for function in &self.functions {
                lines.push(format!("  {:width$}  {}", function.key, function.name));
            }
        }
        lines.join("\n")
    }

    /// For machines.
    pub fn json(&self) -> Json {
        json!({
            "endpoints": self.endpoints.iter().map(|endpoint| json!({
                "method": endpoint.method, "url": endpoint.url, "function": endpoint.function,
            })).collect::<Vec<_>>(),
            "functions": self.functions.iter().map(|function| json!({
                "key": function.key, "name": function.name,
            })).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_come_first_and_columns_line_up() {
        let deployed = Deployed {
            endpoints: vec![Endpoint {
                method: "GET".into(),
                url: "https://x.example/orders".into(),
                function: "orders".into(),
            }],
            functions: vec![
                FunctionLine { key: "a".into(), name: "shop-dev-a".into() },
                FunctionLine { key: "orders".into(), name: "shop-dev-orders".into() },
            ],
        };
        insta::assert_snapshot!(anstream::adapter::strip_str(&deployed.text()).to_string(), @r"
        endpoints
          GET  https://x.example/orders orders
        functions
          a       shop-dev-a
          orders  shop-dev-orders
        ");
    }
}
