// Plain GETs as Infinity sends them, and the queries of the alert rules.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCOUNT, API, get, URL_OF } from './service.mjs';
import { rules, sources } from './config.mjs';
import { data } from './grafana.mjs';

const NOBODY = '00000000-0000-0000-0000-000000000000';
const hours = (n) => Math.floor(Date.now() / 1000) - n * 3600;

/** The column types of Infinity, as its backend parser reads JSON. */
const READS = {
  number: (value) => value === null || typeof value === 'number',
  timestamp_epoch: (value) => Number.isInteger(value) && value > 1e12,
  timestamp_epoch_s: (value) => Number.isInteger(value) && value > 1e9 && value < 1e10,
};

test('every report gives rows of numbers, with times in milliseconds or seconds', async () => {
  for (const [report, sampling] of [
    ['origination-statistics', 'hour'],
    ['origination-statistics-quality', '15minutes'],
    ['origination-active-calls', undefined],
  ]) {
    for (const [unit, type] of [
      ['ms', 'timestamp_epoch'],
      ['s', 'timestamp_epoch_s'],
    ]) {
      for (const from of [hours(6), hours(6) * 1000, new Date(hours(6) * 1000).toISOString()]) {
        const params = new URLSearchParams({
          'account-id': ACCOUNT,
          'from-time': from,
          format: 'rows',
          't-unit': unit,
        });
        if (sampling) params.set('sampling', sampling);
        const { status, json, type: contentType, text } = await get(`${API}/${report}?${params}`);
        assert.equal(status, 200, text);
        assert.match(contentType, /^application\/json/);
        assert.ok(json.length > 3 && json.every((row) => READS[type](row.t)), `${report} ${unit}: ${text}`);
        assert.ok(
          json.every((row) => Object.values(row).every(READS.number)),
          `${report}: ${text}`,
        );
        assert.ok(
          json.some((row) => Object.entries(row).some(([name, value]) => name !== 't' && value > 0)),
          report,
        );
      }
    }
  }
});

test('lists come with commas', async () => {
  const total = async (prefixes) => {
    const params = new URLSearchParams({
      'account-id': ACCOUNT,
      'from-time': hours(240),
      // The demo goes on, and what is compared must not.
      'to-time': hours(24),
      sampling: 'day',
      'dst-prefix-routing-starts-with': prefixes,
      format: 'rows',
    });
    const { json } = await get(`${API}/origination-statistics?${params}`);
    return json.reduce((sum, row) => sum + row.total_calls, 0);
  };
  const [both, one, two] = [await total('44,49'), await total('44'), await total('49')];
  assert.ok(one > 0 && two > 0);
  assert.equal(both, one + two);
});

/** The address of an alert rule's query, as the plugin's backend makes it: it knows the time range and no variables. */
function address({ model, relativeTimeRange }, account, now) {
  const { url } = sources.find(({ uid }) => uid === model.datasource.uid);
  const times = { __timeFrom: now - relativeTimeRange.from, __timeTo: now - relativeTimeRange.to };
  const text = (value) =>
    String(value)
      .replace(/\$\{(__time\w+):date:seconds\}/g, (_, name) => times[name])
      .replace(NOBODY, account);
  const params = new URLSearchParams(model.url_options.params.map(({ key, value }) => [key, text(value)]));
  assert.ok(!String(params).includes('%24'), `a variable is left in ${params}`);
  return url.replace(/^.*\/api\/rest\/customer\/v1/, API) + model.url + `?${params}`;
}

/** What the backend parser makes of an answer: rows, and each column's values. */
function parsed(model, json) {
  const root = model.root_selector ? json[model.root_selector] : json;
  const rows = Array.isArray(root) ? root : [root];
  return model.columns.map(({ selector, type }) => ({ type, values: rows.map((row) => row[selector]) }));
}

const queriesOf = (rule) => rule.data.filter(({ datasourceUid }) => datasourceUid !== '__expr__');

test("the query of every alert rule gives numbers that Grafana's alerting can take", async () => {
  assert.ok(rules.length >= 3);
  const now = Math.floor(Date.now() / 1000);
  const noon = Math.floor(now / 86_400) * 86_400 - 43_200;
  for (const rule of rules) {
    for (const query of queriesOf(rule)) {
      const { model } = query;
      const about = `${rule.uid} ${query.refId}`;
      // Live calls are made for the last hours only, and at night there may be none.
      const live = model.url.endsWith('active-calls');
      const { status, json, text } = await get(address(query, ACCOUNT, live ? now : noon));
      assert.equal(status, 200, `${about}: ${text}`);
      const columns = parsed(model, json);
      for (const { type, values } of columns)
        assert.ok(values.length > 0 && values.every(READS[type]), `${about}: ${text}`);
      assert.equal(
        columns.filter(({ type }) => type === 'number').length,
        1,
        `${about}: one column of numbers, or alerting mixes them up`,
      );
      const times = columns.filter(({ type }) => type.startsWith('timestamp'));
      if (model.format === 'timeseries') {
        assert.equal(times.length, 1, about);
        assert.ok(
          times[0].values.every((t, i, all) => i === 0 || t > all[i - 1]),
          about,
        );
      } else {
        assert.deepEqual([times.length, columns[0].values.length], [0, 1], `${about}: one row`);
      }
      assert.ok(live || columns.at(-1).values.some((value) => value > 0), `${about}: no data of the demo: ${text}`);
    }
  }
});

test('every alert rule is whole: a condition that exists, expressions over queries that exist, paused, no account', async () => {
  assert.equal(new Set(rules.map(({ uid }) => uid)).size, rules.length);
  for (const { uid, title, condition, isPaused, annotations, data: parts, ...rule } of rules) {
    const refIds = parts.map(({ refId }) => refId);
    assert.equal(new Set(refIds).size, refIds.length, uid);
    assert.ok(refIds.includes(condition) && title && annotations.summary && annotations.description, uid);
    assert.equal(isPaused, true, uid);
    assert.match(rule.for, /^\d+[sm]$/);
    assert.match(rule.noDataState, /^(OK|NoData|Alerting|KeepLast)$/);
    for (const { refId, datasourceUid, relativeTimeRange, model } of parts) {
      assert.equal(model.refId, refId, uid);
      assert.equal(model.datasource.uid, datasourceUid, uid);
      if (datasourceUid === '__expr__') {
        const used =
          model.type === 'math'
            ? [...model.expression.matchAll(/\$(\w+)/g)].map(([, name]) => name)
            : [model.expression];
        assert.ok(used.length > 0 && used.every((name) => refIds.includes(name) && name !== refId), `${uid} ${refId}`);
      } else {
        const source = sources.find((one) => one.uid === datasourceUid);
        assert.equal(source?.type, model.datasource.type, uid);
        assert.deepEqual(
          [model.parser, model.url_options.method],
          ['backend', 'GET'],
          `${uid}: only that is asked without a browser`,
        );
        assert.ok(relativeTimeRange.from > relativeTimeRange.to, uid);
        assert.ok(
          model.url_options.params.some(({ key, value }) => key === 'account-id' && value === NOBODY),
          uid,
        );
      }
    }
  }
});

test('a series of an alert rule has a row for a minute without calls, so that silence is seen', async () => {
  const stop = rules.find(({ uid }) => uid === 'cdrscope-stop');
  const [query] = queriesOf(stop);
  // A year ago nobody called.
  const { json } = await get(address(query, ACCOUNT, Math.floor(Date.now() / 1000) - 365 * 86_400));
  const [, { values }] = parsed(query.model, json);
  assert.ok(values.length >= 15 && values.every((calls) => calls === 0));
  const frame = data.toDataFrame({ fields: [{ name: 't', type: 'time', values: json.map(({ t }) => t) }] });
  assert.equal(frame.length, values.length);
});

test('data sources have fixed uids, keep the token in secureJsonData, and reach the paths that there are', async () => {
  const uids = new Set(sources.map(({ uid }) => uid));
  assert.deepEqual([...uids].sort(), ['cdrscope', 'cdrscope-infinity']);
  for (const { uid, url, type, jsonData, secureJsonData = {} } of sources) {
    assert.ok(!JSON.stringify(jsonData).includes('Bearer'), uid);
    const secrets = Object.values(secureJsonData);
    assert.ok(
      jsonData.oauthPassThru || secrets.some((value) => value.includes('$__file{/run/secrets/grafana_token}')),
      uid,
    );
    const path =
      type === 'simpod-json-datasource'
        ? ''
        : `/origination-statistics?account-id=${ACCOUNT}&from-time=${hours(1)}&sampling=hour`;
    assert.equal((await get(url.replace('http://cdrscope:8080', URL_OF) + path)).status, 200, uid);
    const health = jsonData.customHealthCheckUrl?.replace('http://cdrscope:8080', URL_OF);
    if (health) assert.deepEqual([(await get(health)).status, (await get(health, 'bad')).status], [200, 401], uid);
  }
});
