use super::*;

const SERVER: &str = "exec python3 -m http.server --bind 127.0.0.1 \"$PORT\"";

fn target(start: &str) -> tempfile::TempDir {
    let profile = include_str!("../../../../scenarios/targets/authbench-bearer/profile.toml");
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{profile}\n{start}");
    std::fs::write(folder.path().join("profile.toml"), text).unwrap();
    folder
}

fn started(folder: &tempfile::TempDir) -> Result<Foreign, ForeignError> {
    Foreign::start(folder.path(), None, &|_| {})
}

#[test]
fn a_stranger_serves_until_it_is_dropped() {
    if !is_on_path("python3") {
        eprintln!("*** SKIPPED: python3 is not on this machine: no stranger is started here ***");
        return;
    }
    let folder = target(&format!(
        "[start]\ncommand = [\"sh\", \"-c\", '''{SERVER}''']\nready = \"/profile.toml\"\n\
         replicas = true\n[start.environment]\nPORT = \"{{port}}\"\n"
    ));
    let foreign = started(&folder).unwrap();
    let addresses: Vec<SocketAddr> = foreign.servers.iter().map(|one| one.address).collect();
    let url = format!("http://{}", addresses[0]);
    assert_eq!(foreign.profile.base_url.as_deref(), Some(url.as_str()));
    assert_eq!(
        foreign.profile.replicas,
        [format!("http://{}", addresses[1])]
    );
    for address in &addresses {
        assert!(ready::answers(*address, "/profile.toml"));
        assert!(!ready::answers(*address, "/no-such-file"));
    }
    drop(foreign);
    for address in &addresses {
        assert!(!ready::answers(*address, "/profile.toml"));
    }
}

#[test]
fn what_is_missing_is_told_from_what_is_broken() {
    let missing = target(
        "[start]\nneeds = [\"sh\", \"no-such-program\"]\ncommand = [\"true\"]\nready = \"/\"\n",
    );
    let error = started(&missing).err().unwrap();
    assert!(error.is_missing());
    assert!(
        error.to_string().contains("`no-such-program` is not on"),
        "{error}"
    );
    let broken =
        target("[start]\ncommand = [\"sh\", \"-c\", \"echo no; exit 2\"]\nready = \"/\"\n");
    let error = started(&broken).err().unwrap();
    assert!(!error.is_missing());
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        cause.contains("exit status: 2") && cause.ends_with("    no"),
        "{cause}"
    );
    let error = started(&target("")).err().unwrap();
    assert!(error.to_string().contains("has no [start]"), "{error}");
}
