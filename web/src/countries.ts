// Countries of prefixes, asked for where a prefix is shown that no table has told the country of.
import { tableOf, type Table } from './api';
import { tableRequest, url } from './ask';
import type { Dimension } from './catalog';
import { useShared } from './context';
import { countryOf, locate } from './names';
import type { Cell } from './numbers';
import { useAsk } from './use';

/** What a table has of prefixes. */
export function prefixesOf(dimensions: readonly Dimension[], table: Table): readonly (Cell | undefined)[] {
    return dimensions.flatMap(({ name, columns: [column = ''] }) => (name.endsWith('-prefix') ? (table.data[column] ?? []) : []));
}

/** Sees to it that `countryOf` knows these prefixes; gives something else once it does. */
export function useCountries(prefixes: readonly (Cell | undefined)[]): unknown {
    const { scene } = useShared();
    const isUnknown = prefixes.some((prefix) => typeof prefix === 'string' && prefix !== '' && countryOf(prefix) === '');
    const view = {
        ...scene.view,
        by: ['destination-prefix', 'dst-country'],
        measures: ['total_calls'],
        filters: {},
        sort: '',
        limit: 1000,
        minCalls: 0,
    };
    const hasBoth = view.by.every((name) => scene.catalog.definitions.dimensions.some((one) => one.name === name));
    const asked = useAsk<Table>(isUnknown && hasBoth ? url(scene, tableRequest({ ...scene, view, compare: 'none' })) : null);
    if (asked.value !== null) locate(tableOf(asked.value));
    return asked.value;
}
