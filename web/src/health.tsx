// Data health: whether the service can answer, and rows that cannot be right.
import { useShared } from './context';
import { written } from './numbers';
import { Footnote } from './parts';
import { useAsk } from './use';

interface Ready {
    readonly status: string;
}
interface Odd {
    readonly status: 'ok' | 'odd' | 'unknown' | 'off';
    readonly since: string | null;
    readonly kinds: readonly {
        readonly kind: string;
        readonly table: string;
        readonly rows: string;
        readonly last_hour: number;
        readonly since_start: number;
        readonly last_seen: string | null;
    }[];
    readonly tables: readonly {
        readonly table: string;
        readonly looked: string | null;
        readonly failed: boolean;
        readonly parts_waiting: number;
        readonly missed_rows: boolean;
        readonly not_checked: string | null;
    }[];
}

const WORDS = {
    ok: 'New rows are as they should be',
    odd: 'New rows are odd',
    unknown: 'New rows could not be looked at',
    off: 'New rows are not checked (checks.enabled)',
} as const;

export function Health() {
    const { beat, clock, signs } = useShared();
    const ready = useAsk<Ready>('health/ready', beat);
    const data = useAsk<Odd>('health/data', beat);
    const odd = (data.value?.kinds ?? []).filter((kind) => kind.since_start > 0);
    const at = (text: string | null) => (text === null ? 'never' : clock.full(Date.parse(text) / 1000));
    return (
        <section class="panel" aria-label="Data health" data-test="health">
            <div class="panel-head">
                <h2>Data health</h2>
            </div>
            <ul class="health">
                <li class={ready.value?.status === 'ready' && ready.error === null ? 'good' : 'bad'} data-test="health-ready">
                    {ready.value === null && ready.error === null
                        ? 'Looking…'
                        : ready.error === null
                          ? 'The service can answer'
                          : 'The service cannot answer: its database is away or its tables are not right'}
                </li>
                {data.value !== null && data.error === null && (
                    <li class={data.value.status === 'ok' ? 'good' : data.value.status === 'odd' ? 'bad' : ''} data-test="health-data">
                        {WORDS[data.value.status]}
                    </li>
                )}
                {data.error !== null && (
                    <li data-test="health-data">
                        {data.error.status === 401
                            ? 'What is odd in the data is told to the token of /metrics alone'
                            : 'Findings in the data cannot be had now'}
                    </li>
                )}
                {data.value?.tables.map((table) => (
                    <li key={table.table} class={table.failed ? 'bad' : ''}>
                        {table.table}: {table.not_checked ?? (table.failed ? 'the last look failed' : `looked at ${at(table.looked)}`)}
                        {table.missed_rows ? ', some rows were left out' : ''}
                    </li>
                ))}
            </ul>
            {odd.length > 0 && (
                <div class="table-box" tabIndex={0} role="region" aria-label="Odd rows">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">Rows</th>
                                <th scope="col">Table</th>
                                <th scope="col" class="number">
                                    Last hour
                                </th>
                                <th scope="col" class="number">
                                    Since start
                                </th>
                                <th scope="col">Last seen</th>
                            </tr>
                        </thead>
                        <tbody>
                            {odd.map((kind) => (
                                <tr key={kind.kind + kind.table}>
                                    <th scope="row">
                                        <span class="name">{kind.rows.replace(/^rows /, '')}</span>
                                    </th>
                                    <td>{kind.table}</td>
                                    <td class={`number ${kind.last_hour > 0 ? 'bad' : ''}`}>{written(String(kind.last_hour), signs)}</td>
                                    <td class="number">{written(String(kind.since_start), signs)}</td>
                                    <td>{at(kind.last_seen)}</td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
            )}
            <Footnote>Since the service started{data.value?.since ? `, ${at(data.value.since)}` : ''}.</Footnote>
        </section>
    );
}
