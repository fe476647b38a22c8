// Live calls of one account: how many were up minute by minute, and the calls themselves.
import { useMemo, useState } from 'preact/hooks';
import type { Cell } from './numbers';
import { NONE, position, written } from './numbers';
import { accountsOf } from './catalog';
import type { ChartData } from './chart';
import { Drawing } from './drawing';
import { useShared } from './context';
import { Footnote } from './parts';
import { base } from './session';
import { Failure } from './states';
import { Select } from './ui';
import { useAsk, useBeat } from './use';
import { LIVE_BEAT, query } from './view';

const SPANS: readonly (readonly [string, string])[] = [
    ['60', 'last hour'],
    ['180', 'last 3 hours'],
    ['720', 'last 12 hours'],
];
/** Calls that the list shows; all are in the file. */
const MOST_SHOWN = 200;

interface Minutes {
    readonly data: { readonly t: readonly number[]; readonly calls: readonly number[] };
    readonly rows: number;
}
interface Up {
    readonly data: readonly Readonly<Record<string, Cell>>[];
    readonly rows: number;
}

export function LivePage() {
    const { scene, signs, clock, onError } = useShared();
    const { view, catalog } = scene;
    const [span, setSpan] = useState('60');
    const seconds = view.live || LIVE_BEAT;
    const beat = useBeat(seconds);
    const account = view.accounts[0] ?? accountsOf(catalog, view.side)[0]?.uuid ?? null;
    // The minute that is not over may still get its snapshot.
    const minute = useMemo(() => Math.floor(Date.now() / 60_000) * 60, [beat]);
    const from = minute - Number(span) * 60;
    const address = (path: string, pairs: [string, string][]) =>
        account === null ? null : `${base('customer')}${path}?${query([['account-id', account], ...pairs])}`;
    const minutes = useAsk<Minutes>(address(`${view.side}-active-calls`, [['from-time', String(from)]]), beat, onError);
    const list = useAsk<Up>(view.side === 'origination' ? address('outgoing-active-calls', []) : null, beat, onError);
    const [text, setText] = useState('');
    const counts = minutes.value === null || !('data' in minutes.value) ? null : minutes.value.data;
    const settled = counts === null ? null : counts.calls.length > 1 ? counts.calls.length - 2 : counts.calls.length - 1;
    const up = list.value?.rows ?? (counts === null || settled === null ? null : (counts.calls[settled] ?? 0));
    const peak = counts === null ? null : Math.max(0, ...counts.calls);
    const calls = (list.value?.data ?? []).filter(
        (call) => text === '' || Object.values(call).some((cell) => typeof cell === 'string' && cell.includes(text)),
    );
    const ringing = (list.value?.data ?? []).filter((call) => call['connect_time'] === null).length;
    if (account === null)
        return (
            <main class="main">
                <p class="note" data-test="live-none">
                    There is no account of this side.
                </p>
            </main>
        );
    return (
        <main class="main" data-test="live-page" data-loading={minutes.loading || list.loading}>
            <h1 class="unseen">Live calls</h1>
            <Failure asked={minutes} test="error" />
            <section class="tiles three" aria-label="Now" aria-live="off">
                <div class="tile still">
                    <span class="tile-label">Calls up</span>
                    <span class="tile-value" data-test="live-up" data-value={up ?? ''}>
                        {up === null ? NONE : written(String(up), signs)}
                    </span>
                </div>
                {view.side === 'origination' && (
                    <div class="tile still">
                        <span class="tile-label">Still ringing</span>
                        <span class="tile-value" data-test="live-ringing">
                            {list.value === null ? NONE : written(String(ringing), signs)}
                        </span>
                    </div>
                )}
                <div class="tile still">
                    <span class="tile-label">Peak, {SPANS.find(([one]) => one === span)?.[1]}</span>
                    <span class="tile-value" data-test="live-peak">
                        {peak === null ? NONE : written(String(peak), signs)}
                    </span>
                </div>
            </section>
            <section class="panel" aria-label="Calls by minute" data-test="live-panel">
                <div class="panel-head">
                    <h2>Calls up, minute by minute</h2>
                    <span class="space" />
                    <Select name="Span" test="live-span" value={span} options={SPANS} onChange={setSpan} />
                </div>
                {counts !== null && counts.t.length > 0 && <LiveChart times={counts.t} calls={counts.calls} />}
                {counts !== null && counts.t.length === 0 && <p class="note">No minute yet.</p>}
                <Footnote>
                    Looked again every {seconds} s while this page is seen. The last minute’s snapshots may still be on their way.
                </Footnote>
            </section>
            {view.side === 'origination' && (
                <section class="panel" aria-label="Calls" data-test="live-list-panel">
                    <div class="panel-head">
                        <h2>The calls themselves</h2>
                        <span class="space" />
                        <input
                            type="search"
                            class="input"
                            placeholder="Number, prefix, address"
                            aria-label="Search calls"
                            data-test="live-search"
                            value={text}
                            onInput={(event) => setText(event.currentTarget.value.trim())}
                        />
                    </div>
                    <Failure asked={list} test="live-list-error" />
                    {list.value !== null && <CallList calls={calls} all={list.value.rows} />}
                    <Footnote>
                        By {clock.zone}.{' '}
                        <a href={address('outgoing-active-calls', [['format', 'csv']]) ?? ''} download="" data-test="download-live-csv">
                            CSV
                        </a>{' '}
                        ·{' '}
                        <a href={address('outgoing-active-calls', [['format', 'xlsx']]) ?? ''} download="" data-test="download-live-xlsx">
                            Excel
                        </a>
                    </Footnote>
                </section>
            )}
        </main>
    );
}

function CallList({ calls, all }: { calls: readonly Readonly<Record<string, Cell>>[]; all: number }) {
    const { clock } = useShared();
    if (all === 0)
        return (
            <p class="note" data-test="live-quiet">
                No call is up.
            </p>
        );
    return (
        <>
            <div class="table-box" tabIndex={0} role="region" aria-label="Live calls">
                <table data-test="live-calls" data-rows={calls.length}>
                    <thead>
                        <tr>
                            <th scope="col">Started</th>
                            <th scope="col" class="number">
                                For
                            </th>
                            <th scope="col">State</th>
                            <th scope="col">A-number</th>
                            <th scope="col">B-number</th>
                            <th scope="col">Destination</th>
                            <th scope="col">From address</th>
                        </tr>
                    </thead>
                    <tbody>
                        {calls.slice(0, MOST_SHOWN).map((call, index) => {
                            const at = (name: string) => (typeof call[name] === 'string' ? Date.parse(String(call[name])) / 1000 : null);
                            const [start, seen] = [at('start_time'), at('snapshot_timestamp')];
                            return (
                                <tr key={index}>
                                    <th scope="row">{start === null ? NONE : clock.exact(start)}</th>
                                    <td class="number">{start === null || seen === null ? NONE : lasting(seen - start)}</td>
                                    <td>{call['connect_time'] === null ? <span class="ringing">ringing</span> : 'answered'}</td>
                                    <td>{call['src_prefix_routing'] || call['src_prefix_in'] || NONE}</td>
                                    <td>{call['dst_prefix_routing'] || call['dst_prefix_in'] || NONE}</td>
                                    <td>{call['destination_prefix'] || NONE}</td>
                                    <td>{call['auth_orig_ip'] || NONE}</td>
                                </tr>
                            );
                        })}
                    </tbody>
                </table>
            </div>
            {calls.length > MOST_SHOWN && (
                <Footnote>
                    {MOST_SHOWN} of {calls.length} shown.
                </Footnote>
            )}
        </>
    );
}

/** `4:07` minutes and seconds. */
function lasting(seconds: number): string {
    const whole = Math.max(0, Math.round(seconds));
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

function LiveChart({ times, calls }: { times: readonly number[]; calls: readonly number[] }) {
    const { clock, signs, scene } = useShared();
    const [at, setAt] = useState<number | null>(null);
    const data: ChartData = useMemo(
        () => ({
            starts: [...times, (times.at(-1) ?? 0) + 60],
            main: calls.map((value) => position(value)),
            before: null,
            second: null,
            marks: [],
            growing: times.at(-1) ?? null,
            zone: scene.zone,
            isPercent: false,
            tick: (value) => written(String(value), signs),
            time: (instant) => clock.time(instant),
        }),
        [times, calls, scene.zone, signs],
    );
    const shown = at ?? times.length - 1;
    return (
        <>
            <p class="reading" data-test="live-reading" aria-live="polite">
                <b>{clock.full(times[shown] ?? 0)}</b>
                <span class="of-main">
                    Calls up <b>{written(String(calls[shown] ?? 0), signs)}</b>
                </span>
            </p>
            <Drawing data={data} label="Calls up by minute" test="live-chart" read={at} onRead={setAt} />
        </>
    );
}
