use std::num::NonZeroU32;

use jiff::SignedDuration;
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::*;
use crate::{
    domain::Caller,
    ledger::{
        store::testing,
        tests::{assert_refused, empty_ledger, on_both::on_both},
    },
};

const NOON: Timestamp = Timestamp::constant(1_795_000_000, 0);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A ledger with one key.
struct Ring {
    ledger: Ledger,
    key: ApiKey,
    random: StdRng,
    _directory: TempDir,
}

impl Ring {
    fn new(rules: KeyRules) -> Self {
        let (directory, ledger, _) = empty_ledger();
        let mut random = StdRng::seed_from_u64(1);
        let key = ApiKey::generate(&mut random);
        ledger.create_key(&NewKey { key: &key, name: "studio", rules }, "first start", NOON).expect("a key");
        Self { ledger, key, random, _directory: directory }
    }

    fn id(&self) -> &str {
        self.key.public_id()
    }

    fn open(&self, key: &ApiKey, at: Timestamp) -> Result<Caller, KeyRefusal> {
        self.ledger.authenticate(key, at).expect("no error")
    }

    /// A session that `key` opened, at `at`.
    fn session(&self, key: &ApiKey, at: Timestamp) -> Result<Caller, KeyRefusal> {
        self.ledger.caller(self.id(), Some(key.secret_hash()), at).expect("no error")
    }

    fn rotate(&mut self, grace: SignedDuration, at: Timestamp) -> ApiKey {
        let new = ApiKey::rotated(self.key.public_id(), &mut self.random);
        assert!(self.ledger.rotate_key(&new, at + grace, "command line", at).expect("rotated"));
        new
    }

    fn row(&self) -> KeyRow {
        self.ledger.keys().expect("a list").remove(0)
    }

    fn events(&self) -> Vec<(KeyEventKind, String, String)> {
        let events = self.ledger.key_events(Some(self.id())).expect("a log");
        events.into_iter().map(|event| (event.kind, event.actor.clone(), event.detail())).collect()
    }

    fn sql(&self, sql: &str) -> Result<usize, LedgerError> {
        self.ledger.sql(sql)
    }
}

fn all_rules() -> KeyRules {
    KeyRules {
        scopes: Scopes::ALL,
        budgets: "12.50, 2.5 kWh, soft 100 images a day".parse().expect("budgets"),
        expires_at: Some(NOON + MINUTE * 60),
        models: Some(vec!["z-image-turbo".into(), "quoted \"model\"".into()]),
        loras: Some(vec!["ink".into(), "墨".into()]),
        limits: KeyLimits {
            requests_per_minute: NonZeroU32::new(60),
            images_per_minute: NonZeroU32::new(8),
            concurrent_jobs: Some(NonZeroU32::MAX),
        },
        may_overflow: true,
    }
}

fn what_a_key_is_held_to_is_kept_and_reaches_its_caller() {
    let ring = Ring::new(all_rules());
    let row = ring.row();
    assert_eq!((row.name.as_str(), &row.rules), ("studio", &all_rules()));
    let caller = ring.open(&ring.key, NOON).expect("a caller");
    assert_eq!(
        (caller.scopes, caller.models, caller.loras, caller.limits, caller.may_overflow),
        (Scopes::ALL, all_rules().models, all_rules().loras, all_rules().limits, true)
    );
    let [(kind, actor, detail)] = &ring.events()[..] else { panic!("one event") };
    assert_eq!((*kind, actor.as_str()), (KeyEventKind::Created, "first start"));
    for said in [
        "name studio",
        "images,costs,admin",
        "12.50 a month",
        "soft 100 images a day",
        "z-image-turbo",
        "requests a minute 60",
        "overflow yes",
    ] {
        assert!(detail.contains(said), "{detail}");
    }
    assert!(!detail.contains(ring.key.reveal().rsplit('-').next().expect("a secret")));
}

fn a_change_sets_what_it_names_and_nothing_else() {
    let ring = Ring::new(all_rules());
    let changes = [
        KeyChange::Name("archive".into()),
        KeyChange::Scopes(Scopes::IMAGES),
        KeyChange::Budgets(Budgets::default()),
        KeyChange::ImagesPerMinute(NonZeroU32::new(2)),
    ];
    assert!(ring.ledger.change_key(ring.id(), &changes, "Abc123", NOON).expect("changed"));
    let mut rules = KeyRules { scopes: Scopes::IMAGES, budgets: Budgets::default(), ..all_rules() };
    rules.limits.images_per_minute = NonZeroU32::new(2);
    assert_eq!((ring.row().name, ring.row().rules), ("archive".into(), rules));
    let all_gone = [
        KeyChange::Expiry(None),
        KeyChange::Models(None),
        KeyChange::Loras(None),
        KeyChange::RequestsPerMinute(None),
        KeyChange::ImagesPerMinute(None),
        KeyChange::ConcurrentJobs(None),
        KeyChange::MayOverflow(false),
    ];
    assert!(ring.ledger.change_key(ring.id(), &all_gone, "Abc123", NOON).expect("changed"));
    let rules = KeyRules { scopes: Scopes::IMAGES, ..KeyRules::default() };
    assert_eq!(ring.row().rules, rules);
    let said = "name archive; scopes images; budgets none; images a minute 2";
    assert_eq!(ring.events()[1], (KeyEventKind::Changed, "Abc123".into(), said.into()));
    assert!(!ring.ledger.change_key(ring.id(), &[], "Abc123", NOON).expect("no error"), "nothing to log");
}

fn every_refusal_has_its_reason() {
    let mut ring = Ring::new(KeyRules { scopes: Scopes::ALL, ..KeyRules::default() });
    let stranger = ApiKey::generate(&mut ring.random);
    let guess = ApiKey::rotated(ring.key.public_id(), &mut ring.random);
    assert!(ring.open(&ring.key, NOON).is_ok());
    assert_eq!(ring.open(&stranger, NOON), Err(KeyRefusal::Unknown));
    assert_eq!(ring.open(&guess, NOON), Err(KeyRefusal::WrongSecret));
    let expiry = [KeyChange::Expiry(Some(NOON + MINUTE))];
    assert!(ring.ledger.change_key(ring.id(), &expiry, "command line", NOON).expect("changed"));
    assert!(ring.open(&ring.key, NOON + MINUTE - SignedDuration::from_millis(1)).is_ok());
    assert_eq!(ring.open(&ring.key, NOON + MINUTE), Err(KeyRefusal::Expired));
    assert!(ring.ledger.disable_key(ring.id(), "command line", NOON).expect("disabled"));
    assert_eq!(ring.open(&ring.key, NOON), Err(KeyRefusal::Disabled));
    assert!(ring.ledger.enable_key(ring.id(), "command line", NOON).expect("enabled"));
    assert!(ring.open(&ring.key, NOON).is_ok());
    assert!(ring.ledger.revoke_key(ring.id(), "command line", NOON).expect("revoked"));
    assert_eq!(ring.open(&ring.key, NOON), Err(KeyRefusal::Revoked));
    assert_eq!(
        ring.open(&guess, NOON),
        Err(KeyRefusal::WrongSecret),
        "a guess does not learn that the key is revoked"
    );
}

fn the_old_secret_opens_until_the_grace_of_a_rotation_ends() {
    let mut ring = Ring::new(KeyRules { scopes: Scopes::ALL, ..KeyRules::default() });
    let caller = ring.open(&ring.key, NOON).expect("a caller");
    let second = ring.rotate(MINUTE, NOON);
    assert_eq!(ring.open(&second, NOON), Ok(caller.clone()), "budget and history go on");
    assert_eq!(ring.open(&ring.key, NOON + MINUTE - SignedDuration::from_millis(1)), Ok(caller.clone()));
    assert_eq!(ring.open(&ring.key, NOON + MINUTE), Err(KeyRefusal::Rotated));
    let third = ring.rotate(SignedDuration::ZERO, NOON);
    assert_eq!(ring.open(&third, NOON), Ok(caller));
    assert_eq!(ring.open(&second, NOON), Err(KeyRefusal::Rotated));
    assert_eq!(ring.open(&ring.key, NOON), Err(KeyRefusal::WrongSecret), "only the last one is remembered");
    assert_eq!(ring.ledger.keys().expect("a list").len(), 1);
}

fn a_session_ends_with_its_key_and_with_the_secret_that_opened_it() {
    let mut ring = Ring::new(KeyRules {
        scopes: Scopes::ALL,
        expires_at: Some(NOON + MINUTE * 9),
        ..KeyRules::default()
    });
    let first = ring.key.clone();
    assert!(ring.session(&first, NOON).is_ok());
    assert_eq!(ring.session(&first, NOON + MINUTE * 9), Err(KeyRefusal::Expired));
    let second = ring.rotate(MINUTE * 2, NOON + MINUTE);
    assert!(ring.session(&first, NOON + MINUTE * 2).is_ok(), "during the grace");
    assert_eq!(ring.session(&first, NOON + MINUTE * 3), Err(KeyRefusal::Rotated));
    assert!(ring.session(&second, NOON + MINUTE * 3).is_ok());
    let third = ring.rotate(MINUTE * 9, NOON + MINUTE * 2);
    assert_eq!(ring.session(&first, NOON + MINUTE * 2), Err(KeyRefusal::Rotated), "two rotations ago");
    assert!(
        ring.session(&second, NOON + MINUTE * 3).is_ok() && ring.session(&third, NOON + MINUTE * 3).is_ok()
    );
    assert_eq!(ring.ledger.caller(ring.id(), None, NOON).expect("no error"), Err(KeyRefusal::Rotated));
    assert!(ring.ledger.disable_key(ring.id(), "command line", NOON).expect("disabled"));
    assert_eq!(ring.session(&third, NOON + MINUTE * 5), Err(KeyRefusal::Disabled));
    let stranger = ring.ledger.caller("nobody", Some(third.secret_hash()), NOON).expect("no error");
    assert_eq!(stranger, Err(KeyRefusal::Unknown));
}

fn the_use_of_a_key_is_noted_once_a_minute_and_only_where_it_opened() {
    let mut ring = Ring::new(KeyRules::default());
    let guess = ApiKey::rotated(ring.key.public_id(), &mut ring.random);
    assert!(ring.open(&guess, NOON).is_err());
    assert_eq!(ring.row().last_used_at, None);
    for (seconds, noted) in [(0, 0), (59, 0), (60, 60), (119, 60), (200, 200), (-500, -500)] {
        assert!(ring.open(&ring.key, NOON + SignedDuration::from_secs(seconds)).is_ok());
        assert_eq!(ring.row().last_used_at, Some(NOON + SignedDuration::from_secs(noted)), "{seconds}");
    }
}

fn what_cannot_be_changed_is_said_and_leaves_no_event() {
    let mut ring = Ring::new(KeyRules::default());
    let (ledger, id) = (&ring.ledger, ring.id());
    assert!(!ledger.enable_key(id, "command line", NOON).expect("no error"), "it is enabled");
    assert!(ledger.disable_key(id, "command line", NOON).expect("disabled"));
    assert!(!ledger.disable_key(id, "command line", NOON).expect("no error"), "once");
    assert!(ledger.revoke_key(id, "command line", NOON).expect("revoked"));
    assert!(!ledger.revoke_key(id, "command line", NOON).expect("no error"), "once");
    assert!(!ledger.enable_key(id, "command line", NOON).expect("no error"), "it is revoked");
    assert!(
        !ledger
            .change_key(id, &[KeyChange::Budgets(Budgets::default())], "command line", NOON)
            .expect("no error")
    );
    assert!(!ledger.disable_key("nobody", "command line", NOON).expect("no error"));
    let rotated = ApiKey::rotated(ring.key.public_id(), &mut ring.random);
    assert!(!ring.ledger.rotate_key(&rotated, NOON, "command line", NOON).expect("no error"));
    let kinds: Vec<_> = ring.events().into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [KeyEventKind::Created, KeyEventKind::Disabled, KeyEventKind::Revoked]);
    assert_eq!(ring.row().state(NOON), KeyState::Revoked);
}

#[test]
fn an_event_stays_as_it_was_and_names_no_address() {
    let ring = Ring::new(KeyRules::default());
    for sql in [
        "UPDATE key_events SET actor = 'somebody'",
        "DELETE FROM key_events",
        "INSERT OR REPLACE INTO key_events SELECT id, key_id, at_ms, event, 'somebody', detail FROM key_events",
    ] {
        assert!(ring.sql(sql).expect_err("refused").to_string().contains("append-only"), "{sql}");
    }
    for actor in ["203.0.113.7", "2001:db8::7", ""] {
        assert!(ring.ledger.disable_key(ring.id(), actor, NOON).is_err(), "{actor}");
    }
    assert_eq!(
        (ring.row().disabled_at, ring.events().len()),
        (None, 1),
        "a change without its event is none"
    );
}

fn the_database_refuses_rules_that_cannot_be() {
    let ring = Ring::new(KeyRules::default());
    for set in [
        "models = '[]'",
        "models = '{}'",
        "models = 'z-image'",
        "loras = '[]'",
        "loras = 'ink'",
        "requests_per_minute = 0",
        "images_per_minute = -1",
        "concurrent_jobs = 4294967296",
        "may_overflow = 2",
        "previous_until_ms = 1",
        "previous_secret_sha256 = x'00', previous_until_ms = 1",
    ] {
        assert_refused(&ring.ledger, &format!("UPDATE keys SET {set}"));
    }
}

#[test]
fn a_key_of_an_earlier_version_is_kept_with_its_history() {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("ledger.sqlite3");
    let key = ApiKey::generate(&mut StdRng::seed_from_u64(1));
    let insert = "INSERT INTO keys VALUES (1, ?1, 'studio', ?2, 1, 0, NULL, 5, NULL), (2, 'gone', '', ?2, 1, 0, NULL, 6, 7)";
    testing::make_earlier(&file, 2, insert, params![key.public_id(), key.secret_hash().as_bytes()]);
    let ledger = Ledger::open(&file).expect("brought up to date");
    let caller = ledger.authenticate(&key, NOON).expect("no error").expect("a caller");
    assert!(
        caller.scopes.images
            && caller.may_use("anything")
            && caller.may_apply("any")
            && caller.limits == KeyLimits::default()
    );
    let kinds = |id| {
        ledger.key_events(Some(id)).expect("a log").into_iter().map(|event| event.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(key.public_id()), [KeyEventKind::Created]);
    assert_eq!(kinds("gone"), [KeyEventKind::Created, KeyEventKind::Revoked]);
}

fn a_page_does_not_take_the_last_admin_away() {
    let ring = Ring::new(KeyRules { scopes: Scopes::ALL, ..KeyRules::default() });
    let demotion = [KeyChange::Scopes(Scopes::COSTS)];
    let edit =
        |public_id: &str, edit| ring.ledger.edit_key(public_id, edit, "operator", NOON).expect("no error");
    for taking in [KeyEdit::Change(&demotion), KeyEdit::Disable, KeyEdit::Revoke] {
        assert_eq!(edit(ring.id(), taking), KeyEdited::LastAdmin, "{taking:?}");
    }
    let image_key = ApiKey::generate(&mut rand::rng());
    let new = |key, rules| NewKey { key, name: "studio", rules };
    let rules = |scopes, expires_at| KeyRules { scopes, expires_at, ..KeyRules::default() };
    ring.ledger.create_key(&new(&image_key, rules(Scopes::IMAGES, None)), "operator", NOON).expect("a key");
    assert_eq!(edit(image_key.public_id(), KeyEdit::Revoke), KeyEdited::Done, "it has no admin scope");
    let expired = ApiKey::generate(&mut rand::rng());
    ring.ledger.create_key(&new(&expired, rules(Scopes::ALL, Some(NOON))), "operator", NOON).expect("a key");
    assert_eq!(edit(ring.id(), KeyEdit::Disable), KeyEdited::LastAdmin, "the other one has expired");
    let second = ApiKey::generate(&mut rand::rng());
    ring.ledger.create_key(&new(&second, rules(Scopes::ALL, None)), "operator", NOON).expect("a key");
    assert_eq!(edit(ring.id(), KeyEdit::Change(&demotion)), KeyEdited::Done);
    assert_eq!(edit(second.public_id(), KeyEdit::Disable), KeyEdited::LastAdmin);
    assert_eq!(edit("nobody", KeyEdit::Disable), KeyEdited::Unchanged);
    assert!(
        ring.ledger.revoke_key(second.public_id(), "command line", NOON).expect("revoked"),
        "that is the operator"
    );
}

on_both!(
    what_a_key_is_held_to_is_kept_and_reaches_its_caller,
    a_change_sets_what_it_names_and_nothing_else,
    every_refusal_has_its_reason,
    the_old_secret_opens_until_the_grace_of_a_rotation_ends,
    a_session_ends_with_its_key_and_with_the_secret_that_opened_it,
    the_use_of_a_key_is_noted_once_a_minute_and_only_where_it_opened,
    what_cannot_be_changed_is_said_and_leaves_no_event,
    a_page_does_not_take_the_last_admin_away,
    the_database_refuses_rules_that_cannot_be,
);
