// The calls themselves, in pages.
import { useEffect, useState } from 'preact/hooks';
import { ApiError, get } from './api';
import { callsRequest, url } from './ask';
import { callColumnsOf } from './catalog';
import { useShared } from './context';
import { NONE, written, type Cell, type Signs } from './numbers';
import { Failure } from './states';
import type { Clock } from './times';
import { stateOf, useAsk } from './use';

interface CallsPage {
    readonly data: Readonly<Record<string, readonly Cell[]>>;
    readonly rows: number;
    readonly next: string | null;
}

/** Pages after the first are kept by the address of the first one, so that another question drops them. */
interface More {
    readonly of: string;
    readonly pages: readonly CallsPage[];
}

export function Calls() {
    const { scene, signs, clock, onError } = useShared();
    const address = url(scene, callsRequest(scene, null));
    const asked = useAsk<CallsPage>(address, 0, onError);
    const [more, setMore] = useState<More>({ of: address, pages: [] });
    const [isLoading, setLoading] = useState(false);
    const [failed, setFailed] = useState<ApiError | null>(null);
    useEffect(() => {
        setMore({ of: address, pages: [] });
        setFailed(null);
    }, [address]);
    const first = asked.value;
    const pages = first === null ? [] : [first, ...(more.of === address ? more.pages : [])];
    const columns = callColumnsOf(scene.catalog, scene.view.side);
    const names = Object.keys(first?.data ?? {});
    const cursor = pages.at(-1)?.next ?? null;
    const load = () => {
        setLoading(true);
        get<CallsPage>(url(scene, callsRequest(scene, cursor)))
            .then(
                (got) => setMore((before) => (before.of === address ? { of: address, pages: [...before.pages, got.value] } : before)),
                (error: unknown) => {
                    if (!(error instanceof ApiError)) return;
                    setFailed(error);
                    onError(error);
                },
            )
            .finally(() => setLoading(false));
    };
    const count = pages.reduce((sum, page) => sum + page.rows, 0);
    return (
        <>
            <Failure asked={asked} test="calls-error" />
            {failed !== null && (
                <Failure
                    asked={{
                        error: failed,
                        wait: null,
                        again: () => {
                            setFailed(null);
                            load();
                        },
                    }}
                    test="calls-more-error"
                />
            )}
            {first === null && asked.error === null && <div class="skeleton tall" aria-hidden="true" />}
            {first !== null && count === 0 && stateOf(asked) === '' && (
                <p class="note" data-test="calls-none">
                    No calls.
                </p>
            )}
            {count > 0 && (
                <div class={`table-box ${stateOf(asked)}`} tabIndex={0} role="region" aria-label="Calls">
                    <table class="calls" data-test="calls" data-rows={count}>
                        <thead>
                            <tr>
                                {names.map((name) => {
                                    const column = columns.find((one) => one.name === name);
                                    return (
                                        <th key={name} scope="col" class={isNumber(column?.type) ? 'number' : ''} title={name}>
                                            {column?.label ?? name}
                                        </th>
                                    );
                                })}
                            </tr>
                        </thead>
                        <tbody>
                            {pages.flatMap((page, index) =>
                                Array.from({ length: page.rows }, (_, row) => (
                                    <tr key={`${index} ${row}`}>
                                        {names.map((name) => {
                                            const type = columns.find((one) => one.name === name)?.type;
                                            return (
                                                <td key={name} class={isNumber(type) ? 'number' : ''}>
                                                    {shown(page.data[name]?.[row], type, signs, clock)}
                                                </td>
                                            );
                                        })}
                                    </tr>
                                )),
                            )}
                        </tbody>
                    </table>
                </div>
            )}
            {count > 0 && (
                <p class="foot row" aria-live="polite">
                    {count === 1 ? 'One call' : `${written(String(count), signs)} calls`}
                    {cursor === null ? '' : ', the earliest first; a file (Download) has all of them'}.
                    {cursor !== null && (
                        <button type="button" class="button small" disabled={isLoading} data-test="calls-more" onClick={load}>
                            {isLoading ? 'Loading…' : 'More'}
                        </button>
                    )}
                </p>
            )}
        </>
    );
}

function isNumber(type: string | undefined): boolean {
    return type === 'price' || type === 'rate' || type === 'seconds';
}

function shown(cell: Cell | undefined, type: string | undefined, signs: Signs, clock: Clock): string {
    if (cell === null || cell === undefined) return NONE;
    if (typeof cell === 'boolean') return cell ? 'yes' : 'no';
    if (type === 'time' && typeof cell === 'string') {
        const at = Date.parse(cell) / 1000;
        return Number.isNaN(at) ? cell : `${clock.date(at)}, ${clock.exact(at)}`;
    }
    return isNumber(type) ? written(String(cell), signs) : String(cell);
}
