// The operator's dashboards: of Grafana's types, answered with data by a token of the operator's, and by no customer's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorBoards, operatorSources, panels } from './config.mjs';
import { data, displayNames, faults, FORMATS, numbers, range } from './grafana.mjs';
import { validators } from './schema.mjs';
import { OPERATOR_TOKEN, post, TOKEN } from './service.mjs';
import * as simpod from './simpod.mjs';

const KINDS = { stat: 'Stat', timeseries: 'TimeSeries', table: 'Table' };
const queries = (board) => board.templating.list.filter(({ type }) => type === 'query');
const opened = (board) => Object.fromEntries(queries(board).map(({ name, allValue }) => [name, allValue]));

function shown(board, panel, variables, token = OPERATOR_TOKEN) {
  const body = simpod.query(panel.targets, range(board.time, panel), { width: panel.gridPos.w, variables });
  return post('/query', body, token);
}

test("the operator's dashboards are of the types that Grafana publishes, over their own data source", () => {
  const check = validators();
  assert.deepEqual(
    operatorBoards.map(([, { title }]) => title),
    ['Customers', 'Margin', 'Vendors'],
  );
  const known = new Set(Object.keys(data.getValueFormatterIndex()));
  for (const [name, board] of operatorBoards) {
    assert.deepEqual(check('Board', board), [], name);
    const variables = new Set(board.templating.list.map((variable) => variable.name));
    for (const panel of panels(board)) {
      assert.deepEqual(check(KINDS[panel.type], panel), [], `${name}, ${panel.title}`);
      assert.ok(panel.description.length > 30 && known.has(panel.fieldConfig.defaults.unit), `${name}, ${panel.title}`);
      for (const [, used] of JSON.stringify(panel.targets).matchAll(/\$\{?(\w+)/g)) assert.ok(variables.has(used), used);
    }
    for (const { datasource } of [...panels(board), ...panels(board).flatMap(({ targets }) => targets)])
      assert.ok(operatorSources.some(({ type, uid }) => type === datasource.type && uid === datasource.uid));
  }
});

test('every panel of theirs is answered with data, in units that it agrees with', async () => {
  for (const [name, board] of operatorBoards) {
    for (const panel of panels(board)) {
      const about = `${name}, ${panel.title}`;
      const { status, json, text } = await shown(board, panel, opened(board));
      assert.equal(status, 200, `${about}: ${text}`);
      const refIds = panel.targets.map(({ refId }) => refId);
      assert.deepEqual(faults(json, { refIds, series: panel.type !== 'table' }), [], about);
      for (const refId of refIds) {
        const own = json.filter((frame) => frame.refId === refId);
        assert.ok(
          numbers(own).some((value) => value !== null && value !== 0),
          `${about}: ${refId} has no data`,
        );
      }
      const names = displayNames(json.map((frame) => data.toDataFrame(structuredClone(frame))));
      assert.equal(new Set(names).size, names.length, about);
    }
  }
});

test('every list of theirs has values, which a panel takes in every format', async () => {
  for (const [name, board] of operatorBoards) {
    for (const variable of queries(board)) {
      const about = `${name}, ${variable.name}`;
      const asked = simpod.variable(variable, range(board.time));
      const { json, text } = await post('/variable', asked, OPERATOR_TOKEN);
      assert.ok(json.length > 1, `${about}: ${text}`);
      const chosen = json.slice(0, 3).map(({ __value }) => String(__value));
      const panel = panels(board)[0];
      const answers = new Set();
      for (const format of Object.keys(FORMATS)) {
        const value = FORMATS[format](chosen);
        const rewrite = (one) => (JSON.stringify(one).includes(`$${variable.name}`) ? value : one);
        const targets = panel.targets.map((target) => ({
          ...target,
          payload: Object.fromEntries(Object.entries(target.payload).map(([key, one]) => [key, rewrite(one)])),
        }));
        const past = { ...board, time: { from: 'now-3d/d', to: 'now-1d/d' } };
        const { status, json, text } = await shown(past, { ...panel, targets }, opened(board));
        assert.equal(status, 200, `${about} as ${format}: ${text}`);
        answers.add(JSON.stringify(json.map(({ fields }) => fields)));
      }
      assert.equal(answers.size, 1, `${about}: the formats do not mean the same`);
    }
  }
});

test("a customer's token sees no panel of money or vendors", async () => {
  const [, margin] = operatorBoards.find(([, { title }]) => title === 'Margin');
  for (const panel of panels(margin)) {
    const { status } = await shown(margin, panel, opened(margin), TOKEN);
    assert.equal(status, 400, panel.title);
  }
});
