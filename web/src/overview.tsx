// The operator's page: customers and vendors side by side, what is sold below cost, accounts to watch, and the data's health.
import { chartRequest, url, type Scene } from './ask';
import type { Table } from './api';
import { tableOf } from './api';
import { hasExports, seesCost, sidesOf } from './catalog';
import { SharedContext, useShared } from './context';
import { ExportList } from './exports';
import { Health } from './health';
import { beforeLabel } from './words';
import { Short, type ShortProps } from './parts';
import { Failure, useComparable } from './states';
import { Tiles } from './tiles';
import { stateOf, useAsk } from './use';

export function Overview() {
    const shared = useShared();
    const { scene: whole, beat, onError } = shared;
    // All calls of all customers; the filters of the main view are its own.
    const wide: Scene = { ...whole, view: { ...whole.view, filters: {}, accounts: [], side: 'origination', minCalls: 0, calls: false } };
    const chart = useAsk<Table>(url(wide, chartRequest(wide)), beat, onError);
    const { scene, note } = useComparable(wide, chart);
    const hasCost = seesCost(scene.catalog);
    const hasVendors = sidesOf(scene.catalog).includes('termination');
    const before = beforeLabel(scene.compare);
    const money = hasCost ? ['revenue', 'cost', 'margin', 'margin_percent'] : ['revenue'];
    const quality = ['total_calls', 'asr', 'lost_answers'];
    const isCompared = scene.compare !== 'none';
    const tables: (ShortProps | false)[] = [
        {
            title: 'Customers',
            test: 'customers',
            asks: { by: ['customer'], measures: [...quality, ...money] },
            hasTotal: true,
            columns: ['total_calls', 'total_calls_change', 'asr', 'revenue', 'margin', 'margin_percent'],
            view: { by: ['account'] },
            note: isCompared ? `The most calls first. ± is against ${before}.` : 'The most calls first.',
        },
        hasVendors && {
            title: 'Vendors',
            test: 'vendors',
            asks: { by: ['vendor'], measures: ['total_calls', 'attempts', 'asr', 'pdd_p95', ...money] },
            hasTotal: true,
            columns: ['total_calls', 'total_calls_change', 'asr', 'cost', 'margin', 'margin_percent'],
            view: { by: ['destination-prefix'] },
            note: 'Calls by the vendor of their last attempt; money of every attempt.',
        },
        isCompared && {
            title: 'Accounts to watch: lost answers',
            test: 'watch-lost',
            asks: { by: ['account'], measures: quality, sort: '-lost_answers', limit: 8 },
            columns: ['total_calls', 'asr', 'asr_change', 'lost_answers'],
            isWorth: (at) => (at('lost_answers') ?? 0) >= 5,
            view: { by: ['destination-prefix'], sort: '-lost_answers' },
            note: `Lost answers: calls that the ASR of ${before} would have answered, and that were not.`,
        },
        isCompared && {
            title: 'Accounts to watch: less traffic',
            test: 'watch-less',
            asks: { by: ['account'], measures: ['total_calls', 'asr'], sort: 'total_calls_change', limit: 8, minCalls: 30 },
            columns: ['total_calls', 'total_calls_change', 'asr'],
            isWorth: (at) => (at('total_calls_change') ?? 0) <= -15,
            view: { by: ['dst-country'] },
            note: `At least 30 calls in one of the windows, and 15 % fewer than ${before}.`,
        },
        hasCost &&
            hasVendors && {
                title: 'Attempts that cost more than they brought',
                test: 'below-cost',
                asks: {
                    by: ['destination-prefix', 'vendor'],
                    measures: ['attempts', 'loss', 'loss_calls', 'margin'],
                    sort: '-loss',
                    limit: 10,
                },
                columns: ['attempts', 'loss_calls', 'loss', 'margin'],
                isWorth: (at) => (at('loss') ?? 0) > 0,
                view: { by: ['account'], sort: '-loss', measures: [] },
                note: 'Loss is of those attempts alone. The margin is of all attempts of the row: above 0 where the others bring more.',
            },
        hasVendors && {
            title: 'Signs of false answers',
            test: 'false-answers',
            asks: {
                by: ['vendor'],
                measures: ['successful_calls', 'short_share', 'instant_share', 'acd', 'total_calls'],
                sort: '-short_share',
                limit: 8,
                minCalls: 100,
            },
            columns: ['successful_calls', 'short_share', 'instant_share', 'acd'],
            view: { by: ['destination-prefix'], sort: '-short_share' },
            note: 'Short calls, and calls answered within a second of ringing, of the answered ones.',
        },
    ];
    const table = chart.value === null ? null : tableOf(chart.value);
    return (
        <SharedContext.Provider value={{ ...shared, scene, down: chart.error?.status ?? null }}>
            <main class="main" data-test="overview" data-loading={chart.loading}>
                <h1 class="unseen">Overview</h1>
                <Failure asked={chart} test="error" />
                {note}
                <Tiles table={table} state={stateOf(chart)} />
                <div class="columns">{tables.map((one) => one && <Short key={one.test} {...one} />)}</div>
                <div class="columns">
                    <Health />
                    {hasExports(scene.catalog) && (
                        <section class="panel" aria-label="Exports" data-test="overview-exports">
                            <div class="panel-head">
                                <h2>Exports</h2>
                            </div>
                            <ExportList most={6} />
                        </section>
                    )}
                </div>
            </main>
        </SharedContext.Provider>
    );
}
