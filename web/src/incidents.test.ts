import assert from 'node:assert/strict';
import test from 'node:test';
import { marks, MOST_MARKS, silence, type Bucket } from './incidents';

const HOUR = 3600;
const NOW = 100 * HOUR;
const bucket = (change: Partial<Bucket> & { hour?: number }): Bucket => {
    const start = (change.hour ?? 10) * HOUR;
    return {
        start,
        end: start + HOUR,
        group: null,
        calls: 100,
        asr: 60,
        callsBefore: 100,
        asrBefore: 61,
        ner: 90,
        nerBefore: 91,
        nerUsual: 91,
        lost: 1,
        ...change,
    };
};
const group = (value: string) => ({ value, label: `Destination ${value}` });

test('usual hours have no mark', () => {
    assert.deepEqual(marks([bucket({}), bucket({ asr: 52, lost: 9 }), bucket({ asr: null, calls: 0, callsBefore: 3 })], NOW), []);
});

test('a collapse of a destination is marked with what it cost', () => {
    const [mark, ...others] = marks(
        [bucket({ group: group('447'), asr: 6.59, calls: 167, asrBefore: 45.58, callsBefore: 147, lost: 65.12 })],
        NOW,
    );
    assert.deepEqual(others, []);
    assert.equal(mark?.kind, 'asr');
    assert.equal(mark?.lost, 65);
    assert.equal(mark?.group?.value, '447');
});

test('few calls are no evidence, however bad', () => {
    assert.deepEqual(marks([bucket({ calls: 5, asr: 0, callsBefore: 5, asrBefore: 100, lost: 5 })], NOW), []);
});

test('calls that stopped are marked', () => {
    const [mark] = marks([bucket({ calls: 0, asr: null, callsBefore: 80, asrBefore: 50, lost: 0 })], NOW);
    assert.equal(mark?.kind, 'stop');
    assert.equal(mark?.lost, 40);
});

test('a silence is as long as its buckets tell, and short buckets are judged together', () => {
    const minutes = (start: number, change: Partial<Bucket>) =>
        bucket({ start: start * 60, end: start * 60 + 300, group: group('7'), ...change });
    const silent = [0, 5, 10, 15].map((start) => minutes(600 + start, { calls: 0, asr: null, callsBefore: 12, asrBefore: 50, lost: 0 }));
    const others = [595, 620].map((start) => minutes(start, { calls: 10, callsBefore: 12 }));
    const [mark, ...rest] = marks([...others, ...silent], NOW);
    assert.deepEqual(rest, []);
    assert.deepEqual([mark?.kind, mark?.start, mark?.end, mark?.callsBefore, mark?.lost], ['stop', 36_000, 37_200, 48, 24]);
    assert.deepEqual(marks([...others, ...silent.slice(0, 2)], NOW), [], 'two of them may be chance');
});

test('a NER that falls by itself is marked, also where calls are few', () => {
    const failing = { asr: 40, asrBefore: 41, lost: 0, ner: 60, nerBefore: 92, nerUsual: 91 };
    assert.deepEqual(
        marks([bucket(failing)], NOW).map(({ kind, lost }) => [kind, lost]),
        [['ner', 31]],
    );
    const few = { calls: 10, callsBefore: 8, asr: 0, asrBefore: 50, lost: 5, ner: 20, nerBefore: 100, nerUsual: 93, group: group('447') };
    assert.equal(marks([bucket(few)], NOW)[0]?.kind, 'ner');
    assert.deepEqual(marks([bucket({ ...few, ner: 70 })], NOW), []);
});

test('a NER that is low at this hour every week, or always, is no incident', () => {
    const low = { asr: 40, asrBefore: 41, lost: 0, ner: 60, nerUsual: 91 };
    assert.deepEqual(marks([bucket({ ...low, nerBefore: 62 })], NOW), []);
    assert.deepEqual(marks([bucket({ ...low, nerBefore: 92, nerUsual: 61 })], NOW), []);
    assert.deepEqual(marks([bucket({ ...low, nerBefore: 92, nerUsual: null })], NOW), []);
});

test('answers that a low NER cost are told once', () => {
    const bad = { asr: 5, asrBefore: 60, lost: 55, ner: 30, nerBefore: 92, nerUsual: 91, group: group('447') };
    // Two questions have the same bucket; in a third one the fall of ASR is too small to tell.
    const told = marks([bucket(bad), bucket(bad), bucket({ ...bad, asr: 50, lost: 10, hour: 12 })], NOW);
    assert.deepEqual(
        told.map(({ kind, start }) => [kind, start / HOUR]),
        [
            ['asr', 10],
            ['ner', 12],
        ],
    );
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
    assert.equal(marks([bucket(bad), bucket({ ...bad, group: group('447') })], NOW).length, 1);
    assert.equal(marks([bucket(bad)], NOW).length, 1);
});

test('buckets whose calls may still be up are not judged', () => {
    assert.deepEqual(marks([bucket({ hour: 99, asr: 1, lost: 60 })], NOW), []);
});

test('the worst are kept where there are many', () => {
    const all = Array.from({ length: 40 }, (_, index) => bucket({ hour: index * 2, asr: 1, lost: 20 + index }));
    const found = marks(all, NOW);
    assert.equal(found.length, MOST_MARKS);
    assert.ok(found.every((mark) => mark.lost >= 52));
});

test('the silence of one account is not told as that of all calls too, an outage is', () => {
    const stop = { calls: 0, asr: null, asrBefore: 50, lost: 0 };
    const told = (all: number, one: number) =>
        marks([bucket({ ...stop, callsBefore: all }), bucket({ ...stop, callsBefore: one, group: group('7') })], NOW).map(
            (mark) => mark.group?.value,
        );
    assert.deepEqual(told(80, 80), ['7']);
    assert.deepEqual(told(400, 80), [undefined, '7']);
});

test('a mark belongs to each window that it touches, as a whole', () => {
    const bad = { asr: 5, asrBefore: 60, lost: 55, group: group('447') };
    const all = [bucket({ ...bad, hour: 9 }), bucket({ ...bad, hour: 10 })];
    for (const [start, end, count] of [
        [10.2, 10.4, 1],
        [8, 9.1, 1],
        [11, 12, 0],
        [8, 9, 0],
    ] as const) {
        const found = marks(all, NOW, { start: start * HOUR, end: end * HOUR });
        assert.deepEqual(
            found.map((mark) => [mark.start / HOUR, mark.end / HOUR, mark.lost]),
            count === 0 ? [] : [[9, 11, 110]],
            `${start}`,
        );
    }
});

test('a silence goes from the last call to the next one, in whichever buckets it was found', () => {
    const five = (minute: number, calls: number) => ({ start: minute * 60, end: (minute + 5) * 60, calls, callsBefore: 10 });
    const fine = Array.from({ length: 24 }, (_, index) => five(540 + index * 5, index >= 3 && index < 11 ? 0 : 8));
    const ends = [
        [570, 595],
        [570, 575],
        [555, 595],
    ] as const;
    for (const [from, to] of ends) {
        const stop = bucket({ start: from * 60, end: to * 60, calls: 0, asr: null, callsBefore: 80, group: group('7') });
        const exact = silence({ ...stop, kind: 'stop', lost: 4 }, fine);
        assert.deepEqual([exact.start / 60, exact.end / 60, exact.callsBefore], [555, 595, 80]);
        // Nothing is known beyond: calls may not have come back yet.
        const open = silence({ ...stop, kind: 'stop', lost: 4 }, fine.slice(0, 11));
        assert.deepEqual([open.start / 60, open.end / 60], [555, to]);
    }
});
