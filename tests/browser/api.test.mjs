// The page of the API's document: examples of a time that has data, answers as table and chart, on a phone too.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { DESKTOP, PAGE, PHONE, axe, enter, eventually, useBrowser, withPage } from './page.mjs';

const { TOKEN, OPERATOR_TOKEN } = process.env;

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

/** Sends every operation's example as it stands, and gives what each answered. */
async function sent(page, api) {
  const results = [];
  for (const form of await page.locator(`form[data-method="GET"][data-path^="${api}"]`).all()) {
    const path = await form.getAttribute('data-path');
    await form.evaluate((one) => {
      for (let box = one; box; box = box.parentElement.closest('details')) if (box.tagName === 'DETAILS') box.open = true;
    });
    await form.locator('> button').first().click();
    const output = form.locator('output');
    await output.filter({ hasText: /^\d{3} / }).waitFor();
    results.push([path, (await output.innerText()).split(',')[0], await output.locator('.rows tbody tr').count(), form]);
  }
  return results;
}

for (const [who, token, api] of [['customer', TOKEN, '/api/rest/customer/v1/'], ['operator', OPERATOR_TOKEN, '/api/rest/operator/v1/']]) {
  test(`every example of the ${who}'s API is answered as it stands, with rows where calls are asked for`, () =>
    withPage({ path: 'docs' }, async (page) => {
      await page.locator('#token').fill(token);
      await page.locator('#found', { hasText: 'Examples' }).waitFor();
      const results = await sent(page, api);
      assert.ok(results.length >= 6, `${results.map(([path]) => path)}`);
      for (const [path, status, rows] of results) {
        // An export's id is its asker's own.
        if (path.includes('{')) continue;
        assert.equal(status, '200 OK', path);
        if (/statistics|breakdown|cdrs/.test(path) && !/termination/.test(path)) assert.ok(rows > 0, `${path} has no row`);
      }
    }));
}

for (const [name, device] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`axe-core finds nothing, folded, open, and with answers: ${name}, ${colorScheme}`, () =>
      withPage({ ...device, colorScheme, path: 'docs' }, async (page) => {
        assert.deepEqual(await axe(page), [], 'folded');
        await page.locator('#token').fill(TOKEN);
        await page.locator('#found', { hasText: 'Examples' }).waitFor();
        const breakdown = await form(page, 'originationBreakdown');
        await breakdown.locator('> button').click();
        const output = breakdown.locator('output');
        for (const view of ['Table', 'Chart', 'JSON']) {
          await output.getByRole('button', { name: view }).click();
          assert.deepEqual(await axe(page), [], view);
          assert.equal(await isWide(page), false, view);
        }
        await breakdown.locator('details.more summary').first().click();
        assert.deepEqual(await axe(page), [], 'all parameters');
        for (const details of await page.locator('details').all()) await details.evaluate((one) => (one.open = true));
        assert.deepEqual(await axe(page), [], 'all open');
      }));
  }
}

test('by the keyboard alone: an operation is opened, changed, sent, and its answer looked at', () =>
  withPage({ path: 'docs', permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
    const at = () => page.evaluate(() => document.activeElement.outerHTML.slice(0, 200));
    /** Tabs on to what a selector means. */
    const reach = async (selector, key = 'Tab') => {
      for (let steps = 0; steps < 300; steps += 1) {
        if (await page.evaluate((one) => document.activeElement.matches(one), selector)) return;
        await page.keyboard.press(key);
      }
      assert.fail(`${selector} is not reached; the focus is on ${await at()}`);
    };
    const isMarked = () => page.evaluate(() => parseFloat(getComputedStyle(document.activeElement).outlineWidth) > 0);
    await reach('#token');
    await page.keyboard.insertText(TOKEN);
    await page.locator('#found', { hasText: 'Examples' }).waitFor();
    await reach('#originationBreakdown > summary');
    assert.ok(await isMarked(), 'the focus is seen');
    await page.keyboard.press('Enter');
    await reach('#originationBreakdown [name="group-by"]');
    await page.keyboard.press('Enter');
    const output = page.locator('#originationBreakdown output');
    await output.locator('.rows tbody tr').first().waitFor();
    await reach('#originationBreakdown output button');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await output.locator('svg').waitFor();
    assert.ok(await isMarked());
    await reach('#originationBreakdown output select');
    await page.keyboard.press('ArrowDown');
    await reach('#originationBreakdown output button', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await eventually('the copy', () => page.evaluate(async () => (await navigator.clipboard.readText()).includes('"rows"') || document.activeElement.textContent === 'Download'));
    await reach('#originationBreakdown details.more > summary');
    await page.keyboard.press('Enter');
    assert.ok(await page.locator('#originationBreakdown details.more input').first().isVisible());
  }));

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
    assert.deepEqual(await axe(page), []);
  }));
