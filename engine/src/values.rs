//! Steel values as JSON and back. Objects are association lists with symbols as keys, as everywhere in the device API.

use serde_json::{Map, Number, Value};
use steel::primitives::lists::cons;
use steel::rvals::IntoSteelVal;
use steel::SteelVal;

/// An association list; the order is kept.
pub fn alist<K: AsRef<str>>(entries: impl IntoIterator<Item = (K, SteelVal)>) -> SteelVal {
    list(entries.into_iter().map(|(key, value)| pair(symbol(key.as_ref()), value)))
}

/// A proper list.
pub fn list(items: impl IntoIterator<Item = SteelVal>) -> SteelVal {
    SteelVal::ListV(items.into_iter().collect())
}

/// A symbol.
pub fn symbol(name: &str) -> SteelVal {
    SteelVal::SymbolV(name.to_string().into())
}

/// A string.
pub fn string(text: &str) -> SteelVal {
    SteelVal::StringV(text.to_string().into())
}

fn pair(mut car: SteelVal, mut cdr: SteelVal) -> SteelVal {
    cons(&mut car, &mut cdr).expect("anything can be put before anything")
}

/// The first part and the rest of a pair or a list that has one.
pub fn split(value: &SteelVal) -> Option<(SteelVal, SteelVal)> {
    match value {
        SteelVal::Pair(pair) => Some((pair.car(), pair.cdr())),
        SteelVal::ListV(items) => Some((items.car()?, SteelVal::ListV(items.cdr()?))),
        _ => None,
    }
}

/// What JSON can say about a value; the error names the part it has no word for.
pub fn from_steel(value: &SteelVal) -> Result<Value, String> {
    Ok(match value {
        SteelVal::Void => Value::Null,
        SteelVal::BoolV(it) => Value::Bool(*it),
        SteelVal::IntV(it) => Value::from(*it as i64),
        SteelVal::NumV(it) => {
            Value::Number(Number::from_f64(*it).ok_or_else(|| format!("JSON has no {value}"))?)
        }
        SteelVal::CharV(it) => Value::String(it.to_string()),
        SteelVal::StringV(it) | SteelVal::SymbolV(it) => Value::String(it.to_string()),
        SteelVal::ListV(items) => match object(items.iter()) {
            Some(object) => object?,
            None => array(items.iter())?,
        },
        SteelVal::VectorV(items) => array(items.iter())?,
        SteelVal::HashMapV(entries) => {
            let mut object = Map::new();
            for (key, value) in entries.iter() {
                let name = name_of(key).ok_or_else(|| format!("{key} cannot be a key in JSON"))?;
                object.insert(name, from_steel(value)?);
            }
            Value::Object(object)
        }
        other => return Err(format!("{other} cannot be written as JSON")),
    })
}

fn array<'a>(items: impl Iterator<Item = &'a SteelVal>) -> Result<Value, String> {
    items.map(from_steel).collect::<Result<_, _>>().map(Value::Array)
}

/// A list is an association list when it has entries, all of them with a symbol or, in a dotted pair, a string as key.
fn object<'a>(items: impl Iterator<Item = &'a SteelVal>) -> Option<Result<Value, String>> {
    let mut entries = Vec::new();
    for item in items {
        let (key, value) = split(item)?;
        let dotted = matches!(item, SteelVal::Pair(_));
        if !(dotted || matches!(key, SteelVal::SymbolV(_))) {
            return None;
        }
        entries.push((name_of(&key)?, value));
    }
    if entries.is_empty() {
        return None;
    }
    let object: Result<_, _> =
        entries.into_iter().map(|(key, value)| Ok((key, from_steel(&value)?))).collect();
    Some(object.map(Value::Object))
}

fn name_of(key: &SteelVal) -> Option<String> {
    match key {
        SteelVal::SymbolV(name) | SteelVal::StringV(name) => Some(name.to_string()),
        _ => None,
    }
}

/// JSON as a program sees it: objects as association lists, arrays as lists, null as void.
pub fn to_steel(value: &Value) -> SteelVal {
    match value {
        Value::Null => SteelVal::Void,
        Value::Bool(it) => SteelVal::BoolV(*it),
        Value::Number(it) => match it.as_i64() {
            Some(whole) => whole.into_steelval().expect("whole numbers have a value"),
            None => SteelVal::NumV(it.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(it) => string(it),
        Value::Array(items) => list(items.iter().map(to_steel)),
        Value::Object(entries) => alist(entries.iter().map(|(key, value)| (key, to_steel(value)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_json_says_comes_back_the_same() {
        for value in
            [json!(null), json!([true, 1, -2.5, "text"]), json!({"a": {"b": [1, 2, {"c": null}]}, "d": "e"})]
        {
            assert_eq!(from_steel(&to_steel(&value)).unwrap(), value);
        }
    }

    #[test]
    fn a_list_of_lists_without_keys_stays_an_array() {
        let rows = list([list([string("a"), SteelVal::IntV(1)]), list([string("b")])]);
        assert_eq!(from_steel(&rows).unwrap(), json!([["a", 1], ["b"]]));
    }

    #[test]
    fn what_json_cannot_say_is_named() {
        assert!(from_steel(&SteelVal::NumV(f64::INFINITY)).unwrap_err().contains("inf"));
    }
}
