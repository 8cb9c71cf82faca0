//! The page of all strategies: what each promises, and what the state machine says of that.
//!
//! The promises are asked of `authbench list strategies`; the verdicts are read from the files
//! that the state machine writes into the folder which `AUTHBENCH_SUMMARY` names.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// The page, whose tables are written here and whose other text is not.
const PAGE: &str = "docs/strategies.md";
/// One recipe a file, `NAME.toml`.
const RECIPES: &str = "scenarios/strategies";

/// What the state machine found out about one recipe.
#[derive(Debug, Deserialize)]
struct Summary {
    histories: u32,
    steps: u64,
    laws: Vec<Law>,
}

#[derive(Debug, Deserialize)]
struct Law {
    law: String,
    verdict: Verdict,
    leaves_room: bool,
    tested: u64,
    witnessed: u64,
    longest_ms: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Upheld,
    Refuted,
    Unwitnessed,
    NotPromised,
}

/// Writes both tables into the page, the second from the files in `folder`.
pub(crate) fn run(root: &Path, folder: &Path) -> Result<()> {
    let summaries = read(folder)?;
    complete(&names(&root.join(RECIPES), "toml")?, &summaries, folder)?;
    let page = root.join(PAGE);
    let text = fs::read_to_string(&page).with_context(|| format!("cannot read {PAGE}"))?;
    let text = between(&text, "strategies", &promises(root)?)?;
    let text = between(&text, "verdicts", &table(&summaries)?)?;
    fs::write(&page, text).with_context(|| format!("cannot write {PAGE}"))?;
    let all = || summaries.values().flat_map(|summary| &summary.laws);
    let count = |verdict| all().filter(|law| law.verdict == verdict).count();
    println!(
        "verdicts: {} strategies, {} upheld, {} unwitnessed, {} refuted; wrote {PAGE}",
        summaries.len(),
        count(Verdict::Upheld),
        count(Verdict::Unwitnessed),
        count(Verdict::Refuted),
    );
    Ok(())
}

/// The summaries in `folder` by the names of their recipes.
fn read(folder: &Path) -> Result<BTreeMap<String, Summary>> {
    let one = |name: String| {
        let file = folder.join(format!("{name}.json"));
        let shown = file.display();
        let text = fs::read(&file).with_context(|| format!("cannot read {shown}"))?;
        let summary = serde_json::from_slice(&text)
            .with_context(|| format!("{shown} is no summary of the state machine"))?;
        Ok((name, summary))
    };
    names(folder, "json")?.into_iter().map(one).collect()
}

/// The names of the files in `folder` that end in `.ending`, without it, in order.
fn names(folder: &Path, ending: &str) -> Result<Vec<String>> {
    let shown = folder.display();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {shown}"))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.with_context(|| format!("cannot read {shown}"))?;
        let name = name.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(&format!(".{ending}")).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Every recipe has a summary, and every summary a recipe: the table leaves nothing out.
fn complete(
    recipes: &[String],
    summaries: &BTreeMap<String, Summary>,
    folder: &Path,
) -> Result<()> {
    let missing = recipes.iter().filter(|name| !summaries.contains_key(*name));
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    let shown = folder.display();
    ensure!(
        missing.is_empty(),
        "{shown} says nothing of {}: run the state machine over all recipes",
        missing.join(", ")
    );
    let gone = summaries.keys().filter(|name| !recipes.contains(*name));
    let gone: Vec<&str> = gone.map(String::as_str).collect();
    ensure!(
        gone.is_empty(),
        "{shown} has what is no recipe: {}: empty the folder, and run the state machine again",
        gone.join(", ")
    );
    Ok(())
}

fn promises(root: &Path) -> Result<String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--package", "authbench-cli", "--"])
        .args(["list", "strategies", "--format", "md"])
        .current_dir(root)
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "`authbench list strategies` failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let table = String::from_utf8(output.stdout).context("the list is not UTF-8")?;
    Ok(table.trim_end().to_owned())
}

/// One row a recipe, one column a law.
fn table(summaries: &BTreeMap<String, Summary>) -> Result<String> {
    let Some(first) = summaries.values().next() else {
        bail!("there are no summaries");
    };
    let laws = |summary: &Summary| -> Vec<String> {
        let laws = summary.laws.iter();
        laws.map(|law| law.law.clone()).collect()
    };
    let header = laws(first);
    let mut lines = vec![
        format!("| strategy | histories | steps | {} |", header.join(" | ")),
        format!("| --- | ---: | ---: |{}", " --- |".repeat(header.len())),
    ];
    for (name, summary) in summaries {
        ensure!(
            laws(summary) == header,
            "the summary of {name} is about other laws: run the state machine over all recipes"
        );
        let cells: Vec<String> = summary.laws.iter().map(Law::cell).collect();
        lines.push(format!(
            "| {name} | {} | {} | {} |",
            summary.histories,
            summary.steps,
            cells.join(" | ")
        ));
    }
    Ok(lines.join("\n"))
}

impl Law {
    fn cell(&self) -> String {
        match self.verdict {
            Verdict::Upheld if !self.leaves_room => self.tested.to_string(),
            Verdict::Upheld if self.longest_ms == 0 => {
                format!("{}, room {}", self.tested, self.witnessed)
            }
            Verdict::Upheld => format!(
                "{}, room {} to {} ms",
                self.tested, self.witnessed, self.longest_ms
            ),
            Verdict::Refuted => "**REFUTED**".to_owned(),
            Verdict::Unwitnessed => "unwitnessed".to_owned(),
            Verdict::NotPromised => "-".to_owned(),
        }
    }
}

/// `text` with `new` between the two marks of `name`, each of which stands alone on its line.
fn between(text: &str, name: &str, new: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"));
    let parts = text.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        bail!("{PAGE} has no `{}` with its end", begin.trim_end());
    };
    Ok(format!("{before}{begin}{new}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(laws: &str) -> Summary {
        let text = format!(r#"{{"promises": {{}}, "histories": 2, "steps": 90, "laws": {laws}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn law(law: &str, verdict: &str, room: bool, tally: [u64; 3]) -> String {
        let [tested, witnessed, longest] = tally;
        format!(
            r#"{{"law": "{law}", "verdict": "{verdict}", "leaves_room": {room}, "seed": null,
            "tested": {tested}, "witnessed": {witnessed}, "longest_ms": {longest}}}"#
        )
    }

    #[test]
    fn a_cell_says_what_was_found() {
        for (verdict, room, tally, expected) in [
            ("upheld", false, [7, 0, 0], "7"),
            ("upheld", true, [7, 3, 0], "7, room 3"),
            ("upheld", true, [7, 3, 950], "7, room 3 to 950 ms"),
            ("refuted", true, [0, 0, 0], "**REFUTED**"),
            ("unwitnessed", false, [0, 0, 0], "unwitnessed"),
            ("not-promised", false, [0, 0, 0], "-"),
        ] {
            let summary = summary(&format!("[{}]", law("idle", verdict, room, tally)));
            assert_eq!(summary.laws[0].cell(), expected);
        }
    }

    #[test]
    fn the_table_has_a_row_a_recipe_and_a_column_a_law() {
        let laws = |tested| {
            let one = |name| law(name, "upheld", false, [tested, 0, 0]);
            summary(&format!("[{}, {}]", one("idle"), one("swap")))
        };
        let mut summaries = BTreeMap::from([("b".to_owned(), laws(5)), ("a".to_owned(), laws(4))]);
        assert_eq!(
            table(&summaries).unwrap(),
            "| strategy | histories | steps | idle | swap |\n\
             | --- | ---: | ---: | --- | --- |\n\
             | a | 2 | 90 | 4 | 4 |\n\
             | b | 2 | 90 | 5 | 5 |"
        );
        summaries.insert("c".to_owned(), summary("[]"));
        let error = table(&summaries).unwrap_err().to_string();
        assert!(error.contains("c is about other laws"), "{error}");
        table(&BTreeMap::new()).unwrap_err();
    }

    #[test]
    fn nothing_is_left_out() {
        let recipes = ["a".to_owned(), "b".to_owned()];
        let check = |names: &[&str]| {
            let summaries = names.iter().map(|name| (name.to_string(), summary("[]")));
            complete(&recipes, &summaries.collect(), Path::new("f"))
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(&["a", "b"]), Ok(()));
        let missing = check(&["a"]).unwrap_err();
        assert!(missing.starts_with("f says nothing of b:"), "{missing}");
        let gone = check(&["a", "b", "x"]).unwrap_err();
        assert!(gone.starts_with("f has what is no recipe: x:"), "{gone}");
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = "one\n<!-- t -->\nold\n<!-- /t -->\ntwo\n";
        assert_eq!(
            between(page, "t", "new").unwrap(),
            "one\n<!-- t -->\nnew\n<!-- /t -->\ntwo\n"
        );
        for broken in ["", "<!-- t -->\n", "<!-- /t -->\n<!-- t -->\n"] {
            between(broken, "t", "new").unwrap_err();
        }
    }
}
