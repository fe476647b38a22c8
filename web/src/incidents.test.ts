import assert from 'node:assert/strict';
import test from 'node:test';
import { marks, MOST_MARKS, type Bucket } from './incidents';

const HOUR = 3600;
const NOW = 100 * HOUR;
const bucket = (change: Partial<Bucket> & { hour?: number }): Bucket => {
    const start = (change.hour ?? 10) * HOUR;
    return { start, end: start + HOUR, group: null, calls: 100, asr: 60, callsBefore: 100, asrBefore: 61, lost: 1, ...change };
};
const group = (value: string) => ({ value, label: `Destination ${value}` });

test('usual hours have no mark', () => {
    assert.deepEqual(marks([bucket({}), bucket({ asr: 52, lost: 9 }), bucket({ asr: null, calls: 0, callsBefore: 3 })], NOW, true), []);
});

test('a collapse of a destination is marked with what it cost', () => {
    const [mark, ...others] = marks(
        [bucket({ group: group('447'), asr: 6.59, calls: 167, asrBefore: 45.58, callsBefore: 147, lost: 65.12 })],
        NOW,
        true,
    );
    assert.deepEqual(others, []);
    assert.equal(mark?.kind, 'asr');
    assert.equal(mark?.lost, 65);
    assert.equal(mark?.group?.value, '447');
});

test('few calls are no evidence, however bad', () => {
    assert.deepEqual(marks([bucket({ calls: 5, asr: 0, callsBefore: 5, asrBefore: 100, lost: 5 })], NOW, true), []);
});

test('calls that stopped are marked', () => {
    const [mark] = marks([bucket({ calls: 0, asr: null, callsBefore: 80, asrBefore: 50, lost: 0 })], NOW, true);
    assert.equal(mark?.kind, 'stop');
    assert.equal(mark?.lost, 40);
});

test('where weekdays differ, a quiet bucket is no stop', () => {
    assert.deepEqual(marks([bucket({ calls: 0, asr: null, callsBefore: 80, asrBefore: 50, lost: 0 })], NOW, false), []);
});

test('neighbours of one destination are one mark, in the order of time', () => {
    const bad = { asr: 5, calls: 100, asrBefore: 60, lost: 55 };
    const found = marks(
        [
            bucket({ ...bad, group: group('919'), hour: 12 }),
            bucket({ ...bad, group: group('447'), hour: 9 }),
            bucket({ ...bad, group: group('447'), hour: 8 }),
        ],
        NOW,
        true,
    );
    assert.deepEqual(
        found.map((mark) => [mark.group?.value, mark.start / HOUR, mark.end / HOUR, mark.lost]),
        [
            ['447', 8, 10, 110],
            ['919', 12, 13, 55],
        ],
    );
});

test('where a destination is to blame, all calls together are not marked too', () => {
    const bad = { asr: 5, asrBefore: 60, lost: 55 };
    assert.equal(marks([bucket(bad), bucket({ ...bad, group: group('447') })], NOW, true).length, 1);
    assert.equal(marks([bucket(bad)], NOW, true).length, 1);
});

test('buckets whose calls may still be up are not judged', () => {
    assert.deepEqual(marks([bucket({ hour: 99, asr: 1, lost: 60 })], NOW, true), []);
});

test('the worst are kept where there are many', () => {
    const all = Array.from({ length: 40 }, (_, index) => bucket({ hour: index * 2, asr: 1, lost: 20 + index }));
    const found = marks(all, NOW, true);
    assert.equal(found.length, MOST_MARKS);
    assert.ok(found.every((mark) => mark.lost >= 52));
});
