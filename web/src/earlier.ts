// The earlier period of a view: whether totals of the window may stand beside totals of it.
import type { Table } from './api';
import type { Scene } from './ask';
import { position } from './numbers';
import type { Comparison } from './view';

export interface Incomparable {
    readonly why: 'overlap' | 'lacks' | 'none';
    /** The first second of the earlier period, and of its first bucket with a call; of one without any the second after it. */
    readonly from: number;
    readonly first: number;
}

const DAY = 86_400;
/** Seconds between the two periods, about: the answer tells exactly. */
const DISTANCES: Partial<Record<Comparison, number>> = {
    day: DAY,
    week: 7 * DAY,
    month: 31 * DAY,
    year: 366 * DAY,
    'year-weekday': 364 * DAY,
};
/** Calls of the window, and their share of it, that have no call beside them: fewer may be a quiet night. */
const FEWEST_CALLS = 30;
const LEAST_SHARE = 0.05;

/**
 * Why the totals of the window and of the earlier period cannot be compared: they overlap, or the period begins before its
 * first call or has none. Null where they can. Buckets, each beside its own, can be compared all the same.
 */
export function incomparable({ compare, window }: Scene, table: Table | null): Incomparable | null {
    if (compare === 'none') return null;
    const length = window.end - window.start;
    const from = table?.compare?.from ?? window.start - (DISTANCES[compare] ?? length);
    const end = table?.compare ? table.compare.to + 1 : from + length;
    // Where the clocks change, the two differ by an hour.
    if (end > window.start + 3600) return { why: 'overlap', from, first: from };
    if (table?.compare && table.rows > 0 && position(table.totals['total_calls_before']) === 0) return { why: 'none', from, first: end };
    const calls = (name: string, row: number) => position(table?.data[name]?.[row]) ?? 0;
    let alone = 0;
    for (let row = 0; row < (table?.rows ?? 0); row += 1) {
        if (calls('total_calls_before', row) > 0) {
            const all = position(table?.totals['total_calls']) ?? 0;
            const first = from + calls('t', row) - window.start;
            return alone >= FEWEST_CALLS && alone >= LEAST_SHARE * all ? { why: 'lacks', from, first } : null;
        }
        alone += calls('total_calls', row);
    }
    return null;
}
