import assert from 'node:assert/strict';
import test from 'node:test';
import type { Table } from './api';
import type { Scene } from './ask';
import { incomparable } from './earlier';
import type { Comparison } from './view';

const DAY = 86_400;
const START = 1000 * DAY;
const scene = (days: number, compare: Comparison) =>
    ({ compare, window: { from: '', to: '', start: START, end: START + days * DAY, moves: false } }) as unknown as Scene;
/** Days with calls of the window and of the period that many days earlier. */
const table = (apart: number, now: number[], before: number[]): Table => ({
    data: { t: now.map((_, day) => START + day * DAY), total_calls: now, total_calls_before: before },
    rows: now.length,
    groups: now.length,
    other: null,
    totals: { total_calls: now.reduce((sum, calls) => sum + calls, 0), total_calls_before: before.reduce((sum, calls) => sum + calls, 0) },
    compare: { from: START - apart * DAY, to: START + (now.length - apart) * DAY - 1 },
});

test('a window that its earlier period overlaps has no change, from the start on', () => {
    assert.equal(incomparable(scene(28, 'week'), null)?.why, 'overlap');
    assert.equal(incomparable(scene(28, 'week'), table(7, Array(28).fill(100), Array(28).fill(90)))?.why, 'overlap');
    assert.equal(incomparable(scene(7, 'week'), null), null);
    assert.equal(incomparable(scene(7, 'previous'), table(7, Array(7).fill(100), Array(7).fill(90))), null);
    assert.equal(incomparable(scene(2, 'day'), null)?.why, 'overlap');
    assert.equal(incomparable(scene(40, 'none'), null), null);
});

test('an earlier period that begins before the first call has no change', () => {
    const found = incomparable(scene(4, 'previous'), table(4, [100, 100, 100, 100], [0, 0, 90, 100]));
    assert.deepEqual([found?.why, found?.first], ['lacks', START - 2 * DAY]);
});

test('an earlier period without any call is told, as on the first of a month whose month before has none', () => {
    const found = incomparable(scene(1, 'month'), table(30, [100], [0]));
    assert.deepEqual([found?.why, found?.from, found?.first], ['none', START - 30 * DAY, START - 29 * DAY]);
    assert.equal(incomparable(scene(1, 'month'), table(30, [], [])), null, 'nor has the window any');
});

test('a quiet beginning is no lack of data', () => {
    assert.equal(incomparable(scene(4, 'previous'), table(4, [5, 100, 100, 100], [0, 90, 90, 100])), null);
    assert.equal(incomparable(scene(4, 'previous'), table(4, [0, 100, 100, 100], [0, 90, 90, 100])), null);
});
