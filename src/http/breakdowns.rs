//! The handler of breakdowns, and of the lists that somebody needs to ask for one: definitions and accounts.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use time::OffsetDateTime;
use uuid::Uuid;

use super::auth::Caller;
use super::error::ApiError;
use super::files::{About, Output};
use super::params::{self, BadParam, Pairs};
use super::reply::{self, Room};
use super::reports::{self, Answered};
use super::state::State;
use super::{breakdown_params, heavy, trail};
use crate::access::countries::Countries;
use crate::access::operators::OperatorWho;
use crate::columns::breakdown::GroupNames;
use crate::columns::groups::GroupsRoom;
use crate::engine::{BreakdownBounds, BreakdownError};
use crate::format::AnyWriter;
use crate::format::breakdown::BreakdownWriter;
use crate::format::rows::GroupRows;
use crate::report::breakdown::{
    Breakdown, BreakdownAsk, BreakdownRefusal, Compare, MOST_BOUNDS, SeriesTerms, Terms, Whose,
};
use crate::report::form::ResultFormat;
use crate::report::groups::{Dimension, KeyKind};
use crate::report::measure::{self, Measure};
use crate::report::plan::Plan;
use crate::report::{Report, Side, Table};
use crate::sql::Trace;

/// Memory set aside for the groups of a breakdown, in bytes; few have more.
pub(super) const MEMORY: u64 = 8 << 20;

impl GroupNames for Countries {
    fn country(&self, id: i64) -> Option<(String, String)> {
        let country = self.get(u32::try_from(id).ok()?)?;
        Some((country.name.clone(), country.iso.clone()))
    }
}

/// Answers a breakdown.
pub async fn answer(
    report: &'static Report,
    caller: Caller,
    request: HttpRequest,
    state: Data<Arc<State>>,
) -> HttpResponse {
    respond(report, &caller, &request, &state).await.unwrap_or_else(|error| error.answer(&request, report.name))
}

/// The names and rights of a caller, as far as an answer depends on them.
pub(super) struct Asker {
    /// Name of an account; empty for one that is not the caller's.
    account: Box<dyn Fn(Uuid) -> String>,
    names: Arc<dyn GroupNames>,
    /// Fingerprints of the names of countries, and of those of accounts, customers and vendors: part of the cache key.
    versions: (u64, u64),
    may_debug: bool,
}

impl Asker {
    /// A customer.
    pub(super) fn customer(caller: &Caller) -> Self {
        let countries = Arc::clone(caller.0.countries());
        let own = caller.0.clone();
        Self {
            account: Box::new(move |account| own.name(account).to_owned()),
            versions: (countries.fingerprint(), 0),
            names: countries,
            may_debug: caller.0.may_debug(),
        }
    }

    /// One of the operator's people.
    pub(super) fn operator(who: &OperatorWho) -> Self {
        let names = OperatorsView { countries: Arc::clone(who.countries()), who: who.clone() };
        let versions = (names.countries.fingerprint(), who.names().fingerprint);
        let own = who.clone();
        let account = Box::new(move |account| own.name(account).to_owned());
        Self { account, names: Arc::new(names), versions, may_debug: who.may_debug() }
    }

    /// The names that answers show.
    pub(super) fn names(&self) -> Arc<dyn GroupNames> {
        Arc::clone(&self.names)
    }

    /// Stands for the names that an answer shows.
    fn version(&self, by: &[Dimension]) -> u64 {
        let shows = |kinds: &[KeyKind]| by.iter().any(|by| kinds.contains(&by.row().kind));
        let (countries, others) = self.versions;
        let of = |shown: bool, version: u64| if shown { version } else { 0 };
        of(shows(&[KeyKind::Country]), countries)
            ^ of(shows(&[KeyKind::Account, KeyKind::Contractor]), others).rotate_left(1)
    }
}

/// The names that the operator's people are shown.
struct OperatorsView {
    countries: Arc<Countries>,
    who: OperatorWho,
}

impl GroupNames for OperatorsView {
    fn country(&self, id: i64) -> Option<(String, String)> {
        self.countries.country(id)
    }

    fn account(&self, id: i64, side: Side) -> Option<(String, String)> {
        self.who.account_of(u32::try_from(id).ok()?, side)
    }

    fn contractor(&self, id: i64) -> Option<String> {
        self.who.names().contractor(u32::try_from(id).ok()?).map(str::to_owned)
    }
}

/// Checks a request without asking, and gives its format.
///
/// # Errors
/// A fault of the parameters or the window.
pub(super) async fn check(
    report: &'static Report,
    caller: &Caller,
    request: &HttpRequest,
    state: &State,
) -> Result<ResultFormat, ApiError> {
    let scope = |account| caller.0.scope(account, report.records.side());
    let context = reports::context(caller, (request, state), &scope);
    let ask = params::read_breakdown(report, &Pairs::parse(request.query_string()), context)?;
    check_ask(ask).await
}

/// Checks the window of a breakdown, and gives its format.
///
/// # Errors
/// The window does not do.
pub(super) async fn check_ask(ask: BreakdownAsk) -> Result<ResultFormat, ApiError> {
    let format = ask.terms.form.format;
    planned(ask, OffsetDateTime::now_utc().unix_timestamp()).await?;
    Ok(format)
}

/// Checks the window of a report by time that is read as a breakdown.
///
/// # Errors
/// The window does not do.
pub(super) async fn check_series(plan: Plan, series: Series, state: &State) -> Result<(), ApiError> {
    let now = plan.now;
    planned(series_ask(plan, series, state)?, now).await.map(drop)
}

/// Answers a breakdown, or says why not.
///
/// # Errors
/// A fault of the parameters, or the query failed.
pub(super) async fn respond(
    report: &'static Report,
    caller: &Caller,
    request: &HttpRequest,
    state: &Arc<State>,
) -> Result<HttpResponse, ApiError> {
    let scope = |account| caller.0.scope(account, report.records.side());
    let context = reports::context(caller, (request, state), &scope);
    let pairs = Pairs::parse(request.query_string());
    let mut ask = params::read_breakdown(report, &pairs, context)?;
    // Names are shown by account alone.
    if let Whose::Accounts(accounts) = &mut ask.terms.whose
        && ask.terms.by.contains(&Dimension::Account)
    {
        for own in accounts {
            own.name = caller.0.name(own.uuid).to_owned();
        }
    }
    let explain = pairs.ask_for_plan(report, context);
    asked(ask, &Asker::customer(caller), explain, (request, state)).await
}

/// Answers a breakdown whose parameters were read.
///
/// # Errors
/// The window does not do, or the query failed.
pub(super) async fn asked(
    ask: BreakdownAsk,
    asker: &Asker,
    explain: bool,
    (request, state): (&HttpRequest, &Arc<State>),
) -> Result<HttpResponse, ApiError> {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let account = match ask.terms.whose.accounts() {
        [account] => Some((asker.account)(account.uuid)),
        _ => None,
    };
    let about = About {
        report: ask.terms.report,
        side: ask.terms.records.side(),
        account: account.as_deref(),
        window: Some((ask.from, ask.to)),
        zone: &ask.calendar.zone,
        by: &ask.terms.by,
        measures: &ask.terms.measures,
        compare: ask.compare,
    };
    let output = Output::new(ask.terms.form, about, (request, state));
    let tenant = ask.terms.whose.tenant();
    let columns = GroupRows::columns_of(&ask.terms.by, &ask.terms.measures, ask.compare.is_some());
    let Some(breakdown) = planned(ask, now).await? else {
        let nothing = reports::nothing(columns, &output, tenant, (request, state)).await?;
        return Ok(nothing.finish(asker.may_debug, explain));
    };
    trail::note_breakdown(&breakdown);
    let answered = found(&breakdown, asker, (request, &output, state), now).await?;
    Ok(answered.finish(asker.may_debug, explain))
}

/// Checks a breakdown against the clock; `None` in the future. Thousands of buckets of a calendar are laid out aside, so that
/// the workers' other requests do not wait.
///
/// # Errors
/// The window does not do.
pub(super) async fn planned(ask: BreakdownAsk, now: i64) -> Result<Option<Arc<Breakdown>>, ApiError> {
    let plan = match ask.terms.by.iter().any(|by| by.is_of_time()) {
        true => heavy::run(async move { ask.plan(now) }).await?,
        false => ask.plan(now),
    };
    match plan {
        Ok(breakdown) => Ok(Some(Arc::new(breakdown))),
        Err(BreakdownRefusal::Future) => Ok(None),
        Err(refusal) => Err(refused(refusal).into()),
    }
}

/// The terms in which a report by time is read as a breakdown.
pub(super) struct Series {
    /// The window that its buckets are compared with.
    pub compare: Option<Compare>,
    /// The owners of the calls.
    pub whose: Whose,
    /// The measures.
    pub measures: Vec<Measure>,
    /// Characters at the end of each number that the caller may not see.
    pub masked: u8,
}

/// Answers a report by time whose buckets are compared with those of an earlier window, or are of more than one account.
///
/// # Errors
/// There are more buckets than can be named, or the query failed.
pub(super) async fn series(
    plan: Plan,
    series: Series,
    asker: &Asker,
    (request, output, state): (&HttpRequest, &Output, &Arc<State>),
) -> Result<Answered, ApiError> {
    let now = plan.now;
    let ask = series_ask(plan, series, state)?;
    let tenant = ask.terms.whose.tenant();
    let columns = GroupRows::columns_of(&ask.terms.by, &ask.terms.measures, ask.compare.is_some());
    match planned(ask, now).await? {
        Some(breakdown) => found(&breakdown, asker, (request, output, state), now).await,
        None => reports::nothing(columns, output, tenant, (request, state)).await,
    }
}

/// The breakdown as which a report by time is read.
fn series_ask(plan: Plan, series: Series, state: &State) -> Result<BreakdownAsk, ApiError> {
    let window = plan.window.ok_or(ApiError::Internal)?;
    let step = plan.sampling.fixed_seconds().unwrap_or(0);
    let count = usize::try_from(plan.grid.count).unwrap_or(usize::MAX);
    let cps_seconds = measure::totals_cps_seconds(state.config.reports.totals_cps, step, count);
    let has_currencies =
        series.whose.has_several() && state.engine.schema.can_filter(Table::Cdrs, plan.query.records.side().currency());
    let terms = Terms {
        report: plan.report,
        records: plan.query.records,
        whose: series.whose,
        masked: series.masked,
        by: vec![Dimension::Time],
        measures: series.measures,
        filters: plan.query.filters,
        digits: (0, 0),
        short_seconds: breakdown_params::SHORT_SECONDS,
        order: Vec::new(),
        limit: usize::MAX,
        min_calls: 0,
        decimals: 2,
        series: Some(SeriesTerms {
            fill: (plan.fill && plan.grid.count > 0).then(|| window.to.map_or(plan.now, |to| to.min(plan.now))),
            cps_seconds: i64::try_from(cps_seconds).unwrap_or(i64::MAX),
        }),
        form: plan.form,
    };
    Ok(BreakdownAsk {
        terms,
        from: window.from,
        to: window.to,
        sampling: plan.sampling,
        calendar: plan.calendar,
        compare: series.compare,
        has_currencies,
    })
}

/// The refusal of a window, as a caller is told.
pub(super) fn refused(refusal: BreakdownRefusal) -> BadParam {
    match refusal {
        BreakdownRefusal::ToBeforeFrom => BadParam::ToBeforeFrom,
        BreakdownRefusal::Future | BreakdownRefusal::TooManyBuckets => BadParam::ManyBounds(MOST_BOUNDS),
    }
}

/// The bounds and units of every breakdown.
pub(super) fn bounds(state: &State, now: i64) -> BreakdownBounds {
    BreakdownBounds { max_groups: state.config.limits.max_groups, acd_unit: state.config.reports.acd_unit, now }
}

/// Memory for a breakdown's groups beyond [`MEMORY`], out of the tenant's share: taken as they come, since nobody knows before
/// how many there are, and held until they are dropped.
pub(super) fn groups_room(state: &State, tenant: u32) -> GroupsRoom {
    let (memory, mut permits, mut held) = (Arc::clone(&state.memory), Vec::new(), MEMORY);
    GroupsRoom(Box::new(move |bytes| {
        while held < bytes {
            // No waiting for more while something is held: two could wait for each other.
            let Ok(permit) = memory.try_acquire(tenant, MEMORY) else { return false };
            permits.push(permit);
            held += MEMORY;
        }
        true
    }))
}

/// The failure of a breakdown, as a caller is told.
pub(super) fn failed(error: BreakdownError) -> ApiError {
    match error {
        BreakdownError::TooManyGroups(most) => BadParam::TooManyGroups(most).into(),
        BreakdownError::Memory => ApiError::ManyAnswers,
        BreakdownError::Currencies => BadParam::Currencies.into(),
        BreakdownError::Store(error) => error.into(),
    }
}

/// From the cache where that still holds, else made of groups.
async fn found(
    breakdown: &Arc<Breakdown>,
    asker: &Asker,
    (request, output, state): (&HttpRequest, &Output, &Arc<State>),
    now: i64,
) -> Result<Answered, ApiError> {
    let mut room = Room::of(breakdown.tenant());
    let names = asker.version(&breakdown.terms.by);
    let version = state.engine.breakdown_version(breakdown).await;
    if let Some((body, freshness)) = state.engine.breakdown_body(breakdown, names, version) {
        trail::note_read(0, Some(freshness.status));
        let response = reply::send_ready(request, (body.text.clone(), &body.etag), &output.delivery, room);
        return Ok(Answered { response, freshness: Some(freshness), trace: Trace::default() });
    }
    room.held = Some(state.set_aside(breakdown.tenant(), MEMORY).await?);
    let bounds = (bounds(state, now), groups_room(state, breakdown.tenant()));
    let made = {
        let (breakdown, state, shown) = (Arc::clone(breakdown), Arc::clone(state), Arc::clone(&asker.names));
        let output = output.clone().beside(breakdown.before.as_ref().map(|before| before.window));
        heavy::run(async move {
            let (table, freshness, trace) = state.engine.breakdown(&breakdown, shown, bounds).await.map_err(failed)?;
            trail::note_read(trace.rows_read(), freshness.map(|freshness| freshness.status));
            let (table, format) = (Arc::new(table), output.form.format);
            let writer = match format.is_json() {
                true => AnyWriter::new(BreakdownWriter::new(table)),
                false => output.writer(GroupRows::new(table), breakdown.tenant(), &state).await?,
            };
            let (text, etag) = reply::write(writer).await?;
            if text.len() <= reply::KEPT && !format.tells_the_query() {
                state.engine.keep_breakdown(&breakdown, names, (text.clone(), etag.clone()), version);
            }
            Ok::<_, ApiError>((text, etag, freshness, trace))
        })
        .await?
    };
    let (text, etag, freshness, trace) = made?;
    if text.len() as u64 > MEMORY {
        // Set aside anew, by what it is.
        room.held = None;
    }
    Ok(Answered { response: reply::send_ready(request, (text, &etag), &output.delivery, room), freshness, trace })
}
