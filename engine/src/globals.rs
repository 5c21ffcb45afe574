//! The names that Steel itself binds, with the numbers of arguments they take.

use serde::Serialize;
use std::collections::BTreeMap;
use steel::steel_vm::builtin::{get_function_metadata, Arity, BuiltInFunctionType};
use steel::steel_vm::engine::Engine;
use steel::SteelVal;

/// Prefixes of names that Steel makes for itself.
const PRIVATE: [&str; 6] = ["#%prim.", "%-builtin-module-", "mangler", "##", "__module", "#%board-"];

/// One name.
#[derive(Debug, Serialize)]
pub struct Global {
    pub name: String,
    /// `2`, `1+`, `0-1`, `macro`, `value`, or `?` where Steel does not know.
    pub arity: String,
}

/// Everything bound in an engine, by name.
pub fn list(engine: &mut Engine) -> Vec<Global> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let macros: Vec<String> =
        engine.in_scope_macros().keys().map(|name| name.resolve().to_string()).collect();
    let values: Vec<String> = engine.globals().iter().map(|name| name.resolve().to_string()).collect();
    for name in values {
        if let Ok(value) = engine.extract_value(&name) {
            found.insert(name, arity(engine, &value));
        }
    }
    found.extend(macros.into_iter().map(|name| (name, "macro".to_string())));
    let public = found.into_iter().filter(|(name, _)| !PRIVATE.iter().any(|prefix| name.starts_with(prefix)));
    public.map(|(name, arity)| Global { name, arity }).collect()
}

fn arity(engine: &mut Engine, value: &SteelVal) -> String {
    let metadata = match value {
        SteelVal::FuncV(function) => get_function_metadata(BuiltInFunctionType::Reference(*function)),
        SteelVal::MutFunc(function) => get_function_metadata(BuiltInFunctionType::Mutable(*function)),
        SteelVal::BuiltIn(function) => get_function_metadata(BuiltInFunctionType::Context(*function)),
        SteelVal::BoxedFunction(function) => {
            return function.get_arity().map_or("?".into(), |count| count.to_string())
        }
        SteelVal::Closure(_) => return closure_arity(engine, value),
        _ => return "value".into(),
    };
    match metadata.map(|it| it.arity) {
        Some(Arity::Exact(count)) => count.to_string(),
        Some(Arity::AtLeast(least)) => format!("{least}+"),
        Some(Arity::AtMost(most)) => format!("0-{most}"),
        Some(Arity::Range(least, most)) => format!("{least}-{most}"),
        None => "?".into(),
    }
}

/// A procedure with a rest parameter counts that one too.
fn closure_arity(engine: &mut Engine, value: &SteelVal) -> String {
    let mut ask = |question: &str| engine.call_function_by_name_with_args(question, vec![value.clone()]).ok();
    match (ask("function-arity"), ask("multi-arity?")) {
        (Some(SteelVal::IntV(count)), Some(SteelVal::BoolV(true))) => format!("{}+", count - 1),
        (Some(SteelVal::IntV(count)), _) => count.to_string(),
        _ => "?".into(),
    }
}
