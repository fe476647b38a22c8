// What a token may ask: dimensions, measures and columns of calls, as the API's `definitions` lists them, and its accounts.
import { START, type Role, type Side, type View } from './view';

export interface Dimension {
    readonly name: string;
    readonly columns: readonly string[];
    readonly filter: string | null;
    readonly drill: string | null;
    readonly definition: string;
    readonly on: readonly string[];
}

export interface Measure {
    readonly name: string;
    readonly label: string;
    readonly unit: string;
    readonly decimals: number | null;
    readonly definition: string;
    readonly standard: string | null;
    readonly additive: boolean;
    readonly change: 'percent' | 'difference' | null;
    readonly on: readonly string[];
}

export interface CallColumn {
    readonly name: string;
    readonly label: string;
    readonly type: string;
    readonly on: readonly string[];
}

export interface Definitions {
    readonly dimensions: readonly Dimension[];
    readonly measures: readonly Measure[];
    readonly columns: readonly CallColumn[];
    readonly formats: readonly string[];
    readonly limits: { readonly limit: number; readonly max_list_values: number };
    /** Whether files can be made in the background; a service that does not tell may have them. */
    readonly exports?: boolean;
}

export interface Account {
    readonly uuid: string;
    readonly name: string | null;
    readonly side: 'origination' | 'termination' | 'both';
    readonly currency: number | null;
    readonly customer?: string | null;
}

export interface Catalog {
    readonly role: Role;
    readonly definitions: Definitions;
    readonly accounts: readonly Account[];
}

/** Whether exports may be asked for. A request that is known to be refused is not made. */
export function hasExports(catalog: Catalog): boolean {
    return catalog.definitions.exports !== false;
}

/** The catalog with the currency of these accounts, if they have one, as the unit of prices. */
export function priced(catalog: Catalog, { side, accounts }: Pick<View, 'side' | 'accounts'>): Catalog {
    const own = accountsOf(catalog, side).filter((one) => accounts.length === 0 || accounts.includes(one.uuid));
    const [currency, ...others] = new Set(own.map((one) => one.currency));
    const name = typeof currency === 'number' && others.length === 0 ? `currency no.\u00a0${currency}` : '';
    const measures = catalog.definitions.measures.map((one) => (one.unit === 'money' ? { ...one, unit: name } : one));
    return { ...catalog, definitions: { ...catalog.definitions, measures } };
}

/** Names of dimensions, short enough for a tab. One that is not here is shown by its own name. */
const LABELS: Readonly<Record<string, string>> = {
    t: 'Time',
    account: 'Account',
    'dst-country': 'Country',
    'src-country': 'Caller\u2019s country',
    'destination-prefix': 'Destination',
    'dst-prefix': 'Prefix',
    'src-prefix': 'Caller\u2019s prefix',
    'dst-network': 'Network',
    'auth-orig-ip': 'IP',
    'customer-auth': 'Trunk',
    'term-gw': 'Gateway',
    'disconnect-code': 'SIP code',
    'q850-cause': 'Cause',
    rate: 'Rate',
    'hour-of-day': 'Hour',
    'day-of-week': 'Weekday',
    answered: 'Answered',
    currency: 'Currency',
    customer: 'Customer',
    vendor: 'Vendor',
};
/** The order of tabs: what a NOC asks first. */
const ORDER = [
    'customer',
    'vendor',
    'account',
    'dst-country',
    'destination-prefix',
    'dst-prefix',
    'q850-cause',
    'disconnect-code',
    'hour-of-day',
    'customer-auth',
    'auth-orig-ip',
    'term-gw',
    'dst-network',
    'src-country',
    'src-prefix',
    'day-of-week',
    'rate',
    'currency',
    'answered',
];

export function dimensionLabel(name: string): string {
    return LABELS[name] ?? (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll('-', ' ');
}

/** What has to be known of groups: calls that are told apart by what an attempt had are told by their last one. */
export function caveat(by: readonly string[], side: Side): string {
    return side === 'origination' && by.some((name) => name === 'vendor' || name === 'term-gw') ? LAST_ATTEMPT : '';
}
const LAST_ATTEMPT = 'Each call by its last attempt; “Sent to vendors” has all attempts.';

/** The path of a view's breakdown. */
export function breakdownPath(role: Role, side: Side): string {
    return role === 'operator' ? 'breakdown' : `${side}-breakdown`;
}

/** The path of a view's calls. */
export function callsPath(role: Role, side: Side): string {
    return role === 'operator' ? 'cdrs' : `${side}-cdrs`;
}

/** The sides that a token has. */
export function sidesOf(catalog: Catalog): Side[] {
    const { role, definitions } = catalog;
    if (role === 'operator') {
        // Attempts are for those who may see vendors.
        return definitions.dimensions.some((dimension) => dimension.name === 'vendor') ? ['origination', 'termination'] : ['origination'];
    }
    const both: Side[] = ['origination', 'termination'];
    // A side without an account has nothing to show.
    return both.filter(
        (side) =>
            accountsOf(catalog, side).length > 0 &&
            definitions.dimensions.some((dimension) => dimension.on.includes(breakdownPath(role, side))),
    );
}

/** Whether costs are the token's to see. */
export function seesCost(catalog: Catalog): boolean {
    return catalog.definitions.measures.some((measure) => measure.name === 'cost');
}

export function dimensionsOf(catalog: Catalog, side: Side): Dimension[] {
    const path = breakdownPath(catalog.role, side);
    const place = (name: string) => ORDER.indexOf(name) + 1 || ORDER.length + 1;
    return catalog.definitions.dimensions
        .filter((dimension) => dimension.on.includes(path) && dimension.name !== 't')
        .filter((dimension) => dimension.name !== 'rate' || isPriceSeen(catalog, side))
        .sort((a, b) => place(a.name) - place(b.name));
}

/** On termination, prices are costs to the operator's people. */
function isPriceSeen(catalog: Catalog, side: Side): boolean {
    return catalog.role === 'customer' || side === 'origination' || seesCost(catalog);
}

export function measuresOf(catalog: Catalog, side: Side): Measure[] {
    const path = breakdownPath(catalog.role, side);
    return catalog.definitions.measures
        .filter((measure) => measure.on.includes(path))
        .filter((measure) => !measure.name.includes('price') || isPriceSeen(catalog, side));
}

export function accountsOf(catalog: Catalog, side: Side): Account[] {
    return catalog.accounts.filter((account) => account.side === side || account.side === 'both');
}

export function callColumnsOf(catalog: Catalog, side: Side): CallColumn[] {
    const path = callsPath(catalog.role, side);
    return catalog.definitions.columns.filter((column) => column.on.includes(path));
}

/** Measures by name, in the order of the names; unknown ones are left out. */
export function pick(measures: readonly Measure[], names: readonly string[]): Measure[] {
    return names.flatMap((name) => measures.find((measure) => measure.name === name) ?? []);
}

/** The tiles above the chart, or those of the operator's overview. */
export function tilesOf(catalog: Catalog, { side, page }: Pick<View, 'side' | 'page'>): Measure[] {
    const money = catalog.role === 'operator' ? ['revenue', 'margin'] : ['total_price'];
    const names =
        page === 'overview'
            ? ['total_calls', 'asr', 'ner', 'total_duration', 'revenue', 'cost', 'margin', 'margin_percent', 'loss']
            : ['total_calls', 'asr', 'acd', 'ner', 'pdd_p95', 'short_share', 'total_duration', ...money];
    return pick(measuresOf(catalog, side), names);
}

/** The columns of the table if nobody chose. */
export function usualColumns(catalog: Catalog, side: Side, isCompared: boolean): Measure[] {
    const first = ['total_calls', 'asr', ...(isCompared ? ['lost_answers'] : []), 'acd'];
    const rest =
        catalog.role === 'operator'
            ? ['pdd_p95', 'total_duration', 'revenue', 'margin', 'margin_percent', 'loss']
            : ['ner', 'pdd_p95', 'short_share', 'total_duration', 'total_price'];
    const names = [...first, ...rest];
    return pick(measuresOf(catalog, side), names);
}

/** Filters of dimensions that not every token has, or not on both sides. */
const ONE_SIDED = /^(?:auth-orig-ip|customer-auth-id|term-gw-id|customer-id|vendor-id)$/;

/** The view as far as the token may have it: a link of somebody else's shows what is one's own to see. */
export function allowed(catalog: Catalog, view: View): View {
    const sides = sidesOf(catalog);
    const side = sides.includes(view.side) ? view.side : (sides[0] ?? 'origination');
    const offered = dimensionsOf(catalog, side);
    const isOperator = catalog.role === 'operator';
    const known = isOperator ? catalog.definitions.dimensions : offered;
    const isOffered = ([name]: [string, string]) => {
        if (name.startsWith('vendor-price')) return isOperator ? seesCost(catalog) : side === 'termination';
        if (name.startsWith('customer-price')) return isOperator || side === 'origination';
        return !ONE_SIDED.test(name) || known.some((dimension) => dimension.filter === name);
    };
    const by = view.by.filter((name) => name === 't' || offered.some((dimension) => dimension.name === name));
    return {
        ...view,
        side,
        by: by.length === 0 ? START.by : by,
        accounts: view.accounts.filter((uuid) => catalog.accounts.some((one) => one.uuid === uuid)),
        page: view.page === (isOperator ? 'live' : 'overview') ? 'traffic' : view.page,
        filters: Object.fromEntries(Object.entries(view.filters).filter(isOffered)),
        calls: view.calls && callColumnsOf(catalog, side).length > 0,
    };
}

/** The view on the other side, with what both have: accounts that are on both, filters and groups. */
export function sided(catalog: Catalog, view: View, side: Side): View {
    const there = accountsOf(catalog, side).map((account) => account.uuid);
    return allowed(catalog, { ...view, side, accounts: view.accounts.filter((uuid) => there.includes(uuid)) });
}

/** The view grouped by other dimensions: the order stays unless it is by a column that goes, and so do digits of prefixes. */
export function regrouped(catalog: Catalog, view: View, by: readonly string[]): Pick<View, 'by' | 'sort' | 'digits' | 'limit' | 'calls'> {
    const column = view.sort.replace(/^-/, '');
    const isOfGroups = catalog.definitions.dimensions.some((one) => one.columns.includes(column) && !by.includes(one.name));
    const hasPrefix = by.includes('dst-prefix') || by.includes('src-prefix');
    return { by, sort: isOfGroups ? '' : view.sort, digits: hasPrefix ? view.digits : START.digits, limit: START.limit, calls: false };
}

/** The view after a row of a dimension was chosen: filtered by it, and grouped by what tells more. */
export function drilled(catalog: Catalog, view: View, filters: Readonly<Record<string, string>>): View {
    const all = { ...view.filters, ...filters };
    const { account, ...rest } = all;
    const next: View = { ...view, filters: rest, accounts: account === undefined ? view.accounts : [account] };
    const by = (name: string, digits = START.digits): View => ({ ...next, ...regrouped(catalog, view, [name]), digits });
    const last = view.by.at(-1) ?? '';
    const calls = () => (callColumnsOf(catalog, view.side).length > 0 ? { ...next, calls: true } : next);
    if (last === 'dst-prefix') {
        const known = rest['dst-prefix-routing-starts-with']?.length ?? view.digits;
        return known < MOST_DIGITS ? by(last, Math.min(15, known + 2)) : calls();
    }
    const offered = dimensionsOf(catalog, view.side);
    const seen = new Set(view.by);
    let name: string | null | undefined = last;
    while (name) {
        name = after(offered, name);
        // What carries the calls is known: the rest is why they fail.
        if (name && seen.has(name) && last === 'vendor') name = 'q850-cause';
        const found = offered.find((dimension) => dimension.name === name);
        if (!name || found === undefined || seen.has(name)) break;
        seen.add(name);
        const isSet = found.filter !== null && (found.filter in rest || (found.name === 'account' && next.accounts.length === 1));
        if (!isSet) {
            const prefix = rest['destination-prefix-eq']?.length ?? 0;
            return by(name, name === 'dst-prefix' ? Math.min(15, Math.max(view.digits, prefix + 2)) : START.digits);
        }
    }
    return calls();
}

/** Digits at which the calls themselves say more than longer prefixes. */
const MOST_DIGITS = 9;

/** A destination is looked into by vendor where vendors are seen, else by digits; all others as the definitions say. */
function after(offered: readonly Dimension[], name: string): string | null {
    const next = name === 'destination-prefix' ? ['vendor', 'dst-prefix'] : [];
    const found = next.find((one) => offered.some((dimension) => dimension.name === one));
    return found ?? offered.find((dimension) => dimension.name === name)?.drill ?? null;
}
