use proptest::prelude::*;

use super::*;

fn set(cores: &[usize]) -> CoreSet {
    cores.iter().copied().collect()
}

#[test]
fn shows_ranges() {
    assert_eq!(set(&[5, 0, 1, 2, 7, 8]).to_string(), "0-2,5,7-8");
    assert_eq!(set(&[3]).to_string(), "3");
    assert_eq!(set(&[]).to_string(), "");
}

#[test]
fn one_core_is_shared_and_said() {
    let placement = Placement::plan(&[(4, 4)], 1);
    assert_eq!((placement.server, placement.driver), (set(&[4]), set(&[4])));
    assert!(
        placement.shared && placement.note.contains("one core"),
        "{}",
        placement.note
    );
}

#[test]
fn hyper_threads_are_kept_apart_where_there_is_a_choice() {
    let two_physical = [(0, 0), (1, 1), (2, 0), (3, 1)];
    let placement = Placement::plan(&two_physical, 1);
    assert_eq!(
        (placement.server, placement.driver),
        (set(&[0]), set(&[1, 3]))
    );
    assert_eq!(placement.note, "");
    let placement = Placement::plan(&two_physical, 2);
    assert_eq!(
        (placement.server, placement.driver),
        (set(&[0, 2]), set(&[1, 3]))
    );

    let placement = Placement::plan(&[(0, 0), (1, 0)], 1);
    assert_eq!((placement.server, placement.driver), (set(&[0]), set(&[1])));
    assert!(
        placement.note.contains("hyper-threads"),
        "{}",
        placement.note
    );
}

#[test]
fn too_many_server_cores_are_cut_and_said() {
    let placement = Placement::plan(&[(0, 0), (1, 1)], 5);
    assert_eq!((placement.server, placement.driver), (set(&[0]), set(&[1])));
    assert_eq!(placement.note, "5 server cores wanted, 1 given");
}

#[test]
fn no_right_to_pin_is_said() {
    let denied = io::Error::from(io::ErrorKind::PermissionDenied);
    let placement = Placement::plan(&[(0, 0), (1, 1)], 1).unpinned(&denied);
    assert!(!placement.pinned && placement.shared);
    assert!(
        placement.note.contains("permission denied"),
        "{}",
        placement.note
    );
    assert_eq!(placement.pin_server(), None);
    assert_eq!(placement.pin_driver(), None);
}

#[test]
fn siblings_are_read_in_both_forms() {
    assert_eq!(first_sibling("2,34\n"), Some(2));
    assert_eq!(first_sibling("6-7\n"), Some(6));
    assert_eq!(first_sibling(""), None);
}

#[test]
fn a_pinned_thread_stays_pinned() {
    let all = allowed().unwrap();
    let placement = split(1).unwrap();
    assert!(placement.pinned, "{}", placement.note);
    std::thread::spawn(move || {
        pin_current_thread(&placement.driver).unwrap();
        assert_eq!(allowed().unwrap(), placement.driver);
        assert!(pin_current_thread(&CoreSet::default()).is_err());
        assert!(pin_current_thread(&set(&[usize::MAX])).is_err());
    })
    .join()
    .unwrap();
    assert_eq!(allowed().unwrap(), all);
}

proptest! {
    #[test]
    fn a_plan_is_disjoint_and_within_bounds(
        physical in prop::collection::vec(0..8usize, 2..16),
        wanted in 0..20usize,
    ) {
        let cores: Vec<_> = physical.iter().copied().enumerate().collect();
        let placement = Placement::plan(&cores, wanted);
        prop_assert!(!placement.server.is_empty() && !placement.driver.is_empty());
        prop_assert!(!placement.shared);
        prop_assert!(placement.server.iter().all(|core| !placement.driver.contains(core)));
        prop_assert!(placement.server.len() <= wanted.max(1));
        prop_assert_eq!(placement.server.len() < wanted, placement.note.contains("wanted"));
    }
}
