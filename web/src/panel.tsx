// The chart with its controls: measure, buckets, the reading at the cursor, incident marks, and the same as a table.
import { useMemo, useState } from 'preact/hooks';
import type { Table } from './api';
import { bucketsOf, type Buckets } from './buckets';
import { measuresOf, type Measure } from './catalog';
import type { ChartData, Span } from './chart';
import { useShared } from './context';
import { Drawing } from './drawing';
import { Figures, Reading } from './figures';
import { SETTLED, type Mark } from './incidents';
import { lookedInto, Marks, useMarks } from './marks';
import { position } from './numbers';
import { unit } from './show';
import { Icon, Select } from './ui';
import type { Sampling } from './view';
import { samplingsFor, timeText } from './window';
import { beforeLabel, SAMPLING_LABELS } from './words';

interface PanelProps {
    readonly table: Table;
    readonly state: '' | 'pale' | 'loading';
    /** Whether the window's totals may be compared; buckets always may. */
    readonly isCompared: boolean;
}

export function Panel({ table, state, isCompared: hasTotals }: PanelProps) {
    const shared = useShared();
    const { scene, signs, clock, go, now, isPhone } = shared;
    const { view, catalog } = scene;
    const offered = measuresOf(catalog, view.side).filter(
        (measure) =>
            measure.unit !== 'time' &&
            !scene.without.has(measure.name) &&
            (measure.name !== 'lost_answers' || scene.compare !== 'none') &&
            measure.name !== 'share',
    );
    const measure = offered.find((one) => one.name === view.measure) ?? offered[0] ?? CALLS;
    const asr = offered.find((one) => one.name === 'asr');
    const buckets = useMemo(() => bucketsOf(scene, table), [table, scene.sampling, scene.window.start, scene.window.end, scene.zone]);
    const [read, setRead] = useState<number | null>(null);
    const found = useMarks(shared, table, buckets);
    const hasSecond = view.asr && asr !== undefined && measure.name !== 'asr';
    const data = useData(table, buckets, measure, hasSecond, found.marks);
    // The mouse over the chart draws the panel anew, and need not draw this.
    const figures = useMemo(
        () => view.figures && <Figures table={table} buckets={buckets} measure={measure} asr={measure.name === 'asr' ? undefined : asr} />,
        [view.figures, table, buckets, measure.name],
    );
    const sampled = samplingsFor(scene.window);
    const zoom = ({ start, end }: Span) =>
        go({ range: 'own', from: timeText(start, scene.zone), to: timeText(end - 1, scene.zone), sampling: null });
    const choose = (mark: Mark) => {
        go(lookedInto(shared, mark));
        // What was below the chart is now what is looked into: its filters and figures begin at the top.
        scrollTo(0, 0);
    };
    const isThin = (table.data['total_calls'] ?? []).some((calls) => (position(calls) ?? 0) < FEWEST_DRAWN);
    const isCompared = table.compare !== null;
    const isDifferent = isCompared && measure.change !== null;
    return (
        <section class="panel" aria-label="Chart" data-test="chart-panel">
            <div class="panel-head">
                <Select
                    className="strong"
                    name="Measure of the chart"
                    test="chart-measure"
                    value={measure.name}
                    onChange={(name) => go({ measure: name })}
                    options={offered.map((one) => [one.name, one.label] as const)}
                />
                <Select
                    name="Length of a bucket"
                    test="chart-sampling"
                    value={view.sampling ?? 'auto'}
                    onChange={(name) => go({ sampling: name === 'auto' ? null : name })}
                    options={
                        [
                            ['auto', `auto: ${SAMPLING_LABELS[scene.sampling]}`],
                            ...sampled.map((one) => [one, SAMPLING_LABELS[one]] as const),
                        ] as readonly (readonly [Sampling | 'auto', string])[]
                    }
                />
                <span class="keys">
                    <span class="key">
                        {measure.label}
                        {unit(measure) && `, ${unit(measure)}`}
                    </span>
                    {isDifferent && <span class="key is-before">{beforeLabel(scene.compare)}</span>}
                    {hasSecond && (
                        <span class="key is-second" title={`Drawn where a bucket has ${FEWEST_DRAWN} calls or more`}>
                            ASR{isThin && `, from ${FEWEST_DRAWN} calls on`}
                        </span>
                    )}
                </span>
                <span class="space" />
                {measure.name !== 'asr' && asr && (
                    <label class="check">
                        <input type="checkbox" checked={view.asr} data-test="chart-asr" onChange={() => go({ asr: !view.asr })} />
                        ASR
                    </label>
                )}
                <button
                    type="button"
                    class="button"
                    aria-pressed={view.figures}
                    aria-label="Figures"
                    data-test="chart-figures"
                    onClick={() => go({ figures: !view.figures }, true)}
                >
                    <Icon name="table" />
                    {isPhone ? '' : 'Figures'}
                </button>
            </div>
            {/* What is read out is of the view that is asked for. */}
            {state === 'loading' ? (
                <p class="reading soft" role="status" data-test="chart-loading">
                    Loading…
                </p>
            ) : (
                <Reading
                    table={table}
                    buckets={buckets}
                    at={read}
                    measure={measure}
                    asr={hasSecond ? asr : undefined}
                    hasTotals={hasTotals}
                />
            )}
            <Drawing data={data} label={`${measure.label} by time`} test="chart" state={state} read={read} onRead={setRead} onZoom={zoom} />
            {now < scene.window.end + SETTLED && (
                <p class="foot" data-test="growing">
                    Shaded at the right: buckets that still grow, since calls are stored when they end.
                </p>
            )}
            {state === '' && <Marks found={found} onChoose={choose} />}
            {figures}
            <span
                hidden
                data-test="chart-state"
                data-buckets={buckets.rows.length}
                data-sampling={scene.sampling}
                data-zone={clock.zone}
                data-locale={signs.decimal}
            />
        </section>
    );
}

/** Fewest calls of a bucket whose ASR is drawn on the second axis. */
const FEWEST_DRAWN = 5;

/** What every token may see. */
const CALLS: Measure = {
    name: 'total_calls',
    label: 'Calls',
    unit: 'count',
    decimals: null,
    definition: '',
    standard: null,
    additive: true,
    change: 'percent',
    on: [],
};

/** What the chart draws of an answer. */
function useData(table: Table, buckets: Buckets, measure: Measure, hasSecond: boolean, marks: readonly Mark[]): ChartData {
    const { scene, signs, clock, now } = useShared();
    return useMemo(() => {
        const column = (name: string, empty: number | null) =>
            buckets.rows.map((row) => (row === null ? empty : position(table.data[name]?.[row])));
        const nothing = measure.additive ? 0 : null;
        const begun = column('total_calls_before', 0).findIndex((calls) => calls !== 0);
        const formatted = new Intl.NumberFormat(navigator.languages[0], { notation: 'compact', maximumFractionDigits: 2 });
        const growing = buckets.starts.find(
            (start, index) => index < buckets.rows.length && (buckets.starts[index + 1] ?? start) > now - SETTLED,
        );
        return {
            starts: buckets.starts,
            main: column(measure.name, nothing),
            // Before its first call there is no earlier period to draw.
            before:
                table.compare === null || measure.change === null
                    ? null
                    : column(`${measure.name}_before`, nothing).map((value, index) => (index < begun ? null : value)),
            // The ASR of two calls is 0, 50 or 100: lines that jump so say nothing.
            second: hasSecond
                ? buckets.rows.map((row) =>
                      row !== null && (position(table.data['total_calls']?.[row]) ?? 0) >= FEWEST_DRAWN
                          ? position(table.data['asr']?.[row])
                          : null,
                  )
                : null,
            marks,
            growing: growing ?? null,
            zone: scene.zone,
            isPercent: measure.unit === 'percent' && !measure.name.startsWith('margin'),
            tick: (value) => (measure.unit === 'percent' ? `${formatted.format(value)} %` : formatted.format(value)),
            time: (at, step) => {
                if (step >= 28 * 86_400) return clock.month(at);
                return step >= 86_400 || clock.time(at) === '00:00' ? clock.day(at) : clock.time(at);
            },
        };
    }, [table, buckets, measure.name, hasSecond, marks, scene.zone, signs]);
}
