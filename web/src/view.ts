// The view is the query string of the page: reading it gives the same picture again, so it can be sent to somebody else.
// Tokens never stand in it. What does not read is left out, as if it were not there.
import { isZone, parseWall } from './times';

export type Role = 'customer' | 'operator';
export type Side = 'origination' | 'termination';
export type Page = 'traffic' | 'live' | 'overview' | 'exports';
export type Range = '24h' | '7d' | '28d' | 'month' | 'own';

export const RANGES: readonly Range[] = ['24h', '7d', '28d', 'month', 'own'];
export const COMPARISONS = ['none', 'previous', 'day', 'week', 'month', 'year', 'year-weekday'] as const;
export type Comparison = (typeof COMPARISONS)[number];
export const SAMPLINGS = ['minute', '5minutes', '15minutes', '30minutes', 'hour', '6hours', 'day', 'week', 'month'] as const;
export type Sampling = (typeof SAMPLINGS)[number];
export const INTERVALS = [5, 10, 30] as const;
/** Seconds between two looks of the page of live calls where nobody says: it shows what goes on, so it goes on by itself. */
export const LIVE_BEAT = 10;
export const LIMITS = [25, 100, 500, 1000] as const;

export interface View {
    readonly page: Page;
    /** Whose API is asked; null: whichever the browser is signed in to. */
    readonly as: Role | null;
    readonly side: Side;
    /** Uuids; empty: all of the side. */
    readonly accounts: readonly string[];
    readonly range: Range;
    /** Of the range `own`: a reading of the zone's wall clock, or epoch seconds. */
    readonly from: string;
    readonly to: string;
    /** Null: what suits the range. */
    readonly compare: Comparison | null;
    /** Null: the browser's. */
    readonly zone: string | null;
    readonly measure: string;
    /** Whether ASR is drawn on a second axis. */
    readonly asr: boolean;
    /** Null: what suits the range. */
    readonly sampling: Sampling | null;
    readonly by: readonly string[];
    readonly digits: number;
    /** Columns of the table; empty: the usual ones. */
    readonly measures: readonly string[];
    /** A column of the table, `-` in front: the largest first. Empty: the usual order. */
    readonly sort: string;
    readonly limit: number;
    readonly minCalls: number;
    /** Parameters of the API that filter, by name. */
    readonly filters: Readonly<Record<string, string>>;
    /** Seconds between two looks; 0: none. */
    readonly live: number;
    /** Whether the chart's figures are shown as a table. */
    readonly figures: boolean;
    /** Whether the calls themselves are shown in place of groups. */
    readonly calls: boolean;
}

export const START: View = {
    page: 'traffic',
    as: null,
    side: 'origination',
    accounts: [],
    range: '24h',
    from: '',
    to: '',
    compare: null,
    zone: null,
    measure: 'total_calls',
    asr: true,
    sampling: null,
    by: ['dst-country'],
    digits: 3,
    measures: [],
    sort: '',
    limit: 25,
    minCalls: 0,
    filters: {},
    live: 0,
    figures: false,
    calls: false,
};

/** Parameters of the page itself. All others whose names a filter could have are filters. */
const OWN = new Set([
    'page',
    'as',
    'side',
    'account',
    'range',
    'from',
    'to',
    'compare',
    'zone',
    'measure',
    'asr',
    'sampling',
    'by',
    'digits',
    'measures',
    'sort',
    'limit',
    'min-calls',
    'live',
    'figures',
    'calls',
]);
const FILTER =
    /^(?:src-country-id|dst-country-id|src-prefix-routing|dst-prefix-routing|destination-prefix|dst-network-id|duration|auth-orig-ip|customer-auth-id|term-gw-id|disconnect-code|q850-cause|currency|answered|reverse-billing|customer-id|vendor-id|customer-price|vendor-price)(?:-eq|-not-eq|-in|-starts-with|-ends-with|-contains|-gt|-gteq|-lt|-lteq)?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const MOST_TEXT = 1024;
const MOST_NAMES = 40;

/** Whether a name is that of a filter of the API. */
export function isFilter(name: string): boolean {
    return FILTER.test(name);
}

/** Whether a text can stand for a window's end. */
export function isTime(text: string): boolean {
    return /^[0-9]{10}$/.test(text) || parseWall(text) !== null;
}

/** Reads a query string. */
export function parse(search: string): View {
    const params = new URLSearchParams(search);
    const one = <T extends string>(name: string, of: readonly T[], usual: T): T => {
        const text = params.get(name);
        return of.find((value) => value === text) ?? usual;
    };
    const oneOrNull = <T extends string>(name: string, of: readonly T[]): T | null => {
        const text = params.get(name);
        return of.find((value) => value === text) ?? null;
    };
    const number = (name: string, least: number, most: number, usual: number): number => {
        const text = params.get(name) ?? '';
        const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : usual;
        return value >= least && value <= most ? value : usual;
    };
    const names = (name: string, pattern: RegExp): string[] => {
        const all = (params.get(name) ?? '').split(',').filter((text) => pattern.test(text));
        return [...new Set(all)].slice(0, MOST_NAMES);
    };
    const filters: Record<string, string> = {};
    for (const [name, value] of params) {
        if (!OWN.has(name) && isFilter(name) && value !== '' && value.length <= MOST_TEXT) filters[name] = value;
    }
    const by = names('by', /^[a-z0-9-]{1,40}$/).slice(0, 3);
    const [from, to] = [params.get('from') ?? '', params.get('to') ?? ''];
    const range = one('range', RANGES, START.range);
    const isWhole = range !== 'own' || (isTime(from) && (to === '' || isTime(to)));
    const zone = params.get('zone');
    const sort = params.get('sort') ?? '';
    const measure = params.get('measure') ?? '';
    return {
        page: one('page', ['traffic', 'live', 'overview', 'exports'], START.page),
        as: oneOrNull('as', ['customer', 'operator']),
        side: one('side', ['origination', 'termination'], START.side),
        accounts: names('account', UUID).map((uuid) => uuid.toLowerCase()),
        range: isWhole ? range : START.range,
        from: isWhole && range === 'own' ? from : '',
        to: isWhole && range === 'own' ? to : '',
        compare: oneOrNull('compare', COMPARISONS),
        zone: zone !== null && isZone(zone) ? zone : null,
        measure: /^[a-z0-9_]{1,40}$/.test(measure) ? measure : START.measure,
        asr: params.get('asr') !== '0',
        sampling: oneOrNull('sampling', SAMPLINGS),
        by: by.length === 0 ? START.by : by,
        digits: number('digits', 1, 15, START.digits),
        measures: names('measures', /^[a-z0-9_]{1,40}$/),
        sort: /^-?[a-z0-9_]{1,48}$/.test(sort) ? sort : '',
        limit: number('limit', 1, 10_000, START.limit),
        minCalls: number('min-calls', 0, 999_999, 0),
        filters,
        live: INTERVALS.find((seconds) => String(seconds) === params.get('live')) ?? 0,
        figures: params.get('figures') === '1',
        calls: params.get('calls') === '1',
    };
}

/** Writes a view: what is as usual is left out, so that the address stays short. */
export function write(view: View): string {
    const pairs: [string, string][] = [];
    const put = (name: string, value: string | number, usual: string | number) => {
        if (String(value) !== String(usual)) pairs.push([name, String(value)]);
    };
    put('page', view.page, START.page);
    put('as', view.as ?? '', '');
    put('side', view.side, START.side);
    put('account', view.accounts.join(','), '');
    put('range', view.range, START.range);
    if (view.range === 'own') {
        put('from', view.from, '');
        put('to', view.to, '');
    }
    put('compare', view.compare ?? '', '');
    put('zone', view.zone ?? '', '');
    put('measure', view.measure, START.measure);
    put('asr', view.asr ? 1 : 0, 1);
    put('sampling', view.sampling ?? '', '');
    put('by', view.by.join(','), START.by.join(','));
    put('digits', view.digits, START.digits);
    put('measures', view.measures.join(','), '');
    put('sort', view.sort, '');
    put('limit', view.limit, START.limit);
    put('min-calls', view.minCalls, 0);
    put('live', view.live, 0);
    put('figures', view.figures ? 1 : 0, 0);
    put('calls', view.calls ? 1 : 0, 0);
    for (const name of Object.keys(view.filters).sort()) pairs.push([name, view.filters[name] ?? '']);
    return query(pairs);
}

/** A query string that people can read: commas, colons and slashes stand as they are. */
export function query(pairs: readonly (readonly [string, string])[]): string {
    const readable = (text: string) => encodeURIComponent(text).replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%2F', '/');
    return pairs.map(([name, value]) => `${readable(name)}=${readable(value)}`).join('&');
}
