// The window of time of a view: a range that moves with the clock, or one of its own; its steps, its buckets, and what it
// is compared with if nobody says.
import { about, bucketOf, dateText, instantOf, midnight, parseWall, shifted, wallAt, wallText, type Wall } from './times';
import { SAMPLINGS, type Comparison, type Sampling, type View } from './view';

export interface Window {
    /** As the API reads them with the zone. */
    readonly from: string;
    readonly to: string;
    /** Epoch seconds: the first, and the one after the last. */
    readonly start: number;
    readonly end: number;
    /** Whether its end moves with the clock. */
    readonly moves: boolean;
}

const MINUTE = 60;

/** A time of an own range as an instant. */
function instant(text: string, zone: string, isEnd: boolean): number {
    if (/^[0-9]{10}$/.test(text)) return Number(text);
    const parsed = parseWall(text);
    if (parsed === null) return 0;
    const { wall, isDate } = parsed;
    if (isDate && isEnd) return instantOf(shifted(midnight(wall), 1), zone) - 1;
    return instantOf(wall, zone, isEnd);
}

/** An instant as text: the wall clock's reading where that is clear, else epoch seconds. */
export function timeText(at: number, zone: string): string {
    const wall = wallAt(at, zone);
    return instantOf(wall, zone) === at && instantOf(wall, zone, true) === at ? wallText(wall) : String(at);
}

/** Whether a view's window is one of whole days of its zone. */
export function isOfDays({ range, from, to }: Pick<View, 'range' | 'from' | 'to'>): boolean {
    const isDate = (text: string) => parseWall(text)?.isDate === true;
    return range === 'own' ? isDate(from) && (to === '' || isDate(to)) : range !== '24h';
}

/** The own range of a view for the clocks of another zone: days stay these days, and times stay these moments. */
export function rezoned(view: View, zone: string, next: string): Pick<View, 'from' | 'to'> {
    const moved = (text: string, isEnd: boolean) => (text === '' || isOfDays(view) ? text : timeText(instant(text, zone, isEnd), next));
    return { from: moved(view.from, false), to: moved(view.to, true) };
}

/** The window of a view at a time. */
export function windowOf(view: View, zone: string, now: number): Window {
    if (view.range === 'own' && view.to !== '') {
        const start = instant(view.from, zone, false);
        return { from: view.from, to: view.to, start, end: Math.max(start + 1, instant(view.to, zone, true) + 1), moves: false };
    }
    const start =
        view.range === 'own'
            ? instant(view.from, zone, false)
            : view.range === '24h'
              ? bucketOf(now, 'hour', zone).start - 23 * 3600
              : instantOf(dayStart(view, zone, now), zone);
    // The end is the last whole minute. An open one would be compared with another span each second, and no answer would be
    // the same as the one before.
    const end = Math.max(start + MINUTE, Math.floor(now / MINUTE) * MINUTE);
    return { from: view.range === 'own' ? view.from : timeText(start, zone), to: timeText(end - 1, zone), start, end, moves: true };
}

function dayStart(view: View, zone: string, now: number): Wall {
    const today = midnight(wallAt(now, zone));
    if (view.range === 'month') return { ...today, day: 1 };
    return shifted(today, view.range === '7d' ? -6 : -27);
}

/** The own range one step earlier (-1) or later (1); null where it would begin after now. */
export function stepped(view: View, zone: string, now: number, by: -1 | 1): Pick<View, 'range' | 'from' | 'to'> | null {
    const window = windowOf(view, zone, now);
    const first = wallAt(window.start, zone);
    const isDay = (wall: Wall) => wall.hour + wall.minute + wall.second === 0;
    // A range that moves stands for its whole last day or hour.
    const last =
        view.range === '24h' ? window.start + 86_400 : window.moves ? instantOf(shifted(midnight(wallAt(now, zone)), 1), zone) : window.end;
    const after = wallAt(last, zone);
    let [from, to]: [Wall, Wall] = [first, after];
    if (first.day === 1 && isDay(first) && (view.range === 'month' || (after.day === 1 && isDay(after)))) {
        const months = view.range === 'month' ? 1 : (after.year - first.year) * 12 + after.month - first.month;
        from = shifted(first, 0, by * months);
        to = shifted(from, 0, months);
    } else if (isDay(first) && isDay(after)) {
        const days = Math.round(
            (Date.UTC(after.year, after.month - 1, after.day) - Date.UTC(first.year, first.month - 1, first.day)) / 86_400_000,
        );
        from = shifted(first, by * days);
        to = shifted(after, by * days);
    } else {
        const length = last - window.start;
        const start = window.start + by * length;
        if (start >= now) return null;
        return { range: 'own', from: timeText(start, zone), to: timeText(start + length - 1, zone) };
    }
    if (instantOf(from, zone) >= now) return null;
    return { range: 'own', from: dateText(from), to: dateText(shifted(to, -1)) };
}

/**
 * A comparison that suits the window: traffic has the shape of a week, so each bucket with that of the same weekday. A longer
 * window would overlap itself, so it is compared with the span before.
 */
export function usualComparison(window: Window, view: View): Comparison {
    if (view.range === 'month') return 'month';
    // A week in which the clocks go back has an hour more.
    return window.end - window.start <= 7 * 86_400 + 3600 ? 'week' : 'previous';
}

/** The length of a chart's buckets that suits the window. */
export function usualSampling(window: Window): Sampling {
    const length = window.end - window.start;
    const bounds: [number, Sampling][] = [
        [2 * 3600, 'minute'],
        [8 * 3600, '5minutes'],
        [18 * 3600, '15minutes'],
        [36 * 3600, '30minutes'],
        [10 * 86_400, 'hour'],
        [130 * 86_400, 'day'],
        [3 * 366 * 86_400, 'week'],
    ];
    return bounds.find(([most]) => length <= most)?.[1] ?? 'month';
}

/** Buckets that a chart can draw and the API gives. */
const MOST_BUCKETS = 2000;

/** The samplings that leave a window enough and not too many buckets. */
export function samplingsFor(window: Window): Sampling[] {
    const length = window.end - window.start;
    return SAMPLINGS.filter((sampling) => {
        const buckets = length / about(sampling);
        return buckets >= 2 && buckets <= MOST_BUCKETS;
    });
}

/** The starts of all buckets of a window, and the second after the last one. */
export function grid(window: Window, sampling: Sampling, zone: string, until = window.end): number[] {
    const starts: number[] = [];
    let { start, end } = bucketOf(window.start, sampling, zone);
    while (start < until && starts.length <= MOST_BUCKETS) {
        starts.push(start);
        ({ start, end } = bucketOf(Math.max(end, start + 1), sampling, zone));
    }
    starts.push(Math.max(start, end > start ? start : end));
    return starts;
}
