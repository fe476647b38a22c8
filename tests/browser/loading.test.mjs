// What is shown belongs to the view in the address: while another one loads, and where its answer does not come.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enter, enterAndSee, eventually, shown, useBrowser, valueOf, withPage } from './page.mjs';

useBrowser();

const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
const BREAKDOWNS = '**/origination-breakdown?*';

/** Holds the answers of breakdowns back until the returned function is called. */
async function held(page) {
  let release;
  const released = new Promise((done) => (release = done));
  await page.route(BREAKDOWNS, async (route) => {
    await released;
    await route.continue();
  });
  return async () => {
    release();
    await page.unroute(BREAKDOWNS, { behavior: 'wait' });
  };
}

test('while another window loads, no figure and no notice of the one before stands under it', () =>
  withPage({}, async (page) => {
    await enterAndSee(page);
    const release = await held(page);
    await page.getByTestId('range-7d').click();
    const tiles = page.getByTestId('tiles');
    await eventually('loading', async () => (await tiles.getAttribute('aria-busy')) === 'true');
    await eventually('no figure', () => tiles.locator('.tile-value').first().evaluate((value) => getComputedStyle(value).color === 'rgba(0, 0, 0, 0)'));
    assert.equal(await page.getByTestId('reading').count(), 0);
    assert.ok(await page.getByTestId('chart-loading').isVisible());
    assert.equal(await page.getByTestId('mark').count(), 0);
    assert.equal(await page.getByTestId('groups').evaluate((table) => table.parentElement.getAttribute('aria-busy')), 'true');
    await release();
    await shown(page);
    assert.notEqual(await valueOf(page.getByTestId('tile-total_calls')), '');
    assert.ok(await page.getByTestId('reading').isVisible());
  }));

test('a notice that there are no calls goes with its window', () =>
  withPage({ path: `?range=own&from=${day(400)}&to=${day(399)}` }, async (page) => {
    await enter(page);
    await page.getByTestId('empty-after').waitFor();
    const release = await held(page);
    await page.getByTestId('range-24h').click();
    await page.getByTestId('empty').waitFor({ state: 'detached' });
    assert.equal(await valueOf(page.getByTestId('tile-total_calls')), '', 'nor are there figures without calls');
    await release();
    await shown(page);
  }));

test('a refusal goes with its window', () =>
  withPage({}, async (page) => {
    await enterAndSee(page);
    await page.route(BREAKDOWNS, (route) => route.fulfill({ status: 504, contentType: 'application/json', body: '{"error":"too slow"}' }));
    await page.getByTestId('range-7d').click();
    await page.getByTestId('error').waitFor();
    await page.unroute(BREAKDOWNS);
    const release = await held(page);
    await page.getByTestId('range-24h').click();
    await page.getByTestId('error').waitFor({ state: 'detached' });
    await release();
    await shown(page);
  }));

test('where the service is away, the rows stay pale under their own headings, and it is told once', () =>
  withPage({}, async (page) => {
    await enterAndSee(page);
    const rows = await page.locator('[data-test="groups"] [data-test="row"]').count();
    const heading = page.getByTestId('sort-dst_country');
    await page.route(BREAKDOWNS, (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '60' }, contentType: 'application/json', body: '{"error":"the database cannot be reached"}' }));
    // Other groups of another window: neither the chart nor the table gets an answer.
    await page.getByTestId('tab-q850-cause').click();
    await page.getByTestId('range-7d').click();
    await page.getByTestId('error').waitFor();
    await eventually('pale rows', () => page.getByTestId('groups').evaluate((table) => table.parentElement.classList.contains('pale')));
    assert.equal(await page.locator('[data-test="groups"] [data-test="row"]').count(), rows);
    assert.ok(await heading.isVisible());
    assert.ok(await page.getByTestId('tiles').evaluate((tiles) => tiles.classList.contains('pale')));
    assert.equal(await page.getByRole('alert').count(), 1, 'one banner');
    await page.unroute(BREAKDOWNS);
    await page.getByTestId('retry').click();
    await shown(page);
    assert.equal(await page.getByRole('alert').count(), 0);
    assert.ok(await page.getByTestId('sort-q850_cause').isVisible());
  }));

for (const [name, view, why] of [
  ['overlaps the window', 'range=28d&compare=week', 'overlap'],
  ['begins before the first call', 'range=28d', 'lacks'],
  ['has no call', `range=own&from=${day(2)}&to=${day(1)}&compare=year`, 'none'],
]) {
  test(`an earlier period that ${name} changes no total`, () =>
    withPage({ path: `?${view}` }, async (page) => {
      await enterAndSee(page);
      const note = page.getByTestId('incomparable');
      await note.waitFor();
      await shown(page);
      assert.equal(await note.getAttribute('data-why'), why);
      assert.equal(await valueOf(page.getByTestId('tile-total_calls-change')), '');
      assert.equal(await page.getByTestId('tile-total_calls-change').innerText().then((text) => text.trim()), '');
      assert.equal(await page.locator('[data-test="groups"] [data-column="total_calls_change"]').count(), 0);
      assert.ok(!/was/.test(await page.getByTestId('reading').innerText()));
    }));
}

test('seven days are compared with the week before, and no note is needed', () =>
  withPage({ path: '?range=7d' }, async (page) => {
    await enterAndSee(page);
    assert.equal(await page.getByTestId('incomparable').count(), 0);
    assert.notEqual(await valueOf(page.getByTestId('tile-total_calls-change')), '');
    assert.ok((await page.locator('[data-test="groups"] [data-column="total_calls_change"]').count()) > 0);
  }));

test('a live view keeps its figures while the next minute loads', () =>
  withPage({ path: '?live=5' }, async (page) => {
    await enterAndSee(page);
    const windows = new Set();
    const release = await held(page);
    page.on('request', (request) => /breakdown.*group-by=t&/.test(request.url()) && windows.add(new URL(request.url()).searchParams.get('to-time')));
    await page.clock.setFixedTime(Date.now() + 65_000);
    await eventually('the next minute is asked for', () => windows.size > 0);
    assert.equal(await page.getByTestId('tiles').getAttribute('aria-busy'), 'false');
    assert.ok(await page.getByTestId('reading').isVisible());
    await release();
    await shown(page);
  }));
