// Exports: files that are made while nobody waits for them.
import { useState } from 'preact/hooks';
import { ApiError, send } from './api';
import { hasExports } from './catalog';
import { useShared } from './context';
import { bytes, NONE, written } from './numbers';
import { Footnote } from './parts';
import { base } from './session';
import { Failure } from './states';
import { useAsk, useBeat } from './use';

interface Export {
    readonly id: string;
    readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled' | 'expired';
    readonly report: string;
    readonly format: string;
    readonly rows: number | null;
    readonly bytes: number;
    readonly created: string | null;
    readonly finished: string | null;
    readonly expires: string | null;
    readonly reason: string | null;
}

/** Seconds between two looks at exports. */
const BEAT = 5;

export function ExportsPage() {
    return (
        <main class="main" data-test="exports-page">
            <section class="panel" aria-label="Exports" data-test="exports">
                <div class="panel-head">
                    <h1>Exports</h1>
                </div>
                <ExportList most={200} />
                <Footnote>
                    A file is asked for under Download, on the page Traffic. It is made in the background, and kept for a while; the
                    download can go on where it was cut.
                </Footnote>
            </section>
        </main>
    );
}

export function ExportList({ most }: { most: number }) {
    const { scene, clock, signs, onError } = useShared();
    const [turn, setTurn] = useState(0);
    // Where there are none, none is asked for: a browser's console tells of each refusal.
    const [isOff, setOff] = useState(!hasExports(scene.catalog));
    const beat = useBeat(isOff ? 0 : BEAT);
    const root = base(scene.catalog.role);
    const asked = useAsk<{ exports: Export[] }>(isOff ? null : `${root}exports`, beat + turn * 1_000_000, (error) =>
        error.status === 404 ? setOff(true) : onError(error),
    );
    const [problem, setProblem] = useState('');
    if (isOff)
        return (
            <p class="note" data-test="exports-off">
                Exports are off on this service: its setting exports.dir names no folder.
            </p>
        );
    const remove = async (id: string) => {
        setProblem('');
        try {
            await send('DELETE', `${root}exports/${encodeURIComponent(id)}`);
        } catch (error) {
            if (error instanceof ApiError) onError(error);
            setProblem(error instanceof ApiError && error.message !== '' ? error.message : 'It could not be taken away.');
        }
        setTurn((before) => before + 1);
    };
    const at = (text: string | null) => (text === null ? NONE : clock.full(Date.parse(text) / 1000));
    const all = asked.value?.exports ?? [];
    return (
        <>
            <Failure asked={asked} test="exports-error" />
            {problem !== '' && (
                <p class="bad" role="alert">
                    {problem}
                </p>
            )}
            {asked.value !== null && all.length === 0 && (
                <p class="note" data-test="exports-none">
                    No export yet.
                </p>
            )}
            {all.length > 0 && (
                <div class="table-box" tabIndex={0} role="region" aria-label="List of exports">
                    <table data-test="export-list" data-rows={all.length}>
                        <thead>
                            <tr>
                                <th scope="col">Asked for</th>
                                <th scope="col">What</th>
                                <th scope="col">State</th>
                                <th scope="col" class="number">
                                    Rows
                                </th>
                                <th scope="col" class="number">
                                    Size
                                </th>
                                <th scope="col">Kept until</th>
                                <th scope="col">
                                    <span class="unseen">Actions</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {all.slice(0, most).map((one) => {
                                const isLive = one.state === 'waiting' || one.state === 'running';
                                return (
                                    <tr key={one.id} data-test="export" data-state={one.state}>
                                        <th scope="row">{at(one.created)}</th>
                                        <td>
                                            {one.report}, {one.format}
                                        </td>
                                        <td class={one.state === 'failed' ? 'bad' : one.state === 'done' ? 'good' : ''}>
                                            {one.state}
                                            {one.reason !== null && <small> {one.reason}</small>}
                                        </td>
                                        <td class="number">{one.rows === null ? NONE : written(String(one.rows), signs)}</td>
                                        <td class="number">{bytes(one.bytes, signs)}</td>
                                        <td>{at(one.expires)}</td>
                                        <td class="actions">
                                            {one.state === 'done' && (
                                                <a
                                                    class="button small primary"
                                                    href={`${root}exports/${encodeURIComponent(one.id)}/file`}
                                                    download=""
                                                    data-test="export-file"
                                                >
                                                    Download
                                                </a>
                                            )}
                                            <button
                                                type="button"
                                                class="button small"
                                                data-test="export-remove"
                                                onClick={() => void remove(one.id)}
                                            >
                                                {isLive ? 'Cancel' : 'Remove'}
                                            </button>
                                        </td>
                                    </tr>
                                );
                            })}
                        </tbody>
                    </table>
                </div>
            )}
        </>
    );
}
