use super::*;
use crate::http::pages::{frame::Words, text};

fn answer() -> RoiAnswer {
    let mut scenario = Scenario::shipped().expect("the shipped scenario");
    let hosted = "0.0365".parse().expect("an amount");
    scenario.compared.push(ComparedPrice { name: scenario.like_for_like.clone(), price: hosted });
    worked_out(&scenario).expect("an answer")
}

#[test]
fn the_shipped_scenario_is_shown_to_its_loss_like_for_like() {
    insta::assert_snapshot!(text(&result::show(Words::ENGLISH, &answer())));
    insta::assert_snapshot!("a_scenario_in_chinese", text(&result::show(Words::CHINESE, &answer())));
}
