// Values in words: how a measure, its change and a group of calls are written.
import type { Dimension, Measure } from './catalog';
import { countryOf } from './names';
import { exact, MINUS, NONE, position, written, type Cell, type Signs } from './numbers';
import { LANGUAGE, type Clock } from './times';

/** Between a number and its unit. */
const GAP = '\u202f';

/** The unit as a heading has it. */
export function unit(measure: Measure): string {
    switch (measure.unit) {
        case 'percent':
            return '%';
        case 'minutes':
            return 'min';
        case 'seconds':
            return 's';
        case 'per second':
            return '/s';
        case 'money per minute':
            return '/min';
        case 'money, system currency':
            return 'system currency';
        default:
            // The currency of accounts: see `priced`.
            return measure.unit.startsWith('currency') ? measure.unit : '';
    }
}

/** A value without its unit. */
export function bare(measure: Measure, cell: Cell | undefined, signs: Signs, clock: Clock): string {
    const text = exact(cell);
    if (text === null) return NONE;
    if (measure.unit === 'time') return clock.full(Number(text));
    // An estimate: parts of a call say nothing.
    if (measure.name === 'lost_answers') return written(String(Math.round(Number(text))), signs);
    // Counts have no decimals; what has two is shown with two, so that columns line up.
    const decimals = Math.min(measure.decimals ?? 0, 2);
    return written(text, signs, decimals);
}

/** A value with its unit. */
export function full(measure: Measure, cell: Cell | undefined, signs: Signs, clock: Clock): string {
    const text = bare(measure, cell, signs, clock);
    const of = unit(measure);
    return text === NONE || of === '' ? text : text + GAP + of;
}

/**
 * A change as the API gives it: of counts and sums in percent, of ratios as a difference in their unit. `at` reads the columns of
 * its row. Percent of a sum below 0, as a margin may be, would say the opposite of what happened, so there is none.
 */
export function change(measure: Measure, at: (column: string) => Cell | undefined, signs: Signs): string {
    const text = exact(at(`${measure.name}_change`));
    if (text === null || (measure.change === 'percent' && (position(at(`${measure.name}_before`)) ?? 0) < 0)) return NONE;
    const isZero = /^-?0+(\.0+)?$/.test(text);
    const signed = isZero ? '' : text.startsWith('-') ? MINUS : '+';
    const digits = written(text.replace(/^-/, ''), signs, measure.unit === 'time' ? 0 : 2);
    const of = measure.change === 'percent' ? '%' : measure.unit === 'percent' ? 'pp' : measure.unit === 'time' ? 's' : unit(measure);
    return signed + digits + (of === '' ? '' : GAP + of);
}

/** Measures of which more is worse. */
const WORSE_WITH_MORE = new Set([
    'failed_calls',
    'isa',
    'short_calls',
    'short_share',
    'instant_share',
    'pdd_p50',
    'pdd_p95',
    'pdd_p99',
    'lost_answers',
    'loss',
    'loss_calls',
    'cost',
]);
/** Measures that are neither good nor bad by themselves. */
const NEUTRAL = new Set([
    'total_calls',
    'attempts',
    'total_duration',
    'billed_duration',
    'total_price',
    'price_per_minute',
    'max_duration',
    'first_call',
    'last_call',
    'distinct_src_numbers',
    'distinct_dst_numbers',
    'share',
    'cps',
    'cost',
]);

export type Tone = 'good' | 'bad' | '';

/**
 * Standard errors that a change has to be beyond. One figure alone is by chance beyond three once in some hundred; of so many
 * that are looked at together, more have to be asked of each, so that any of them is by chance no oftener than that one: the
 * tail of the normal law goes as exp(-z²/2).
 */
export function beyond(figures: number): number {
    return Math.sqrt(9 + 2 * Math.log(Math.max(1, figures)));
}

/** Fewest calls at which a mean or a percentile says something, and by how much of itself it then has to differ. */
const ENOUGH_CALLS = 100;
const A_LOT = 0.25;

/**
 * Whether a change is one to look at: beyond chance, as far as the numbers of calls tell. Anything less has no colour, so
 * that colour means something. `at` reads the columns of the row that the change stands in, which is one of so many.
 */
export function tone(measure: Measure, at: (column: string) => Cell | undefined, rows = 1): Tone {
    const { name } = measure;
    const number = (column: string) => position(at(column)) ?? 0;
    const [now, before, calls, callsBefore] = [number(name), number(`${name}_before`), number('total_calls'), number('total_calls_before')];
    const isNeutral = NEUTRAL.has(name);
    if (name === 'lost_answers') {
        // Lost answers say the same as the change of ASR.
        const [asr, asrBefore] = [number('asr'), number('asr_before')];
        return asr < asrBefore && beyondChance(asr, calls, asrBefore, callsBefore, rows) ? 'bad' : '';
    }
    if (exact(at(`${name}_change`)) === null) return '';
    let isFar: boolean;
    if (name === 'total_calls' || name === 'attempts') {
        // Traffic that falls is bad news, traffic that grows is none.
        return before - now > beyond(rows) * Math.sqrt(2 * (now + before)) && now < 0.8 * before ? 'bad' : '';
    } else if (measure.unit === 'percent') {
        isFar = beyondChance(now, calls, before, callsBefore, rows);
    } else {
        isFar = Math.min(calls, callsBefore) >= ENOUGH_CALLS && Math.abs(now - before) > A_LOT * Math.abs(before);
    }
    if (!isFar || isNeutral) return '';
    return now > before === WORSE_WITH_MORE.has(name) ? 'bad' : 'good';
}

/** Whether two shares, in percent of so many calls each, differ by more than chance and by a percentage point. */
function beyondChance(now: number, calls: number, before: number, callsBefore: number, rows: number): boolean {
    if (calls === 0 || callsBefore === 0) return false;
    const pooled = (now * calls + before * callsBefore) / (calls + callsBefore) / 100;
    const error = Math.sqrt(Math.max(0, pooled * (1 - pooled)) * (1 / calls + 1 / callsBefore)) * 100;
    return Math.abs(now - before) > beyond(rows) * error && Math.abs(now - before) >= 1;
}

/** Q.850 causes and SIP codes that a NOC meets every day (ITU-T Q.850, RFC 3261). */
const CAUSES: Readonly<Record<string, string>> = {
    1: 'unallocated number',
    2: 'no route to network',
    3: 'no route to destination',
    16: 'normal clearing',
    17: 'user busy',
    18: 'no user responding',
    19: 'no answer',
    20: 'subscriber absent',
    21: 'call rejected',
    22: 'number changed',
    27: 'destination out of order',
    28: 'invalid number format',
    29: 'facility rejected',
    31: 'normal, unspecified',
    34: 'no circuit available',
    38: 'network out of order',
    41: 'temporary failure',
    42: 'congestion',
    44: 'circuit not available',
    47: 'resource unavailable',
    50: 'facility not subscribed',
    57: 'bearer not authorized',
    58: 'bearer not available',
    63: 'service not available',
    65: 'bearer not implemented',
    79: 'service not implemented',
    88: 'incompatible destination',
    102: 'timer expired',
    111: 'protocol error',
    127: 'interworking',
};
const CODES: Readonly<Record<string, string>> = {
    200: 'OK',
    301: 'moved permanently',
    302: 'moved temporarily',
    400: 'bad request',
    401: 'unauthorized',
    402: 'payment required',
    403: 'forbidden',
    404: 'not found',
    407: 'proxy authentication',
    408: 'request timeout',
    410: 'gone',
    415: 'unsupported media',
    480: 'temporarily unavailable',
    482: 'loop',
    483: 'too many hops',
    484: 'address incomplete',
    486: 'busy here',
    487: 'caller gave up',
    488: 'not acceptable here',
    500: 'server error',
    501: 'not implemented',
    502: 'bad gateway',
    503: 'service unavailable',
    504: 'server timeout',
    600: 'busy everywhere',
    603: 'decline',
    604: 'does not exist',
    606: 'not acceptable',
};

/** The name of a group in one dimension, and what is said beside it. */
export function groupName(dimension: Dimension, at: (column: string) => Cell | undefined, clock: Clock): { name: string; aside: string } {
    const [first = '', second = '', third = ''] = dimension.columns;
    const key = at(first);
    if (dimension.name === 't') {
        return { name: clock.full(position(key) ?? 0), aside: '' };
    }
    if (dimension.name === 'answered') return { name: key === true ? 'Answered' : 'Not answered', aside: '' };
    const text = key === null || key === undefined ? null : String(key);
    if (dimension.name === 'hour-of-day' && text !== null) return { name: `${text.padStart(2, '0')}:00`, aside: '' };
    if (dimension.name === 'day-of-week' && text !== null) return { name: weekday(Number(text)), aside: '' };
    if (dimension.name === 'q850-cause') return { name: text ?? 'none', aside: CAUSES[text ?? ''] ?? '' };
    if (dimension.name === 'disconnect-code') return { name: text ?? 'none', aside: CODES[text ?? ''] ?? '' };
    const label = second === '' ? undefined : at(second);
    if (typeof label === 'string' && label !== '') {
        const iso = third === '' ? undefined : at(third);
        return { name: label, aside: typeof iso === 'string' ? iso : dimension.name === 'account' ? '' : (text ?? '') };
    }
    if (text === null || text === '') return { name: text === null ? 'unknown' : 'none', aside: '' };
    return { name: text, aside: dimension.name.endsWith('-prefix') ? countryOf(text) : '' };
}

function weekday(day: number): string {
    // 5 January 1970 was a Monday.
    return new Intl.DateTimeFormat(LANGUAGE, { weekday: 'long', timeZone: 'UTC' }).format(Date.UTC(1970, 0, 4 + day));
}

/** The filter of a group: null where it has none. */
export function groupFilter(dimension: Dimension, at: (column: string) => Cell | undefined): Record<string, string> | null {
    const key = at(dimension.columns[0] ?? '');
    if (dimension.filter === null || key === null || key === undefined || key === '') return null;
    return { [dimension.name === 'account' ? 'account' : dimension.filter]: String(key) };
}
