// The requests of a view: which path and parameters of the API give what is shown. The same pairs make the fetched
// address, the downloads, and the curl line at the bottom of the page.
import { breakdownPath, callsPath, type Catalog, accountsOf, measuresOf, pick, tilesOf, usualColumns } from './catalog';
import { base } from './session';
import { FEWEST_OF_NER } from './incidents';
import { query, type Comparison, type Sampling, type Side, type View } from './view';
import { bucketOf } from './times';
import { timeText, type Window } from './window';

export type Pairs = (readonly [string, string])[];

/** All that requests depend on. */
export interface Scene {
    readonly view: View;
    readonly catalog: Catalog;
    readonly zone: string;
    readonly window: Window;
    readonly compare: Comparison;
    readonly sampling: Sampling;
    /** Measures that the accounts in question cannot have: prices of several currencies. */
    readonly without: ReadonlySet<string>;
}

export interface Request {
    readonly path: string;
    readonly pairs: Pairs;
}

/** The address of a request, relative to the page. */
export function url(scene: Scene, { path, pairs }: Request): string {
    return `${base(scene.catalog.role)}${path}?${query(pairs)}`;
}

/** The same as a file. */
export function fileUrl(scene: Scene, request: Request, format: string): string {
    return url(scene, { ...request, pairs: [...request.pairs, ['format', format]] });
}

/** Accounts of a side that a request names: those chosen, or all; the API takes a list up to a bound. */
export function accountIds(catalog: Catalog, side: Side, chosen: readonly string[]): string[] {
    if (chosen.length > 0 || catalog.role === 'operator') return [...chosen];
    return accountsOf(catalog, side)
        .slice(0, catalog.definitions.limits.max_list_values)
        .map((account) => account.uuid);
}

/** Accounts, window and filters, which all requests have. */
function where(scene: Scene, window: { from: string; to: string } = scene.window, filters = scene.view.filters): Pairs {
    const { view, catalog, zone } = scene;
    const ids = accountIds(catalog, view.side, view.accounts);
    return [
        ...(catalog.role === 'operator' && view.side !== 'origination' ? [['side', view.side] as const] : []),
        ...(ids.length > 0 ? [['account-id', ids.join(',')] as const] : []),
        ['from-time', window.from],
        ...(window.to === '' ? [] : [['to-time', window.to] as const]),
        ['time-zone', zone],
        ...Object.entries(filters).map(([name, value]) => [name, value] as const),
    ];
}

function compared(scene: Scene): Pairs {
    return scene.compare === 'none' ? [] : [['compare', scene.compare]];
}

function named(scene: Scene, names: readonly string[]): string {
    const offered = measuresOf(scene.catalog, scene.view.side);
    const isThere = (name: string) => !scene.without.has(name) && (name !== 'lost_answers' || scene.compare !== 'none');
    return pick(offered, [...new Set(names)])
        .map((measure) => measure.name)
        .filter(isThere)
        .join(',');
}

function breakdown(scene: Scene, pairs: Pairs): Request {
    return { path: breakdownPath(scene.catalog.role, scene.view.side), pairs };
}

/** The chart, and in its totals the tiles. */
export function chartRequest(scene: Scene): Request {
    const tiles = tilesOf(scene.catalog, scene.view).map((measure) => measure.name);
    const measures = named(scene, ['total_calls', 'successful_calls', 'asr', 'lost_answers', ...tiles, scene.view.measure]);
    return breakdown(scene, [
        ...where(scene),
        ['group-by', 't'],
        ['sampling', scene.sampling],
        ['week-start', 'monday'],
        ['measures', measures],
        ...compared(scene),
        ['order-by', 't'],
        ['limit', '10000'],
    ]);
}

/** What the table has as columns: those chosen as far as the token has them, or the usual ones. */
export function columnNames(scene: Scene): string[] {
    const { view, catalog } = scene;
    const usual = () => usualColumns(catalog, view.side, scene.compare !== 'none').map((measure) => measure.name);
    return (named(scene, view.measures) || named(scene, usual()) || 'total_calls').split(',');
}

/** The order of the table: by the column chosen, or the most calls first. */
export function orderOf(scene: Scene, names: readonly string[]): string {
    const { sort, by } = scene.view;
    const column = sort.replace(/^-/, '');
    const measure = column.replace(/_(?:before|change)$/, '');
    const dimensions = by.flatMap(
        (name) => scene.catalog.definitions.dimensions.find((dimension) => dimension.name === name)?.columns ?? [],
    );
    const isThere =
        names.includes(column) ||
        dimensions.includes(column) ||
        (measure !== column && scene.compare !== 'none' && names.includes(measure));
    if (sort !== '' && isThere) return sort;
    if (by.includes('hour-of-day') || by.includes('day-of-week')) return dimensions[0] ?? '-total_calls';
    return names.includes('total_calls') ? '-total_calls' : `-${names[0]}`;
}

export function tableRequest(scene: Scene): Request {
    const { view } = scene;
    const names = columnNames(scene);
    return breakdown(scene, [
        ...where(scene),
        ['group-by', view.by.join(',')],
        ...(view.by.includes('dst-prefix') ? [['dst-prefix-digits', String(view.digits)] as const] : []),
        ...(view.by.includes('src-prefix') ? [['src-prefix-digits', String(view.digits)] as const] : []),
        ...(view.by.includes('t') ? [['sampling', scene.sampling] as const, ['week-start', 'monday'] as const] : []),
        ['measures', names.join(',')],
        ...compared(scene),
        ['order-by', orderOf(scene, names)],
        ['limit', String(view.limit)],
        ...(view.minCalls > 0 ? [['min-calls', String(view.minCalls)] as const] : []),
    ]);
}

/** A question in whose answer incidents show: buckets of time, each compared with that of a week earlier, by one more dimension. */
export interface Look {
    readonly request: Request;
    readonly dimension: string;
    readonly sampling: Sampling;
}

/** Buckets that incidents are looked for in, the finest first. */
const LADDER: readonly Sampling[] = ['5minutes', '15minutes', '30minutes', 'hour', '6hours', 'day'];

/**
 * Where incidents are looked for: single destinations, those with the most lost answers and those whose NER fell most, and
 * single accounts, those whose calls stopped. `coarser` goes up the ladder where there are too many groups; of a NER at least
 * `fewest` calls are asked.
 */
export function looks(scene: Scene, coarser: readonly number[] = [], fewest = FEWEST_OF_NER): Look[] {
    const { catalog, view, compare, window } = scene;
    const days = (window.end - window.start) / 86_400;
    if (compare === 'none' || days > MOST_DAYS) return [];
    // Younger buckets are not judged, so the question of a window that moves changes each quarter of an hour alone.
    const until = window.moves ? Math.max(window.start + 60, Math.floor(window.end / QUARTER) * QUARTER) : window.end + AROUND;
    const offered = catalog.definitions.dimensions.map((dimension) => dimension.name);
    const made: Look[] = [];
    const look = (dimension: string | undefined, finest: number, measures: readonly string[], order: string, least: number) => {
        if (dimension === undefined || !offered.includes(dimension)) return;
        const sampling = LADDER[Math.min(LADDER.length - 1, finest + (coarser[made.length] ?? 0))] ?? 'day';
        made.push({
            dimension,
            sampling,
            request: breakdown(scene, [
                // Whole buckets, and some before and after: an incident is the same in whichever window it is seen.
                ...where(scene, {
                    from: timeText(bucketOf(window.start - AROUND, sampling, scene.zone).start, scene.zone),
                    to: timeText((window.moves ? until : bucketOf(until - 1, sampling, scene.zone).end) - 1, scene.zone),
                }),
                ['group-by', `t,${dimension}`],
                ['sampling', sampling],
                ['measures', named({ ...scene, compare: 'week' }, measures)],
                ['compare', 'week'],
                ['order-by', order],
                ['limit', '200'],
                ['min-calls', String(least)],
            ]),
        });
    };
    const destination = ['destination-prefix', 'dst-country'].find((name) => offered.includes(name));
    const hours = days <= 31 ? 3 : 5;
    const hasNer = measuresOf(catalog, view.side).some((measure) => measure.name === 'ner');
    const quality = ['total_calls', 'asr', 'ner', 'lost_answers'];
    look(destination, hours, quality, '-lost_answers', 0);
    if (hasNer) look(destination, hours, quality, 'ner_change', fewest);
    // Short buckets tell when calls stopped and came back; several in a row are judged together, so few calls of each will do.
    look(
        'account',
        days <= 2 ? 0 : days <= 10 ? 1 : days <= 31 ? 2 : 3,
        ['total_calls', 'asr'],
        'total_calls_change,-total_calls_before',
        5,
    );
    return made;
}

/** The calls of an account around its silence, in buckets that tell when they stopped and came back. */
export function silenceRequest(scene: Scene, account: string, { start, end }: Pick<Window, 'start' | 'end'>): Request {
    const alone = { ...scene, view: { ...scene.view, accounts: [account] } };
    return breakdown(alone, [
        ...where(alone, { from: timeText(start - EDGE, scene.zone), to: timeText(end + EDGE - 1, scene.zone) }),
        ['group-by', 't'],
        ['sampling', '5minutes'],
        ['measures', 'total_calls'],
        ['compare', 'week'],
        ['order-by', 't'],
        ['limit', '10000'],
    ]);
}

/** Seconds around a silence in which its ends are looked for. */
const EDGE = 1800;
/** Seconds around a window in which incidents are looked for, so that one at its edge is seen whole. */
const AROUND = 3 * 3600;

/** Fewest calls of a bucket to be among those whose NER fell most: with many calls, falls by chance would fill the list. */
export function fewestOf(calls: number): number {
    return Math.min(30, Math.max(FEWEST_OF_NER, Math.round(calls / 30_000)));
}

/** The NER that a look's groups have over the window and the week before; null where it is not judged. */
export function usualRequest(scene: Scene, look: Look | undefined): Request | null {
    if (look === undefined || !measuresOf(scene.catalog, scene.view.side).some((measure) => measure.name === 'ner')) return null;
    const from = timeText(scene.window.start - 7 * 86_400, scene.zone);
    // Up to the start of the window's last day, so that a window that moves asks the same all day long.
    const end = Math.floor(scene.window.end / 86_400) * 86_400;
    return breakdown(scene, [
        ...where(scene, { from, to: timeText((end > scene.window.start ? end : scene.window.start) - 1, scene.zone) }),
        ['group-by', look.dimension],
        ['measures', 'total_calls,ner'],
        ['limit', '1000'],
    ]);
}

const QUARTER = 900;

/** Beyond, days and destinations are more groups than the API makes at once. */
export const MOST_DAYS = 63;

export const CALLS_PAGE = 100;

/** A page of the calls themselves. */
export function callsRequest(scene: Scene, cursor: string | null): Request {
    return {
        path: callsPath(scene.catalog.role, scene.view.side),
        pairs: [...where(scene), ['limit', String(CALLS_PAGE)], ...(cursor === null ? [] : [['cursor', cursor] as const])],
    };
}

/** The calls as a file: all of them. */
export function callsFile(scene: Scene): Request {
    return { path: callsPath(scene.catalog.role, scene.view.side), pairs: where(scene) };
}

/** The first and the last call outside the window, or in it without filters: for an answer that has none. */
export function nearestRequests(scene: Scene): { before: Request; after: Request | null; unfiltered: Request | null } {
    const { view, window } = scene;
    const ask = (from: string, to: string, filters: View['filters'], measures: string) =>
        breakdown(scene, [...where(scene, { from, to }, filters), ['group-by', 'dst-country'], ['measures', measures], ['limit', '1']]);
    return {
        before: ask('0000000000', String(Math.max(1, window.start - 1)).padStart(10, '0'), view.filters, 'total_calls,last_call'),
        after: window.moves ? null : ask(String(window.end), '', view.filters, 'total_calls,first_call'),
        unfiltered: Object.keys(view.filters).length > 0 ? ask(window.from, window.to, {}, 'total_calls') : null,
    };
}

/** A command that asks the same. */
export function curl(address: string): string {
    const at = address.indexOf('?');
    const [path, search] = at < 0 ? [address, ''] : [address.slice(0, at), address.slice(at + 1)];
    const data = search
        .split('&')
        .filter((pair) => pair !== '')
        .map((pair) => ` \\\n  -d '${pair.replaceAll("'", '%27')}'`);
    return `curl -sG '${path}' -H "Authorization: $TOKEN"${data.join('')}`;
}
