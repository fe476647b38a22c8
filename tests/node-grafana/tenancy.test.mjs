// Another customer's account, in every place of a body where one can be named: never data.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCOUNT, API, get, OTHER_TOKEN, post } from './service.mjs';
import { boards, panels } from './config.mjs';
import { FORMATS, numbers, range, timing } from './grafana.mjs';
import * as simpod from './simpod.mjs';

// A day that has ended: the demo goes on, and what is compared must not.
const day = { timezone: 'utc', ...timing(range({ from: 'now-1d/d', to: 'now-1d/d' })) };
const ask = (payload, over = {}, target = 'total_calls') => ({
  ...day,
  ...over,
  targets: [{ refId: 'A', target, payload }],
});

test('no panel shows another customer an account that a variable names', async () => {
  for (const [name, board] of boards) {
    for (const panel of panels(board)) {
      const variables = { account: [ACCOUNT], country: '.*', prefix: '.*', step: ['auto'] };
      const { status, text } = await post(
        '/query',
        simpod.query(panel.targets, range(board.time, panel), { variables }),
        OTHER_TOKEN,
      );
      assert.equal(status, 400, `${name}, ${panel.title}`);
      assert.match(text, /unknown to this token/);
    }
  }
});

test('an account of another customer in a payload is refused in every spelling, alone and among own ones', async () => {
  const { json: own } = await post('/variable', { payload: { target: 'accounts' }, range: day.range }, OTHER_TOKEN);
  for (const values of [[ACCOUNT], [own[0].__value, ACCOUNT]]) {
    for (const [format, write] of Object.entries(FORMATS)) {
      for (const field of ['account', 'accounts']) {
        const { status, text } = await post('/query', ask({ [field]: write(values) }), OTHER_TOKEN);
        assert.equal(status, 400, `${field} as ${format}: ${text}`);
      }
    }
  }
});

test("an ad-hoc filter on another customer's account leaves nothing", async () => {
  for (const list of ['filters', 'adhocFilters']) {
    for (const operator of ['=', '=~', '=|']) {
      const filters = [{ key: 'account-id', operator, value: ACCOUNT, values: [ACCOUNT] }];
      const { status, text } = await post('/query', ask({}, { [list]: filters }), OTHER_TOKEN);
      assert.deepEqual([status, text], [200, '[]'], `${list} ${operator}`);
    }
  }
});

test('words for a tenant in a body mean nothing', async () => {
  const plain = await post('/query', ask({ sampling: 'day' }), OTHER_TOKEN);
  const mine = numbers((await post('/query', ask({ sampling: 'day' }))).json);
  assert.notDeepEqual(numbers(plain.json), mine);
  for (const key of ['customer_id', 'customer-id', 'customer', 'tenant', 'orgId', 'sub', 'token']) {
    const body = ask(
      { sampling: 'day', [key]: 1 },
      { [key]: 1, scopedVars: { [key]: { text: '1', value: '1' } }, filters: [{ key, operator: '=', value: '1' }] },
    );
    const { json } = await post('/query', body, OTHER_TOKEN);
    assert.deepEqual(numbers(json), numbers(plain.json), key);
  }
});

test('lists offer own accounts only', async () => {
  const named = { payload: { target: 'accounts', account: ACCOUNT, search: '', customer_id: 1 }, range: day.range };
  for (const [route, body] of [
    ['/variable', named],
    ['/search', { target: 'accounts' }],
    [
      '/tag-values',
      { key: 'account-id', filters: [{ key: 'account-id', operator: '=', value: ACCOUNT }], timeRange: day.range },
    ],
    ['/metric-payload-options', { metric: 'asr', payload: { account: ACCOUNT }, name: 'account' }],
    ['/metrics', { metric: 'asr', payload: { account: [ACCOUNT] } }],
  ]) {
    const [own, others] = [await post(route, body), await post(route, body, OTHER_TOKEN)];
    assert.equal(others.status, 200, route);
    assert.ok(!others.text.includes(ACCOUNT), route);
    assert.ok(route === '/metrics' || own.text.includes(ACCOUNT), `${route} does not offer an own account either`);
  }
});

test("plain GET refuses another customer's account", async () => {
  const { status, json } = await get(
    `${API}/origination-statistics?account-id=${ACCOUNT}&from-time=2026-01-01&sampling=day&format=rows`,
    OTHER_TOKEN,
  );
  assert.deepEqual([status, json], [400, { error: 'invalid value account-id' }]);
});
