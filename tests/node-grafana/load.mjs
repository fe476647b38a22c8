// A dashboard that many look at: each viewer asks for all panels of "Voice quality" and its incidents, every few seconds,
// six requests at a time as a browser does. Says how long answers took, where the figures came from, and how many
// statements reached the database, by the service's own log. Not a test:
//
//     SECONDS_OF_LOAD=60 VIEWERS=20 EVERY=5 scripts/grafana-checks.sh target/release/cdrscope tests/node-grafana/load.mjs

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { post } from './service.mjs';
import { boards, panels } from './config.mjs';
import { range } from './grafana.mjs';
import * as simpod from './simpod.mjs';

const SECONDS = Number(process.env.SECONDS_OF_LOAD ?? 60);
const VIEWERS = Number(process.env.VIEWERS ?? 20);
const EVERY = Number(process.env.EVERY ?? 5);
const AT_A_TIME = 6;

const [, board] = boards.find(([name]) => name === 'voice-quality.json');
const variables = { account: '.*', country: '.*', step: ['auto'] };
const marks = board.annotations.list
  .filter(({ builtIn }) => !builtIn)
  .map(({ target }) => ({ targets: [target], gridPos: { w: 12 } }));
const asked = [...panels(board), ...marks];

const took = [];
const refreshes = [];
const sources = {};
let failed = 0;

async function ask({ targets, gridPos }) {
  const body = simpod.query(targets, range(board.time), { width: gridPos.w, variables });
  const start = performance.now();
  const { status, json } = await post('/query', body);
  took.push(performance.now() - start);
  if (status !== 200) failed += 1;
  for (const { meta } of Array.isArray(json) ? json : []) {
    const source = meta?.custom?.cache ?? 'unsaid';
    sources[source] = (sources[source] ?? 0) + 1;
  }
}

async function refresh() {
  const start = performance.now();
  const waiting = [...asked];
  const one = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await ask(next);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, one));
  refreshes.push(performance.now() - start);
}

/** Begins somewhere within the interval, as people do; a refresh that takes longer than the interval delays the next. */
async function viewer(i, end) {
  let next = performance.now() + (i / VIEWERS) * EVERY * 1000;
  while (next < end) {
    await sleep(Math.max(0, next - performance.now()));
    await refresh();
    next = Math.max(next + EVERY * 1000, performance.now());
  }
}

/** Statements for sums. The looks at the table's parts, one in `cache.fresh_seconds` at most, are not in the log. */
const statements = () => readFileSync(process.env.LOG, 'utf8').match(/ query [0-9a-f-]{36}: /g)?.length ?? 0;

const at = (times, share) => Math.round([...times].sort((a, b) => a - b)[Math.ceil(times.length * share) - 1]);
const figures = (times) =>
  `p50 ${at(times, 0.5)} ms, p95 ${at(times, 0.95)} ms, p99 ${at(times, 0.99)} ms, longest ${at(times, 1)} ms`;

const before = statements();
const begin = performance.now();
await Promise.all(Array.from({ length: VIEWERS }, (_, i) => viewer(i, begin + SECONDS * 1000)));
const seconds = (performance.now() - begin) / 1000;
const after = statements();
console.log(`${VIEWERS} viewers of ${asked.length} requests every ${EVERY} s, for ${seconds.toFixed(0)} s`);
console.log(
  `requests: ${took.length} (${(took.length / seconds).toFixed(0)} a second), ${failed} failed; ${figures(took)}`,
);
console.log(`refreshes: ${refreshes.length}; ${figures(refreshes)}`);
console.log(`frames by where their sums came from: ${JSON.stringify(sources)}`);
console.log(`statements for sums: ${after - before} (${((after - before) / seconds).toFixed(1)} a second)`);
