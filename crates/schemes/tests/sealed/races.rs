//! Several at once, on two nodes.

use authbench_core::{AuthStrategy, Credentials, Scope, SubjectId};

use crate::support::{AT, accepts, block_on, listed, login, nodes, refresh, roles, subject};

#[test]
fn of_refreshes_beside_each_other_and_beside_new_roles_exactly_one_wins() {
    for _ in 0..100 {
        let nodes = nodes();
        let held = block_on(login(&nodes.0, "ada", AT));
        let winners: Vec<Credentials> = std::thread::scope(|scope| {
            let held = &held;
            let threads = [&nodes.0, &nodes.1, &nodes.0, &nodes.1]
                .map(|node| scope.spawn(move || block_on(refresh(node, held, AT)).ok()));
            scope.spawn(|| {
                for role in ["a", "b", "c"] {
                    let ada = subject("ada", &[role]);
                    block_on(nodes.1.change_roles(&ada, AT)).unwrap();
                }
            });
            let done = threads.into_iter().map(|thread| thread.join().unwrap());
            done.flatten().collect()
        });
        assert_eq!(winners.len(), 1);
        assert!(block_on(roles(&nodes.0, &winners[0])).contains("c"));
        assert!(!block_on(accepts(&nodes.1, &held)));
    }
}

#[test]
fn no_refresh_outlives_a_revocation_that_it_runs_beside() {
    for round in 0..200_u64 {
        let nodes = nodes();
        let held = block_on(login(&nodes.0, "ada", AT));
        let ada = SubjectId::new("ada");
        let renewed: Vec<Credentials> = std::thread::scope(|scope| {
            let held = &held;
            let threads = [&nodes.0, &nodes.1]
                .map(|node| scope.spawn(move || block_on(refresh(node, held, AT)).ok()));
            scope.spawn(|| {
                let one = Scope::Login {
                    subject: &ada,
                    login: held.login,
                };
                let all = Scope::Subject(&ada);
                let scope = if round % 2 == 0 { &one } else { &all };
                block_on(nodes.1.revoke(scope, AT)).unwrap();
            });
            let done = threads.into_iter().map(|thread| thread.join().unwrap());
            done.flatten().collect()
        });
        for credentials in renewed.iter().chain([&held]) {
            assert!(!block_on(accepts(&nodes.0, credentials)));
        }
        assert!(block_on(listed(&nodes.0, "ada")).is_empty());
    }
}
