// Numbers as the API sends them, exact texts, made readable by locale. No digit is ever computed here: a price or a ratio
// shown is the price or ratio that the service sent.

/** A value of the API: a count, a decimal as text, a time, a flag, or nothing. */
export type Cell = number | string | boolean | null;

/** The signs by which a locale writes numbers. */
export interface Signs {
    readonly group: string;
    readonly decimal: string;
    /** Digits of the last group, and of those before it: they differ in India. */
    readonly last: number;
    readonly others: number;
    /** Fewest digits before a whole part is grouped: Polish and Spanish leave 1234 alone. */
    readonly least: number;
}

/** Between groups and before units, so that lines do not break there. */
const THIN = '\u202f';
export const MINUS = '\u2212';
export const NONE = '\u2013';

/** Reads the signs of a locale from what Intl makes of sample numbers. */
export function signsOf(locale: string | undefined): Signs {
    const format = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, numberingSystem: 'latn' });
    const parts = format.formatToParts(1234567890.5);
    const groups = parts.filter((part) => part.type === 'integer').map((part) => part.value.length);
    const group = parts.find((part) => part.type === 'group')?.value;
    let least = 4;
    while (least < 7 && !format.formatToParts(10 ** (least - 1)).some((part) => part.type === 'group')) least += 1;
    return {
        group: group === undefined ? '' : /\s/.test(group) ? THIN : group,
        decimal: parts.find((part) => part.type === 'decimal')?.value ?? '.',
        last: groups.at(-1) ?? 3,
        others: groups.at(-2) ?? 3,
        least,
    };
}

/** Writes an exact decimal text with a locale's signs, and with at least so many decimals. */
export function written(text: string, signs: Signs, decimals = 0): string {
    const match = /^(-?)([0-9]+)(?:\.([0-9]+))?$/.exec(text);
    if (match === null) return text;
    const [, minus, whole = '', fraction = ''] = match;
    const shown = fraction.padEnd(decimals, '0');
    return (minus === '' ? '' : MINUS) + grouped(whole, signs) + (shown === '' ? '' : signs.decimal + shown);
}

function grouped(whole: string, signs: Signs): string {
    if (signs.group === '' || whole.length < signs.least) return whole;
    const groups: string[] = [];
    let end = whole.length;
    for (let size = signs.last; end > 0; size = signs.others) {
        groups.unshift(whole.slice(Math.max(0, end - size), end));
        end -= size;
    }
    return groups.join(signs.group);
}

/** A position on a chart or in a bar. Never shown as digits. */
export function position(cell: Cell | undefined): number | null {
    if (typeof cell === 'number') return cell;
    if (typeof cell !== 'string' || cell === '') return null;
    const value = Number(cell);
    return Number.isFinite(value) ? value : null;
}

/** A value as exact text, or null where there is none. */
export function exact(cell: Cell | undefined): string | null {
    if (typeof cell === 'number') return String(cell);
    return typeof cell === 'string' && cell !== '' ? cell : null;
}

/** Bytes in the unit that leaves one to three digits. */
export function bytes(count: number, signs: Signs): string {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let [value, unit] = [count, 0];
    while (value >= 1000 && unit < units.length - 1) {
        value /= 1000;
        unit += 1;
    }
    const text = unit === 0 || value >= 100 ? String(Math.round(value)) : value.toFixed(1);
    return `${written(text, signs)} ${units[unit]}`;
}
