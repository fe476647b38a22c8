// What is shown where there are no figures, or none to compare with: errors with what can be done about them, and empty answers that say why.
import type { ComponentChildren } from 'preact';
import { useContext, useEffect, useMemo } from 'preact/hooks';
import type { ApiError, Table } from './api';
import { tableOf } from './api';
import { nearestRequests, url, type Scene } from './ask';
import { SharedContext, useShared } from './context';
import { incomparable } from './earlier';
import { written } from './numbers';
import { dateText, wallAt } from './times';
import { Choice, Icon } from './ui';
import { useAsk, type Asked } from './use';
import { beforeLabel } from './words';

/** An error: what happened, and what comes next. */
export function Failure({ asked, test }: { asked: Pick<Asked<unknown>, 'error' | 'wait' | 'again'> & { value?: unknown }; test: string }) {
    const { error, wait, again, value } = asked;
    const down = useContext(SharedContext)?.down;
    if (error === null || error.status === 401 || (test !== 'error' && error.status === down)) return null;
    return (
        <div class="note bad" role="alert" data-test={test} data-status={error.status}>
            <Icon name="alert" />
            <div>
                <strong>{headline(error)}</strong>
                <p>
                    {explained(error)} {value ? 'What is shown pale is from before.' : ''}
                    {error.id !== null && error.status >= 500 ? <span class="soft"> Request {error.id}.</span> : null}
                </p>
            </div>
            <button type="button" class="button" data-test="retry" onClick={again}>
                {wait === null ? (
                    'Try again'
                ) : (
                    <>
                        Try again{' '}
                        <span class="count" data-test="retry-count">
                            {wait} s
                        </span>
                    </>
                )}
            </button>
        </div>
    );
}

function headline(error: ApiError): string {
    switch (error.status) {
        case 0:
            return 'The service does not answer';
        case 400:
            return 'The question cannot be answered';
        case 403:
            return 'This is not open to you';
        case 404:
            return 'There is no such thing here';
        case 429:
            return 'Too many requests';
        case 502:
            return 'The database failed to answer';
        case 503:
            return 'The service is busy or its database is away';
        case 504:
            return 'It took too long';
        default:
            return `The service answered with ${error.status}`;
    }
}

function explained(error: ApiError): string {
    const text = error.message === '' ? '' : `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
    switch (error.status) {
        case 0:
            return 'The connection is gone or the service is restarting.';
        case 504:
            return `${text} A shorter range or fewer dimensions are faster.`;
        case 403:
            return `${text} Ask whoever gave you the token for the right.`;
        default:
            return text;
    }
}

/** The view as far as its totals may be compared, and a note where they may not. */
export function useComparable(scene: Scene, asked: Asked<Table>): { scene: Scene; note: ComponentChildren } {
    const { clock, go, setCalm } = useShared();
    const table = asked.value === null || asked.isOther ? null : tableOf(asked.value);
    const found = incomparable(scene, table);
    const isCalm = found !== null;
    const calm = useMemo((): Scene => (isCalm ? { ...scene, compare: 'none' } : scene), [scene, isCalm]);
    useEffect(() => setCalm(isCalm), [isCalm]);
    const before = beforeLabel(scene.compare);
    const note = found !== null && (
        <div class="note" role="status" data-test="incomparable" data-why={found.why}>
            <div>
                {found.why === 'overlap'
                    ? `This window and ${before} overlap, so their totals are not compared.`
                    : found.why === 'none'
                      ? `Totals are not compared: there is no call of ${before}, ${clock.full(found.from)} to ${clock.full(found.first)}.`
                      : `Totals are not compared: ${before} begins on ${clock.full(found.from)}, and its first call is of ${clock.date(found.first)}.`}
            </div>
            {found.why === 'overlap' && (
                <Choice label="Compare with the span before" test="compare-previous" onClick={() => go({ compare: 'previous' })} />
            )}
        </div>
    );
    return { scene: calm, note };
}

/** An answer without calls, and why it has none. */
export function Empty() {
    const { scene, clock, signs, go, onError } = useShared();
    const { view, zone, window } = scene;
    const asked = useMemo(() => nearestRequests(scene), [JSON.stringify([view, window.from, window.to])]);
    const before = useAsk<Table>(url(scene, asked.before), 0, onError);
    const after = useAsk<Table>(asked.after === null ? null : url(scene, asked.after), 0, onError);
    const unfiltered = useAsk<Table>(asked.unfiltered === null ? null : url(scene, asked.unfiltered), 0, onError);
    const last = time(before.value, 'last_call');
    const next = time(after.value, 'first_call');
    const isLoading = before.loading || after.loading || unfiltered.loading;
    const there = unfiltered.value === null ? 0 : Number(tableOf(unfiltered.value).totals['total_calls'] ?? 0);
    const dayOf = (instant: number) => {
        const day = dateText(wallAt(instant, zone));
        return () => go({ range: 'own', from: day, to: day, sampling: null, compare: null });
    };
    let why = 'No calls';
    let what = 'Looking where there are some\u2026';
    if (!isLoading && there > 0) {
        why = 'The filters leave no calls';
        what = `Without them there are ${there === 1 ? 'one call' : `${written(String(there), signs)} calls`} in this window.`;
    } else if (!isLoading && last === null && next === null) {
        why = asked.unfiltered !== null ? 'No calls with these filters, at any time' : 'No calls at all yet';
        what =
            asked.unfiltered !== null
                ? 'Take a filter off, or look at another account.'
                : 'No call of these accounts has been stored, in this window or any other. Calls appear when they have ended and been loaded.';
    } else if (!isLoading) {
        why = 'No calls in this window';
        const told = [
            last === null ? '' : `the last one before it was on ${clock.full(last)}`,
            next === null ? '' : `the first one after it on ${clock.full(next)}`,
        ];
        const text = told.filter((part) => part !== '').join(', ');
        what = `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
    }
    return (
        <div class="note empty" role="status" data-test="empty">
            <div>
                <strong>{why}</strong>
                <p>{what}</p>
            </div>
            <div class="actions">
                {there > 0 && (
                    <button type="button" class="button" data-test="empty-clear" onClick={() => go({ filters: {} })}>
                        Take the filters off
                    </button>
                )}
                {last !== null && (
                    <button type="button" class="button" data-test="empty-before" onClick={dayOf(last)}>
                        Show {clock.date(last)}
                    </button>
                )}
                {next !== null && (
                    <button type="button" class="button" data-test="empty-after" onClick={dayOf(next)}>
                        Show {clock.date(next)}
                    </button>
                )}
            </div>
        </div>
    );
}

function time(answer: Table | null, column: string): number | null {
    if (answer === null) return null;
    const value = tableOf(answer).totals[column];
    return typeof value === 'number' && value > 0 ? value : null;
}
