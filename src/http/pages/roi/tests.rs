use super::*;
use crate::http::pages::{frame::Words, text};

fn answer() -> RoiAnswer {
    let mut scenario = Scenario::shipped().expect("the shipped scenario");
    let hosted = "0.0365".parse().expect("an amount");
    scenario.compared.push(ComparedPrice { name: scenario.like_for_like.clone(), price: hosted });
    worked_out(&scenario, None).expect("an answer")
}

#[test]
fn the_shipped_scenario_is_shown_to_its_loss_like_for_like() {
    insta::assert_snapshot!(text(&result::show(Words::ENGLISH, &answer())));
    insta::assert_snapshot!("a_scenario_in_chinese", text(&result::show(Words::CHINESE, &answer())));
}

#[test]
fn what_overflow_cost_stands_beside_another_card_in_both_languages() {
    let scenario = Scenario::shipped().expect("the shipped scenario");
    let money = |text: &str| text.parse().expect("an amount");
    let bought = BoughtLately { images: 900, paid: money("332.46"), here: money("1.98") };
    let answer = worked_out(&scenario, Some(&bought)).expect("an answer");
    let json = serde_json::to_value(&answer).expect("JSON");
    assert_eq!(json["overflow"]["paid"].to_string(), "332.46");
    let english = text(&result::show(Words::ENGLISH, &answer));
    for words in ["Overflow", "332.46", "RTX 4090"] {
        assert!(english.contains(words), "{words}: {english}");
    }
    let chinese = text(&result::show(Words::CHINESE, &answer));
    assert!(chinese.contains("332.46") && chinese.contains("外部购买"), "{chinese}");
}
