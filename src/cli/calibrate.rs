use clap::Args;
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde::Serialize;

use super::{CliError, DataArgs, output::OutputArgs};
use crate::{
    ledger::PlugTotals,
    units::{Energy, Power},
};

/// What a power supply and its neighbours can plausibly take, in percent of what the ledger knows.
const FACTOR_PERCENT_MAX: u64 = 300;

#[derive(Debug, Args)]
pub(super) struct CalibrateArgs {
    #[command(flatten)]
    place: DataArgs,
    /// What the meter counted in the span
    #[arg(long, value_name = "KWH")]
    measured_kwh: Energy,
    /// First day of the span, or its first minute: 2026-11-23, 2026-11-23T18:00
    #[arg(long, value_name = "DATE", value_parser = parse_edge)]
    from: Edge,
    /// Last day of the span, or the minute of its end
    #[arg(long, value_name = "DATE", value_parser = parse_edge)]
    to: Edge,
    #[command(flatten)]
    output: OutputArgs,
}

/// What the meter says of the booked energy.
#[derive(Debug, Serialize)]
struct CalibrationJson {
    from: Timestamp,
    to: Timestamp,
    measured_kwh: Energy,
    booked_kwh: Energy,
    /// Booked energy without the configured wall factor.
    without_factor_kwh: Energy,
    /// What to set.
    wall_factor_percent: u64,
}

/// An edge of a span: a whole day, or a minute.
#[derive(Debug, Clone, Copy)]
enum Edge {
    Day(Date),
    Minute(DateTime),
}

fn parse_edge(text: &str) -> Result<Edge, String> {
    let minute = || DateTime::strptime("%Y-%m-%dT%H:%M", text).map(Edge::Minute);
    super::parse_day(text)
        .map(Edge::Day)
        .or_else(|_| minute())
        .map_err(|_| "neither a day nor a minute; write 2026-11-23 or 2026-11-23T18:00".into())
}

impl Edge {
    /// Its first moment in `zone`.
    fn start(self, zone: &TimeZone) -> Option<Timestamp> {
        let civil = match self {
            Self::Day(day) => day.into(),
            Self::Minute(minute) => minute,
        };
        Some(zone.to_zoned(civil).ok()?.timestamp())
    }

    /// The first moment that is no longer before it: the end of the day, or the minute itself.
    fn end(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Day(day) => Self::Day(day.tomorrow().ok()?).start(zone),
            Self::Minute(_) => self.start(zone),
        }
    }
}

pub(super) fn run(args: &CalibrateArgs) -> Result<(), CliError> {
    let (config, ledger) = args.place.ledger()?;
    let zone = config.zone()?;
    let (Some(start), Some(end)) = (args.from.start(&zone), args.to.end(&zone)) else {
        return Err(CliError::Usage("--from or --to is further than dates go".into()));
    };
    if start >= end {
        return Err(CliError::Usage(
            "--to is before --from; the span must have an end after its start".into(),
        ));
    }
    let booked = ledger.plug_totals(start, end)?;
    let calendar = ledger.calendar(&zone)?;
    let begun = calendar.to_datetime(start);
    let costs = ledger.with_assets(&config.cost_model(begun.date())?)?;
    let machine = machine_energy(&booked, costs.settings_at(begun).host_watts);
    let factor = factor_percent(args.measured_kwh, machine).map_err(CliError::Usage)?;
    let civil = |moment| zone.to_datetime(moment).strftime("%Y-%m-%d %H:%M").to_string();
    let kwh = |energy: Energy| format!("{:>14} kWh", energy.to_rounded_kwh_string());
    let calibration = CalibrationJson {
        from: start,
        to: end,
        measured_kwh: args.measured_kwh,
        booked_kwh: booked.wall_energy,
        without_factor_kwh: machine,
        wall_factor_percent: factor,
    };
    args.output.print(&calibration, |_| {
        format!(
            "From {} to {}\n  measured at the wall   {}\n  booked at the plug     {}\n  \
         without a wall factor  {}\n  factor                 {factor:>14} %\n\
         Under [costs] in tintype.toml:\nwall_factor_percent = {factor}\n",
            civil(start),
            civil(end),
            kwh(args.measured_kwh),
            kwh(booked.wall_energy),
            kwh(machine),
        )
    })
}

/// What the device and the machine around it drew, before the power supply's loss: whatever factor held at the time.
fn machine_energy(booked: &PlugTotals, host: Power) -> Energy {
    booked.energy.plus(host.over(booked.duration)).unwrap_or(Energy::MAX)
}

/// measured ÷ machine in percent, rounded up.
fn factor_percent(measured: Energy, machine: Energy) -> Result<u64, String> {
    let (measured_mj, machine_mj) =
        (u128::from(measured.as_millijoules()), u128::from(machine.as_millijoules()));
    if machine_mj == 0 {
        return Err(
            "the ledger booked no work in this span; take a span in which images were generated".into()
        );
    }
    let factor = u64::try_from((measured_mj * 100).div_ceil(machine_mj)).unwrap_or(u64::MAX);
    let said = format!("the meter's {} kWh are {factor} % of", measured.to_rounded_kwh_string());
    let drawn = format!("the {} kWh that device and machine drew", machine.to_rounded_kwh_string());
    match factor {
        ..100 => Err(format!(
            "{said} {drawn}, and cannot be less: lower energy.device_watts or costs.host_watts, or check the span"
        )),
        100..=FACTOR_PERCENT_MAX => Ok(factor),
        _ => Err(format!(
            "{said} {drawn}, more than any power supply loses: take a span without idle hours, or raise \
             energy.device_watts or costs.host_watts"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Millis;

    fn energy(text: &str) -> Energy {
        text.parse().expect("kilowatt-hours")
    }

    #[test]
    fn a_factor_is_what_the_meter_read_over_what_was_drawn_rounded_up() {
        assert_eq!(factor_percent(energy("1.1"), energy("1")), Ok(110));
        assert_eq!(factor_percent(energy("1.1000001"), energy("1")), Ok(111));
        assert_eq!(factor_percent(energy("1"), energy("1")), Ok(100));
        assert_eq!(factor_percent(energy("3"), energy("1")), Ok(300));
    }

    #[test]
    fn nonsense_is_explained() {
        assert!(factor_percent(energy("0.98"), energy("1")).is_err_and(|said| said.contains("98 %")));
        assert!(factor_percent(energy("3.1"), energy("1")).is_err_and(|said| said.contains("idle hours")));
        assert!(factor_percent(energy("1"), energy("0")).is_err_and(|said| said.contains("no work")));
    }

    #[test]
    fn the_machine_around_the_device_counts_and_the_old_factor_does_not() {
        let booked = PlugTotals {
            duration: Millis::new(3_600_000),
            energy: energy("0.35"),
            wall_energy: energy("0.52"),
        };
        assert_eq!(machine_energy(&booked, Power::from_watts(50)), energy("0.4"));
    }

    #[test]
    fn a_day_ends_at_midnight_and_a_minute_at_itself() {
        let edge = |text| parse_edge(text).expect("an edge");
        let utc = &TimeZone::UTC;
        let text = |moment: Option<Timestamp>| moment.expect("a moment").to_string();
        assert_eq!(text(edge("2026-11-23").start(utc)), "2026-11-23T00:00:00Z");
        assert_eq!(text(edge("2026-11-23").end(utc)), "2026-11-24T00:00:00Z");
        assert_eq!(text(edge("2026-11-23T18:30").end(utc)), "2026-11-23T18:30:00Z");
        assert!(parse_edge("yesterday").is_err() && parse_edge("2026-11-23T18:30Z").is_err());
    }
}
