// What the library makes of the answers to every metric, and that the looks at them see faults.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCOUNT, post, TOKEN, VENDOR_TOKEN } from './service.mjs';
import { data, displayNames, faults, numbers, range, timing } from './grafana.mjs';

/** Metrics that are tables, or marks on a graph, and no series. */
export const TABLES = ['top_destinations', 'incidents', 'breakdown_table'].flatMap((name) => [
  name,
  `termination_${name}`,
]);

const day = { timezone: 'utc', ...timing(range({ from: 'now-24h', to: 'now' })) };
const ask = (targets, token) => post('/query', { ...day, targets }, token);
const target = (metric, payload, refId = 'A') => ({ refId, target: metric, payload, editorMode: 'builder' });

async function metrics() {
  const { json } = await post('/metrics', {});
  return json.map(({ value }) => value);
}

test('every metric is read by the library in every shape, with names that differ', async () => {
  const all = await metrics();
  assert.ok(all.includes('asr') && all.includes('termination_asr'), all.join(' '));
  for (const metric of all) {
    for (const payload of [
      {},
      { shape: 'each' },
      { shape: 'wide' },
      { reduce: 'total' },
      { reduce: 'total', shape: 'each' },
    ]) {
      const { status, json, text } = await ask(
        [target(metric, payload)],
        metric.startsWith('termination_') ? VENDOR_TOKEN : TOKEN,
      );
      const about = `${metric} ${JSON.stringify(payload)}`;
      assert.equal(status, 200, `${about}: ${text}`);
      assert.deepEqual(faults(json, { refIds: ['A'], series: !TABLES.includes(metric) }), [], about);
      const quiet = /(incidents|active_calls)$/.test(metric);
      assert.ok(quiet || numbers(json).some((value) => value > 0), `${about}: no number above 0`);
    }
  }
});

test('all metrics of a panel together still have names that differ', async () => {
  const series = (await metrics()).filter((metric) => !TABLES.includes(metric));
  const letter = (i) => `R${i}`;
  const { json } = await ask(series.map((metric, i) => target(metric, { shape: 'each' }, letter(i))));
  const refIds = series.map((_, i) => letter(i));
  assert.deepEqual(faults(json, { refIds }), []);
  assert.deepEqual([...new Set(json.map(({ refId }) => refId))].sort(), refIds.sort());
});

test('a label tells accounts apart, and the name in a legend has it', async () => {
  const { json } = await ask([target('asr', { shape: 'each' })]);
  const frames = json.map((frame) => data.toDataFrame(frame));
  assert.ok(frames.length > 1);
  frames.forEach((frame, i) => assert.ok(displayNames(frames)[i].includes(frame.fields[1].labels.account)));
});

test('a bucket that is missing is drawn as a gap, and no gap is drawn where none is', async () => {
  const { json } = await ask([target('total_calls', { account: ACCOUNT, sampling: 'hour' })]);
  const whole = data.toDataFrame(structuredClone(json[0]));
  assert.equal(whole.fields[0].config.interval, 3_600_000);
  assert.equal(data.applyNullInsertThreshold({ frame: whole }).length, whole.length);
  const cut = structuredClone(json[0]);
  for (const field of cut.fields) field.values.splice(5, 1);
  const filled = data.applyNullInsertThreshold({ frame: data.toDataFrame(cut) });
  assert.equal(filled.length, whole.length);
  assert.equal(filled.fields[1].values[5], null);
});

test('a ratio of no calls is null in the frame, and stays a gap', async () => {
  // Nobody has a prefix of twenty nines.
  const { json } = await ask([target('asr', { prefixes: ['99999999999999999999'], sampling: 'hour' })]);
  const frame = data.toDataFrame(json[0]);
  assert.ok(frame.length >= 24 && frame.fields[1].values.every((value) => value === null));
});

test('the looks at frames see each fault', async () => {
  const { json } = await ask([target('asr', { shape: 'each', sampling: 'hour' })]);
  const with_ = (change) => {
    const copy = structuredClone(json);
    change(copy);
    return faults(copy, { refIds: ['A'] });
  };
  assert.deepEqual(
    with_(() => {}),
    [],
  );
  for (const [change, fault] of [
    [(all) => delete all[0].refId, 'refId'],
    [(all) => (all[0].refId = 'B'), 'refId'],
    [(all) => delete all[0].fields[1].type, 'no type'],
    [(all) => (all[0].fields[0].values = all[0].fields[0].values.map((ms) => ms / 1000)), 'which is no time'],
    [(all) => all[0].fields[0].values.reverse(), 'do not ascend'],
    [(all) => all[0].fields.reverse(), 'the first field is no time'],
    [(all) => (all[0].fields[1].values[3] = '55.1'), 'which is no number'],
    [(all) => all[0].fields[1].values.pop(), 'values, the frame'],
    [(all) => (all[1] = structuredClone(all[0])), 'two are called'],
  ]) {
    const found = with_(change);
    assert.ok(
      found.some((text) => text.includes(fault)),
      `${change} is not seen: ${found}`,
    );
  }
});
