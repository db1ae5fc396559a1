//! `hoist invoke -f NAME`

use std::io::Read as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

use super::cli::Global;
use super::connection::{Connection, remote};
use super::function::named;
use super::prepare::{Purpose, read};
use super::{CommandError, Exit};
use crate::aws::invoke::{Invocation, Manner};
use crate::engine::failure::Reason;
use crate::engine::stop::Stop;
use crate::screen::Screen;

#[derive(Args, Debug)]
pub struct Invoke {
    /// The function's key in the file
    #[arg(short, long, value_name = "NAME")]
    function: String,
    /// What it gets: JSON, or a text that is sent as a JSON string
    #[arg(short, long, conflicts_with = "path")]
    data: Option<String>,
    /// A file with what it gets; - for standard input
    #[arg(short, long, value_name = "FILE")]
    path: Option<PathBuf>,
    /// Show the last 4 KB of its log
    #[arg(short, long)]
    log: bool,
    /// Version or alias
    #[arg(short, long)]
    qualifier: Option<String>,
    /// How it is called
    #[arg(short = 't', long = "type", value_enum, default_value_t = Type::RequestResponse)]
    kind: Type,
    /// Send --data as it is, also where it looks like JSON
    #[arg(long)]
    raw: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Type {
    #[value(name = "RequestResponse")]
    RequestResponse,
    #[value(name = "Event")]
    Event,
    #[value(name = "DryRun")]
    DryRun,
}

impl Invoke {
    pub async fn run(self, global: &Global, screen: &Screen) -> Result<Exit, CommandError> {
        let stop = Stop::new();
        let read = read(global, screen, Purpose::Look, Some(&remote(global, &stop))).await?;
        let name = named(&read, &self.function)?;
        let payload = self.payload()?;
        let connection = Connection::open(global, &read, &stop).await?;
        let invocation = Invocation {
            function: name.clone(),
            qualifier: self.qualifier,
            payload,
            manner: match self.kind {
                Type::RequestResponse => Manner::RequestResponse,
                Type::Event => Manner::Event,
                Type::DryRun => Manner::DryRun,
            },
            log: self.log,
        };
        let answer = connection.aws.invoke(&invocation).await.map_err(|failure| match failure.reason {
            Reason::NotFound => failure.help("Deploy it first with `hoist deploy`."),
            _ => failure,
        })?;
        if let Some(log) = &answer.log {
            screen.note(log.trim_end());
        }
        let text = String::from_utf8_lossy(&answer.payload);
        let payload: Json = serde_json::from_str(&text).unwrap_or_else(|_| Json::String(text.clone().into_owned()));
        // A document that was asked for on the terminal is read by a person; in a pipe it stays what it was.
        screen.result(&if text.is_empty() {
            String::new()
        } else {
            serde_json::to_string_pretty(&payload).unwrap_or_default()
        });
        screen.json(&json!({
            "type": "answer", "function": name, "status": answer.status, "payload": payload,
            "functionError": answer.function_error, "log": answer.log,
        }));
        match answer.function_error {
            None => Ok(Exit::Done),
            Some(_) => {
                screen.note(&format!("{name} failed: what it answered says how"));
                Ok(Exit::Failed)
            }
        }
    }

    fn payload(&self) -> Result<Vec<u8>, CommandError> {
        let unreadable = |what: &str, error: std::io::Error| {
            CommandError::plain(
                format!("{what} cannot be read: {error}"),
                ["Give the data with -d, or name another file with -p."],
            )
        };
        match (&self.data, &self.path) {
            (Some(data), _) => Ok(self.encode(data.clone())),
            (None, Some(path)) if path.as_os_str() == "-" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(|error| unreadable("standard input", error))?;
                Ok(self.encode(text))
            }
            (None, Some(path)) => {
                let text =
                    std::fs::read_to_string(path).map_err(|error| unreadable(&path.display().to_string(), error))?;
                Ok(self.encode(text))
            }
            (None, None) => Ok(b"{}".to_vec()),
        }
    }

    /// Lambda takes JSON only: what is none becomes a JSON string.
    fn encode(&self, text: String) -> Vec<u8> {
        if self.raw || serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() {
            Json::String(text).to_string().into_bytes()
        } else {
            text.into_bytes()
        }
    }
}
