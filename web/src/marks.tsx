// Incident marks of a view: asked for, judged, listed, and looked into.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Table } from './api';
import { isSameWeekday, looks, url } from './ask';
import type { Buckets } from './buckets';
import { dimensionLabel } from './catalog';
import { useShared, type Shared } from './context';
import { marks as judge, type Bucket, type Mark } from './incidents';
import { NONE, position, written, type Signs } from './numbers';
import { bucketOf } from './times';
import { Icon } from './ui';
import { useAsk } from './use';
import type { View } from './view';
import { timeText } from './window';
import { beforeLabel } from './words';

/** The view of an incident: its destination or account with some time around it, and what tells why. */
export function lookedInto(shared: Shared, mark: Mark): Partial<View> {
    const { scene } = shared;
    const around = Math.max(2 * 3600, mark.end - mark.start);
    const from = Math.max(scene.window.start, mark.start - around);
    const to = Math.min(mark.end + around, Math.max(scene.window.end, mark.end)) - 1;
    const [name, value = ''] = mark.group?.value.split(' ') ?? [];
    const filter = scene.catalog.definitions.dimensions.find((one) => one.name === name)?.filter ?? '';
    return {
        range: 'own',
        from: timeText(from, scene.zone),
        to: timeText(to, scene.zone),
        sampling: null,
        compare: scene.compare,
        ...(name === 'account' ? { accounts: [value] } : filter === '' ? {} : { filters: { ...scene.view.filters, [filter]: value } }),
        by: [mark.kind === 'stop' ? 'dst-country' : 'q850-cause'],
        sort: '',
        measure: mark.kind === 'stop' ? 'total_calls' : 'asr',
        calls: false,
    };
}

/** Marks of the window: from single destinations by hour or day, and from all calls together. */
export function useMarks(shared: Shared, table: Table, buckets: Buckets): Mark[] {
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
        for (const [look, of] of [
            [worse, destinations],
            [stopped, accounts],
        ] as const) {
            if (look === null || of === null || !('data' in of)) continue;
            const [id = '', name = ''] = scene.catalog.definitions.dimensions.find((one) => one.name === look.dimension)?.columns ?? [];
            (of.data['t'] ?? []).forEach((cell, row) => {
                const start = position(cell) ?? 0;
                const value = of.data[id]?.[row];
                if (value === null || value === undefined || value === '') return;
                const group = {
                    value: `${look.dimension} ${String(value)}`,
                    label: `${dimensionLabel(look.dimension)} ${String(of.data[name]?.[row] ?? value)}`,
                };
                all.push(bucketAt(of, row, start, bucketOf(start, look.sampling, scene.zone).end, group));
            });
        }
        return judge(all, now, isSameWeekday(scene.compare));
    }, [table, destinations, accounts, buckets]);
}

function bucketAt(table: Table, row: number, start: number, end: number, group: Bucket['group']): Bucket {
    const at = (name: string) => position(table.data[name]?.[row]);
    return {
        start,
        end,
        group,
        calls: at('total_calls') ?? 0,
        asr: at('asr'),
        callsBefore: at('total_calls_before') ?? 0,
        asrBefore: at('asr_before'),
        lost: at('lost_answers'),
    };
}

export function Marks({ marks, onChoose }: { marks: readonly Mark[]; onChoose: (mark: Mark) => void }) {
    const { scene, clock, signs } = useShared();
    if (marks.length === 0) return null;
    return (
        <div class="marks" data-test="marks">
            <p class="foot">
                Marked red: fewer calls were answered than {beforeLabel(scene.compare)}, by far more than chance explains (4.8 standard
                errors, at least 6 answers lost), or calls stopped.
            </p>
            <ul>
                {marks.map((mark) => (
                    <li key={`${mark.start} ${mark.group?.value ?? ''} ${mark.kind}`}>
                        <button
                            type="button"
                            class="mark"
                            data-test="mark"
                            title="Look into it: this destination, this time, by cause"
                            onClick={() => onChoose(mark)}
                        >
                            <Icon name="alert" />
                            <b>
                                {clock.date(mark.start)},{' '}
                                {mark.end - mark.start >= 86_400 ? '' : `${clock.time(mark.start)}–${clock.time(mark.end)}`}
                            </b>
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
