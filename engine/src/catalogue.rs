//! The catalogue of the device API, and what it demands of the arguments of a call.

use crate::schedule::Cron;
use serde::Deserialize;
use std::sync::LazyLock;
use steel::rerrs::ErrorKind;
use steel::{SteelErr, SteelVal};

/// Every function of the device API, as the Python side states it.
pub static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(|| {
    serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/catalogue.json")))
        .expect("the catalogue is as catalogue.py prints it")
});

/// One function.
#[derive(Debug, Deserialize)]
pub struct Function {
    pub name: String,
    pub min: usize,
    /// None for any number.
    pub max: Option<usize>,
    pub status: String,
    arguments: Vec<Argument>,
}

#[derive(Debug, Deserialize)]
struct Argument {
    name: String,
    r#type: String,
    above: Option<f64>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    min_bytes: Option<usize>,
    max_bytes: Option<usize>,
    #[serde(default)]
    choices: Vec<String>,
    format: Option<String>,
}

/// The functions that programs can call.
pub fn offered() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().filter(|function| function.status != "internal")
}

/// Finds a function by its name.
pub fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

impl Function {
    /// Checks types and limits; how many arguments there are Steel has checked already.
    pub fn check(&self, arguments: &[SteelVal]) -> Result<(), SteelErr> {
        for (argument, value) in self.arguments.iter().zip(arguments) {
            argument.check(value).map_err(|problem| self.wrong(format!("{} {problem}", argument.name)))?;
        }
        Ok(())
    }

    /// The error of a call that is not as it should be.
    pub fn wrong(&self, problem: String) -> SteelErr {
        SteelErr::new(ErrorKind::TypeMismatch, format!("{}: {problem}", self.name))
    }
}

impl Argument {
    fn check(&self, value: &SteelVal) -> Result<(), String> {
        if !self.fits_type(value) {
            return Err(format!("must be of type {}, got {value}", self.r#type));
        }
        if let Some(number) = number(value) {
            self.check_number(number)?;
        }
        match value {
            SteelVal::StringV(text) => self.check_text(text.as_str()),
            _ => Ok(()),
        }
    }

    fn fits_type(&self, value: &SteelVal) -> bool {
        match self.r#type.as_str() {
            "boolean" => matches!(value, SteelVal::BoolV(_)),
            "number" => number(value).is_some_and(f64::is_finite),
            "integer" => matches!(value, SteelVal::IntV(_)),
            "string" => matches!(value, SteelVal::StringV(_)),
            "symbol" => matches!(value, SteelVal::SymbolV(_)),
            "procedure" => is_procedure(value),
            "list" => matches!(value, SteelVal::ListV(_)),
            "alist" => matches!(value, SteelVal::ListV(_) | SteelVal::HashMapV(_)),
            _ => true,
        }
    }

    fn check_number(&self, number: f64) -> Result<(), String> {
        let low = self.minimum.is_some_and(|minimum| number < minimum);
        if low
            || self.above.is_some_and(|above| number <= above)
            || self.maximum.is_some_and(|most| number > most)
        {
            return Err(format!("must be {}, got {number}", self.range()));
        }
        Ok(())
    }

    fn range(&self) -> String {
        let from = self.minimum.map(|minimum| format!("at least {minimum}"));
        let above = self.above.map(|above| format!("above {above}"));
        let to = self.maximum.map(|maximum| format!("at most {maximum}"));
        from.into_iter().chain(above).chain(to).collect::<Vec<_>>().join(" and ")
    }

    fn check_text(&self, text: &str) -> Result<(), String> {
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| choice == text) {
            return Err(format!("must be one of {}, got {text:?}", self.choices.join(", ")));
        }
        if self.min_bytes.is_some_and(|least| text.len() < least) {
            return Err("must not be empty".into());
        }
        if let Some(most) = self.max_bytes.filter(|&most| text.len() > most) {
            return Err(format!("must have at most {most} bytes, got {}", text.len()));
        }
        match self.format.as_deref() {
            Some("mqtt-topic")
                if text.starts_with(['/', '$']) || text.contains(['+', '#', '\0', '\r', '\n']) =>
            {
                Err(format!(
                    "must be the name of a topic, without + and #, and not start with / or $, got {text:?}"
                ))
            }
            Some("cron") => Cron::parse(text).map(|_| ()),
            _ => Ok(()),
        }
    }
}

/// A real number as one of 64 bits.
pub fn number(value: &SteelVal) -> Option<f64> {
    match value {
        SteelVal::IntV(number) => Some(*number as f64),
        SteelVal::NumV(number) => Some(*number),
        SteelVal::Rational(number) => Some(f64::from(*number.numer()) / f64::from(*number.denom())),
        _ => None,
    }
}

fn is_procedure(value: &SteelVal) -> bool {
    matches!(
        value,
        SteelVal::Closure(_)
            | SteelVal::FuncV(_)
            | SteelVal::BoxedFunction(_)
            | SteelVal::MutFunc(_)
            | SteelVal::BuiltIn(_)
            | SteelVal::ContinuationFunction(_)
    )
}
