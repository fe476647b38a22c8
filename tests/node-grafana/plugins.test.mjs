// The bodies that each version of each plugin sends, and every spelling of a payload: the same rows for all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCOUNT, get, post, TOKEN, URL_OF } from './service.mjs';
import { data, FORMATS, range, timing } from './grafana.mjs';

const { range: span, interval, intervalMs, maxDataPoints } = timing(range({ from: 'now-1d/d', to: 'now-1d/d' }));
const refId = 'A';
const source = { type: 'simpod-json-datasource', uid: 'cdrscope' };
const filter = { key: 'dst-country-id', operator: '!=', value: '1' };
const base = {
  app: 'dashboard',
  requestId: 'Q101',
  timezone: 'utc',
  panelId: 2,
  range: span,
  interval,
  intervalMs,
  maxDataPoints,
  scopedVars: {},
};
const payload = { account: ACCOUNT, sampling: 'hour' };

/** What a panel with one target and one ad-hoc filter sends, by plugin and version. */
const VERSIONS = {
  'simPod 0.6.7, builder': {
    ...base,
    targets: [{ refId, datasource: source, editorMode: 'builder', target: 'total_calls', payload }],
    filters: [{ ...filter, condition: '' }],
  },
  'simPod 0.6.4, code': {
    ...base,
    targets: [{ refId, datasource: source, editorMode: 'code', target: 'total_calls', payload }],
    filters: [filter],
  },
  'simPod 0.6.3': {
    ...base,
    targets: [{ refId, datasource: source, editorMode: 'code', target: 'total_calls', payload }],
    adhocFilters: [filter],
  },
  'simPod 0.6.3, its payload a text': {
    ...base,
    targets: [{ refId, target: 'total_calls', payload: JSON.stringify(payload) }],
    adhocFilters: [filter],
  },
  'simPod 0.5': {
    ...base,
    targets: [{ refId, datasource: source, target: 'total_calls', payload, hide: false }],
    adhocFilters: [filter],
  },
  'simPod 0.3, the metric an option': {
    ...base,
    targets: [{ refId, target: { label: 'Calls', value: 'total_calls' }, payload }],
    adhocFilters: [filter],
  },
  'simPod 0.2, series': {
    ...base,
    targets: [{ refId, target: 'total_calls', type: 'timeseries', data: payload }],
    adhocFilters: [filter],
  },
  'simPod 0.2, table': {
    ...base,
    targets: [{ refId, target: 'total_calls', type: 'table', data: payload }],
    adhocFilters: [filter],
  },
  'simple-json, series': {
    ...base,
    targets: [{ refId, target: 'total_calls', type: 'timeserie', data: payload }],
    adhocFilters: [filter],
  },
  'simple-json, table': {
    ...base,
    targets: [{ refId, target: 'total_calls', type: 'table', data: payload }],
    adhocFilters: [filter],
  },
};

/** Rows of an answer: for each column its values, whatever the form that the answer has. */
function rows(answer) {
  return answer.map((one) => {
    const fields = data.toDataFrame(structuredClone(one)).fields;
    // The old form has the values first, and it is the library that puts them where they are.
    return [...fields].sort((a, b) => (b.type === 'time') - (a.type === 'time')).map(({ values }) => [...values]);
  });
}

test('the bodies of all plugin versions get the same rows', async () => {
  const answers = new Map();
  for (const [version, body] of Object.entries(VERSIONS)) {
    const { status, json, text } = await post('/query', body);
    assert.equal(status, 200, `${version}: ${text}`);
    assert.equal(json.length, 1, version);
    assert.equal(json[0].refId, refId, version);
    answers.set(version, rows(json));
  }
  const expected = answers.get('simPod 0.6.7, builder');
  assert.equal(expected[0][0].length, 24);
  assert.ok(expected[0][1].some((calls) => calls > 0));
  for (const [version, answer] of answers) assert.deepEqual(answer, expected, version);
});

test('"Save & test" is fine with and without a slash, and a bad token is a 403 that says why', async () => {
  for (const path of ['/grafana', '/grafana/']) {
    assert.equal((await get(`${URL_OF}${path}`)).status, 200);
    const { status, json } = await get(`${URL_OF}${path}`, `${TOKEN}x`);
    assert.equal(status, 403);
    assert.equal(typeof json.message, 'string');
  }
});

test('each route answers the bodies of each version in the form that the version reads', async () => {
  for (const body of [{}, { metric: 'asr', payload: {} }]) {
    const { json } = await post('/metrics', body);
    for (const { label, value, payloads } of json) {
      assert.ok(label && value && Array.isArray(payloads));
      for (const field of payloads) assert.match(field.type, /^(select|multi-select|input|textarea)$/);
    }
  }
  const {
    json: [{ payloads }],
  } = await post('/metrics', {});
  for (const { name, type, options } of payloads) {
    if (!type.endsWith('select') || options) continue;
    const { status, json } = await post('/metric-payload-options', { metric: 'asr', payload: {}, name });
    assert.equal(status, 200, name);
    assert.ok(json.length > 0 && json.every(({ label, value }) => label && String(value)), name);
  }
  for (const body of [{ target: '' }, { target: 'asr', type: 'timeserie' }]) {
    const { json } = await post('/search', body);
    assert.ok(
      json.some((one) => (one.value ?? one) === 'asr'),
      JSON.stringify(body),
    );
  }
  for (const body of [{}, { filters: [filter], timeRange: span }]) {
    const { json } = await post('/tag-keys', body);
    assert.ok(json.some(({ text, value, type }) => text === 'dst-country-id' && value === text && type === 'string'));
  }
  const { json: values } = await post('/tag-values', { key: 'account-id', filters: [], timeRange: span });
  assert.ok(values.length > 1 && values.every(({ text, value }) => text && value));
});

async function answer(own, over = {}) {
  const { status, json, text } = await post('/query', {
    ...base,
    ...over,
    targets: [{ refId, target: 'total_calls', payload: { sampling: 'hour', ...own } }],
  });
  assert.equal(status, 200, `${JSON.stringify(own)}: ${text}`);
  return json;
}

/** Values in every format of a variable, bare and as the only item of a list, and as options of a select list. */
function spellings(values) {
  const formats = Object.values(FORMATS).map((format) => format(values.map(String)));
  return [...formats, ...formats.map((one) => [one].flat()), values, values.map((value) => ({ label: 'x', value }))];
}

test('a list in a payload means the same in every spelling', async () => {
  const { json } = await post('/variable', { payload: { target: 'accounts' }, range: span });
  const accounts = json.slice(0, 2);
  const ids = accounts.map(({ __text }) => Number(/\((\d+)\)$/.exec(__text)[1]));
  const texts = accounts.map(({ __text }) => __text);
  // They hold commas and brackets themselves. A bare bar between them cannot be told from a list with commas.
  assert.ok(texts.every((text) => /,.*\(/.test(text)));
  const named = spellings(texts).filter((one) => [one].flat()[0] !== FORMATS.pipe(texts));
  for (const [field, values, others] of [
    ['account', accounts.map(({ __value }) => __value), [...spellings(ids), ...named]],
    ['countries', ['37', '86'], spellings([37, 86])],
    ['prefixes', ['44', '49'], spellings([44, 49])],
  ]) {
    const expected = rows(await answer({ [field]: values }));
    const found = expected.flat(2).some((value) => value > 0);
    assert.ok(found, field);
    for (const spelling of [...spellings(values), ...others]) {
      assert.deepEqual(rows(await answer({ [field]: spelling })), expected, `${field}: ${JSON.stringify(spelling)}`);
    }
  }
});

test('nothing chosen is all, without a notice', async () => {
  const notices = (json) => json[0].meta.notices.filter(({ text }) => !text.includes('not complete'));
  const expected = rows(await answer({}));
  for (const nothing of ['', [], null, '$__all', ['$__all'], '.*', 'All']) {
    const json = await answer({ account: nothing, countries: nothing, prefixes: nothing });
    assert.deepEqual(rows(json), expected, JSON.stringify(nothing));
    assert.deepEqual(notices(json), [], JSON.stringify(nothing));
  }
});

test('a variable that was not replaced is left out, and the frame says so', async () => {
  const expected = rows(await answer({}));
  for (const broken of [{}, '{}', '$account', '${account:csv}', ['[[account]]']]) {
    const json = await answer({ account: broken });
    assert.deepEqual(rows(json), expected, JSON.stringify(broken));
    assert.ok(
      json[0].meta.notices.some(({ text }) => text.includes('account') && text.includes('variable')),
      JSON.stringify(broken),
    );
  }
  // The whole payload, where the plugin could not read its text.
  assert.equal((await post('/query', { ...base, targets: [{ refId, target: 'asr', payload: {} }] })).status, 200);
});

test('a step is no finer than the panel asks, and missing hints do no harm', async () => {
  const step = async (over) =>
    (await post('/query', { ...base, ...over, targets: [{ refId, target: 'asr', payload: {} }] })).json[0].fields[0]
      .config.interval / 60_000;
  assert.equal(await step({ intervalMs: 60_000, maxDataPoints: 1440 }), 1);
  assert.equal(await step({ intervalMs: 60_001, maxDataPoints: 0 }), 5);
  assert.equal(await step({ intervalMs: 0, maxDataPoints: 100 }), 15);
  assert.equal(await step({ intervalMs: undefined, maxDataPoints: undefined }), 1);
});

test('what cannot be answered is an object with a message', async () => {
  const bad = (metric, own, over) => ({ ...base, ...over, targets: [{ refId, target: metric, payload: own }] });
  for (const [body, text] of [
    [bad('nothing', {}), 'no metric'],
    [bad('asr', { account: 'nobody' }), 'nobody'],
    [bad('asr', { sampling: 'century' }), 'century'],
    [bad('asr', {}, { filters: [{ key: 'dst-prefix-routing', operator: '=~', value: '(' }] }), 'regular expression'],
  ]) {
    const { status, json } = await post('/query', body);
    assert.equal(status, 400, text);
    assert.ok(json.message.includes(text) && typeof json.error === 'string', JSON.stringify(json));
  }
});
