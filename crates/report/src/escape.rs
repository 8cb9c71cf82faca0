//! Texts of others, made harmless: to a terminal, in Markdown, in the HTML
//! within it.

/// Escapes all control characters (ECMA-48) but line feeds and tabs, and those
/// of Unicode that have no width or a direction.
pub(crate) fn tame(text: &mut String) {
    let obeyed = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    // A line's end in HTTP is no control character that anybody fears.
    *text = text.replace("\r\n", "\n");
    if text.contains(obeyed) {
        let mut tamed = String::with_capacity(text.len() + 8);
        for c in text.chars() {
            if obeyed(c) {
                tamed.extend(c.escape_default());
            } else {
                tamed.push(c);
            }
        }
        *text = tamed;
    }
}

/// `text` in one line.
pub(crate) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` as it stands, between fences that are longer than any in it, ending
/// in a line feed.
pub(crate) fn fence(language: &str, text: &str) -> String {
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let text = text.replace('\r', "");
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

/// `text` as it stands, in one line, wherever Markdown would see more in it
/// (CommonMark 0.31 2.4).
pub(crate) fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '(' | ')' | '#' | '|'
            | '~' | '&' | '!' | '$' | ':' | '@' => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped.trim().to_owned()
}

/// `text` as it stands, in one line of HTML.
pub(crate) fn entities(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // Within a line of HTML Markdown still works.
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '!' | '$' | ':' | '@' => {
                escaped.push_str(&format!("&#{};", u32::from(c)));
            }
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
