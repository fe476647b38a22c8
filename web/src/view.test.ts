import assert from 'node:assert/strict';
import test from 'node:test';
import { parse, START, write, type View } from './view';

const UUID = 'f85ff334-8ad3-44e5-a701-bf7abf918fbe';

test('an empty query string is the usual view, and the other way', () => {
    assert.deepEqual(parse(''), START);
    assert.equal(write(START), '');
});

test('a view that is written reads as it was', () => {
    const view: View = {
        page: 'traffic',
        as: 'operator',
        side: 'termination',
        accounts: [UUID],
        range: 'own',
        from: '2026-11-01',
        to: '2026-11-23T13:59:59',
        compare: 'month',
        zone: 'Europe/Kyiv',
        measure: 'asr',
        asr: false,
        sampling: '15minutes',
        by: ['t', 'dst-prefix', 'q850-cause'],
        digits: 7,
        measures: ['total_calls', 'asr'],
        sort: '-asr_change',
        limit: 500,
        minCalls: 50,
        filters: { 'destination-prefix-eq': '447', 'dst-prefix-routing-contains': 'a&b=c d%' },
        live: 10,
        figures: true,
        calls: true,
    };
    assert.deepEqual(parse(`?${write(view)}`), view);
});

test('the address is one that people can read', () => {
    assert.equal(
        write({ ...START, by: ['dst-country', 'q850-cause'], zone: 'Europe/Kyiv', range: 'own', from: '2026-11-01T08:30', to: '' }),
        'range=own&from=2026-11-01T08:30&zone=Europe/Kyiv&by=dst-country,q850-cause',
    );
});

test('what does not read is as if it were not there', () => {
    const view = parse(
        `?page=secret&as=root&side=left&account=17,${UUID.toUpperCase()}&range=own&from=yesterday&to=now&compare=ever&zone=Mars/Base&measure=a.b&sampling=second` +
            '&by=DROP TABLE,q850-cause&digits=99&sort=asr;desc&limit=-5&live=1&figures=yes&calls=no&min-calls=x',
    );
    assert.deepEqual(view, { ...START, accounts: [UUID], by: ['q850-cause'] });
});

test('only filters of the API are filters', () => {
    const view = parse('?destination-prefix-eq=447&token=eyJhbGciOi&debug=plan&format=csv&duration-gteq=5&dst-country-id=');
    assert.deepEqual(view.filters, { 'destination-prefix-eq': '447', 'duration-gteq': '5' });
    assert.ok(!write(view).includes('eyJ'));
});

test('texts and lists are bounded', () => {
    assert.deepEqual(parse(`?dst-prefix-routing-contains=${'4'.repeat(1025)}`).filters, {});
    assert.equal(parse('?by=account,dst-country,q850-cause,rate').by.length, 3);
});
