//! Fuzzing: no profile, however broken, does more harm than an error that
//! names its file.

use std::path::Path;

use authbench_wire::Profile;
use proptest::prelude::*;
use proptest::sample::Index;

const SOUND: &str = include_str!("../../../scenarios/targets/authbench-cookie/profile.toml");

#[test]
fn the_seed_is_sound() {
    Profile::parse(Path::new("some-profile.toml"), SOUND).expect("our own profile");
}

proptest! {
    #[test]
    fn fuzz_profiles(
        flips in prop::collection::vec((any::<Index>(), any::<u8>()), 0..8),
        noise in "\\PC{0,12}|\\[[a-z.]{0,9}\\]\n|[a-z_]{1,9} = (1|\"x\"|\\[\\]|\\{\\})\n",
        place in any::<Index>(),
    ) {
        let mut text = SOUND.as_bytes().to_vec();
        for (at, octet) in flips {
            let at = at.index(text.len());
            text[at] = octet;
        }
        let place = place.index(text.len());
        text.splice(place..place, noise.bytes());
        let text = String::from_utf8_lossy(&text);
        if let Err(error) = Profile::parse(Path::new("some-profile.toml"), &text) {
            prop_assert!(error.to_string().contains("some-profile.toml"), "{}", error);
        }
    }
}
