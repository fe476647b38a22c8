// A finger on the chart: dragging over it zooms in, along the page it scrolls, a tap reads, and two fingers are the browser's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE, eventually, shown, useBrowser, valueOf, withPage } from './page.mjs';

useBrowser();

const TABLET = { viewport: { width: 820, height: 1180 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const range = (page) => new URL(page.url()).searchParams.get('range');
const reading = (page) => page.getByTestId('reading').getAttribute('data-at');
const selection = (page) => page.locator('.u-select').first().evaluate((one) => one.offsetWidth);

/** Signs in by a finger: a mouse that was once there would be told of what moves under it. */
async function enterByTap(page) {
  await page.getByTestId('demo-customer').tap();
  await page.getByTestId('bar').waitFor();
}

async function enterAndSee(page) {
  await enterByTap(page);
  await shown(page);
  await page.locator('[data-test^="marks"][data-state="done"]').waitFor();
}

/** A finger that goes down, along a path, and up, as the screen would tell; `during` looks before it goes up. */
async function swipe(page, [from, ...path], during = async () => {}) {
  const screen = await page.context().newCDPSession(page);
  const touch = (type, points) => screen.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y]) => ({ x, y })) });
  await touch('touchStart', [from]);
  let last = from;
  for (const to of path) {
    for (let step = 1; step <= 8; step += 1) await touch('touchMove', [[0, 1].map((axis) => last[axis] + ((to[axis] - last[axis]) * step) / 8)]);
    last = to;
  }
  await during();
  await touch('touchEnd', []);
}

/** Points of the chart as shares of its width, at so many pixels below its top; the chart is in the middle of the screen. */
async function pointsOf(page, test = 'chart') {
  const chart = page.getByTestId(test);
  await chart.evaluate((one) => one.scrollIntoView({ block: 'center' }));
  const box = await chart.boundingBox();
  return (share, below = 120) => [box.x + box.width * share, box.y + below];
}

for (const [name, device] of [['phone', PHONE], ['tablet', TABLET]]) {
  test(`a finger that drags over the chart zooms in, either way: ${name}`, () =>
    withPage({ ...device, path: '?range=7d' }, async (page) => {
      await enterAndSee(page);
      for (const [from, to] of [[0.4, 0.7], [0.7, 0.4]]) {
        const before = Number(await valueOf(page.getByTestId('tile-total_calls')));
        const at = await pointsOf(page);
        await swipe(page, [at(from), at(to, 130)], async () => {
          assert.ok((await selection(page)) > 50, 'the span is marked');
          assert.notEqual(await reading(page), '', 'and its end read');
        });
        await page.waitForFunction(() => new URLSearchParams(location.search).get('range') === 'own');
        await shown(page);
        const calls = Number(await valueOf(page.getByTestId('tile-total_calls')));
        assert.ok(calls > 0 && calls < before, `${calls} of ${before}`);
        assert.equal(await page.evaluate(() => scrollX), 0);
        await page.goBack();
        await page.waitForFunction(() => new URLSearchParams(location.search).get('range') === '7d');
        await shown(page);
      }
    }));

  test(`a finger along the page scrolls it, from the chart too, and selects nothing: ${name}`, () =>
    withPage({ ...device, path: '?range=7d' }, async (page) => {
      await enterAndSee(page);
      // Slower than a fling, a little to the side, as people do.
      await page.evaluate(() => scrollTo(0, 0));
      const box = await page.getByTestId('chart').boundingBox();
      const x = box.x + box.width / 2;
      await swipe(page, [[x, box.y + 200], [x + 12, box.y - 100]]);
      await eventually('a scroll', () => page.evaluate(() => scrollY > 100));
      assert.equal(await selection(page), 0);
      assert.equal(range(page), '7d');
      await eventually('the whole window again', async () => (await reading(page)) === '');
    }));

  test(`a tap reads a bucket, another one elsewhere leaves it, and neither zooms: ${name}`, () =>
    withPage({ ...device, path: '?range=7d' }, async (page) => {
      await enterAndSee(page);
      const at = await pointsOf(page);
      const seen = new Set();
      for (const share of [0.3, 0.6]) {
        await page.touchscreen.tap(...at(share));
        await eventually('a bucket', async () => !['', ...seen].includes(await reading(page)));
        seen.add(await reading(page));
      }
      assert.match(await page.getByTestId('reading').innerText(), /Calls \d/);
      await page.touchscreen.tap(...at(0.5, -60));
      await eventually('the whole window', async () => (await reading(page)) === '');
      assert.equal(range(page), '7d');
      // A finger is not quite still.
      await swipe(page, [at(0.5), [at(0.5)[0] + 4, at(0.5)[1] + 2]]);
      assert.equal(await selection(page), 0);
      assert.equal(range(page), '7d');
    }));
}

test('two fingers select nothing', () =>
  withPage({ ...PHONE, path: '?range=7d' }, async (page) => {
    await enterAndSee(page);
    const at = await pointsOf(page);
    const screen = await page.context().newCDPSession(page);
    const touch = (type, points) => screen.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
    await touch('touchStart', [at(0.45), at(0.55)]);
    for (let step = 1; step <= 8; step += 1) await touch('touchMove', [at(0.45 - step / 40), at(0.55 + step / 40)]);
    await touch('touchEnd', []);
    await eventually('no selection', async () => (await selection(page)) === 0);
    assert.equal(range(page), '7d');
  }));

test('live calls are read by a tap', () =>
  withPage({ ...PHONE, path: '?page=live' }, async (page) => {
    await enterByTap(page);
    await page.locator('[data-test="live-page"][data-loading="false"]').waitFor();
    const at = await pointsOf(page, 'live-chart');
    const before = await page.getByTestId('live-reading').innerText();
    await page.touchscreen.tap(...at(0.3, 100));
    await eventually('a minute', async () => (await page.getByTestId('live-reading').innerText()) !== before);
  }));
