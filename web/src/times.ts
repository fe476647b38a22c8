// Wall clocks of IANA time zones. The API does the arithmetic of windows; here is what the page needs to show times, to
// step by days and months, and to lay out a chart's buckets.

/** A date and time on a wall. */
export interface Wall {
    readonly year: number;
    readonly month: number;
    readonly day: number;
    readonly hour: number;
    readonly minute: number;
    readonly second: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
    let found = formats.get(zone);
    if (found === undefined) {
        found = new Intl.DateTimeFormat('en-US', {
            timeZone: zone,
            hourCycle: 'h23',
            calendar: 'gregory',
            numberingSystem: 'latn',
            year: 'numeric',
            month: 'numeric',
            day: 'numeric',
            hour: 'numeric',
            minute: 'numeric',
            second: 'numeric',
        });
        formats.set(zone, found);
    }
    return found;
}

/** Whether the browser knows the zone by this name. */
export function isZone(name: string): boolean {
    if (!/^[A-Za-z0-9_+\-/]{1,64}$/.test(name) || /^[+-]/.test(name)) return false;
    try {
        format(name);
        return true;
    } catch {
        return false;
    }
}

const AREAS = ['Asia/', 'Europe/', 'America/', 'Africa/', 'Australia/', 'Pacific/', 'Atlantic/', 'Indian/'];

/** The zone that somebody means by a name, a place or a part of it; null where none or several may be meant. */
export function zoneNamed(text: string, known: readonly string[]): string | null {
    const plain = (name: string) =>
        name
            .trim()
            .toLowerCase()
            .replace(/[_\s]+/g, '_');
    const wanted = plain(text);
    if (wanted === '') return null;
    const found = known.find((name) => plain(name) === wanted) ?? known.find((name) => plain(name).endsWith(`/${wanted}`));
    if (found !== undefined) return found;
    // Browsers list a zone by one of its names, and know the others.
    const written = wanted.replace(/(?<![a-z])[a-z]/g, (letter) => letter.toUpperCase());
    const named = [/[A-Z]/.test(text) ? text.trim() : written, ...AREAS.map((area) => area + written)].find(isZone);
    const parts = known.filter((name) => plain(name).includes(wanted));
    return named ?? (parts.length === 1 ? (parts[0] ?? null) : null);
}

/** The wall clock at an instant (epoch seconds). */
export function wallAt(instant: number, zone: string): Wall {
    const of: Record<string, number> = {};
    for (const part of format(zone).formatToParts(instant * 1000)) of[part.type] = Number(part.value);
    const at = (name: string) => of[name] ?? 0;
    return {
        year: at('year'),
        month: at('month'),
        day: at('day'),
        hour: at('hour'),
        minute: at('minute'),
        second: at('second'),
    };
}

/** The wall clock's reading as if it were UTC, epoch seconds: what calendar arithmetic is done with. */
function count(wall: Wall): number {
    return Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second) / 1000;
}

/** The other way: the reading of a count. */
function reading(seconds: number): Wall {
    const date = new Date(seconds * 1000);
    return {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
    };
}

/** Seconds that the wall clock is ahead of UTC. */
export function offset(instant: number, zone: string): number {
    return count(wallAt(instant, zone)) - Math.floor(instant);
}

/**
 * The instant of a reading. One that stands twice is the first, or with `last` the second; one that the clock skips is the
 * instant of the change, as the API takes them.
 */
export function instantOf(wall: Wall, zone: string, last = false): number {
    const wanted = count(wall);
    const day = 86_400;
    const [before, after] = [offset(wanted - day, zone), offset(wanted + day, zone)];
    const found = [wanted - before, wanted - after].filter((at) => at + offset(at, zone) === wanted);
    if (found.length > 0) return last ? Math.max(...found) : Math.min(...found);
    // Skipped: the change lies between the two guesses.
    let [low, high] = [wanted - Math.max(before, after), wanted - Math.min(before, after)];
    const was = offset(low, zone);
    while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (offset(middle, zone) === was) low = middle;
        else high = middle;
    }
    return high;
}

/** Steps of the calendar on a reading; the day is cut to the month's last. */
export function shifted(wall: Wall, days: number, months = 0): Wall {
    const first = new Date(Date.UTC(wall.year, wall.month - 1 + months, 1));
    const longest = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
    const day = Math.min(wall.day, longest);
    return reading(count({ ...wall, year: first.getUTCFullYear(), month: first.getUTCMonth() + 1, day }) + days * 86_400);
}

/** Midnight of a reading's day. */
export function midnight(wall: Wall): Wall {
    return { ...wall, hour: 0, minute: 0, second: 0 };
}

const two = (number: number) => String(number).padStart(2, '0');

/** `2026-11-23`. */
export function dateText(wall: Wall): string {
    return `${String(wall.year).padStart(4, '0')}-${two(wall.month)}-${two(wall.day)}`;
}

/** `2026-11-23T14:00`, with seconds where there are any. */
export function wallText(wall: Wall): string {
    return `${dateText(wall)}T${two(wall.hour)}:${two(wall.minute)}${wall.second === 0 ? '' : `:${two(wall.second)}`}`;
}

/** Reads `2026-11-23`, `2026-11-23T14:00` and `2026-11-23T14:00:59`. */
export function parseWall(text: string): { wall: Wall; isDate: boolean } | null {
    const match = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
    if (match === null) return null;
    const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0));
    const wall = { year: year!, month: month!, day: day!, hour: hour!, minute: minute!, second: second! };
    const same = reading(count(wall));
    const isReal = wall.year >= 1970 && wall.year <= 2105 && dateText(same) === dateText(wall) && wallText(same) === wallText(wall);
    return isReal ? { wall, isDate: match[4] === undefined } : null;
}

/** The first second of a bucket of the calendar that holds an instant, and the first of the next one. */
export function bucketOf(instant: number, sampling: string, zone: string): { start: number; end: number } {
    const fixed = LENGTHS[sampling];
    if (fixed !== undefined) {
        const start = Math.floor(instant / fixed) * fixed;
        return { start, end: start + fixed };
    }
    const wall = wallAt(instant, zone);
    if (sampling === 'hour') {
        // Full hours of the wall clock; in a zone half an hour off they are no full hours of UTC.
        const start = instant - wall.minute * 60 - wall.second;
        return { start, end: start + 3600 };
    }
    const today = midnight(wall);
    const weekday = (new Date(count(today) * 1000).getUTCDay() + 6) % 7;
    const first = sampling === 'week' ? shifted(today, -weekday) : sampling === 'month' ? { ...today, day: 1 } : today;
    const next = sampling === 'month' ? shifted(first, 0, 1) : shifted(first, sampling === 'week' ? 7 : 1);
    return { start: instantOf(first, zone), end: instantOf(next, zone) };
}

/** Samplings whose buckets are aligned to the epoch, and their seconds. */
const LENGTHS: Readonly<Record<string, number>> = {
    minute: 60,
    '5minutes': 300,
    '15minutes': 900,
    '30minutes': 1800,
    '6hours': 21_600,
};

/** Seconds of a sampling, about. */
export function about(sampling: string): number {
    return LENGTHS[sampling] ?? { hour: 3600, day: 86_400, week: 604_800, month: 2_629_800 }[sampling] ?? 86_400;
}

/** The language of the page; its days and months are written in it, whatever the locale of numbers. */
export const LANGUAGE = 'en-GB';

/** Instants in words: one for each way in which the page shows them. */
export class Clock {
    private readonly made = new Map<string, Intl.DateTimeFormat>();
    constructor(readonly zone: string) {}

    private show(instant: number, options: Intl.DateTimeFormatOptions): string {
        const key = JSON.stringify(options);
        let found = this.made.get(key);
        if (found === undefined) {
            found = new Intl.DateTimeFormat(LANGUAGE, { timeZone: this.zone, hourCycle: 'h23', ...options });
            this.made.set(key, found);
        }
        return found.format(instant * 1000);
    }

    /** `Mon 23 Nov`, with the year where it is not this one. */
    date(instant: number): string {
        const year = wallAt(instant, this.zone).year !== wallAt(Date.now() / 1000, this.zone).year;
        return this.show(instant, { weekday: 'short', day: 'numeric', month: 'short', ...(year ? { year: 'numeric' } : {}) });
    }

    /** `14:05`. */
    time(instant: number): string {
        return this.show(instant, { hour: '2-digit', minute: '2-digit' });
    }

    /** `14:05:09`. */
    exact(instant: number): string {
        return this.show(instant, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
    }

    /** `23 Nov`. */
    day(instant: number): string {
        return this.show(instant, { day: 'numeric', month: 'short' });
    }

    month(instant: number): string {
        return this.show(instant, { month: 'short', year: 'numeric' });
    }

    /** `Mon 23 Nov, 14:05`. */
    full(instant: number): string {
        return `${this.date(instant)}, ${this.time(instant)}`;
    }

    /** A bucket: `Mon 23 Nov, 14:00–15:00`, `Mon 23 Nov`, `Nov 2026`. */
    bucket(start: number, end: number, sampling: string): string {
        if (sampling === 'month') return this.month(start);
        if (sampling === 'week') return `${this.date(start)} – ${this.date(end - 1)}`;
        if (sampling === 'day') return this.date(start);
        return `${this.date(start)}, ${this.time(start)}–${this.time(end)}`;
    }

    /** The zone's distance from UTC: `UTC+2`. */
    distance(instant: number): string {
        const minutes = Math.round(offset(instant, this.zone) / 60);
        if (minutes === 0) return 'UTC';
        const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
        return `UTC${minutes < 0 ? '\u2212' : '+'}${hours}${rest === 0 ? '' : `:${two(rest)}`}`;
    }
}
