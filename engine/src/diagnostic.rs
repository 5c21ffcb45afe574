//! An error of Steel as an author can use it: code, message, and where in the program.

use serde::{Deserialize, Serialize};
use std::fmt::Write;
use steel::parser::span::Span;
use steel::SteelErr;

/// Lines and columns start at 1 and count characters, as editors do; offsets count bytes of UTF-8, as Steel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
    pub start: usize,
    pub end: usize,
}

impl Location {
    /// The place of a range of bytes; what lies outside the text is moved to its end.
    pub fn of(source: &str, start: usize, end: usize) -> Self {
        let start = boundary(source, start);
        let end = boundary(source, end).max(start);
        let (line, column) = position(source, start);
        let (end_line, end_column) = position(source, end);
        Self { line, column, end_line, end_column, start, end }
    }
}

fn boundary(source: &str, offset: usize) -> usize {
    (0..=offset.min(source.len())).rev().find(|&at| source.is_char_boundary(at)).unwrap_or(0)
}

fn position(source: &str, offset: usize) -> (usize, usize) {
    let before = &source[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// One error. Steel stops at the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Steel's own code, E01 to E11.
    pub code: String,
    /// Steel's name for the code, such as `FreeIdentifier`.
    pub kind: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl Diagnostic {
    /// An error of the engine; `is_program` tells the author's places from those in Steel's own sources.
    pub fn from_steel(error: &SteelErr, source: &str, is_program: impl Fn(&Span) -> bool) -> Self {
        // Steel 0.7 takes the places of outer calls from the wrong instructions; only the innermost can be trusted.
        let place = error.span().filter(|span| span.end > 0 && is_program(span));
        let kind = error.kind().to_string();
        let text = error.to_string();
        let message = text.strip_prefix(&format!("Error: {kind}: ")).unwrap_or(&text);
        let message = message.strip_prefix("Parse: ").unwrap_or(message).trim();
        Self {
            code: error.kind().to_error_code().to_string(),
            message: message.to_string(),
            location: place.map(|span| Location::of(source, span.start, span.end)),
            kind,
        }
    }

    /// `file:line:column: message` with the line and a caret below it.
    pub fn render(&self, name: &str, source: &str) -> String {
        let head = format!("error[{}] {}: {}", self.code, self.kind, self.message);
        let Some(at) = self.location else {
            return format!("{name}: {head}");
        };
        let line = source.split('\n').nth(at.line - 1).unwrap_or("");
        let before: String =
            line.chars().take(at.column - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
        let last = if at.end_line == at.line { at.end_column } else { line.chars().count() + 1 };
        let carets = "^".repeat(last.saturating_sub(at.column).max(1));
        let margin = " ".repeat(at.line.to_string().len());
        let mut text = format!("{name}:{}:{}: {head}\n", at.line, at.column);
        let _ = write!(text, "{margin} |\n{} | {line}\n{margin} | {before}{carets}", at.line);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_offsets_bytes() {
        let at = Location::of("(é\n  ü x)", 9, 10);
        assert_eq!((at.line, at.column, at.end_column), (2, 5, 6));
    }

    #[test]
    fn a_place_outside_the_text_is_its_end() {
        let at = Location::of("ab", 7, 9);
        assert_eq!((at.start, at.end, at.column), (2, 2, 3));
    }

    #[test]
    fn the_caret_stands_below_the_word_also_after_a_tab() {
        let source = "(define x 1)\n\t(foo x)";
        let error = Diagnostic {
            code: "E02".into(),
            kind: "FreeIdentifier".into(),
            message: "foo".into(),
            location: Some(Location::of(source, 15, 18)),
        };
        assert_eq!(
            error.render("a.scm", source),
            "a.scm:2:3: error[E02] FreeIdentifier: foo\n  |\n2 | \t(foo x)\n  | \t ^^^"
        );
    }
}
