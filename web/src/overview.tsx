// The operator's page: customers and vendors side by side, what is sold below cost, accounts to watch, and the data's health.
import { chartRequest, tableRequest, url, type Request, type Scene } from './ask';
import type { Table } from './api';
import { tableOf } from './api';
import { seesCost, sidesOf } from './catalog';
import { useShared } from './context';
import { ExportList } from './exports';
import { Health } from './health';
import { beforeLabel } from './words';
import { Short } from './parts';
import { Failure } from './states';
import { Tiles } from './tiles';
import { useAsk } from './use';
import type { View } from './view';

const ROWS = 15;

export function Overview() {
    const { scene: whole, beat, onError } = useShared();
    // All calls of all customers; the filters of the main view are its own.
    const scene: Scene = { ...whole, view: { ...whole.view, filters: {}, accounts: [], side: 'origination', minCalls: 0, calls: false } };
    const hasCost = seesCost(scene.catalog);
    const hasVendors = sidesOf(scene.catalog).includes('termination');
    const before = beforeLabel(scene.compare);
    const ask = (change: Partial<View>): Request => tableRequest({ ...scene, view: { ...scene.view, limit: ROWS, sort: '', ...change } });
    const money = hasCost ? ['revenue', 'cost', 'margin', 'margin_percent'] : ['revenue'];
    const quality = ['total_calls', 'asr', 'lost_answers'];
    const chart = useAsk<Table>(url(scene, chartRequest(scene)), beat, onError);
    const table = chart.value === null ? null : tableOf(chart.value);
    const isCompared = scene.compare !== 'none';
    return (
        <main class="main" data-test="overview" data-loading={chart.loading}>
            <h1 class="unseen">Overview</h1>
            <Failure asked={chart} test="error" />
            <Tiles table={table} loading={chart.loading} />
            <div class="columns">
                <Short
                    title="Customers"
                    test="customers"
                    by={['customer']}
                    request={ask({ by: ['customer'], measures: [...quality, ...money] })}
                    hasTotal
                    columns={['total_calls', 'total_calls_change', 'asr', 'revenue', 'margin', 'margin_percent']}
                    view={{ by: ['account'] }}
                    note={`The most calls first. ± is against ${before}.`}
                />
                {hasVendors && (
                    <Short
                        title="Vendors"
                        test="vendors"
                        by={['vendor']}
                        request={ask({ by: ['vendor'], measures: ['total_calls', 'attempts', 'asr', 'pdd_p95', ...money] })}
                        hasTotal
                        columns={['total_calls', 'total_calls_change', 'asr', 'cost', 'margin', 'margin_percent']}
                        view={{ by: ['destination-prefix'] }}
                        note="Calls by the vendor of their last attempt; money of every attempt."
                    />
                )}
                {isCompared && (
                    <Short
                        title="Accounts to watch: lost answers"
                        test="watch-lost"
                        by={['account']}
                        request={ask({ by: ['account'], measures: quality, sort: '-lost_answers', limit: 8 })}
                        columns={['total_calls', 'asr', 'asr_change', 'lost_answers']}
                        isWorth={(at) => (at('lost_answers') ?? 0) >= 5}
                        view={{ by: ['destination-prefix'], sort: '-lost_answers' }}
                        note={`Answers that ${before}’s ASR would have given beyond those there are.`}
                    />
                )}
                {isCompared && (
                    <Short
                        title="Accounts to watch: less traffic"
                        test="watch-less"
                        by={['account']}
                        request={ask({
                            by: ['account'],
                            measures: ['total_calls', 'asr'],
                            sort: 'total_calls_change',
                            limit: 8,
                            minCalls: 30,
                        })}
                        columns={['total_calls', 'total_calls_change', 'asr']}
                        isWorth={(at) => (at('total_calls_change') ?? 0) <= -15}
                        view={{ by: ['dst-country'] }}
                        note={`At least 30 calls in one of the windows, and 15 % fewer than ${before}.`}
                    />
                )}
                {hasCost && hasVendors && (
                    <Short
                        title="Sold below cost"
                        test="below-cost"
                        by={['destination-prefix', 'vendor']}
                        request={ask({
                            by: ['destination-prefix', 'vendor'],
                            measures: ['attempts', 'loss', 'loss_calls', 'margin'],
                            sort: '-loss',
                            limit: 10,
                        })}
                        columns={['attempts', 'loss', 'loss_calls', 'margin']}
                        isWorth={(at) => (at('loss') ?? 0) > 0}
                        view={{ by: ['account'], sort: '-loss', measures: [] }}
                        note="Loss: what single attempts cost above what they brought; a total margin hides it."
                    />
                )}
                {hasVendors && (
                    <Short
                        title="Signs of false answers"
                        test="false-answers"
                        by={['vendor']}
                        request={ask({
                            by: ['vendor'],
                            measures: ['successful_calls', 'short_share', 'instant_share', 'acd', 'total_calls'],
                            sort: '-short_share',
                            limit: 8,
                            minCalls: 100,
                        })}
                        columns={['successful_calls', 'short_share', 'instant_share', 'acd']}
                        view={{ by: ['destination-prefix'], sort: '-short_share' }}
                        note="Short calls, and calls answered within a second of ringing, of the answered ones."
                    />
                )}
            </div>
            <div class="columns">
                <Health />
                <section class="panel" aria-label="Exports" data-test="overview-exports">
                    <div class="panel-head">
                        <h2>Exports</h2>
                    </div>
                    <ExportList most={6} />
                </section>
            </div>
        </main>
    );
}
