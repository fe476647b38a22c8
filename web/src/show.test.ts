import assert from 'node:assert/strict';
import test from 'node:test';
import type { Measure } from './catalog';
import { locate } from './names';
import { signsOf } from './numbers';
import { bare, beyond, change, full, groupFilter, groupName, tone, unit } from './show';
import { Clock } from './times';

const [signs, clock] = [signsOf('en-GB'), new Clock('UTC')];
const measure = (name: string, unit: string, decimals: number, of: Measure['change']): Measure => ({
    name,
    label: name,
    unit,
    decimals,
    definition: '',
    standard: null,
    additive: false,
    change: of,
    on: [],
});
const asr = measure('asr', 'percent', 2, 'difference');
const calls = measure('total_calls', 'count', 0, 'percent');

test('values have the digits of the API, and a unit', () => {
    assert.equal(full(asr, '85.0', signs, clock), '85.00\u202f%');
    assert.equal(full(calls, 1234567, signs, clock), '1,234,567');
    assert.equal(bare(asr, null, signs, clock), '\u2013');
    assert.equal(bare(measure('last_call', 'time', 0, 'difference'), 1795435200, signs, clock), 'Mon 23 Nov, 12:00');
});

test('changes are in percent, or in points of a percentage', () => {
    const of = (one: Measure, value: string | null, before: string | number = 1) =>
        change(one, (column) => (column === `${one.name}_change` ? value : column === `${one.name}_before` ? before : 0), signs);
    assert.equal(of(calls, '-8.92'), '\u22128.92\u202f%');
    assert.equal(of(asr, '1.3'), '+1.30\u202fpp');
    assert.equal(of(asr, '0.0'), '0.00\u202fpp');
    assert.equal(of(asr, null), '\u2013');
    const margin = measure('margin', 'money, system currency', 2, 'percent');
    assert.equal(of(margin, '-150.0', '2.00'), '\u2212150.00\u202f%');
    assert.equal(of(margin, '-150.0', '-2.00'), '\u2013', 'from -2 to 1 is no fall');
    assert.equal(of(measure('margin_percent', 'percent', 2, 'difference'), '3.5', '-2.00'), '+3.50\u202fpp');
});

test('colour is for what chance does not explain', () => {
    const row = (of: Record<string, number | string>) => (column: string) => of[column];
    assert.equal(tone(asr, row({ asr: '48.6', asr_before: '51.1', asr_change: '-2.5', total_calls: 490, total_calls_before: 540 })), '');
    assert.equal(
        tone(asr, row({ asr: '30.0', asr_before: '51.1', asr_change: '-21.1', total_calls: 490, total_calls_before: 540 })),
        'bad',
    );
    assert.equal(
        tone(asr, row({ asr: '70.0', asr_before: '51.1', asr_change: '18.9', total_calls: 490, total_calls_before: 540 })),
        'good',
    );
    assert.equal(tone(calls, row({ total_calls: 100, total_calls_before: 400, total_calls_change: '-75.0' })), 'bad');
    assert.equal(tone(calls, row({ total_calls: 400, total_calls_before: 100, total_calls_change: '300.0' })), '');
});

test('one row of many needs more to have a colour than one figure alone', () => {
    const row = (column: string) =>
        ({ asr: '44.0', asr_before: '55.0', asr_change: '-11.0', total_calls: 400, total_calls_before: 400, lost_answers: '44.0' })[column];
    const lost = { ...measure('lost_answers', 'count', 2, null) };
    assert.deepEqual([tone(asr, row), tone(lost, row)], ['bad', 'bad']);
    assert.deepEqual([tone(asr, row, 137), tone(lost, row, 137)], ['', '']);
    const worse = (column: string) => ({ asr: '35.0' })[column] ?? row(column);
    assert.equal(tone(asr, worse, 137), 'bad');
});

test('by chance hardly any of the rows of a table has a colour', () => {
    // The tail of the normal law beyond z, an upper bound of it.
    const tail = (z: number) => Math.exp((-z * z) / 2) / (z * Math.sqrt(2 * Math.PI));
    for (const rows of [1, 25, 137, 10_000]) assert.ok(2 * rows * tail(beyond(rows)) <= 0.003, `${rows}`);
});

test('lost answers are whole calls', () => {
    const lost = { ...measure('lost_answers', 'count', 2, null) };
    assert.deepEqual(
        ['23.61', '-18.25', '0.4', '1234.5', '-0.2', null].map((cell) => bare(lost, cell, signs, clock)),
        ['24', '\u221218', '0', '1,235', '0', '\u2013'],
    );
});

test('money has a unit', () => {
    assert.equal(full(measure('revenue', 'money, system currency', 2, 'percent'), '12.5', signs, clock), '12.50\u202fsystem currency');
    assert.equal(unit(measure('total_price', 'currency 2', 2, 'percent')), 'currency 2');
    assert.equal(unit(measure('total_calls', 'count', 0, 'percent')), '');
});

test('a prefix has its country beside it', () => {
    locate({
        data: { destination_prefix: ['44', '447'], dst_country: ['Elsewhere', 'United Kingdom'] },
        rows: 2,
        groups: 2,
        other: null,
        totals: {},
        compare: null,
    });
    const prefix = { name: 'dst-prefix', columns: ['dst_prefix'], filter: null, drill: null, definition: '', on: [] };
    assert.deepEqual(
        groupName(prefix, () => '44771', clock),
        { name: '44771', aside: 'United Kingdom' },
    );
    assert.deepEqual(
        groupName(prefix, () => '91', clock),
        { name: '91', aside: '' },
    );
});

test('groups have names, and a filter unless they have no value', () => {
    const country = {
        name: 'dst-country',
        columns: ['dst_country_id', 'dst_country', 'dst_country_iso'],
        filter: 'dst-country-id',
        drill: null,
        definition: '',
        on: [],
    };
    const row = (of: Record<string, number | string | null>) => (column: string) => of[column];
    assert.deepEqual(groupName(country, row({ dst_country_id: 83, dst_country: 'Ukraine', dst_country_iso: 'UA' }), clock), {
        name: 'Ukraine',
        aside: 'UA',
    });
    assert.deepEqual(groupFilter(country, row({ dst_country_id: 83 })), { 'dst-country-id': '83' });
    assert.equal(groupFilter(country, row({ dst_country_id: null })), null);
    const cause = { ...country, name: 'q850-cause', columns: ['q850_cause'] };
    assert.deepEqual(groupName(cause, row({ q850_cause: 17 }), clock), { name: '17', aside: 'user busy' });
});
