use super::{bars::shortened, scale::range, *};
use crate::units::Money;

fn chart(title: &str) -> Chart<'_> {
    Chart { id: "c", title, description: "a & b", width: Width::Half, height: 200 }
}

fn mark() -> Mark {
    Mark { said: "1 Nov: 3 & more".into(), page: Some("/admin/jobs?day=2026-11-01".into()) }
}

#[test]
fn a_chart_is_an_image_with_a_name_and_has_no_style_of_its_own() {
    let items = [
        Column { label: "1 Nov".into(), parts: vec![1.0, 2.0], mark: mark() },
        Column { label: "2 Nov".into(), parts: vec![0.5, -1.0], mark: mark() },
    ];
    let svg = chart("Cost <by> day").drawn(|area| columns(area, &items, &|_, value| format!("{value:.0}"))).0;
    let document = roxmltree::Document::parse(&svg).expect("well-formed");
    let images: Vec<_> = document
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "svg")))
        .collect();
    assert_eq!(images.len(), 2, "one for a phone, one for a page");
    for image in images {
        assert_eq!(image.attribute("role"), Some("img"));
        let named = image.attribute("aria-labelledby").expect("a name");
        let title = image.children().find(|node| node.attribute("id") == Some(named)).expect("a title");
        assert_eq!(title.text(), Some("Cost <by> day"));
        assert_eq!(image.descendants().filter(|node| node.attribute("fill") == Some("#C07A14")).count(), 2);
        assert!(
            image.descendants().any(|node| node.text().is_some_and(|text| text.trim() == "2 Nov"))
                || image.attribute("class") == Some("narrow")
        );
    }
    assert!(!svg.contains("style="), "{svg}");
    let marks: Vec<_> =
        document.descendants().filter(|node| node.attribute("class") == Some("mark")).collect();
    assert_eq!(marks.len(), 4, "each column of each drawing");
    for mark in marks {
        let said = mark.children().find_map(|child| child.text());
        assert_eq!(
            (said, mark.attribute("data-page")),
            (Some("1 Nov: 3 & more"), Some("/admin/jobs?day=2026-11-01"))
        );
        let size =
            ["width", "height"].map(|side| mark.attribute(side).and_then(|size| size.parse::<u32>().ok()));
        assert!(size.iter().all(|side| *side > Some(10)), "{size:?}");
    }
}

#[test]
fn every_colour_of_a_chart_is_replaced_by_the_style_sheet() {
    let sheet = include_str!("charts.css");
    let colors = SERIES.iter().chain([&SOFT, &GRID, &RULE]);
    for RGBColor(red, green, blue) in colors {
        let color = format!("\"#{red:02X}{green:02X}{blue:02X}\"");
        assert!(sheet.contains(&color), "{color}");
    }
}

#[test]
fn nothing_and_one_figure_can_be_drawn() {
    let text = |_: (f64, f64), value: f64| value.to_string();
    for count in [0, 1] {
        let column = Column { label: "x".into(), parts: vec![0.0], mark: mark() };
        let items = vec![column; count];
        assert!(chart("x").drawn(|area| columns(area, &items, &text)).0.contains("</svg>"));
        let bar = Bar { label: "x".into(), length: 2.0, mark: mark() };
        assert!(chart("x").drawn(|area| bars(area, &vec![bar.clone(); count], &text)).0.contains("</svg>"));
        let line = Curve { points: vec![(1.0, 1.0); count], series: 0, look: Look::Solid };
        let drawn = chart("x").drawn(|area| {
            lines(area, std::slice::from_ref(&line), 0.0..2.0, None, &|x| x.to_string(), &text)
        });
        assert!(drawn.0.contains("</svg>"));
    }
}

#[test]
fn an_axis_holds_nothing_and_every_figure_and_tells_its_ticks_apart() {
    assert_eq!(range([]), (0.0, 1.0));
    assert_eq!(range([100.0]), (0.0, 106.0));
    assert_eq!(range([-100.0]), (-106.0, 0.0));
    for (top, decimals) in [(6000.0, 0), (6.0, 0), (5.0, 1), (0.3, 2), (0.01, 3)] {
        assert_eq!(tick_decimals((0.0, top)), decimals, "{top}");
    }
    assert_eq!(Money::from_chart(0.375_583_334), Money::from_nano(375_583_334));
    assert_eq!(Money::from_nano(-1_500_000_000).to_chart(), -1.5);
}

#[test]
fn a_long_name_is_shortened_by_its_width() {
    assert_eq!(shortened("studio", 6), "studio");
    assert_eq!(shortened("a long campaign name", 8), "a long…");
    assert_eq!(shortened("春季广告活动", 8), "春季广…");
}
