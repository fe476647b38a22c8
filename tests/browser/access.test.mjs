// What axe-core finds, in every view, on a desktop and on a phone, light and dark: nothing. And no sideways scroll.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESKTOP, PHONE, axe, enter, shown, useBrowser, withPage } from './page.mjs';

useBrowser();

const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
const traffic = (page) => shown(page);
const VIEWS = [
  ['customer', '?range=7d', traffic],
  ['customer', '?range=7d&figures=1&by=dst-country,q850-cause&dst-country-id=83', traffic],
  ['customer', '?range=24h&calls=1', (page) => page.getByTestId('calls').waitFor()],
  ['customer', '?page=live', (page) => page.locator('[data-test="live-page"][data-loading="false"]').waitFor()],
  ['customer', '?page=exports', (page) => page.getByTestId('exports').waitFor()],
  ['customer', `?range=own&from=${day(400)}&to=${day(399)}`, (page) => page.getByTestId('empty-after').waitFor()],
  ['operator', '?range=28d&by=vendor', traffic],
  ['operator', '?page=overview', async (page) => {
    await page.getByTestId('customers').getByTestId('row').first().waitFor();
    await page.getByTestId('health-data').waitFor();
  }],
];

for (const [name, device] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`${name}, ${colorScheme}`, async () => {
      await withPage({ ...device, colorScheme }, async (page) => {
        await page.getByTestId('sign-in').waitFor();
        assert.deepEqual(await axe(page), [], 'sign-in');
      });
      for (const [who, path, ready] of VIEWS) {
        await withPage({ ...device, colorScheme, path }, async (page) => {
          await enter(page, who);
          await ready(page);
          assert.deepEqual(await axe(page), [], `${who} ${path}`);
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false, `${path} scrolls sideways`);
        });
      }
      await withPage({ ...device, colorScheme }, async (page) => {
        await enter(page);
        await shown(page);
        if (name === 'phone') await page.getByTestId('sheet-open').click();
        if (name === 'phone') assert.deepEqual(await axe(page), [], 'sheet');
        for (const menu of ['filter', 'download', 'zone']) {
          await page.getByTestId(menu).click();
          assert.deepEqual(await axe(page), [], menu);
          await page.keyboard.press('Escape');
          if (name === 'phone' && (await page.getByTestId('sheet').count()) === 0) await page.getByTestId('sheet-open').click();
        }
        await page.getByTestId('help').click();
        await page.getByTestId('help-dialog').waitFor();
        assert.deepEqual(await axe(page), [], 'help');
      });
      await withPage({ ...device, colorScheme }, async (page) => {
        await page.route('**/origination-breakdown?*', (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '60' }, contentType: 'application/json', body: '{"error":"the database cannot be reached, try again"}' }));
        await enter(page);
        await page.getByTestId('error').waitFor();
        assert.deepEqual(await axe(page), [], 'error');
      });
    });
  }
}
