//! The interleaved measurement, with the program against itself.

use authbench_results::{PairedBlock, Round};

use crate::support::{Folder, TINY, stderr, stdout};

const RULES: &str = r#"
blocks = 6
confirm_blocks = 6
warmup_ms = 20
segment_ms = 40
palindromes = 1
connections = 2
users = 10
scenario = "tiny.toml"
"#;

#[test]
fn every_block_measures_each_arm_twice_in_mirrored_order() {
    let folder = Folder::new();
    folder.write("rules.toml", RULES);
    folder.write(
        "tiny.toml",
        &TINY.replace(", \"jwt.hs256.bearer\"]", ", \"session.redis.cookie\"]"),
    );
    let program = env!("CARGO_BIN_EXE_authbench");
    let output = folder.run(&["interleave", program, "--rules", "rules.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("session.redis.cookie is LEFT OUT"),
        "{}",
        stderr(&output)
    );
    let text = stdout(&output);
    let mut lines = text.lines();
    let rates: serde_json::Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert!(rates["session.memory.cookie"].as_u64().unwrap() > 0);
    let blocks: Vec<PairedBlock> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let indices: Vec<u32> = blocks.iter().map(|block| block.index).collect();
    assert_eq!(indices, (0..blocks.len() as u32).collect::<Vec<_>>());
    // Six that count, unless the driver was late three times in a row; what was
    // rejected is told as well.
    assert!((6..=18).contains(&blocks.len()), "{}", blocks.len());
    for block in &blocks {
        assert_eq!((block.round, block.arms.len()), (Round::Find, 2));
        let order: Vec<u32> = block.segments.iter().map(|segment| segment.arm).collect();
        assert!(order == [0, 1, 1, 0] || order == [1, 0, 0, 1], "{order:?}");
        for segment in &block.segments {
            assert_eq!((segment.failures, segment.accepted_dead), (0, 0));
            assert!(segment.completed > 0 && segment.server_cpu_ns > 0);
            assert!(segment.control_units > 0 && segment.control_cpu_ns > 0);
        }
    }
}

#[test]
fn a_program_that_is_no_server_of_ours_is_named() {
    let folder = Folder::new();
    folder.write("rules.toml", RULES);
    folder.write("tiny.toml", TINY);
    let output = folder.run(&["interleave", "/bin/false", "--rules", "rules.toml"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("the base (/bin/false) cannot serve `session.memory.cookie`"),
        "{said}"
    );
}
