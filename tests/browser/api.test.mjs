// The page of the API's document: examples of a time that has data, answers as table and chart, on a phone too.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { DESKTOP, PAGE, PHONE, axe, enter, eventually, useBrowser, withPage } from './page.mjs';

const { TOKEN } = process.env;

useBrowser();

const isWide = (page) => page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

/** The form of an operation, open. */
async function form(page, id) {
  await page.locator(`#${id} > summary`).click();
  return page.locator(`#${id} > form`);
}

for (const [name, device] of [['desktop, light', DESKTOP], ['phone, dark', { ...PHONE, colorScheme: 'dark' }]]) {
  test(`an example is sent as it stands, and its answer is a table, a chart and a file: ${name}`, () =>
    withPage({ ...device, path: 'docs' }, async (page) => {
      await page.locator('#token').fill(TOKEN);
      await page.locator('#found', { hasText: 'Examples' }).waitFor();
      const quality = await form(page, 'originationStatisticsQuality');
      const required = await quality.locator('> table input:visible, > table select:visible').count();
      assert.ok(required >= 3 && required <= 6, `${required} fields before the rest`);
      assert.ok(!(await quality.locator('details.more input').first().isVisible()), 'the rest is folded');
      await quality.locator('> button').click();
      const output = quality.locator('output');
      await output.locator('.rows tbody tr').first().waitFor();
      assert.match(await output.innerText(), /^200 OK/);
      const calls = await output.locator('.rows tbody tr').evaluateAll((rows) => rows.map((row) => Number(row.cells[1].textContent)));
      assert.ok(calls.some((count) => count > 0), `there are calls: ${calls}`);
      await output.getByRole('button', { name: 'Chart' }).click();
      assert.ok((await output.locator('svg polyline').count()) > 0);
      await output.getByLabel('Measure').selectOption('asr');
      await output.getByRole('button', { name: 'JSON' }).click();
      const json = JSON.parse(await output.locator('pre').innerText());
      assert.deepEqual(json.data.total_calls, calls);
      assert.ok(calls.length <= 100, 'a day, by no shorter buckets than people read');
      const [file] = await Promise.all([page.waitForEvent('download'), output.getByRole('button', { name: 'Download' }).click()]);
      assert.deepEqual(JSON.parse(await readFile(await file.path(), 'utf8')).data, json.data);
      assert.equal(await isWide(page), false);
    }));

  test(`nothing is wider than the screen, and no backtick is left: ${name}`, () =>
    withPage({ ...device, path: 'docs' }, async (page) => {
      for (const details of await page.locator('details').all()) await details.evaluate((one) => (one.open = true));
      assert.equal(await isWide(page), false);
      const left = await page.evaluate(() => [...document.querySelectorAll('body *:not(pre):not(script):not(textarea)')].filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.includes('`'))).map((one) => one.textContent.slice(0, 80)));
      assert.deepEqual(left, []);
    }));
}

test('the session of the page serves here too', () =>
  withPage({ permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
    await enter(page);
    await page.goto(`${PAGE}docs`);
    await page.locator('#found', { hasText: 'Examples' }).waitFor();
    const breakdown = await form(page, 'originationBreakdown');
    await breakdown.locator('> button').click();
    const output = breakdown.locator('output');
    await output.getByRole('button', { name: 'Chart' }).click();
    assert.ok((await output.locator('svg rect').count()) > 2);
    await output.getByRole('button', { name: 'Copy' }).click();
    const copied = await eventually('the copy', () => page.evaluate(() => navigator.clipboard.readText()));
    assert.ok(JSON.parse(copied).rows > 2);
    assert.deepEqual((await axe(page)).filter((fault) => /critical/.test(fault)), []);
  }));
