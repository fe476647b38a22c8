//! The rows of the catalogue of measures. A row makes the measure: the variant of [`Measure`] and all that is known of it.

use super::super::Side;
use super::{Aggregate, Formula, MONEY, MeasureRow, MeasureUnit};
use crate::config::AcdUnit;

macro_rules! measures {
    ($($(#[$doc:meta])+ $measure:ident { $($field:ident: $value:expr),+ $(,)? })+) => {
        /// A measure: its row is [`Measure::row`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Measure {
            $($(#[$doc])+ $measure,)+
        }

        /// The catalogue of measures, in the order of [`Measure`].
        pub static MEASURES: &[MeasureRow] = &[$(MeasureRow { measure: Measure::$measure, $($field: $value),+ },)+];
    };
}

measures! {
    /// Number of calls or attempts.
    TotalCalls {
        name: "total_calls",
        label: "Calls",
        metric: Some("total_calls"),
        unit: MeasureUnit::Count,
        aggregates: &[Aggregate::Calls],
        formula: Formula::Whole(Aggregate::Calls),
        definition: |side, _| match side {
            Side::Origination => "Calls.".into(),
            Side::Termination => "Routing attempts.".into(),
        },
        standard: "",
    }
    /// Those with a duration above 0.
    SuccessfulCalls {
        name: "successful_calls",
        label: "Answered",
        metric: Some("answered"),
        unit: MeasureUnit::Count,
        aggregates: &[Aggregate::Answered],
        formula: Formula::Whole(Aggregate::Answered),
        definition: |_, _| "Those with a duration above 0.".into(),
        standard: "",
    }
    /// The others.
    FailedCalls {
        name: "failed_calls",
        label: "Failed",
        metric: Some("failed"),
        unit: MeasureUnit::Count,
        aggregates: &[Aggregate::Calls, Aggregate::Answered],
        formula: Formula::Difference(Aggregate::Calls, Aggregate::Answered),
        definition: |_, _| "The others.".into(),
        standard: "",
    }
    /// Answer-seizure ratio (ITU-T E.425).
    Asr {
        name: "asr",
        label: "ASR",
        metric: Some("asr"),
        unit: MeasureUnit::Percent,
        aggregates: &[Aggregate::Calls, Aggregate::Answered],
        formula: Formula::Percent(Aggregate::Answered, Aggregate::Calls),
        definition: |_, _| "Answered calls in percent of all.".into(),
        standard: "ITU-T E.425",
    }
    /// Average call duration.
    Acd {
        name: "acd",
        label: "ACD",
        metric: Some("acd"),
        unit: MeasureUnit::CallDuration,
        aggregates: &[Aggregate::Answered, Aggregate::AnsweredSeconds],
        formula: Formula::CallDuration(Aggregate::AnsweredSeconds, Aggregate::Answered),
        definition: |_, reports| {
            let unit = match reports.acd_unit {
                AcdUnit::Minutes => "minutes",
                AcdUnit::Seconds => "seconds",
            };
            format!("Average duration of an answered call, {unit}.")
        },
        standard: "",
    }
    /// Calls started per second.
    Cps {
        name: "cps",
        label: "CPS",
        metric: Some("cps"),
        unit: MeasureUnit::PerSecond,
        aggregates: &[Aggregate::Calls],
        formula: Formula::PerSecond(Aggregate::Calls),
        definition: |_, _| "Calls started per second.".into(),
        standard: "",
    }
    /// Sum of prices.
    TotalPrice {
        name: "total_price",
        label: "Price",
        metric: Some("price"),
        unit: MeasureUnit::Money,
        aggregates: &[Aggregate::Price],
        formula: Formula::Quotient(Aggregate::Price, 1_000_000),
        definition: |side, _| format!("Sum of {}.", side.price().name()),
        standard: "",
    }
    /// Minutes of calls.
    TotalDuration {
        name: "total_duration",
        label: "Minutes",
        metric: Some("minutes"),
        unit: MeasureUnit::Minutes,
        aggregates: &[Aggregate::Seconds],
        formula: Formula::Quotient(Aggregate::Seconds, 60),
        definition: |_, reports| if reports.billed_duration { "Billed minutes." } else { "Minutes." }.into(),
        standard: "",
    }
    /// Network effectiveness ratio (ITU-T E.425).
    Ner {
        name: "ner",
        label: "NER",
        metric: Some("ner"),
        unit: MeasureUnit::Percent,
        aggregates: &[Aggregate::Calls, Aggregate::Effective],
        formula: Formula::Percent(Aggregate::Effective, Aggregate::Calls),
        definition: |_, _| "Calls whose end says that the network did its part, in percent of all.".into(),
        standard: "ITU-T E.425",
    }
    /// Live calls.
    Calls {
        name: "calls",
        label: "Active calls",
        metric: None,
        unit: MeasureUnit::Count,
        aggregates: &[Aggregate::Calls],
        formula: Formula::Whole(Aggregate::Calls),
        definition: |_, _| "Calls that were up.".into(),
        standard: "",
    }
    /// Routing attempts.
    Attempts {
        name: "attempts",
        label: "Attempts",
        metric: None,
        unit: MeasureUnit::Count,
        aggregates: &[Aggregate::Attempts],
        formula: Formula::Whole(Aggregate::Attempts),
        definition: |_, _| "Routing attempts, of calls the earlier ones too.".into(),
        standard: "",
    }
    /// Answer-bid ratio (ITU-T E.425).
    Abr {
        name: "abr",
        label: "ABR",
        metric: None,
        unit: MeasureUnit::Percent,
        aggregates: &[Aggregate::Answered, Aggregate::Attempts],
        formula: Formula::Percent(Aggregate::Answered, Aggregate::Attempts),
        definition: |_, _| "Answered calls in percent of all routing attempts.".into(),
        standard: "ITU-T E.425",
    }
    /// Session establishment effectiveness ratio (RFC 6076).
    Seer {
        name: "seer",
        label: "SEER",
        metric: None,
        unit: MeasureUnit::Percent,
        aggregates: &[Aggregate::Established, Aggregate::NotRedirected],
        formula: Formula::Percent(Aggregate::Established, Aggregate::NotRedirected),
        definition: |_, _| "Ends with SIP 200, 480, 486, 600 or 603 in percent of all but those with 3xx.".into(),
        standard: "RFC 6076, 4.7",
    }
    /// Ineffective session attempts (RFC 6076).
    Isa {
        name: "isa",
        label: "ISA",
        metric: None,
        unit: MeasureUnit::Percent,
        aggregates: &[Aggregate::Ineffective, Aggregate::Calls],
        formula: Formula::Percent(Aggregate::Ineffective, Aggregate::Calls),
        definition: |_, _| "Ends with SIP 408, 500, 503 or 504 in percent of all.".into(),
        standard: "RFC 6076, 4.8",
    }
    /// Billed minutes.
    BilledDuration {
        name: "billed_duration",
        label: "Billed minutes",
        metric: None,
        unit: MeasureUnit::Minutes,
        aggregates: &[Aggregate::BilledSeconds],
        formula: Formula::Quotient(Aggregate::BilledSeconds, 60),
        definition: |_, _| "Billed minutes.".into(),
        standard: "",
    }
    /// Price of a billed minute.
    PricePerMinute {
        name: "price_per_minute",
        label: "Price per minute",
        metric: None,
        unit: MeasureUnit::MoneyPerMinute,
        aggregates: &[Aggregate::Price, Aggregate::BilledSeconds],
        formula: Formula::MinutePrice(Aggregate::Price, Aggregate::BilledSeconds),
        definition: |_, _| "total_price over billed_duration, six decimals.".into(),
        standard: "",
    }
    /// Short calls.
    ShortCalls {
        name: "short_calls",
        label: "Short calls",
        metric: None,
        unit: MeasureUnit::Count,
        aggregates: &[Aggregate::Short],
        formula: Formula::Whole(Aggregate::Short),
        definition: |_, _| "Answered calls of 15 seconds or less; short-seconds sets another bound.".into(),
        standard: "",
    }
    /// Short calls in percent of the answered ones.
    ShortShare {
        name: "short_share",
        label: "Short calls, share",
        metric: None,
        unit: MeasureUnit::Percent,
        aggregates: &[Aggregate::Short, Aggregate::Answered],
        formula: Formula::Percent(Aggregate::Short, Aggregate::Answered),
        definition: |_, _| "Short calls in percent of the answered ones.".into(),
        standard: "",
    }
    /// Calls answered at once in percent of the answered ones.
    InstantShare {
        name: "instant_share",
        label: "Answered at once, share",
        metric: None,
        unit: MeasureUnit::Percent,
        aggregates: &[Aggregate::Instant, Aggregate::Answered],
        formula: Formula::Percent(Aggregate::Instant, Aggregate::Answered),
        definition: |_, _| "Calls answered within a second of their ringing in percent of the answered ones.".into(),
        standard: "",
    }
    /// Median of the post-dial delay.
    PddP50 {
        name: "pdd_p50",
        label: "PDD, median",
        metric: None,
        unit: MeasureUnit::Seconds,
        aggregates: &[Aggregate::Pdd(50)],
        formula: Formula::Delay(Aggregate::Pdd(50)),
        definition: |_, _| {
            "Post-dial delay that half of the calls that rang do not exceed: nearest rank of hundredths of a second, above 60 s as 60 s.".into()
        },
        standard: "ITU-T E.721",
    }
    /// 95th percentile of the post-dial delay.
    PddP95 {
        name: "pdd_p95",
        label: "PDD, 95 %",
        metric: None,
        unit: MeasureUnit::Seconds,
        aggregates: &[Aggregate::Pdd(95)],
        formula: Formula::Delay(Aggregate::Pdd(95)),
        definition: |_, _| "Post-dial delay that 95 % of the calls that rang do not exceed, likewise.".into(),
        standard: "ITU-T E.721",
    }
    /// 99th percentile of the post-dial delay.
    PddP99 {
        name: "pdd_p99",
        label: "PDD, 99 %",
        metric: None,
        unit: MeasureUnit::Seconds,
        aggregates: &[Aggregate::Pdd(99)],
        formula: Formula::Delay(Aggregate::Pdd(99)),
        definition: |_, _| "Post-dial delay that 99 % of the calls that rang do not exceed, likewise.".into(),
        standard: "ITU-T E.721",
    }
    /// Longest call.
    MaxDuration {
        name: "max_duration",
        label: "Longest call",
        metric: None,
        unit: MeasureUnit::Seconds,
        aggregates: &[Aggregate::Longest],
        formula: Formula::Whole(Aggregate::Longest),
        definition: |_, _| "Duration of the longest call, seconds; 0 where none was answered.".into(),
        standard: "",
    }
    /// Start of the first call.
    FirstCall {
        name: "first_call",
        label: "First call",
        metric: None,
        unit: MeasureUnit::Time,
        aggregates: &[Aggregate::First],
        formula: Formula::Present(Aggregate::First),
        definition: |_, _| "Start of the first call.".into(),
        standard: "",
    }
    /// Start of the last call.
    LastCall {
        name: "last_call",
        label: "Last call",
        metric: None,
        unit: MeasureUnit::Time,
        aggregates: &[Aggregate::Last],
        formula: Formula::Present(Aggregate::Last),
        definition: |_, _| "Start of the last call.".into(),
        standard: "",
    }
    /// Different calling numbers.
    DistinctSrcNumbers {
        name: "distinct_src_numbers",
        label: "Calling numbers",
        metric: None,
        unit: MeasureUnit::Count,
        aggregates: &[Aggregate::SrcNumbers],
        formula: Formula::Whole(Aggregate::SrcNumbers),
        definition: |_, _| "Different values of src_prefix_routing.".into(),
        standard: "",
    }
    /// Different called numbers.
    DistinctDstNumbers {
        name: "distinct_dst_numbers",
        label: "Called numbers",
        metric: None,
        unit: MeasureUnit::Count,
        aggregates: &[Aggregate::DstNumbers],
        formula: Formula::Whole(Aggregate::DstNumbers),
        definition: |_, _| "Different values of dst_prefix_routing.".into(),
        standard: "",
    }
    /// Share of all calls.
    Share {
        name: "share",
        label: "Share of calls",
        metric: None,
        unit: MeasureUnit::Percent,
        aggregates: &[Aggregate::Calls, Aggregate::AllCalls],
        formula: Formula::Percent(Aggregate::Calls, Aggregate::AllCalls),
        definition: |_, _| "total_calls in percent of those of all groups.".into(),
        standard: "",
    }
    /// Answers lost against the window compared with.
    LostAnswers {
        name: "lost_answers",
        label: "Lost answers",
        metric: None,
        unit: MeasureUnit::Count,
        aggregates: &[Aggregate::Calls, Aggregate::Answered, Aggregate::EarlierCalls, Aggregate::EarlierAnswered],
        formula: Formula::LostAnswers,
        definition: |_, _| {
            "Calls that would have been answered at the ASR of the window compared with, and were not: total_calls × that ASR − answered calls. Below 0 where more were answered.".into()
        },
        standard: "",
    }
    /// Customers' prices without VAT, in the system's currency.
    Revenue {
        name: "revenue",
        label: "Revenue",
        metric: None,
        unit: MeasureUnit::SystemMoney,
        aggregates: &[Aggregate::Revenue],
        formula: Formula::Quotient(Aggregate::Revenue, MONEY),
        definition: |_, _| {
            "Customers' prices without VAT by their currencies' rates, over all attempts; taken off where billing is reversed.".into()
        },
        standard: "",
    }
    /// Vendors' prices, likewise.
    Cost {
        name: "cost",
        label: "Cost",
        metric: None,
        unit: MeasureUnit::SystemMoney,
        aggregates: &[Aggregate::Cost],
        formula: Formula::Quotient(Aggregate::Cost, MONEY),
        definition: |_, _| {
            "Vendors' prices by their currencies' rates, over all attempts, fees of failed ones too; taken off where billing is reversed.".into()
        },
        standard: "",
    }
    /// Revenue without cost.
    Margin {
        name: "margin",
        label: "Margin",
        metric: None,
        unit: MeasureUnit::SystemMoney,
        aggregates: &[Aggregate::Revenue, Aggregate::Cost],
        formula: Formula::QuotientOfDifference(Aggregate::Revenue, Aggregate::Cost, MONEY),
        definition: |_, _| "revenue without cost.".into(),
        standard: "",
    }
    /// Margin in percent of the revenue.
    MarginPercent {
        name: "margin_percent",
        label: "Margin, share",
        metric: None,
        unit: MeasureUnit::Percent,
        aggregates: &[Aggregate::Revenue, Aggregate::Cost],
        formula: Formula::PercentLeft(Aggregate::Revenue, Aggregate::Cost),
        definition: |_, _| "margin in percent of revenue.".into(),
        standard: "",
    }
    /// Sum of cost − revenue over the attempts where it is above 0, in the system's currency.
    Loss {
        name: "loss",
        label: "Loss",
        metric: None,
        unit: MeasureUnit::SystemMoney,
        aggregates: &[Aggregate::Loss],
        formula: Formula::Quotient(Aggregate::Loss, MONEY),
        definition: |_, _| "Sum of what single attempts cost above what they brought.".into(),
        standard: "",
    }
    /// The number of those attempts.
    LossCalls {
        name: "loss_calls",
        label: "Attempts at a loss",
        metric: None,
        unit: MeasureUnit::Count,
        aggregates: &[Aggregate::LossCalls],
        formula: Formula::Whole(Aggregate::LossCalls),
        definition: |_, _| "Attempts that cost more than they brought.".into(),
        standard: "",
    }
}
