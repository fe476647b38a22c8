// Names of groups that tables have shown: a filter by id can then be told by name, and a prefix with its country.
import type { Table } from './api';
import type { Dimension } from './catalog';

const known = new Map<string, string>();
const MOST = 5000;

/** Remembers the names of a table's groups. */
export function remember(dimensions: readonly Dimension[], table: Table): void {
    for (const dimension of dimensions) {
        const [id, name] = dimension.columns;
        if (id === undefined || name === undefined || dimension.filter === null) continue;
        const names = table.data[name] ?? [];
        (table.data[id] ?? []).forEach((key, row) => {
            const label = names[row];
            if (typeof label === 'string' && label !== '' && known.size < MOST) known.set(`${dimension.filter} ${String(key)}`, label);
        });
    }
}

/** The name of a filter's value; null if no table has shown it. */
export function nameOf(filter: string, value: string): string | null {
    return known.get(`${filter} ${value}`) ?? null;
}

/** Countries by tariff prefix; empty where no call tells. */
const countries = new Map<string, string>();

/** The country of a number or prefix: that of the longest tariff prefix it begins with. */
export function countryOf(prefix: string): string {
    for (let length = prefix.length; length > 0; length -= 1) {
        const found = countries.get(prefix.slice(0, length));
        if (found !== undefined) return found;
    }
    return '';
}

/** Takes the countries of prefixes from a table of both. */
export function locate({ data }: Table): void {
    (data['destination_prefix'] ?? []).forEach((prefix, row) => {
        const country = data['dst_country']?.[row];
        if (typeof country === 'string') countries.set(String(prefix), country);
    });
}
