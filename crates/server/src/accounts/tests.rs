use std::path::Path;

use authbench_core::SeededEntropy;

use super::*;

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

async fn opens(accounts: &Accounts, name: &str, password: &str) -> Option<String> {
    let proved = accounts.prove(name, secret(password)).await.unwrap();
    proved.map(|account| account.subject.to_string())
}

/// What the directory says of a subject, without the roles.
async fn state(accounts: &Accounts, subject: &str) -> Option<(bool, u64, Option<LoginId>)> {
    let subject = SubjectId::new(subject);
    let state = accounts.account(&subject).await.unwrap()?;
    Some((state.active, state.proof_changed_at.0, state.kept))
}

fn lab() -> Accounts {
    Accounts::lab(1_000_000, 1, &SeededEntropy::new(1)).unwrap()
}

#[tokio::test]
async fn the_lab_has_three_kinds_of_accounts() {
    let lab = lab();
    assert!(lab.lab_only());
    for (name, password, subject) in [
        ("user-000000", "lab-password-000000", "acct-000000"),
        ("user-999999", "lab-password-999999", "acct-999999"),
        ("hashed-000000", "lab-password-000000", "hash-000000"),
        ("admin", "lab-password-admin", "acct-admin"),
    ] {
        assert_eq!(opens(&lab, name, password).await.as_deref(), Some(subject));
        assert_eq!(
            opens(&lab, name, "lab-password-000001").await,
            None,
            "{name}"
        );
        assert_eq!(lab.name_of(&SubjectId::new(subject)).as_deref(), Some(name));
    }
    for nobody in [
        "user-1000000",
        "user-0",
        "user-+00001",
        "user-",
        "hashed-000001",
        "",
        "acct-000001",
    ] {
        assert_eq!(
            opens(&lab, nobody, "lab-password-000001").await,
            None,
            "{nobody}"
        );
        assert_eq!(opens(&lab, nobody, "nobody").await, None, "{nobody}");
    }
    assert_eq!(lab.table.read().len(), 2, "looking accounts up makes none");
}

#[tokio::test]
async fn the_decoy_opens_nothing_and_costs_as_much_as_the_costliest() {
    let (demo, shown) = Accounts::demo(&SeededEntropy::new(2)).unwrap();
    assert!(!demo.lab_only());
    assert!(shown.iter().all(|user| user.password.expose().len() == 22));
    let admin = &shown[0];
    let password = admin.password.expose();
    assert!(opens(&demo, admin.name, password).await.is_some());
    assert_eq!(opens(&demo, "nobody", password).await, None);
    let costs = demo
        .table
        .read()
        .values()
        .map(|account| account.verifier.cost())
        .max();
    assert_eq!(Some(demo.decoy.cost()), costs);
}

#[tokio::test]
async fn changes_stay_and_void_the_old_proof() {
    let lab = lab();
    let before = lab.find("user-000007").unwrap();
    let hashed = lab
        .hash_for(&before, secret("new password"), &SeededEntropy::new(3))
        .await;
    let new = hashed.unwrap();
    let change = ProofChange {
        at: UnixMs(77),
        kept: LoginId([7; 16]),
    };
    assert!(lab.change_password("user-000007", &before, new.clone(), change));
    let late = ProofChange {
        at: UnixMs(78),
        kept: LoginId([8; 16]),
    };
    assert!(
        !lab.change_password("user-000007", &before, new, late),
        "the old proof is void"
    );
    assert_eq!(
        state(&lab, "acct-000007").await,
        Some((true, 77, Some(change.kept)))
    );
    assert_eq!(
        opens(&lab, "user-000007", "lab-password-000007").await,
        None
    );
    assert!(opens(&lab, "user-000007", "new password").await.is_some());

    let roles: Roles = ["auditor"].into_iter().collect();
    let subject = lab.change_roles("user-000007", roles.clone()).unwrap();
    assert_eq!(
        (subject.id.as_str(), &subject.roles),
        ("acct-000007", &roles)
    );
    let after = lab.find("user-000007").unwrap();
    assert!(!after.still_proved_by(&before));

    assert_eq!(lab.bar("user-000007"), Some(SubjectId::new("acct-000007")));
    assert_eq!(opens(&lab, "user-000007", "new password").await, None);
    assert!(!lab.find("user-000007").unwrap().still_proved_by(&after));
    assert_eq!(
        state(&lab, "acct-000007").await,
        Some((false, 77, Some(change.kept)))
    );
    let directory: &dyn AccountDirectory = &lab;
    let known = directory.account(&subject.id).await.unwrap().unwrap();
    assert_eq!(known.roles, roles);
    assert_eq!(state(&lab, "acct-000008").await, Some((true, 0, None)));
    assert_eq!(state(&lab, "acct-admin").await, Some((true, 0, None)));
    assert_eq!(state(&lab, "acct-1000000").await, None);
    assert_eq!(lab.bar("user-1000000"), None);
    assert_eq!(lab.change_roles("nobody", Roles::default()), None);
}

#[tokio::test]
async fn a_file_may_hold_passwords_or_hashes() {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
    let text = format!(
        "[[user]]\nname = \"alice\"\nsubject = \"s-1\"\npassword = \"correct horse\"\nroles = [\"user\", \"admin\"]\n\
         [[user]]\nname = \"bob\"\npassword_hash = \"{hash}\"\n"
    );
    let accounts = Accounts::parse(Path::new("users.toml"), &text, &SeededEntropy::new(4)).unwrap();
    assert!(!accounts.lab_only());
    assert_eq!(
        opens(&accounts, "alice", "correct horse").await.as_deref(),
        Some("s-1")
    );
    assert!(accounts.find("alice").unwrap().roles.contains("admin"));
    assert_eq!(opens(&accounts, "bob", "correct horse").await, None);
    let bob = accounts.find("bob").unwrap();
    assert!(bob.roles.is_empty());
    assert_eq!(bob.subject.as_str().len(), 22);
}

#[test]
fn faults_of_a_file_have_a_place() {
    let weak = "$argon2id$v=19$m=4096,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE";
    for (text, place) in [
        (
            format!("[[user]]\nname = \"a\"\npassword_hash = \"{weak}\"\n"),
            "users.toml:3:17: `password_hash` is too weak (m=4096, t=3)",
        ),
        (
            "[[user]]\nname = \"a\"\npassword = \"1234567\"\n".to_owned(),
            "users.toml:3:12: `password` must have",
        ),
        (
            "[[user]]\nname = \"a\"\n".to_owned(),
            "users.toml:2:8: an account needs either",
        ),
        (
            "[[user]]\nname = \"\"\npassword = \"12345678\"\n".to_owned(),
            "users.toml:2:8: `name` is empty",
        ),
        (
            "[[user]]\nname = \"a\"\npasword = \"12345678\"\n".to_owned(),
            "users.toml:3:1: unknown key `pasword`",
        ),
        (
            "[[user]]\nname = \"a\"\nsubject = \"s\"\npassword_hash = \"x\"\n".to_owned(),
            "users.toml:4:17: `password_hash` is not a PHC",
        ),
    ] {
        let fault = Accounts::parse(Path::new("users.toml"), &text, &SeededEntropy::new(5)).err();
        let message = place_of(&fault.unwrap());
        assert!(message.starts_with(place), "{message}");
        assert!(!message.contains("12345"), "{message}");
    }
    let two = |one: &str, other: &str| {
        let text = format!(
            "[[user]]\npassword = \"12345678\"\n{one}\n[[user]]\npassword = \"12345678\"\n{other}\n"
        );
        let fault = Accounts::parse(Path::new("u"), &text, &SeededEntropy::new(5)).err();
        place_of(&fault.unwrap())
    };
    assert_eq!(
        two("name = \"a\"", "name = \"a\""),
        "u:6:8: a name given twice"
    );
    assert_eq!(
        two(
            "name = \"a\"\nsubject = \"s\"",
            "name = \"b\"\nsubject = \"s\""
        ),
        "u:8:11: a subject given twice"
    );
}

/// What is wrong and where: the configuration's own error, which callers tell
/// by its type in the chain of causes.
fn place_of(fault: &AccountsError) -> String {
    let cause = std::error::Error::source(fault).unwrap();
    cause.downcast_ref::<ConfError>().unwrap().to_string()
}

#[test]
fn accounts_of_the_lab_have_as_many_roles_as_were_asked_for() {
    let roles = |each: u16, name: &str| {
        let lab = Accounts::lab_with_roles(10, 1, each, &SeededEntropy::new(1)).unwrap();
        let roles = lab.find(name).unwrap().subject().roles;
        roles.iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for name in ["user-000003", "hashed-000000"] {
        assert_eq!(roles(1, name), ["user"]);
        assert_eq!(roles(3, name), ["role-0001", "role-0002", "user"]);
        assert_eq!(roles(LAB_ROLES_MAX, name).len(), 500);
    }
    assert_eq!(roles(2, "admin"), ["admin", "role-0001", "user"]);
    let over = Accounts::lab_with_roles(1, 0, LAB_ROLES_MAX + 1, &SeededEntropy::new(1));
    assert!(matches!(
        over,
        Err(AccountsError::LabRoles { roles_each: 501 })
    ));
}

#[tokio::test]
async fn replicas_share_what_is_changed_through_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accounts.jsonl");
    let replica = || lab().with_journal(&file).unwrap();
    let (one, two) = (replica(), replica());
    let name = "user-000007";
    let old = "lab-password-000007";
    let proved = one.prove(name, secret(old)).await.unwrap().unwrap();
    let stale = two.prove(name, secret(old)).await.unwrap().unwrap();
    let entropy = SeededEntropy::new(2);
    let verifier = one.hash_for(&proved, secret("another"), &entropy).await;
    let change = ProofChange {
        at: UnixMs(5),
        kept: LoginId([1; 16]),
    };
    let verifier = verifier.unwrap();
    assert!(one.change_password(name, &proved, verifier.clone(), change));
    assert!(opens(&two, name, old).await.is_none());
    assert!(opens(&two, name, "another").await.is_some());
    let now = two.find(name).unwrap();
    assert!(!now.still_proved_by(&stale), "the old password proved it");
    assert!(
        !two.change_password(name, &stale, verifier, change),
        "and changes nothing any more"
    );
    let kept = state(&two, "acct-000007").await;
    assert_eq!(kept, Some((true, 5, Some(LoginId([1; 16])))));

    let roles: Roles = ["auditor"].iter().collect();
    two.change_roles("admin", roles.clone()).unwrap();
    assert!(two.set_note(&SubjectId::new("acct-admin"), "a note"));
    two.bar("hashed-000000").unwrap();
    // Another process later, and the first one, know the same.
    for accounts in [replica(), one] {
        assert!(opens(&accounts, name, "another").await.is_some());
        assert_eq!(accounts.find("admin").unwrap().subject().roles, roles);
        let note = accounts.note(&SubjectId::new("acct-admin"));
        assert_eq!(note.as_deref(), Some("a note"));
        let barred = opens(&accounts, "hashed-000000", "lab-password-000000").await;
        assert_eq!(barred, None);
    }
}

#[tokio::test]
async fn a_journal_that_is_none_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accounts.jsonl");
    let accounts = lab().with_journal(&file).unwrap();
    assert!(accounts.find("admin").is_some());
    std::fs::write(&file, "{}\n").unwrap();
    assert!(accounts.find("admin").is_none());
    assert!(accounts.bar("admin").is_none());
    assert!(!accounts.set_note(&SubjectId::new("acct-admin"), "a note"));
    assert!(lab().with_journal(&file).is_err());
}
