// The chart with its controls: measure, buckets, the reading at the cursor, incident marks, and the same as a table.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Table } from './api';
import { isSameWeekday, looks, url } from './ask';
import { dimensionLabel, measuresOf, type Measure } from './catalog';
import type { ChartData } from './chart';
import { Drawing } from './drawing';
import { useShared, type Shared } from './context';
import { marks as judge, SETTLED, type Bucket, type Mark } from './incidents';
import { NONE, position, written, type Signs } from './numbers';
import { change, full, tone, unit } from './show';
import { bucketOf } from './times';
import { Icon, Select } from './ui';
import { useAsk } from './use';
import { grid, samplingsFor, timeText } from './window';
import type { Sampling, View } from './view';

/** A chart's buckets with the row of the answer that each has, or null where no call was. */
export interface Buckets {
    readonly starts: readonly number[];
    readonly rows: readonly (number | null)[];
}

/** All buckets of the window: the API leaves those without a call out. */
export function bucketsOf(shared: Pick<Shared, 'scene'>, table: Table): Buckets {
    const { scene } = shared;
    const times = (table.data['t'] ?? []).map((cell) => position(cell) ?? 0);
    const rows = new Map(times.map((start, row) => [start, row]));
    const laid = grid(scene.window, scene.sampling, scene.zone);
    const end = laid.at(-1) ?? scene.window.end;
    // A bucket that the answer has and the grid has not is shown all the same.
    const starts = [...new Set([...laid.slice(0, -1), ...times])].sort((a, b) => a - b);
    const last = starts.at(-1) ?? end;
    const after = Math.max(end, bucketOf(last, scene.sampling, scene.zone).end);
    return { starts: [...starts, after], rows: starts.map((start) => rows.get(start) ?? null) };
}

export function Panel({ table, loading }: { table: Table; loading: boolean }) {
    const shared = useShared();
    const { scene, signs, clock, go, now, isPhone } = shared;
    const { view, catalog } = scene;
    const offered = measuresOf(catalog, view.side).filter((measure) => measure.unit !== 'time' && !scene.without.has(measure.name)
        && (measure.name !== 'lost_answers' || scene.compare !== 'none') && measure.name !== 'share');
    const measure = offered.find((one) => one.name === view.measure) ?? offered[0] ?? CALLS;
    const asr = offered.find((one) => one.name === 'asr');
    const buckets = useMemo(() => bucketsOf(shared, table), [table, scene.sampling, scene.window.start, scene.window.end, scene.zone]);
    const [read, setRead] = useState<number | null>(null);
    const found = useMarks(shared, table, buckets);
    const hasSecond = view.asr && asr !== undefined && measure.name !== 'asr';
    const data = useData(table, buckets, measure, hasSecond, found);
    // The mouse over the chart draws the panel anew, and need not draw this.
    const figures = useMemo(() => view.figures && <Figures table={table} buckets={buckets} measure={measure} asr={measure.name === 'asr' ? undefined : asr} />,
        [view.figures, table, buckets, measure.name]);
    const sampled = samplingsFor(scene.window);
    const zoom = (first: number, last: number) => {
        const [from, to] = [buckets.starts[first], buckets.starts[last + 1]];
        if (from === undefined || to === undefined) return;
        go({ range: 'own', from: timeText(from, scene.zone), to: timeText(to - 1, scene.zone), sampling: null });
    };
    const isThin = (table.data['total_calls'] ?? []).some((calls) => (position(calls) ?? 0) < FEWEST_DRAWN);
    const isCompared = table.compare !== null;
    const isDifferent = isCompared && measure.change !== null;
    return (
        <section class="panel" aria-label="Chart" data-test="chart-panel">
            <div class="panel-head">
                <Select className="strong" name="Measure of the chart" test="chart-measure" value={measure.name} onChange={(name) => go({ measure: name })}
                    options={offered.map((one) => [one.name, one.label] as const)} />
                <Select name="Length of a bucket" test="chart-sampling" value={view.sampling ?? 'auto'}
                    onChange={(name) => go({ sampling: name === 'auto' ? null : name })}
                    options={[['auto', `auto: ${SAMPLING_LABELS[scene.sampling]}`], ...(sampled.map((one) => [one, SAMPLING_LABELS[one]] as const))] as readonly (readonly [Sampling | 'auto', string])[]} />
                <span class="keys">
                    <span class="key">{measure.label}{unit(measure) && `, ${unit(measure)}`}</span>
                    {isDifferent && <span class="key is-before">{beforeLabel(scene.compare)}</span>}
                    {hasSecond && <span class="key is-second" title={`Drawn where a bucket has ${FEWEST_DRAWN} calls or more`}>ASR{isThin && `, from ${FEWEST_DRAWN} calls on`}</span>}
                </span>
                <span class="space" />
                {measure.name !== 'asr' && asr && (
                    <label class="check"><input type="checkbox" checked={view.asr} data-test="chart-asr" onChange={() => go({ asr: !view.asr })} />ASR</label>
                )}
                <button type="button" class="button" aria-pressed={view.figures} aria-label="Figures" data-test="chart-figures" onClick={() => go({ figures: !view.figures }, true)}>
                    <Icon name="table" />{isPhone ? '' : 'Figures'}
                </button>
            </div>
            <Reading table={table} buckets={buckets} at={read} measure={measure} asr={hasSecond ? asr : undefined} />
            <Drawing data={data} label={`${measure.label} by time`} test="chart" loading={loading} read={read} onRead={setRead} onZoom={zoom} />
            {now < scene.window.end + SETTLED && <p class="foot" data-test="growing">
                Shaded at the right: buckets that still grow, since calls are stored when they end.
            </p>}
            <Marks marks={found} onChoose={(mark) => go(lookedInto(shared, mark))} />
            {figures}
            <span hidden data-test="chart-state" data-buckets={buckets.rows.length} data-sampling={scene.sampling} data-zone={clock.zone} data-locale={signs.decimal} />
        </section>
    );
}

/** Fewest calls of a bucket whose ASR is drawn on the second axis. */
const FEWEST_DRAWN = 5;

/** What every token may see. */
const CALLS: Measure = { name: 'total_calls', label: 'Calls', unit: 'count', decimals: null, definition: '', standard: null, additive: true, change: 'percent', on: [] };

export const SAMPLING_LABELS: Readonly<Record<Sampling, string>> = {
    minute: '1 min', '5minutes': '5 min', '15minutes': '15 min', '30minutes': '30 min', hour: 'hour', '6hours': '6 hours',
    day: 'day', week: 'week', month: 'month',
};

/** What the comparison is with, in words. */
export function beforeLabel(compare: string): string {
    switch (compare) {
        case 'day': return 'a day earlier';
        case 'week': return 'a week earlier';
        case 'month': return 'a month earlier';
        case 'year': return 'a year earlier';
        case 'year-weekday': return '52 weeks earlier';
        default: return 'the span before';
    }
}

/** The view of an incident: its destination or account with some time around it, and what tells why. */
function lookedInto(shared: Shared, mark: Mark): Partial<View> {
    const { scene } = shared;
    const around = Math.max(2 * 3600, mark.end - mark.start);
    const from = Math.max(scene.window.start, mark.start - around);
    const to = Math.min(mark.end + around, Math.max(scene.window.end, mark.end)) - 1;
    const [name, value = ''] = mark.group?.value.split(' ') ?? [];
    const filter = scene.catalog.definitions.dimensions.find((one) => one.name === name)?.filter ?? '';
    return {
        range: 'own', from: timeText(from, scene.zone), to: timeText(to, scene.zone), sampling: null, compare: scene.compare,
        ...(name === 'account' ? { accounts: [value] } : filter === '' ? {} : { filters: { ...scene.view.filters, [filter]: value } }),
        by: [mark.kind === 'stop' ? 'dst-country' : 'q850-cause'], sort: '', measure: mark.kind === 'stop' ? 'total_calls' : 'asr', calls: false,
    };
}

/** Marks of the window: from single destinations by hour or day, and from all calls together. */
function useMarks(shared: Shared, table: Table, buckets: Buckets): Mark[] {
    const { scene, onError, now } = shared;
    // Hours of single destinations are many groups; where there are too many, days will do.
    const [isCoarse, setCoarse] = useState(false);
    useEffect(() => setCoarse(false), [scene.view, scene.compare]);
    const { worse, stopped } = useMemo(() => looks(scene, isCoarse), [scene, isCoarse]);
    const destinations = useAsk<Table>(worse === null ? null : url(scene, worse.request), 0, (error) => {
        if (error.status === 400 && worse?.sampling === 'hour') setCoarse(true);
        onError(error);
    }).value;
    const accounts = useAsk<Table>(stopped === null ? null : url(scene, stopped.request), 0, onError).value;
    return useMemo(() => {
        if (table.compare === null) return [];
        const all: Bucket[] = buckets.rows.flatMap((row, index) => {
            const [start, end] = [buckets.starts[index], buckets.starts[index + 1]];
            return row === null || start === undefined || end === undefined ? [] : [bucketAt(table, row, start, end, null)];
        });
        for (const [look, of] of [[worse, destinations], [stopped, accounts]] as const) {
            if (look === null || of === null || !('data' in of)) continue;
            const [id = '', name = ''] = scene.catalog.definitions.dimensions.find((one) => one.name === look.dimension)?.columns ?? [];
            (of.data['t'] ?? []).forEach((cell, row) => {
                const start = position(cell) ?? 0;
                const value = of.data[id]?.[row];
                if (value === null || value === undefined || value === '') return;
                const group = { value: `${look.dimension} ${String(value)}`, label: `${dimensionLabel(look.dimension)} ${String(of.data[name]?.[row] ?? value)}` };
                all.push(bucketAt(of, row, start, bucketOf(start, look.sampling, scene.zone).end, group));
            });
        }
        return judge(all, now, isSameWeekday(scene.compare));
    }, [table, destinations, accounts, buckets]);
}

function bucketAt(table: Table, row: number, start: number, end: number, group: Bucket['group']): Bucket {
    const at = (name: string) => position(table.data[name]?.[row]);
    return {
        start, end, group, calls: at('total_calls') ?? 0, asr: at('asr'), callsBefore: at('total_calls_before') ?? 0,
        asrBefore: at('asr_before'), lost: at('lost_answers'),
    };
}

function Marks({ marks, onChoose }: { marks: readonly Mark[]; onChoose: (mark: Mark) => void }) {
    const { scene, clock, signs } = useShared();
    if (marks.length === 0) return null;
    return (
        <div class="marks" data-test="marks">
            <p class="foot">
                Marked red: fewer calls were answered than {beforeLabel(scene.compare)}, by far more than chance explains (4.8 standard errors, at least 6 answers lost), or calls stopped.
            </p>
            <ul>
                {marks.map((mark) => (
                    <li key={`${mark.start} ${mark.group?.value ?? ''} ${mark.kind}`}>
                        <button type="button" class="mark" data-test="mark" title="Look into it: this destination, this time, by cause" onClick={() => onChoose(mark)}>
                            <Icon name="alert" />
                            <b>{clock.date(mark.start)}, {mark.end - mark.start >= 86_400 ? '' : `${clock.time(mark.start)}–${clock.time(mark.end)}`}</b>
                            <span>{told(mark, beforeLabel(scene.compare), signs)}</span>
                        </button>
                    </li>
                ))}
            </ul>
        </div>
    );
}

function told(mark: Mark, before: string, signs: Signs): string {
    const who = mark.group === null ? 'All calls' : mark.group.label;
    if (mark.kind === 'stop') return `${who}: none, where there were ${written(String(mark.callsBefore), signs)} ${before}`;
    const percent = (value: number | null) => (value === null ? NONE : `${Math.round(value)} %`);
    return `${who}: about ${written(String(mark.lost), signs)} answers lost; ASR ${percent(mark.asr)}, ${before} ${percent(mark.asrBefore)}`;
}

interface ReadingProps {
    readonly table: Table;
    readonly buckets: Buckets;
    readonly at: number | null;
    readonly measure: Measure;
    readonly asr: Measure | undefined;
}

/** The figures of the bucket under the cursor; without one, those of the window. */
function Reading({ table, buckets, at, measure, asr }: ReadingProps) {
    const { scene, signs, clock } = useShared();
    const row = at === null ? null : buckets.rows[at] ?? null;
    const [start, end] = at === null ? [null, null] : [buckets.starts[at] ?? null, buckets.starts[at + 1] ?? null];
    const cell = (name: string) => (at === null ? table.totals[name] : row === null ? (measureIsCount(name) ? 0 : null) : table.data[name]?.[row]);
    const isCompared = table.compare !== null && measure.change !== null;
    const changed = cell(`${measure.name}_change`);
    return (
        <p class="reading" data-test="reading" aria-live="polite" aria-atomic="true" data-at={start ?? ''}>
            <b>{start === null || end === null ? 'Whole window' : clock.bucket(start, end, scene.sampling)}</b>
            <span class="of-main">{measure.label} <b>{full(measure, cell(measure.name), signs, clock)}</b></span>
            {isCompared && <span>was {full(measure, cell(`${measure.name}_before`), signs, clock)} {changed !== null && changed !== undefined && <span class={tone(measure, cell)}>{change(measure, changed, signs)}</span>}</span>}
            {asr && <span class="of-second">ASR <b>{full(asr, cell('asr'), signs, clock)}</b></span>}
        </p>
    );
}

function measureIsCount(name: string): boolean {
    return name.endsWith('calls') || name === 'attempts';
}

/** What the chart draws of an answer. */
function useData(table: Table, buckets: Buckets, measure: Measure, hasSecond: boolean, marks: readonly Mark[]): ChartData {
    const { scene, signs, clock, now } = useShared();
    return useMemo(() => {
        const column = (name: string, empty: number | null) => buckets.rows.map((row) => (row === null ? empty : position(table.data[name]?.[row])));
        const nothing = measure.additive ? 0 : null;
        const formatted = new Intl.NumberFormat(navigator.languages[0], { notation: 'compact', maximumFractionDigits: 2 });
        const growing = buckets.starts.find((start, index) => index < buckets.rows.length && (buckets.starts[index + 1] ?? start) > now - SETTLED);
        return {
            starts: buckets.starts,
            main: column(measure.name, nothing),
            before: table.compare === null || measure.change === null ? null : column(`${measure.name}_before`, nothing),
            // The ASR of two calls is 0, 50 or 100: lines that jump so say nothing.
            second: hasSecond ? buckets.rows.map((row) => (row !== null && (position(table.data['total_calls']?.[row]) ?? 0) >= FEWEST_DRAWN ? position(table.data['asr']?.[row]) : null)) : null,
            marks, growing: growing ?? null, zone: scene.zone, isPercent: measure.unit === 'percent' && !measure.name.startsWith('margin'),
            tick: (value) => (measure.unit === 'percent' ? `${formatted.format(value)} %` : formatted.format(value)),
            time: (at, step) => {
                if (step >= 28 * 86_400) return clock.month(at);
                return step >= 86_400 || clock.time(at) === '00:00' ? clock.day(at) : clock.time(at);
            },
        };
    }, [table, buckets, measure.name, hasSecond, marks, scene.zone, signs]);
}

/** The chart's figures as a table, exact. */
function Figures({ table, buckets, measure, asr }: { table: Table; buckets: Buckets; measure: Measure; asr: Measure | undefined }) {
    const { scene, signs, clock, now } = useShared();
    const isCompared = table.compare !== null && measure.change !== null;
    return (
        <div class="table-box figures" tabIndex={0} role="region" aria-label="Figures of the chart">
            <table data-test="figures">
                <thead><tr>
                    <th scope="col">Time, {clock.distance(scene.window.start)}</th>
                    <th scope="col" class="number">{measure.label}{unit(measure) && `, ${unit(measure)}`}</th>
                    {isCompared && <th scope="col" class="number">{beforeLabel(scene.compare)}</th>}
                    {isCompared && <th scope="col" class="number">Change</th>}
                    {asr && <th scope="col" class="number">ASR, %</th>}
                </tr></thead>
                <tbody>
                    {buckets.rows.map((row, index) => {
                        const [start, end] = [buckets.starts[index] ?? 0, buckets.starts[index + 1] ?? 0];
                        const cell = (name: string) => (row === null ? (measure.additive && name === measure.name ? 0 : null) : table.data[name]?.[row]);
                        const changed = cell(`${measure.name}_change`);
                        return (
                            <tr key={start} class={end > now ? 'growing' : ''}>
                                <th scope="row">{clock.bucket(start, end, scene.sampling)}{end > now ? ' (not over)' : ''}</th>
                                <td class="number" data-value={String(cell(measure.name) ?? '')}>{full(measure, cell(measure.name), signs, clock)}</td>
                                {isCompared && <td class="number soft">{full(measure, cell(`${measure.name}_before`), signs, clock)}</td>}
                                {isCompared && <td class={`number ${tone(measure, cell)}`}>{change(measure, changed, signs)}</td>}
                                {asr && <td class="number">{full(asr, cell('asr'), signs, clock)}</td>}
                            </tr>
                        );
                    })}
                </tbody>
            </table>
        </div>
    );
}
