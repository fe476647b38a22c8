import assert from 'node:assert/strict';
import test from 'node:test';
import { START, type View } from './view';
import { grid, isOfDays, rezoned, samplingsFor, stepped, timeText, usualComparison, usualSampling, windowOf } from './window';

const at = (text: string) => Date.parse(text) / 1000;
const NOW = at('2026-11-25T14:20:00Z');
const view = (change: Partial<View>): View => ({ ...START, ...change });
const own = (from: string, to: string) => view({ range: 'own', from, to });

test('24 hours are the hour that runs and the 23 before', () => {
    const window = windowOf(START, 'UTC', NOW);
    assert.equal(window.from, '2026-11-24T15:00');
    assert.equal(window.to, '2026-11-25T14:19:59');
    assert.equal(window.end, NOW);
    assert.deepEqual(windowOf(START, 'UTC', NOW + 59), window);
    assert.equal(grid(window, 'hour', 'UTC').length, 25);
});

test('days are whole days of the zone', () => {
    assert.equal(windowOf(view({ range: '7d' }), 'Europe/Kyiv', NOW).from, '2026-11-19T00:00');
    assert.equal(windowOf(view({ range: '28d' }), 'UTC', NOW).from, '2026-10-29T00:00');
    assert.equal(windowOf(view({ range: 'month' }), 'Europe/Kyiv', NOW).start, at('2026-10-31T22:00:00Z'));
});

test('a window is a minute at least', () => {
    const window = windowOf(view({ range: 'month' }), 'UTC', at('2026-11-01T00:00:30Z'));
    assert.equal(window.end - window.start, 60);
});

test('a date alone is its last second at the end', () => {
    const window = windowOf(own('2026-11-01', '2026-11-02'), 'UTC', NOW);
    assert.equal(window.end - window.start, 2 * 86_400);
    assert.equal(
        windowOf(own('2026-03-29', '2026-03-29'), 'Europe/Berlin', NOW).end -
            windowOf(own('2026-03-29', '2026-03-29'), 'Europe/Berlin', NOW).start,
        23 * 3600,
    );
});

test('steps go by days, months or the window\u2019s own length', () => {
    assert.deepEqual(stepped(view({ range: '7d' }), 'UTC', NOW, -1), { range: 'own', from: '2026-11-12', to: '2026-11-18' });
    assert.deepEqual(stepped(view({ range: 'month' }), 'UTC', NOW, -1), { range: 'own', from: '2026-10-01', to: '2026-10-31' });
    assert.deepEqual(stepped(own('2026-10-01', '2026-10-31'), 'UTC', NOW, -1), { range: 'own', from: '2026-09-01', to: '2026-09-30' });
    assert.deepEqual(stepped(own('2026-11-24T10:00', '2026-11-24T11:59:59'), 'UTC', NOW, 1), {
        range: 'own',
        from: '2026-11-24T12:00',
        to: '2026-11-24T13:59:59',
    });
    assert.deepEqual(stepped(START, 'UTC', NOW, -1), { range: 'own', from: '2026-11-23T15:00', to: '2026-11-24T14:59:59' });
});

test('nothing is stepped to that lies ahead of the clock', () => {
    assert.equal(stepped(own('2026-11-25', '2026-11-25'), 'UTC', NOW, 1), null);
});

test('another zone has the same days, or the same moments', () => {
    for (const days of [own('2026-11-24', '2026-11-25'), own('2026-11-24', ''), view({ range: '7d' }), view({ range: 'month' })]) {
        assert.ok(isOfDays(days), days.from);
        assert.deepEqual(rezoned(days, 'UTC', 'Asia/Tokyo'), { from: days.from, to: days.to });
    }
    for (const times of [
        own('2026-11-24T10:00', '2026-11-24T11:59:59'),
        own('2026-10-24T23:00', '2026-10-25T04:59:59'),
        own('2026-11-24T10:00', ''),
        own('2026-11-24', '2026-11-24T08:59:59'),
    ]) {
        assert.ok(!isOfDays(times));
        const next = { ...times, ...rezoned(times, 'Europe/Berlin', 'Asia/Kathmandu') };
        assert.notEqual(next.from, times.from);
        const [before, after] = [windowOf(times, 'Europe/Berlin', NOW), windowOf(next, 'Asia/Kathmandu', NOW)];
        assert.deepEqual([after.start, after.end], [before.start, before.end], times.from);
        assert.equal(windowOf({ ...next, ...rezoned(next, 'Asia/Kathmandu', 'Europe/Berlin') }, 'Europe/Berlin', NOW).start, before.start);
    }
    assert.ok(!isOfDays(START));
});

test('hours that stand twice are told by epoch seconds', () => {
    assert.equal(timeText(at('2026-10-25T01:30:00Z'), 'Europe/Berlin'), String(at('2026-10-25T01:30:00Z')));
    assert.equal(timeText(at('2026-10-25T03:30:00Z'), 'Europe/Berlin'), '2026-10-25T04:30');
});

test('samplings suit the window', () => {
    assert.equal(usualSampling(windowOf(START, 'UTC', NOW)), '30minutes');
    assert.equal(usualSampling(windowOf(view({ range: '7d' }), 'UTC', NOW)), 'hour');
    assert.equal(usualSampling(windowOf(view({ range: '28d' }), 'UTC', NOW)), 'day');
    const offered = samplingsFor(windowOf(view({ range: '28d' }), 'UTC', NOW));
    assert.ok(!offered.includes('minute') && offered.includes('hour') && !offered.includes('month'));
});

test('a window is never compared with itself if nobody says', () => {
    for (const change of [{}, { range: '7d' }, { range: '28d' }, { range: 'own', from: '2026-10-25', to: '2026-11-01' }] as const) {
        const window = windowOf(view(change), 'Europe/Berlin', NOW);
        const isLong = window.end - window.start > 7 * 86_400 + 3600;
        assert.equal(usualComparison(window, view(change)), isLong ? 'previous' : 'week', JSON.stringify(change));
    }
    assert.equal(usualComparison(windowOf(view({ range: '28d' }), 'UTC', NOW), view({ range: '28d' })), 'previous');
});

test('weeks are compared with weeks, months with months', () => {
    assert.equal(usualComparison(windowOf(START, 'UTC', NOW), START), 'week');
    assert.equal(usualComparison(windowOf(view({ range: 'month' }), 'UTC', NOW), view({ range: 'month' })), 'month');
    assert.equal(usualComparison(windowOf(own('2026-01-01', '2026-03-31'), 'UTC', NOW), own('2026-01-01', '2026-03-31')), 'previous');
});

test('a chart has every bucket of its window, over a change of clocks too', () => {
    const day = windowOf(own('2026-10-25', '2026-10-25'), 'Europe/Berlin', NOW);
    assert.equal(grid(day, 'hour', 'Europe/Berlin').length, 26);
    const month = grid(windowOf(own('2026-10-01', '2026-10-31'), 'Europe/Berlin', NOW), 'day', 'Europe/Berlin');
    assert.equal(month.length, 32);
    assert.equal(month.at(-1), at('2026-10-31T23:00:00Z'));
});
