//! What holds of both alike.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{Read, Write},
};

use jiff::Timestamp;
use tintype::{
    domain::{Claim, ImageFormat, RequestId},
    image_store::{ImageName, StoreError, Swept},
};

use crate::Place;

const DAY: i64 = 86_400_000;
/// More than one answer of a bucket names.
const MANY: usize = 1_100;
/// More than one part of an upload has, and more than one piece of a download.
const LARGE: usize = (9 << 20) + 12_345;

/// Makes a test of each of these functions with either: `directory::name` and `bucket::name`.
macro_rules! in_both {
    ($($name:ident),* $(,)?) => {
        mod directory {
            $(#[test]
            fn $name() {
                super::$name(&crate::Place::directory());
            })*
        }
        mod bucket {
            $(#[test]
            fn $name() {
                if let Some(place) = crate::Place::bucket() {
                    super::$name(&place);
                }
            })*
        }
    };
}

in_both!(
    an_image_is_given_back_until_its_day_is_swept,
    files_of_other_claims_stand_beside_the_one_that_counts,
    the_images_of_some_requests_are_removed_and_those_of_their_days_stay,
    objects_have_paths_and_nothing_is_outside,
    a_listing_goes_on_behind_its_first_page,
    a_large_file_is_the_same_when_it_comes_back,
    only_one_makes_what_is_new,
);

fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).expect("a time")
}

fn name(millis: i64, index: u32) -> ImageName {
    let request = RequestId::new(moment(millis), [7; 10]);
    ImageName { request, index, format: ImageFormat::Png, claim: None }
}

fn an_image_is_given_back_until_its_day_is_swept(place: &Place) {
    let store = &place.store;
    let (old, new) = (name(10 * DAY, 0), name(12 * DAY, 0));
    let jpeg = ImageName { index: 1, format: ImageFormat::Jpeg, ..new };
    for (name, bytes) in [(old, "old"), (new, "new"), (jpeg, "jpeg")] {
        store.put(name, bytes.as_bytes()).expect("kept");
    }
    store.objects().put("notes.txt", b"the operator's").expect("kept");
    assert_eq!(store.get(old).expect("read").as_deref(), Some(b"old".as_slice()));
    assert_eq!(store.length(jpeg).expect("asked"), Some(4));
    let mut text = String::new();
    store.open_file(jpeg).expect("asked").expect("there").read_to_string(&mut text).expect("read");
    assert_eq!(text, "jpeg");
    let wanted = [(old.request, 0, None), (old.request, 1, None), (new.request, 1, None)];
    assert_eq!(store.find(&wanted).expect("looked"), [Some(old), None, Some(jpeg)]);
    let mut kept = store.kept().expect("listed");
    kept.sort_by_key(|(request, index)| (request.created_at(), *index));
    assert_eq!(kept, [old, new, jpeg].map(|name| (name.request, name.index)));
    let other = ImageName { index: 1, ..old };
    store.put(other, b"other").expect("kept");
    let spared = BTreeSet::from([(old.request, 0)]);
    let swept = store.sweep(moment(12 * DAY), &spared).expect("swept");
    assert_eq!(swept, Swept { days: 0, images: 1 });
    assert_eq!(store.get(old).expect("read").as_deref(), Some(b"old".as_slice()), "it is spared");
    assert!(store.has_any(old.request).expect("read") && store.get(other).expect("read").is_none());
    let swept = store.sweep(moment(12 * DAY), &BTreeSet::new()).expect("swept");
    assert_eq!(swept, Swept { days: 1, images: 1 });
    assert!(!store.has_any(old.request).expect("read"));
    assert_eq!(store.get(old).expect("read"), None);
    assert_eq!(store.length(old).expect("asked"), None);
    assert_eq!(store.get(new).expect("read").as_deref(), Some(b"new".as_slice()));
    assert!(store.objects().get("notes.txt").expect("read").is_some());
    store.check_room().expect("room");
}

fn files_of_other_claims_stand_beside_the_one_that_counts(place: &Place) {
    let store = &place.store;
    let single = name(10 * DAY, 0);
    let [first, second] = [1, 2].map(|claim| ImageName { claim: Some(Claim::new(claim)), ..single });
    for (name, bytes) in [(first, b"first"), (second, b"later")] {
        store.put(name, bytes).expect("kept");
    }
    let wanted = [(single.request, 0, second.claim), (single.request, 0, None)];
    assert_eq!(store.find(&wanted).expect("looked"), [Some(second), None]);
    let mut claimed = store.claimed(moment(10 * DAY), Timestamp::MAX).expect("read");
    claimed.sort_by_key(|name| name.claim);
    assert_eq!(claimed, [first, second]);
    assert!(store.claimed(moment(11 * DAY), Timestamp::MAX).expect("read").is_empty());
    assert!(store.claimed(moment(0), moment(0)).expect("read").is_empty(), "none was written before");
    assert!(store.remove(first).expect("removed") && !store.remove(first).expect("gone already"));
    store.put(first, b"first").expect("kept");
    assert_eq!(store.remove_claimed(single.request, Claim::new(1)).expect("removed"), 1);
    assert_eq!(store.remove_all(&[single.request].into()).expect("removed"), 1);
    assert_eq!(store.get(second).expect("read"), None);
}

fn the_images_of_some_requests_are_removed_and_those_of_their_days_stay(place: &Place) {
    let store = &place.store;
    let gone = [name(10 * DAY, 0), name(10 * DAY, 1), name(10 * DAY + 5, 0), name(12 * DAY, 0)];
    let stays = [name(10 * DAY + 9, 0), name(11 * DAY, 0)];
    for name in gone.into_iter().chain(stays) {
        store.put(name, b"image").expect("kept");
    }
    let never_kept = name(99 * DAY, 0);
    let requests = gone.into_iter().chain([never_kept]).map(|name| name.request).collect();
    assert_eq!(store.remove_all(&requests).expect("removed"), gone.len());
    let mut left = store.kept().expect("listed");
    left.sort_unstable();
    assert_eq!(left, stays.map(|name| (name.request, 0)));
    assert_eq!(store.remove_all(&requests).expect("nothing"), 0);
}

fn objects_have_paths_and_nothing_is_outside(place: &Place) {
    let objects = place.store.objects();
    for path in ["sources/a", "sources/b/c", "sourcesd"] {
        objects.put(path, path.as_bytes()).expect("kept");
    }
    objects.put("sources/a", b"another").expect("replaced");
    assert_eq!(objects.get("sources/a").expect("read").as_deref(), Some(b"another".as_slice()));
    assert_eq!(objects.get("sources/none").expect("asked"), None);
    assert_eq!(objects.length("sources/b/c").expect("asked"), Some(11));
    let mut listed: Vec<_> = objects.list("sources").expect("listed");
    listed.sort_by(|one, other| one.path.cmp(&other.path));
    let found: Vec<_> = listed.iter().map(|object| (object.path.as_str(), object.bytes)).collect();
    assert_eq!(found, [("sources/a", 7), ("sources/b/c", 11)]);
    let (now, hour) = (Timestamp::now(), jiff::SignedDuration::from_hours(1));
    assert!(listed.iter().all(|object| now.duration_until(object.modified).abs() < hour));
    assert_eq!(objects.list("").expect("listed").len(), 3);
    assert!(objects.list("nothing").expect("listed").is_empty());
    assert!(objects.remove("sources/a").expect("removed") && !objects.remove("sources/a").expect("gone"));
    for outside in ["../a", "a/../../b", "a//b", "."] {
        assert!(matches!(objects.put(outside, b"x"), Err(StoreError::Io { .. })), "{outside}");
    }
}

fn a_listing_goes_on_behind_its_first_page(place: &Place) {
    let store = &place.store;
    let one = name(10 * DAY, 0);
    std::thread::scope(|scope| {
        for first in 0..8 {
            scope.spawn(move || {
                for index in (first..MANY).step_by(8) {
                    let index = u32::try_from(index).expect("a small number");
                    store.put(ImageName { index, ..one }, b"x").expect("kept");
                }
            });
        }
    });
    let mut kept: Vec<_> = store.kept().expect("listed").into_iter().map(|(_, index)| index).collect();
    kept.sort_unstable();
    kept.dedup();
    assert_eq!(kept.len(), MANY);
    let wanted: Vec<_> = (0..40).map(|index| (one.request, index, None)).collect();
    assert!(store.find(&wanted).expect("looked").iter().all(Option::is_some));
    assert_eq!(
        store.sweep(moment(12 * DAY), &BTreeSet::new()).expect("swept"),
        Swept { days: 1, images: MANY }
    );
    assert!(store.kept().expect("listed").is_empty());
}

fn a_large_file_is_the_same_when_it_comes_back(place: &Place) {
    let objects = place.store.objects();
    let bytes: Vec<u8> = (0..LARGE).map(|at| u8::try_from(at % 251).expect("a byte")).collect();
    let mut file = tempfile::tempfile().expect("a file");
    let put = |file: &mut File, bytes: &[u8]| {
        file.set_len(0).expect("emptied");
        file.write_all(bytes).expect("written");
        objects.put_file("files/large", file).expect("kept");
    };
    put(&mut file, &bytes);
    let (mut reader, length) = objects.open("files/large").expect("asked").expect("there");
    let mut read = Vec::new();
    reader.read_to_end(&mut read).expect("read");
    assert_eq!(length, bytes.len() as u64);
    assert!(read == bytes, "nothing is lost between two pieces");
    assert!(objects.get("files/large").expect("read").is_some_and(|whole| whole == bytes));
    assert!(objects.open("files/none").expect("asked").is_none());
    let mut empty = tempfile::tempfile().expect("a file");
    objects.put_file("files/empty", &mut empty).expect("kept");
    assert_eq!(objects.get("files/empty").expect("read"), Some(Vec::new()));
}

fn only_one_makes_what_is_new(place: &Place) {
    let objects = place.store.objects();
    let makers: Vec<_> = std::thread::scope(|scope| {
        let make = |maker: u8| {
            scope.spawn(move || (maker, objects.put_new("cluster.key", &[maker; 32]).expect("asked")))
        };
        let makers: Vec<_> = (0..4).map(make).collect();
        makers.into_iter().map(|maker| maker.join().expect("no panic")).collect()
    });
    let made: Vec<u8> = makers.iter().filter(|(_, made)| *made).map(|(maker, _)| *maker).collect();
    assert_eq!(made.len(), 1, "one of {makers:?}");
    assert_eq!(objects.get("cluster.key").expect("read"), Some(vec![made[0]; 32]));
    if let Some(root) = &place.root {
        assert_eq!(
            std::fs::read_dir(root.path().join("images")).expect("read").count(),
            1,
            "nothing is left beside it"
        );
    }
}
