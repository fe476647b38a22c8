// The main view: tiles, chart, groups.
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Table } from './api';
import { tableOf } from './api';
import { chartRequest, tableRequest, url } from './ask';
import { accountsOf } from './catalog';
import { SharedContext, useShared } from './context';
import { Chips } from './filters';
import { Footer } from './footer';
import { Groups } from './groups';
import { Panel } from './panel';
import { Empty, Failure, useComparable } from './states';
import { Tiles } from './tiles';
import { stateOf, useAsk } from './use';
import { write } from './view';

/** Seconds of a window that is compared with a week earlier. */
const LONG = 8 * 86_400;

export function Traffic() {
    const shared = useShared();
    const { scene, beat, onError, isPhone } = shared;
    const { catalog, view } = scene;
    const accounts = accountsOf(catalog, view.side).length;
    const isNobody = catalog.role === 'customer' && accounts === 0;
    // Which figures are asked for is told by the view, but for what only draws the same ones.
    const key = write({ ...view, figures: false, asr: true, live: 0, measure: '' });
    const chart = useAsk<Table>(isNobody ? null : url(scene, chartRequest(scene)), beat, onError, key);
    const { scene: calm, note } = useComparable(scene, chart);
    // Of a long window the chart tells whether the earlier period is whole: a table that was asked with it would be given up,
    // and the service would go on with it in one of the few places that a caller has.
    const isEarly = scene.compare !== 'none' && scene.window.end - scene.window.start > LONG && chart.isOther && chart.error === null;
    const address = isEarly ? undefined : url(calm, tableRequest(calm));
    const groups = useAsk<Table>(isNobody || view.calls ? null : address, beat, onError, key);
    // The same answer is the same table, so that a live look that finds nothing new draws nothing anew.
    const table = useMemo(() => (chart.value === null ? null : tableOf(chart.value)), [chart.value]);
    // While another answer is on its way the last one stays, by the window that it is of.
    const of = useRef(scene);
    if (!chart.loading && chart.error === null) of.current = scene;
    const { window, sampling, compare, zone } = of.current;
    const down = chart.error?.status ?? null;
    const drawn = useMemo(
        () => ({ ...shared, scene: { ...scene, window, sampling, compare, zone } }),
        [shared, window, sampling, compare, zone],
    );
    const compared = useMemo(() => ({ ...shared, scene: calm, down }), [shared, calm, down]);
    const looked = useRef(JSON.stringify([scene.view.by, scene.view.filters, scene.view.calls]));
    useEffect(() => {
        // The row that was chosen is gone with the groups that it stood among: the keyboard goes on at their successors.
        const key = JSON.stringify([scene.view.by, scene.view.filters, scene.view.calls]);
        if (key === looked.current) return;
        looked.current = key;
        if (document.activeElement === document.body)
            document.querySelector<HTMLElement>('.tabs [aria-pressed="true"]')?.focus({ preventScroll: true });
    }, [scene.view]);
    const state = stateOf(chart);
    const isThere = table !== null && table.rows > 0;
    const left = catalog.role === 'customer' && view.accounts.length === 0 ? accounts - catalog.definitions.limits.max_list_values : 0;
    const isEmpty = table?.rows === 0 && state === '';
    if (isNobody)
        return (
            <main class="main">
                <p class="note" data-test="no-account">
                    This access has no account, so there are no calls to show. Whoever gave it to you can add one.
                </p>
            </main>
        );
    return (
        <main class="main" data-test="traffic" data-loading={chart.loading || groups.loading}>
            <h1 class="unseen">Traffic</h1>
            <Chips />
            {scene.without.size > 0 && (
                <p class="note" data-test="currencies">
                    These accounts bill in several currencies, so prices are not added up. Choose accounts of one currency, or filter by
                    currency, to see them.
                </p>
            )}
            {left > 0 && (
                <p class="note" data-test="accounts-left">
                    {left} more accounts are left out: the API takes {scene.catalog.definitions.limits.max_list_values} at once. Choose
                    accounts.
                </p>
            )}
            <Failure
                asked={{
                    ...chart,
                    again: () => {
                        chart.again();
                        groups.again();
                    },
                }}
                test="error"
            />
            {!isEmpty && note}
            {isEmpty ? (
                <Empty />
            ) : (
                <SharedContext.Provider value={compared}>
                    <Tiles table={isThere ? table : null} state={state} part={isPhone ? 'first' : 'all'} />
                    {isThere ? (
                        <SharedContext.Provider value={drawn}>
                            <Panel table={table} state={state} isCompared={note === false} />
                        </SharedContext.Provider>
                    ) : (
                        <div class="panel">
                            <div class="skeleton chart-size" aria-hidden="true" />
                        </div>
                    )}
                    {isPhone && <Tiles table={isThere ? table : null} state={state} part="rest" />}
                    <Groups asked={groups} isEarly={chart.isOther && chart.error === null} />
                </SharedContext.Provider>
            )}
            <Footer totals={calm} />
        </main>
    );
}
