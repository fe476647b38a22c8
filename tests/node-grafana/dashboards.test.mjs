// The dashboards: of Grafana's types, whole in themselves, and answered by the service with data.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACCOUNT, OTHER_TOKEN, post, TOKEN, VENDOR_TOKEN } from './service.mjs';
import { boards, panels, providers, sources } from './config.mjs';
import { data, displayNames, faults, FORMATS, numbers, range } from './grafana.mjs';
import { validators } from './schema.mjs';
import * as simpod from './simpod.mjs';

const KINDS = { stat: 'Stat', timeseries: 'TimeSeries', table: 'Table' };
const OURS = 'cdrscope';

const queries = (board) => board.templating.list.filter(({ type }) => type === 'query');
const annotations = (board) => board.annotations.list.filter(({ builtIn }) => !builtIn);
/** Days that have ended: the demo goes on, and what is compared must not. */
const PAST = { from: 'now-3d/d', to: 'now-1d/d' };
/** What is chosen when a dashboard is opened: of lists all, and then the variable's own word for that. */
const opened = (board) =>
  Object.fromEntries(
    queries(board).map(({ name, multi, allValue, current }) => [name, multi ? allValue : [current.value]]),
  );

function faultsOfTypes(check, board) {
  return [
    ...check('Board', board),
    ...panels(board).flatMap((panel) => check(KINDS[panel.type], panel).map((fault) => `${panel.title}: ${fault}`)),
  ];
}

test('dashboards are of the types that Grafana publishes, and a wrong field is seen', () => {
  const check = validators();
  for (const [name, board] of boards) {
    assert.deepEqual(faultsOfTypes(check, board), [], name);
    for (const [path, value] of [
      [['schemaVersion'], '42'],
      [['refresh'], 30],
      [['colour'], 'red'],
      [['templating', 'list', 0, 'refresh'], 'always'],
      [['annotations', 'list', 1, 'target', 'refId'], undefined],
      [['panels', 0, 'gridPos', 'w'], '4'],
      [['panels', 0, 'fieldConfig', 'defaults', 'thresholds', 'mode'], 'relative'],
      [['panels', 0, 'fieldConfig', 'defaults', 'unit'], undefined],
      [['panels', 0, 'options', 'graphMode'], 'lines'],
      [['panels', 0, 'targets', 0, 'refId'], undefined],
      [['panels', 6, 'options', 'legend', 'placement'], 'left'],
      [['panels', 6, 'fieldConfig', 'defaults', 'custom', 'drawStyle'], 'curve'],
      [['panels', 6, 'fieldConfig', 'overrides'], undefined],
    ]) {
      const copy = structuredClone(board);
      const holder = path.slice(0, -1).reduce((inner, key) => inner[key], copy);
      holder[path.at(-1)] = value;
      const found = faultsOfTypes(check, JSON.parse(JSON.stringify(copy)));
      assert.ok(found.length > 0, `${name}: nobody sees ${path.join('.')} = ${value}`);
    }
  }
});

test('dashboards are whole in themselves: ids, places, titles, units, variables, data sources', () => {
  const known = new Set(Object.keys(data.getValueFormatterIndex()));
  for (const [name, board] of boards) {
    const all = panels(board);
    assert.ok(all.length >= 12, `${name} has ${all.length} panels`);
    const ids = board.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, `${name}: an id is there twice`);
    assert.deepEqual(overlaps(board), [], name);
    const variables = new Set(board.templating.list.map(({ name }) => name));
    for (const panel of all) {
      const about = `${name}, ${panel.title}`;
      assert.ok(panel.description.length > 30, `${about}: does not say what it means`);
      assert.ok(known.has(panel.fieldConfig.defaults.unit), `${about}: unit ${panel.fieldConfig.defaults.unit}`);
      const refIds = panel.targets.map(({ refId }) => refId);
      assert.equal(new Set(refIds).size, refIds.length, `${about}: a refId is there twice`);
      for (const [, used] of JSON.stringify(panel.targets).matchAll(/\$\{?(\w+)/g)) {
        assert.ok(variables.has(used), `${about}: no variable ${used}`);
      }
    }
    const refs = [...all, ...all.flatMap(({ targets }) => targets), ...board.templating.list, ...annotations(board)];
    const ours = sources.filter(({ uid }) => uid === OURS);
    for (const { datasource } of refs) {
      assert.ok(ours.length > 0 && ours.every(({ type, uid }) => type === datasource.type && uid === datasource.uid));
    }
  }
  assert.equal(providers[0].options.path, '/etc/grafana/dashboards');
});

/** Panels that lie over others, or beyond the 24 columns. */
function overlaps(board) {
  const taken = new Map();
  const found = [];
  for (const { title, gridPos } of [...board.panels, ...panels(board)].filter(
    (panel, i, all) => all.indexOf(panel) === i,
  )) {
    if (gridPos.x + gridPos.w > 24) found.push(`${title} reaches beyond the right edge`);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        const other = taken.get(`${x} ${y}`);
        if (other !== undefined && !found.includes(`${title} lies over ${other}`))
          found.push(`${title} lies over ${other}`);
        taken.set(`${x} ${y}`, title);
      }
    }
  }
  return found;
}

/** Who has what a panel shows: customers do not terminate calls. */
const tokenOf = (panel) =>
  panel.targets.some(({ target }) => target.startsWith('termination_')) ? VENDOR_TOKEN : TOKEN;

async function shown(board, panel, options) {
  const body = simpod.query(panel.targets, range(board.time, panel), { width: panel.gridPos.w, ...options });
  return post('/query', body, tokenOf(panel));
}

/** The first values of each list, as a user may choose them. */
async function chosen(board, token) {
  const few = async (variable) => {
    const { json } = await post('/variable', simpod.variable(variable, range(board.time)), token);
    return [variable.name, json.slice(0, variable.multi ? 2 : 1).map(({ __value }) => String(__value))];
  };
  return Object.fromEntries(await Promise.all(queries(board).map(few)));
}

test('every target of every panel is answered when few things are chosen', async () => {
  for (const [name, board] of boards) {
    for (const panel of panels(board)) {
      const { status, json, text } = await shown(board, panel, { variables: await chosen(board, tokenOf(panel)) });
      assert.equal(status, 200, `${name}, ${panel.title}: ${text}`);
      const refIds = panel.targets.map(({ refId }) => refId);
      assert.deepEqual(faults(json, { refIds, series: panel.type !== 'table' }), [], `${name}, ${panel.title}`);
    }
  }
});

test('every target of every panel is answered, with data of the demo and a unit that the panel agrees with', async () => {
  for (const [name, board] of boards) {
    for (const panel of panels(board)) {
      const about = `${name}, ${panel.title}`;
      const { status, json, text } = await shown(board, panel, { variables: opened(board) });
      assert.equal(status, 200, `${about}: ${text}`);
      const refIds = panel.targets.map(({ refId }) => refId);
      assert.deepEqual(faults(json, { refIds, series: panel.type !== 'table' }), [], about);
      for (const { refId, target, payload } of panel.targets) {
        const own = json.filter((frame) => frame.refId === refId);
        assert.ok(hasData(own, target, payload), `${about}: ${refId} has no data`);
      }
      for (const { name: field, type, config } of json.flatMap(({ fields }) => fields)) {
        const overridden = panel.fieldConfig.overrides.some(({ properties }) =>
          properties.some(({ id }) => id === 'unit'),
        );
        const agrees =
          type !== 'number' || panel.type === 'table' || overridden || config.unit === panel.fieldConfig.defaults.unit;
        assert.ok(agrees, `${about}: ${field} comes as ${config?.unit}, which wins over the panel's unit`);
      }
      assert.deepEqual(unmatched(panel, json), [], about);
    }
  }
});

/** At night nobody may be calling, and nothing has to go wrong within hours. */
function hasData(frames, target, payload) {
  if (payload.reduce === 'total' && frames.some(({ fields }) => fields[0].values.length !== 1)) return false;
  if (target === 'active_calls' && payload.reduce === 'total') return numbers(frames).length === 1;
  if (target === 'incidents') return true;
  return numbers(frames).some((value) => value > 0);
}

/** Names in a panel's overrides that none of its columns has. */
function unmatched(panel, json) {
  const names = displayNames(json.map((frame) => data.toDataFrame(structuredClone(frame))));
  const wanted = panel.fieldConfig.overrides
    .filter(({ matcher }) => matcher.id === 'byName')
    .map(({ matcher }) => matcher.options);
  return wanted.filter((name) => !names.includes(name));
}

test('every list of a variable has values with texts that differ, and a panel takes them in every format', async () => {
  for (const [name, board] of boards) {
    const span = range(board.time);
    for (const variable of queries(board)) {
      const about = `${name}, ${variable.name}`;
      const { status, json, text } = await post('/variable', simpod.variable(variable, span));
      assert.equal(status, 200, `${about}: ${text}`);
      assert.ok(json.length > 1, `${about}: ${text}`);
      assert.ok(
        json.every(({ __text, __value }) => __text && String(__value)),
        `${about}: ${text}`,
      );
      assert.equal(new Set(json.map(({ __text }) => __text)).size, json.length, `${about}: a text is there twice`);
      const chosen = json.slice(0, variable.multi ? 3 : 1).map(({ __value }) => String(__value));
      const using = panels(board).find(({ targets }) => JSON.stringify(targets).includes(`$${variable.name}`));
      assert.ok(using, `${about}: no panel uses it`);
      const answers = [];
      for (const format of Object.keys(FORMATS)) {
        const past = { ...board, time: PAST };
        const { status, json, text } = await shown(past, spelled(using, variable.name, format, chosen), {
          variables: { ...opened(board), [variable.name]: chosen },
        });
        assert.equal(status, 200, `${about} as ${format}: ${text}`);
        answers.push(JSON.stringify(json.map(({ fields }) => fields)));
      }
      assert.equal(new Set(answers).size, 1, `${about}: the formats do not mean the same`);
    }
  }
});

/** The panel with a variable written in a format of its own. */
function spelled(panel, name, format, chosen) {
  const value = FORMATS[format](chosen);
  const rewrite = (one) => (JSON.stringify(one).includes(`$${name}`) ? value : one);
  const targets = panel.targets.map((target) => ({
    ...target,
    payload: Object.fromEntries(Object.entries(target.payload).map(([key, one]) => [key, rewrite(one)])),
  }));
  return { ...panel, targets };
}

test('every key of the ad-hoc filters narrows a panel or is left out with a notice', async () => {
  for (const [name, board] of boards) {
    assert.equal(board.templating.list.filter(({ type }) => type === 'adhoc').length, 1, name);
    const span = range(board.time);
    const { json: keys } = await post('/tag-keys', { filters: [], timeRange: span });
    assert.ok(keys.length > 3);
    const panel = panels(board).find(({ targets }) => targets[0].target === 'total_calls');
    const ask = async (filters) => (await shown(board, panel, { variables: opened(board), filters })).json;
    const all = numbers(await ask([]))[0];
    for (const { value: key } of keys) {
      const { json: values } = await post('/tag-values', { key, filters: [], timeRange: span });
      const value = String(values[0]?.value ?? { 'auth-orig-ip': '192.0.2.1', duration: '60' }[key] ?? '4');
      const json = await ask([{ key, operator: '=', value, condition: '' }]);
      const left = json[0]?.meta.notices.some(({ text }) => text.includes(key));
      assert.ok(left || (numbers(json)[0] ?? 0) < all, `${name}, ${key} = ${value}`);
    }
  }
});

test('every annotation is answered with begin, end, title and text, by the way of each plugin version', async () => {
  for (const [name, board] of boards) {
    const span = range({ from: 'now-28d', to: 'now-1h/h' });
    for (const { target, datasource, iconColor, enable } of annotations(board)) {
      // The demo has one of its accounts fall silent, and that is the other customer's.
      const body = simpod.query([target], span, { variables: opened(board) });
      const { status, json, text } = await post('/query', body, OTHER_TOKEN);
      assert.equal(status, 200, `${name}: ${text}`);
      assert.deepEqual(faults(json, { refIds: [target.refId], series: false }), [], name);
      assert.equal(json.length, 1, `${name}: the demo's incident is not found`);
      const { fields } = data.toDataFrame(json[0]);
      const of = Object.fromEntries(fields.map(({ name, type, values }) => [name, { type, values }]));
      const types = ['time', 'timeEnd', 'title', 'text'].map((column) => of[column]?.type);
      assert.deepEqual(types, ['time', 'time', 'string', 'string'], name);
      const ends = of.timeEnd.values.map((end, i) => end - of.time.values[i]);
      assert.ok(ends.length > 0 && ends.every((length) => length > 0), `${name}: ${ends}`);

      const old = { name: 'incidents', datasource, iconColor, enable, query: 'incidents' };
      const { json: marks } = await post('/annotations', { range: body.range, annotation: old }, OTHER_TOKEN);
      const shown = marks.map(({ time, timeEnd, title, text }) => [time, timeEnd, title, text]);
      const rows = of.time.values.map((time, i) => [time, of.timeEnd.values[i], of.title.values[i], of.text.values[i]]);
      assert.deepEqual(shown, rows, name);
    }
  }
});

test('an account by its name narrows every panel of a dashboard to it', async () => {
  for (const [name, board] of boards) {
    const panel = panels(board).find(
      ({ targets }) => targets[0].target === 'total_calls' && targets[0].payload.reduce === 'total',
    );
    const all = await shown(board, panel, { variables: opened(board) });
    const one = await shown(board, panel, { variables: { ...opened(board), account: [ACCOUNT] } });
    const [[every], [some]] = [numbers(all.json), numbers(one.json)];
    assert.ok(some > 0 && some < every, `${name}: ${some} of ${every}`);
  }
});
