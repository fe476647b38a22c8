// Names of groups that tables have shown: a filter by id can then be told by name.
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
