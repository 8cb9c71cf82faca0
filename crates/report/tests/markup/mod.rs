//! Just enough of an HTML reader to see whether a page is well-formed. It
//! knows what our own writer makes: quoted attributes, no comments, no script.

/// Elements that have no end tag (HTML Living Standard 13.1.2).
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr", "!DOCTYPE",
];

/// A start tag.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Tag {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// All start tags, if every element is closed in order and every text is
/// escaped; otherwise what is wrong.
pub(crate) fn tags(page: &str) -> Result<Vec<Tag>, String> {
    let mut tags = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        text(&rest[..at])?;
        rest = &rest[at + 1..];
        if let Some(end) = rest.strip_prefix('/') {
            let (name, after) = end.split_once('>').ok_or("an end tag does not end")?;
            let opened = open.pop();
            if opened.as_deref() != Some(name) {
                return Err(format!("</{name}> closes {opened:?}"));
            }
            rest = after;
            continue;
        }
        let (tag, after) = start_tag(rest)?;
        rest = after;
        if tag.name == "style" {
            rest = rest
                .split_once("</style>")
                .ok_or("the style does not end")?
                .1;
        } else if !VOID.contains(&tag.name.as_str()) {
            open.push(tag.name.clone());
        }
        tags.push(tag);
    }
    text(rest)?;
    if open.is_empty() {
        Ok(tags)
    } else {
        Err(format!("never closed: {open:?}"))
    }
}

fn start_tag(rest: &str) -> Result<(Tag, &str), String> {
    let name_end = rest
        .find(|c: char| c == '>' || c.is_whitespace())
        .ok_or("a tag does not end")?;
    let name = rest[..name_end].to_owned();
    let mut rest = rest[name_end..].trim_start();
    let mut attributes: Vec<(String, String)> = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('>') {
            return Ok((Tag { name, attributes }, after));
        }
        let (key, value) = match rest.find(['=', '>', ' ']) {
            Some(end) if rest[end..].starts_with("=\"") => {
                let (value, after) = rest[end + 2..]
                    .split_once('"')
                    .ok_or("an attribute does not end")?;
                let key = &rest[..end];
                rest = after.trim_start();
                (key, value)
            }
            Some(end) => {
                let key = &rest[..end];
                rest = rest[end..].trim_start();
                (key, "")
            }
            None => return Err(format!("<{name} does not end")),
        };
        text(value)?;
        if attributes.iter().any(|(known, _)| known == key) {
            return Err(format!("<{name}> has {key} twice"));
        }
        attributes.push((key.to_owned(), value.to_owned()));
    }
}

/// Every ampersand must begin a character reference.
fn text(text: &str) -> Result<(), String> {
    for piece in text.split('&').skip(1) {
        if !["amp;", "lt;", "gt;", "quot;"]
            .iter()
            .any(|name| piece.starts_with(name))
        {
            return Err(format!(
                "unescaped: &{}",
                piece.chars().take(20).collect::<String>()
            ));
        }
    }
    Ok(())
}
