// Incident marks of a view: asked for, judged, listed, and looked into.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { tableOf, type Table } from './api';
import { fewestOf, looks, MOST_DAYS, silenceRequest, url, usualRequest, type Look } from './ask';
import type { Buckets } from './buckets';
import { dimensionLabel, regrouped } from './catalog';
import { useShared, type Shared } from './context';
import { useCountries } from './countries';
import { marks as judge, silence, type Bucket, type Mark } from './incidents';
import { NONE, position, written, type Signs } from './numbers';
import { groupName } from './show';
import { bucketOf } from './times';
import { Choice, Icon } from './ui';
import { useAsk } from './use';
import type { View } from './view';
import { timeText } from './window';
import { SAMPLING_LABELS } from './words';

/** The view of an incident: its destination or account with some time around it, and what tells why. */
export function lookedInto(shared: Shared, mark: Mark): Partial<View> {
    const { scene } = shared;
    const around = Math.max(2 * 3600, mark.end - mark.start);
    const from = Math.min(mark.start, Math.max(scene.window.start, mark.start - around));
    const to = Math.min(mark.end + around, Math.max(scene.window.end, mark.end)) - 1;
    const [name, value = ''] = mark.group?.value.split(' ') ?? [];
    const filter = scene.catalog.definitions.dimensions.find((one) => one.name === name)?.filter ?? '';
    return {
        range: 'own',
        from: timeText(from, scene.zone),
        to: timeText(to, scene.zone),
        sampling: null,
        compare: null,
        ...(name === 'account' ? { accounts: [value] } : filter === '' ? {} : { filters: { ...scene.view.filters, [filter]: value } }),
        ...regrouped(scene.catalog, scene.view, [mark.kind === 'stop' ? 'dst-country' : 'q850-cause']),
        measure: mark.kind === 'stop' ? 'total_calls' : mark.kind,
    };
}

/** What was found in a view, and where it was looked for. */
export interface Found {
    readonly marks: readonly Mark[];
    readonly looks: readonly Look[];
    /** Whether the chart's own buckets were judged too. */
    readonly isAll: boolean;
    /** What is missing for a verdict. */
    readonly state: 'looking' | 'failed' | 'done';
}

const NONE_COARSER: readonly number[] = [];

/** Marks of the window: from single destinations and accounts, and from all calls together. */
export function useMarks(shared: Shared, table: Table, buckets: Buckets): Found {
    const { scene, onError, now } = shared;
    // Short buckets of many groups may be more than the API makes at once: longer ones will do.
    const [coarser, setCoarser] = useState(NONE_COARSER);
    useEffect(() => setCoarser(NONE_COARSER), [scene.view, scene.compare]);
    const calls = position(table.totals['total_calls']) ?? 0;
    const fewest = fewestOf(calls);
    const asked = useMemo(() => looks(scene, coarser, fewest), [scene, coarser, fewest]);
    const answers = [0, 1, 2].map((place) => {
        const look = asked[place];
        return useAsk<Table>(look === undefined ? null : url(scene, look.request), 0, (error) => {
            if (error.status === 400 && look !== undefined && look.sampling !== 'day')
                setCoarser((before) => asked.map((_, at) => (before[at] ?? 0) + (at === place ? 1 : 0)));
            else onError(error);
        });
    });
    const usual = usualRequest(scene, asked[0]);
    const usually = useAsk<Table>(usual === null ? null : url(scene, usual));
    const known = useCountries(answers.flatMap(({ value }) => (value === null ? [] : (tableOf(value).data['destination_prefix'] ?? []))));
    // Other comparisons have a Sunday beside a Monday.
    const isAll = scene.compare === 'week' && table.compare !== null;
    const found = useMemo(() => {
        const all: Bucket[] = !isAll
            ? []
            : buckets.rows.flatMap((row, index) => {
                  const [start, end] = [buckets.starts[index], buckets.starts[index + 1]];
                  return row === null || start === undefined || end === undefined
                      ? []
                      : [bucketAt(table, row, start, end, null, position(table.totals['ner']))];
              });
        const usualNer = new Map<string, number | null>();
        const { data } = usually.value === null ? { data: {} as Table['data'] } : tableOf(usually.value);
        (data['ner'] ?? []).forEach((ner, row) => usualNer.set(String(data[Object.keys(data)[0] ?? '']?.[row]), position(ner)));
        asked.forEach((look, place) => {
            const answer = answers[place];
            const of = answer?.value ?? null;
            if (answer?.isOther || of === null || !('data' in of)) return;
            const dimension = scene.catalog.definitions.dimensions.find((one) => one.name === look.dimension);
            (of.data['t'] ?? []).forEach((cell, row) => {
                const at = (column: string) => of.data[column]?.[row];
                const start = position(cell) ?? 0;
                const value = dimension === undefined ? null : at(dimension.columns[0] ?? '');
                if (dimension === undefined || value === null || value === undefined || value === '') return;
                const { name, aside } = groupName(dimension, at, shared.clock);
                const group = {
                    value: `${look.dimension} ${String(value)}`,
                    label: `${dimensionLabel(look.dimension)} ${name}${aside === '' ? '' : `, ${aside}`}`,
                };
                all.push(bucketAt(of, row, start, bucketOf(start, look.sampling, scene.zone).end, group, usualNer.get(String(value))));
            });
        });
        return judge(all, now, scene.window);
    }, [usually.value, table, ...answers.flatMap((answer) => [answer.value, answer.isOther]), asked, buckets, isAll, known]);
    const silent = found.filter(({ kind, group }) => kind === 'stop' && group?.value.startsWith('account '));
    const edges = [0, 1, 2].map((place) => {
        const mark = silent[place];
        return useAsk<Table>(mark === undefined ? null : url(scene, silenceRequest(scene, mark.group?.value.slice(8) ?? '', mark)));
    });
    const marks = useMemo(
        () =>
            found.map((mark) => {
                const edge = edges[silent.indexOf(mark)];
                if (edge === undefined || edge.value === null || edge.isOther) return mark;
                const of = tableOf(edge.value);
                const starts = (of.data['t'] ?? []).map((cell) => position(cell) ?? 0);
                return silence(
                    mark,
                    starts.map((start, row) => bucketAt(of, row, start, start + 300, null)),
                );
            }),
        [found, ...edges.flatMap((edge) => [edge.value, edge.isOther])],
    );
    const all = [...answers, usually, ...edges];
    const state = all.some((one) => one.error !== null) ? 'failed' : all.some((one) => one.isOther && one.loading) ? 'looking' : 'done';
    return { marks, looks: asked, isAll, state };
}

function bucketAt(table: Table, row: number, start: number, end: number, group: Bucket['group'], nerUsual: number | null = null): Bucket {
    const at = (name: string) => position(table.data[name]?.[row]);
    return {
        start,
        end,
        group,
        calls: at('total_calls') ?? 0,
        asr: at('asr'),
        ner: at('ner'),
        callsBefore: at('total_calls_before') ?? 0,
        asrBefore: at('asr_before'),
        nerBefore: at('ner_before'),
        nerUsual,
        lost: at('lost_answers'),
    };
}

export function Marks({ found, onChoose }: { found: Found; onChoose: (mark: Mark) => void }) {
    const { scene, clock, signs, go } = useShared();
    const { view, window } = scene;
    const { marks, looks: asked, isAll, state } = found;
    if (asked.length === 0)
        return (
            <p class="foot" data-test="marks-none">
                Incidents are looked for in windows of up to {MOST_DAYS} days that are compared.
            </p>
        );
    const places = asked.map((look) => `${PLURALS[look.dimension]} by ${SAMPLING_LABELS[look.sampling]}`);
    const where = [...new Set(places), ...(isAll ? [`all calls by ${SAMPLING_LABELS[scene.sampling]}`] : [])].join(', ');
    const verdict =
        marks.length > 0
            ? `Incidents, marked red: ASR or NER fell far beyond chance, or calls stopped${MORE[state]}`
            : { looking: 'Looking for incidents\u2026', failed: 'Incidents could not be looked for', done: 'No incident found' }[state];
    const isNone = marks.length === 0 && state === 'done';
    return (
        <div class="marks" data-test={marks.length > 0 ? 'marks' : `marks-${isNone ? 'none' : state}`} data-state={state}>
            <p class="foot" title="Beyond chance: by 4.8 standard errors, with at least 6 answers lost or 4 calls failed">
                {verdict} ({where}, against a week earlier).{' '}
                {isNone && window.moves && view.range !== '28d' && (
                    <Choice
                        label="Look at 28 days"
                        test="marks-longer"
                        className="button small"
                        onClick={() => go({ range: '28d', sampling: null, compare: null })}
                    />
                )}
            </p>
            <ul>
                {marks.map((mark) => (
                    <li key={`${mark.start} ${mark.group?.value ?? ''} ${mark.kind}`}>
                        <button
                            type="button"
                            class="mark"
                            data-test="mark"
                            title="Look into it: these calls, at this time, by cause. Answers lost: calls that the ASR of a week earlier would have answered."
                            onClick={() => onChoose(mark)}
                        >
                            <Icon name="alert" />
                            <b>
                                {clock.date(mark.start)},{' '}
                                {mark.end - mark.start >= 86_400 ? '' : `${clock.time(mark.start)}–${clock.time(mark.end)}`}
                            </b>
                            <span>{told(mark, signs)}</span>
                        </button>
                    </li>
                ))}
            </ul>
        </div>
    );
}

/** What incidents there are may not be all. */
const MORE = { looking: ' (still looking)', failed: ' (not all could be looked for)', done: '' };

/** Where it was looked, in words. */
const PLURALS: Readonly<Record<string, string>> = {
    'destination-prefix': 'destinations',
    'dst-country': 'countries',
    account: 'accounts',
};

function told(mark: Mark, signs: Signs): string {
    const who = mark.group === null ? 'All calls' : mark.group.label;
    const count = (value: number) => written(String(value), signs);
    if (mark.kind === 'stop') return `${who}: no calls, a week earlier ${count(mark.callsBefore)}`;
    const percent = (value: number | null) => (value === null ? NONE : `${Math.round(value)}\u202f%`);
    if (mark.kind === 'ner')
        return `${who}: NER ${percent(mark.ner)}, usually ${percent(mark.nerUsual)}; about ${count(mark.lost)} calls failed in the network`;
    return `${who}: ASR ${percent(mark.asr)}, a week earlier ${percent(mark.asrBefore)}; about ${count(mark.lost)} answers lost`;
}
