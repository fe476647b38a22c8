import assert from 'node:assert/strict';
import test from 'node:test';
import { callsRequest, chartRequest, curl, fileUrl, looks, tableRequest, url, type Scene } from './ask';
import { allowed, drilled, sidesOf, type Catalog, type Dimension, type Measure } from './catalog';
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
            dimension('dst-country', 'dst-country-id', 'destination-prefix'),
            dimension('destination-prefix', 'destination-prefix-eq', 'q850-cause'),
            dimension('dst-prefix', 'dst-prefix-routing-starts-with', 'q850-cause'),
            dimension('q850-cause', 'q850-cause', 'disconnect-code'),
            dimension('disconnect-code', 'disconnect-code', 'destination-prefix'),
        ],
        measures: ['total_calls', 'asr', 'lost_answers', 'total_price'].map(measure),
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
    assert.deepEqual(looks(alone, false), { worse: null, stopped: null });
});

test('incidents are looked for by destination and by account, where there are several', () => {
    const { worse, stopped } = looks(scene({ range: '7d' }), false);
    assert.equal(pairs(worse!.request)['group-by'], 't,destination-prefix');
    assert.equal(pairs(worse!.request)['to-time'], '2026-11-25T14:14:59');
    assert.equal(stopped, null);
    assert.equal(looks(scene({ range: '28d' }), true).worse?.sampling, 'day');
});

test('prices of several currencies are left out', () => {
    assert.ok(pairs(tableRequest(scene()))['measures']?.includes('total_price'));
    assert.ok(!pairs(tableRequest(scene({}, ['total_price'])))['measures']?.includes('total_price'));
});

test('where none of the chosen measures is the token\u2019s, the usual columns are there', () => {
    const asked = pairs(tableRequest(scene({ measures: ['margin', 'cost'], sort: '-margin' })));
    assert.equal(asked['measures'], 'total_calls,asr,lost_answers,total_price');
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
