// What the page costs: seconds to its first paint and to its table from a cold start of the browser, bytes over the wire, and the
// memory of a tab that is live. No test: it prints, and nothing fails for being slow.
// Usage: scripts/page-checks.sh PROGRAM tests/browser/measure.mjs, with STARTS (10), and LIVE_MINUTES (0).
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { DESKTOP, PAGE, enterAndSee, shown } from './page.mjs';

const { STARTS = '10', LIVE_MINUTES = '0', CHROMIUM: executablePath } = process.env;
const launch = () => chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--enable-precise-memory-info'] });
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const round = (value) => Math.round(value);

/** One start of a new browser: times since the navigation, and the bytes of all answers as they came. */
async function start() {
  const browser = await launch();
  try {
    const visitor = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...DESKTOP });
    const page = await visitor.newPage();
    const devtools = await visitor.newCDPSession(page);
    await devtools.send('Network.enable');
    let [bytes, script] = [0, 0];
    const scripts = new Set();
    devtools.on('Network.responseReceived', ({ requestId, type }) => type === 'Script' && scripts.add(requestId));
    devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      bytes += encodedDataLength;
      if (scripts.has(requestId)) script += encodedDataLength;
    });
    await page.goto(PAGE);
    await page.getByTestId('demo-customer').waitFor();
    const paint = () => page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
    const signIn = await paint();
    const signInBytes = bytes;
    await enterAndSee(page);
    // Signed in, with nothing in the browser's memory: what whoever comes back sees.
    await devtools.send('Network.clearBrowserCache');
    [bytes, script] = [0, 0];
    await page.goto(PAGE);
    await shown(page);
    const table = await page.evaluate(() => performance.now());
    return { signIn, signInBytes, paint: await paint(), table, bytes, script };
  } finally {
    await browser.close();
  }
}

const starts = [];
for (let left = Number(STARTS); left > 0; left -= 1) starts.push(await start());
if (starts.length > 0) {
  const of = (name) => starts.map((one) => one[name]);
  for (const [what, name, unit] of [
    ['first contentful paint of the sign-in, browser just started', 'signIn', 'ms'],
    ['bytes until the sign-in', 'signInBytes', 'bytes'],
    ['first contentful paint, signed in, empty cache', 'paint', 'ms'],
    ['time to the table, signed in, empty cache', 'table', 'ms'],
    ['bytes until the table', 'bytes', 'bytes'],
    ['of them script', 'script', 'bytes'],
  ]) {
    console.log(`${what}: median ${round(median(of(name)))} ${unit}, ${round(Math.min(...of(name)))} to ${round(Math.max(...of(name)))}`);
  }
}

if (Number(LIVE_MINUTES) > 0) {
  const browser = await launch();
  const page = await browser.newPage({ locale: 'en-GB', timezoneId: 'UTC', ...DESKTOP });
  let asked = 0;
  page.on('request', () => (asked += 1));
  await page.goto(`${PAGE}?live=5`);
  await enterAndSee(page);
  const devtools = await page.context().newCDPSession(page);
  for (let minute = 0; minute <= Number(LIVE_MINUTES); minute += 1) {
    if (minute % 10 === 0 || minute === Number(LIVE_MINUTES)) {
      await devtools.send('HeapProfiler.collectGarbage');
      const { usedSize, totalSize } = await devtools.send('Runtime.getHeapUsage');
      const { nodes, jsEventListeners } = await devtools.send('Memory.getDOMCounters');
      console.log(`live for ${minute} min: ${asked} requests, heap ${(usedSize / 1e6).toFixed(1)} of ${(totalSize / 1e6).toFixed(1)} MB, ${nodes} nodes, ${jsEventListeners} listeners`);
    }
    if (minute < Number(LIVE_MINUTES)) await setTimeout(60_000);
  }
  await browser.close();
}
