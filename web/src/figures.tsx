// The figures of a chart in words and numbers: those at the cursor, and all of them as a table.
import type { Table } from './api';
import type { Buckets } from './buckets';
import type { Measure } from './catalog';
import { useShared } from './context';
import { NONE } from './numbers';
import { change, full, tone, unit } from './show';
import { beforeLabel } from './words';

interface ReadingProps {
    readonly table: Table;
    readonly buckets: Buckets;
    readonly at: number | null;
    readonly measure: Measure;
    readonly asr: Measure | undefined;
    /** Whether the window's totals may be compared. */
    readonly hasTotals: boolean;
}

/** The figures of the bucket under the cursor; without one, those of the window. */
export function Reading({ table, buckets, at, measure, asr, hasTotals }: ReadingProps) {
    const { scene, signs, clock } = useShared();
    const row = at === null ? null : (buckets.rows[at] ?? null);
    const [start, end] = at === null ? [null, null] : [buckets.starts[at] ?? null, buckets.starts[at + 1] ?? null];
    const cell = (name: string) =>
        at === null ? table.totals[name] : row === null ? (measureIsCount(name) ? 0 : null) : table.data[name]?.[row];
    const isCompared = table.compare !== null && measure.change !== null && (at !== null || hasTotals);
    const changed = change(measure, cell, signs);
    return (
        <p class="reading" data-test="reading" aria-live="polite" aria-atomic="true" data-at={start ?? ''}>
            <b>{start === null || end === null ? 'Whole window' : clock.bucket(start, end, scene.sampling)}</b>
            <span class="of-main">
                {measure.label} <b>{full(measure, cell(measure.name), signs, clock)}</b>
            </span>
            {isCompared && (
                <span>
                    was {full(measure, cell(`${measure.name}_before`), signs, clock)}{' '}
                    {changed !== NONE && <span class={tone(measure, cell)}>{changed}</span>}
                </span>
            )}
            {asr && (
                <span class="of-second">
                    ASR <b>{full(asr, cell('asr'), signs, clock)}</b>
                </span>
            )}
        </p>
    );
}

function measureIsCount(name: string): boolean {
    return name.endsWith('calls') || name === 'attempts';
}

/** The chart's figures as a table, exact. */
export function Figures({ table, buckets, measure, asr }: { table: Table; buckets: Buckets; measure: Measure; asr: Measure | undefined }) {
    const { scene, signs, clock, now } = useShared();
    const isCompared = table.compare !== null && measure.change !== null;
    return (
        <div class="table-box figures" tabIndex={0} role="region" aria-label="Figures of the chart">
            <table data-test="figures">
                <thead>
                    <tr>
                        <th scope="col">Time, {clock.distance(scene.window.start)}</th>
                        <th scope="col" class="number">
                            {measure.label}
                            {unit(measure) && `, ${unit(measure)}`}
                        </th>
                        {isCompared && (
                            <th scope="col" class="number">
                                {beforeLabel(scene.compare)}
                            </th>
                        )}
                        {isCompared && (
                            <th scope="col" class="number">
                                Change
                            </th>
                        )}
                        {asr && (
                            <th scope="col" class="number">
                                ASR, %
                            </th>
                        )}
                    </tr>
                </thead>
                <tbody>
                    {buckets.rows.map((row, index) => {
                        const [start, end] = [buckets.starts[index] ?? 0, buckets.starts[index + 1] ?? 0];
                        const cell = (name: string) =>
                            row === null ? (measure.additive && name === measure.name ? 0 : null) : table.data[name]?.[row];
                        return (
                            <tr key={start} class={end > now ? 'growing' : ''}>
                                <th scope="row">
                                    {clock.bucket(start, end, scene.sampling)}
                                    {end > now ? ' (not over)' : ''}
                                </th>
                                <td class="number" data-value={String(cell(measure.name) ?? '')}>
                                    {full(measure, cell(measure.name), signs, clock)}
                                </td>
                                {isCompared && <td class="number soft">{full(measure, cell(`${measure.name}_before`), signs, clock)}</td>}
                                {isCompared && <td class={`number ${tone(measure, cell)}`}>{change(measure, cell, signs)}</td>}
                                {asr && <td class="number">{full(asr, cell('asr'), signs, clock)}</td>}
                            </tr>
                        );
                    })}
                </tbody>
            </table>
        </div>
    );
}
