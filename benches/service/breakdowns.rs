//! Breakdowns with the service's cache off, against plain SQL on the calls ordered by time and against the engine's own time
//! for the service's statement; and what an answer of many groups takes in memory.
//!
//! The month holds 28 days, so a comparison is of its second half with its first: both sides read the same calls.

use crate::ask::get;
use crate::cold::{COLD, LARGEST, SIZES};
use crate::contest::{Side, in_turns};
use crate::report::{Report, count, millis, times};
use crate::tap::Tap;
use crate::wire::Wire;
use crate::world::{DAY, FROM, TO, World};
use crate::{Pace, Result};

/// The accounts of the largest vendor, of a middle one, of the smallest.
const VENDORS: [u32; 3] = [90_001, 90_008, 90_015];
/// First second of the month's second half.
const HALF: i64 = FROM + 14 * DAY;

/// A dimension: as parameter of the service, as column of the baseline on origination and on termination.
type Dimension = (&'static str, [&'static str; 2]);

const COUNTRY: Dimension = ("dst-country", ["dst_country_id"; 2]);
const PREFIX: Dimension = ("destination-prefix", ["destination_prefix"; 2]);
const CAUSE: Dimension = ("q850-cause", ["lega_q850_cause", "legb_q850_cause"]);
const VENDOR: Dimension = ("vendor", ["vendor_id"; 2]);

/// The calls that a figure is of: all that the statement reads, or those of one half of the month.
struct Calls(Option<&'static str>);

impl Calls {
    /// An aggregate function over a value of those calls that a condition, which may be empty, holds of.
    fn of(&self, function: &str, value: &str, condition: &str) -> String {
        let comparison = self.0.map(|comparison| format!("time_start {comparison} toDateTime({HALF})"));
        let conditions: Vec<&str> = comparison.as_deref().into_iter().chain(Some(condition)).collect();
        let conditions = conditions.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" AND ");
        let comma = if value.is_empty() { "" } else { ", " };
        match conditions.is_empty() {
            true => format!("{function}({value})"),
            false => format!("{function}If({value}{comma}{conditions})"),
        }
    }
}

/// Measures of the service, and the same figures in SQL.
struct Figures {
    measures: &'static str,
    sql: fn(&Calls) -> Vec<String>,
}

/// What an account is answered that asks for no measures.
const USUAL: Figures =
    Figures { measures: "total_calls,successful_calls,asr,acd,total_duration,total_price", sql: usual };
/// The same without prices, which several currencies do not add up to.
const COUNTS: Figures = Figures { measures: "total_calls,successful_calls,asr,acd,total_duration", sql: counts };
/// Money in the system's currency.
const MONEY: Figures = Figures { measures: "total_calls,revenue,cost,margin", sql: money };

fn usual(calls: &Calls) -> Vec<String> {
    let mut figures = counts(calls);
    figures.push(format!("round({}, 2)", calls.of("sum", "customer_price", "")));
    figures
}

fn counts(calls: &Calls) -> Vec<String> {
    let (all, answered) = (calls.of("count", "", ""), calls.of("count", "", "duration > 0"));
    vec![
        all.clone(),
        answered.clone(),
        format!("round(100 * {answered} / {all}, 2)"),
        format!("round({} / 60, 2)", calls.of("avg", "duration", "duration > 0")),
        format!("round({} / 60, 2)", calls.of("sum", "duration", "")),
    ]
}

fn money(calls: &Calls) -> Vec<String> {
    let revenue = "customer_price_no_vat * customer_currency_rate * if(destination_reverse_billing > 0, -1, 1)";
    let cost = "vendor_price * vendor_currency_rate * if(dialpeer_reverse_billing > 0, -1, 1)";
    let (revenue, cost) = (calls.of("sum", revenue, ""), calls.of("sum", cost, ""));
    vec![
        calls.of("count", "", ""),
        format!("round({revenue}, 2)"),
        format!("round({cost}, 2)"),
        format!("round({revenue} - {cost}, 2)"),
    ]
}

/// A question for groups.
struct Question {
    /// The path with what names the calls' owner, and a token for it.
    path: String,
    token: String,
    /// The owner in the baseline; empty is all.
    owner: String,
    is_termination: bool,
    by: Vec<Dimension>,
    figures: &'static Figures,
}

impl Question {
    /// The request to the service.
    fn request(&self, is_compared: bool) -> Vec<u8> {
        let by: Vec<&str> = self.by.iter().map(|(name, _)| *name).collect();
        let (from, compare) = if is_compared { (HALF, "&compare=previous") } else { (FROM, "") };
        let (by, measures) = (by.join(","), self.figures.measures);
        let query = format!("from-time={from}&to-time={TO}&group-by={by}&measures={measures}{compare}");
        get(&format!("{}{query}", self.path), &format!("Authorization: {}\r\n", self.token))
    }

    /// The same as one writes it in SQL: the largest groups and the totals.
    fn baseline(&self, world: &World, is_compared: bool) -> Vec<u8> {
        let keys: Vec<&str> = self.by.iter().map(|(_, columns)| columns[usize::from(self.is_termination)]).collect();
        let halves: &[_] = if is_compared { &[Some(">="), Some("<")] } else { &[None] };
        let figures: Vec<String> = halves.iter().flat_map(|half| (self.figures.sql)(&Calls(*half))).collect();
        let (keys, figures, owner) = (keys.join(", "), figures.join(", "), &self.owner);
        let sql = format!(
            "SELECT {keys}, {figures}, count() AS calls FROM bench.month WHERE {owner} \
             time_start >= toDateTime({FROM}) AND time_start <= toDateTime({TO}) \
             GROUP BY {keys} WITH TOTALS ORDER BY calls DESC, {keys} LIMIT 100 FORMAT JSONColumnsWithMetadata"
        );
        world.engine_request(&[], &sql)
    }
}

/// Everything about breakdowns.
pub async fn measure(world: &World, pace: Pace, report: &mut Report) -> Result<()> {
    let secret = world.operators_secret();
    let service = world.serve("month", &[COLD[0], ("CDRSCOPE_OPERATOR_SECRET", &secret)])?;
    let tap = Tap::start(world.authority().to_owned()).await?;
    let tapped = world
        .serve("month", &[COLD[0], ("CDRSCOPE_OPERATOR_SECRET", &secret), ("CDRSCOPE_CLICKHOUSE_URL", &tap.url)])?;
    for (what, question, least) in questions(world)? {
        for (window, is_compared) in [("28 days", false), ("14 days with the 14 before", true)] {
            let (ours, theirs) = (question.request(is_compared), question.baseline(world, is_compared));
            let straight = straight(&tapped.authority, &tap, &ours).await?;
            let mut sides =
                [Side::new(world.authority(), theirs).await?, Side::new(&service.authority, ours.clone()).await?];
            in_turns(&mut sides, Pace { contest: pace.contest / 2, ..pace }).await?;
            let [plain, answer] = sides.map(|side| side.median());
            report.faster(format!("{what}, {window}"), plain, answer, Some(least));
            // Apart: who asks right behind the plain SQL finds the processor's caches full of that.
            let mut sides = [Side::new(world.authority(), straight).await?, Side::new(&service.authority, ours).await?];
            in_turns(&mut sides, Pace { contest: pace.contest / 2, ..pace }).await?;
            let [engine, ours] = sides.map(|side| side.median());
            let share = ours / engine;
            report.row(
                format!("{what}, {window}, beside the engine's own time for the statement"),
                [millis(engine), millis(ours), times(share), "≤ 1.20 ×".to_owned()],
                Some(share <= 1.2),
            );
        }
    }
    memory(world, report).await
}

/// The request to the engine that the service makes for an answer.
async fn straight(authority: &str, tap: &Tap, request: &[u8]) -> Result<Vec<u8>> {
    tap.take();
    let mut wire = Wire::connect(authority).await?;
    let status = wire.ask(request).await?;
    if status != 200 {
        return Err(format!("status {status}: {}", wire.text()).into());
    }
    let mut seen: Vec<_> = tap.take().into_iter().filter(|seen| seen.reads_calls).collect();
    match (seen.len(), seen.pop()) {
        (1, Some(one)) => Ok(one.request),
        (count, last) => {
            let last = last.map(|one| String::from_utf8_lossy(&one.request).chars().take(600).collect::<String>());
            Err(format!("{count} statements for an answer, the last one {last:?}").into())
        }
    }
}

/// The questions, each with how many times faster than the baseline it is to be.
fn questions(world: &World) -> Result<Vec<(String, Question, f64)>> {
    let mut questions = Vec::new();
    for id in SIZES {
        let account = world.account(id)?;
        for by in [COUNTRY, PREFIX, CAUSE] {
            let question = Question {
                path: format!("/api/rest/customer/v1/origination-breakdown?account-id={}&", account.uuid),
                token: account.token.clone(),
                owner: format!("customer_acc_id = {id} AND is_last_cdr = 1 AND"),
                is_termination: false,
                by: vec![by],
                figures: &USUAL,
            };
            questions.push((format!("account {id} by {}", by.0), question, least(id == LARGEST, by)));
        }
    }
    for id in VENDORS {
        let account = world.vendor(id)?;
        for by in [COUNTRY, PREFIX, CAUSE] {
            let question = Question {
                path: format!("/api/rest/customer/v1/termination-breakdown?account-id={}&", account.uuid),
                token: account.token.clone(),
                owner: format!("vendor_acc_id = {id} AND"),
                is_termination: true,
                by: vec![by],
                figures: &USUAL,
            };
            questions.push((format!("vendor's account {id} by {}", by.0), question, least(id == VENDORS[0], by)));
        }
    }
    for (by, figures) in [(vec![VENDOR], &COUNTS), (vec![COUNTRY, VENDOR], &MONEY)] {
        let names = by.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" and ");
        let question = Question {
            path: "/api/rest/operator/v1/breakdown?side=termination&".to_owned(),
            token: world.operators_token()?,
            owner: String::new(),
            is_termination: true,
            by,
            figures,
        };
        questions.push((format!("operator by {names}"), question, 10.0));
    }
    Ok(questions)
}

/// How many times faster an answer is to be.
fn least(is_largest: bool, by: Dimension) -> f64 {
    match (is_largest, by) {
        (false, _) => 30.0,
        (true, COUNTRY | PREFIX) => 10.0,
        (true, _) => 2.0,
    }
}

/// An answer of about as many groups as there may be: the most memory that the service and the engine take for it.
async fn memory(world: &World, report: &mut Report) -> Result<()> {
    let secret = world.operators_secret();
    let tap = Tap::start(world.authority().to_owned()).await?;
    let settings = [
        COLD[0],
        ("CDRSCOPE_OPERATOR_SECRET", secret.as_str()),
        ("CDRSCOPE_CLICKHOUSE_URL", tap.url.as_str()),
        ("CDRSCOPE_LIMITS_MAX_GROUPS", "200000"),
    ];
    let service = world.serve("month", &settings)?;
    let mut wire = Wire::connect(&service.authority).await?;
    for by in ["customer,destination-prefix", "account,dst-country"] {
        let before = service.most_resident_mb()?;
        tap.take();
        let query = format!("from-time={FROM}&to-time={TO}&group-by={by}&measures={}&limit=10000", MONEY.measures);
        let path = format!("/api/rest/operator/v1/breakdown?{query}");
        let status = wire.ask(&get(&path, &format!("Authorization: {}\r\n", world.operators_token()?))).await?;
        let answer: serde_json::Value = serde_json::from_slice(wire.body())?;
        let groups = answer["groups"].as_u64().ok_or_else(|| format!("status {status}: {}", wire.text()))?;
        let engine = tap.take().iter().map(|seen| seen.memory).max().unwrap_or(0);
        let cells = [
            format!("{} MB in the engine", engine >> 20),
            format!("{:.0} MB in the service, {before:.0} before", service.most_resident_mb()?),
            String::new(),
            String::new(),
        ];
        report.row(format!("the most memory for an answer of {} groups, {by}", count(groups)), cells, None);
    }
    Ok(())
}
