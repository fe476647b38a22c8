import assert from 'node:assert/strict';
import test from 'node:test';
import {
    callsRequest,
    chartRequest,
    curl,
    fewestOf,
    fileUrl,
    looks,
    silenceRequest,
    tableRequest,
    url,
    usualRequest,
    type Scene,
} from './ask';
import { allowed, drilled, hasExports, priced, regrouped, sided, sidesOf, type Catalog, type Dimension, type Measure } from './catalog';
import { START, type View } from './view';
import { usualComparison, usualSampling, windowOf } from './window';

const ON = ['origination-breakdown'];
const dimension = (name: string, filter: string | null, drill: string | null): Dimension => ({
    name,
    columns: [name.replaceAll('-', '_')],
    filter,
    drill,
    definition: '',
    on: ON,
});
const measure = (name: string): Measure => ({
    name,
    label: name,
    unit: 'count',
    decimals: 0,
    definition: '',
    standard: null,
    additive: true,
    change: name === 'lost_answers' ? null : 'percent',
    on: ON,
});
const catalog: Catalog = {
    role: 'customer',
    definitions: {
        dimensions: [
            dimension('t', null, null),
            dimension('account', 'account-id', 'dst-country'),
            dimension('dst-country', 'dst-country-id', 'destination-prefix'),
            dimension('destination-prefix', 'destination-prefix-eq', 'q850-cause'),
            dimension('dst-prefix', 'dst-prefix-routing-starts-with', 'q850-cause'),
            dimension('q850-cause', 'q850-cause', 'disconnect-code'),
            dimension('disconnect-code', 'disconnect-code', 'destination-prefix'),
        ],
        measures: ['total_calls', 'asr', 'ner', 'lost_answers', 'total_price'].map(measure),
        columns: [{ name: 'id', label: 'id', type: 'id', on: ['origination-cdrs'] }],
        formats: ['csv', 'xlsx'],
        limits: { limit: 10_000, max_list_values: 2 },
    },
    accounts: ['a', 'b', 'c'].map((uuid) => ({ uuid, name: uuid, side: 'origination', currency: null })),
};
const NOW = Date.parse('2026-11-25T14:20:00Z') / 1000;
const scene = (change: Partial<View> = {}, without: string[] = []): Scene => {
    const view = { ...START, ...change };
    const window = windowOf(view, 'UTC', NOW);
    return {
        view,
        catalog,
        zone: 'UTC',
        window,
        compare: view.compare ?? usualComparison(window, view),
        sampling: usualSampling(window),
        without: new Set(without),
    };
};
const pairs = (request: { pairs: readonly (readonly [string, string])[] }) => Object.fromEntries(request.pairs);

test('accounts are named, up to the bound of the API', () => {
    assert.equal(pairs(tableRequest(scene()))['account-id'], 'a,b');
    assert.equal(pairs(tableRequest(scene({ accounts: ['c'] })))['account-id'], 'c');
});

test('the other side keeps what both have', () => {
    const both = ['origination-breakdown', 'termination-breakdown'];
    const two: Catalog = {
        ...catalog,
        definitions: {
            ...catalog.definitions,
            dimensions: [
                ...catalog.definitions.dimensions.map((one) => ({ ...one, on: both })),
                dimension('auth-orig-ip', 'auth-orig-ip', null),
                { ...dimension('term-gw', 'term-gw-id', null), on: ['termination-breakdown'] },
            ],
        },
        accounts: [
            ...catalog.accounts,
            { uuid: 'both', name: null, side: 'both', currency: null },
            { uuid: 't', name: null, side: 'termination', currency: null },
        ],
    };
    const filters = { 'dst-country-id': '83', 'auth-orig-ip': '10.0.0.1', 'duration-gteq': '5' };
    const next = sided(
        two,
        { ...START, accounts: ['a', 'both'], filters, by: ['q850-cause', 'auth-orig-ip'], sort: '-asr', calls: true },
        'termination',
    );
    assert.deepEqual(
        [next.side, next.accounts, next.filters, next.by, next.sort, next.calls],
        ['termination', ['both'], { 'dst-country-id': '83', 'duration-gteq': '5' }, ['q850-cause'], '-asr', false],
    );
    const back = sided(two, { ...next, by: ['term-gw'], filters: { ...next.filters, 'term-gw-id': '7' } }, 'origination');
    assert.deepEqual([back.by, back.accounts, back.filters], [START.by, ['both'], next.filters]);
});

test('a request has window, zone, filters and comparison', () => {
    const asked = pairs(tableRequest(scene({ range: '7d', filters: { 'destination-prefix-eq': '447' } })));
    assert.equal(asked['from-time'], '2026-11-19T00:00');
    assert.equal(asked['time-zone'], 'UTC');
    assert.equal(asked['destination-prefix-eq'], '447');
    assert.equal(asked['compare'], 'week');
    assert.equal(asked['order-by'], '-total_calls');
});

test('without a comparison nothing is asked that needs one', () => {
    const alone = scene({ compare: 'none', sort: '-lost_answers' });
    assert.ok(!pairs(chartRequest(alone))['measures']?.includes('lost_answers'));
    assert.equal(pairs(tableRequest(alone))['compare'], undefined);
    assert.equal(pairs(tableRequest(alone))['order-by'], '-total_calls');
    assert.deepEqual(looks(alone), []);
});

const asked = (change: Partial<View>, coarser: number[] = []) =>
    looks(scene(change), coarser).map(({ request, dimension, sampling }) => [dimension, sampling, pairs(request)['order-by']]);

test('incidents are looked for by destination, for answers and for NER, and by account', () => {
    assert.deepEqual(asked({ range: '7d' }), [
        ['destination-prefix', 'hour', '-lost_answers'],
        ['destination-prefix', 'hour', 'ner_change'],
        ['account', '15minutes', 'total_calls_change,-total_calls_before'],
    ]);
    const [worse] = looks(scene({ range: '7d' }));
    assert.equal(pairs(worse!.request)['group-by'], 't,destination-prefix');
    assert.equal(pairs(worse!.request)['to-time'], '2026-11-25T14:14:59');
});

test('incidents are looked for in whole buckets, from before a window to after it, however short it is', () => {
    const own = { range: 'own', from: '2026-11-20T09:10', to: '2026-11-20T09:24:59' } as const;
    for (const { request } of looks(scene(own))) {
        const { 'from-time': from, 'to-time': to } = pairs(request);
        assert.deepEqual([from?.slice(0, 13), to?.slice(0, 13)], ['2026-11-20T06', '2026-11-20T12']);
    }
    const [hours] = looks(scene(own));
    assert.deepEqual([pairs(hours!.request)['from-time'], pairs(hours!.request)['to-time']], ['2026-11-20T06:00', '2026-11-20T12:59:59']);
    const silent = pairs(silenceRequest(scene(own), 'b', { start: NOW - 7200, end: NOW - 3600 }));
    assert.deepEqual(
        [silent['account-id'], silent['from-time'], silent['to-time'], silent['sampling']],
        ['b', '2026-11-25T11:50', '2026-11-25T13:49:59', '5minutes'],
    );
});

test('incidents are looked for against a week earlier, whatever the totals are compared with', () => {
    for (const change of [{ range: '28d' }, { compare: 'day' }, { compare: 'month', range: '7d' }] as const)
        assert.deepEqual([...new Set(looks(scene(change)).map(({ request }) => pairs(request)['compare']))], ['week']);
});

test('destinations are looked at by hour in every window up to a month, silences in buckets as short as the API makes', () => {
    const samplings = (change: Partial<View>, coarser?: number[]) => asked(change, coarser).map(([, sampling]) => sampling);
    assert.deepEqual(samplings({}), ['hour', 'hour', '5minutes']);
    assert.deepEqual(samplings({ range: '28d' }), ['hour', 'hour', '30minutes']);
    assert.deepEqual(samplings({ range: 'own', from: '2026-10-01', to: '2026-11-20' }), ['day', 'day', 'hour']);
    assert.deepEqual(samplings({ range: '28d' }, [0, 2, 1]), ['hour', 'day', 'hour'], 'where there are too many groups');
    assert.deepEqual(samplings({ range: 'own', from: '2026-01-01', to: '2026-11-20' }), []);
});

test('of a view with many calls, a fall of NER has to be of many', () => {
    assert.deepEqual([0, 160_000, 450_000, 9_000_000].map(fewestOf), [5, 5, 15, 30]);
    assert.equal(pairs(looks(scene(), [], 15)[1]!.request)['min-calls'], '15');
});

test('the usual NER is asked for over the window and the week before', () => {
    const now = scene();
    const usual = pairs(usualRequest(now, looks(now)[0])!);
    assert.deepEqual(
        [usual['group-by'], usual['from-time'], usual['to-time'], usual['compare']],
        ['destination-prefix', '2026-11-17T15:00', '2026-11-24T23:59:59', undefined],
    );
    assert.equal(usualRequest(now, undefined), null);
});

test('prices of several currencies are left out', () => {
    assert.ok(pairs(tableRequest(scene()))['measures']?.includes('total_price'));
    assert.ok(!pairs(tableRequest(scene({}, ['total_price'])))['measures']?.includes('total_price'));
});

test('where none of the chosen measures is the token\u2019s, the usual columns are there', () => {
    const asked = pairs(tableRequest(scene({ measures: ['margin', 'cost'], sort: '-margin' })));
    assert.equal(asked['measures'], 'total_calls,asr,lost_answers,ner,total_price');
    assert.equal(asked['order-by'], '-total_calls');
});

test('a file is the same question with a format', () => {
    const one = scene();
    assert.equal(fileUrl(one, tableRequest(one), 'csv'), `${url(one, tableRequest(one))}&format=csv`);
});

test('a curl line asks for the same and has no token', () => {
    const line = curl(new URL(url(scene(), callsRequest(scene(), null)), 'https://stats.example/').href);
    assert.match(line, /^curl -sG 'https:\/\/stats\.example\/api\/rest\/customer\/v1\/origination-cdrs' -H "Authorization: \$TOKEN"/);
    assert.match(line, /-d 'account-id=a,b'/);
});

test('a side without an account is not offered', () => {
    const definitions = {
        ...catalog.definitions,
        dimensions: catalog.definitions.dimensions.map((one) => ({ ...one, on: [...ON, 'termination-breakdown'] })),
    };
    assert.deepEqual(sidesOf({ ...catalog, definitions }), ['origination']);
});

test('a link of somebody else\u2019s shows what is one\u2019s own to see', () => {
    const theirs: View = {
        ...START,
        page: 'overview',
        side: 'termination',
        by: ['vendor', 'q850-cause'],
        accounts: ['x', 'b'],
        filters: { 'vendor-id': '9001', 'q850-cause': '34' },
    };
    assert.deepEqual(allowed(catalog, theirs), { ...START, by: ['q850-cause'], accounts: ['b'], filters: { 'q850-cause': '34' } });
});

test('a row leads from the country by digits to the calls', () => {
    let view: View = START;
    const follow = (filters: Record<string, string>) => {
        view = drilled(catalog, view, filters);
    };
    follow({ 'dst-country-id': '83' });
    assert.deepEqual(view.by, ['destination-prefix']);
    follow({ 'destination-prefix-eq': '447' });
    assert.deepEqual([view.by, view.digits], [['dst-prefix'], 5]);
    follow({ 'dst-prefix-routing-starts-with': '44771' });
    assert.deepEqual([view.by, view.digits, view.calls], [['dst-prefix'], 7, false]);
    follow({ 'dst-prefix-routing-starts-with': '447711647' });
    assert.equal(view.calls, true);
    assert.deepEqual(view.filters, {
        'dst-country-id': '83',
        'destination-prefix-eq': '447',
        'dst-prefix-routing-starts-with': '447711647',
    });
});

test('a dimension that is filtered by already is passed over', () => {
    const view = drilled(
        catalog,
        { ...START, by: ['disconnect-code'], filters: { 'destination-prefix-eq': '447' } },
        { 'disconnect-code': '503' },
    );
    assert.deepEqual(view.by, ['dst-prefix']);
});

const operators: Catalog = {
    ...catalog,
    role: 'operator',
    definitions: {
        ...catalog.definitions,
        dimensions: [...catalog.definitions.dimensions, dimension('vendor', 'vendor-id', 'destination-prefix')].map((one) => ({
            ...one,
            on: ['breakdown'],
        })),
        columns: [{ name: 'id', label: 'id', type: 'id', on: ['cdrs'] }],
    },
};

test('an operator is led from the destination to the vendor that carries it, and on to why', () => {
    let view: View = { ...START, by: ['destination-prefix'], sort: '-lost_answers', digits: 7 };
    const follow = (filters: Record<string, string>) => {
        view = drilled(operators, view, filters);
        return [view.by.join(), view.sort, view.digits, view.calls];
    };
    assert.deepEqual(follow({ 'destination-prefix-eq': '447' }), ['vendor', '-lost_answers', 3, false]);
    assert.deepEqual(follow({ 'vendor-id': '9001' }), ['q850-cause', '-lost_answers', 3, false]);
    assert.deepEqual(follow({ 'q850-cause': '34' }), ['disconnect-code', '-lost_answers', 3, false]);
    assert.deepEqual(follow({ 'disconnect-code': '503' })[3], true);
});

test('a vendor alone leads to its destinations', () => {
    assert.deepEqual(drilled(operators, { ...START, by: ['vendor'] }, { 'vendor-id': '9001' }).by, ['destination-prefix']);
});

test('another tab keeps the order while its column is there, and digits while there are prefixes', () => {
    const view: View = { ...START, by: ['dst-prefix'], digits: 7, sort: '-asr_change', limit: 500 };
    assert.deepEqual(regrouped(catalog, view, ['q850-cause']), {
        by: ['q850-cause'],
        sort: '-asr_change',
        digits: 3,
        limit: 25,
        calls: false,
    });
    assert.equal(regrouped(catalog, view, ['dst-prefix', 'q850-cause']).digits, 7);
    assert.equal(regrouped(catalog, { ...view, sort: 'dst_prefix' }, ['q850-cause']).sort, '');
    assert.equal(regrouped(catalog, { ...view, sort: 'q850_cause' }, ['q850-cause']).sort, 'q850_cause');
});

test('money has the currency of the accounts, where they have one', () => {
    const money = { ...measure('total_price'), unit: 'money' };
    const of = (currencies: (number | null)[], chosen: string[] = []) => {
        const accounts = currencies.map((currency, at) => ({ uuid: `${at}`, name: null, side: 'origination' as const, currency }));
        const all = { ...catalog, accounts, definitions: { ...catalog.definitions, measures: [money] } };
        return priced(all, { side: 'origination', accounts: chosen }).definitions.measures[0]?.unit;
    };
    assert.equal(of([2, 2]), 'currency no.\u00a02');
    assert.equal(of([1, 2]), '');
    assert.equal(of([1, 2], ['1']), 'currency no.\u00a02');
    assert.equal(of([null]), '');
});

test('exports are offered unless the service tells that there are none', () => {
    assert.ok(hasExports(catalog));
    assert.ok(!hasExports({ ...catalog, definitions: { ...catalog.definitions, exports: false } }));
});
