// Takes the pictures of docs/pictures, where PICTURES is set; else they are as they are.
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { DESKTOP, PHONE, enter, enterAndSee, quiet, useBrowser, withPage } from './page.mjs';

const folder = new URL('../../docs/pictures/', import.meta.url).pathname;
const take = (page, name, options = {}) => page.screenshot({ path: `${folder}${name}.png`, animations: 'disabled', caret: 'hide', ...options });
const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);

if (process.env.PICTURES) {
  mkdirSync(folder, { recursive: true });
  useBrowser();

  test('a customer on a desktop, light', () =>
    withPage({ ...DESKTOP, path: '?range=7d&by=dst-country&sort=-lost_answers' }, async (page) => {
      await enterAndSee(page);
      await take(page, 'desktop');
    }));

  test('the operator, where an incident was found, dark', () =>
    withPage({ ...DESKTOP, colorScheme: 'dark', path: '?range=28d' }, async (page) => {
      await enterAndSee(page, 'operator');
      await page.getByTestId('mark').first().waitFor({ timeout: 60_000 });
      await take(page, 'incident');
    }));

  test('customers and vendors side by side', () =>
    withPage({ ...DESKTOP, path: '?page=overview&range=7d' }, async (page) => {
      await enter(page, 'operator');
      await page.getByTestId('customers').getByTestId('row').first().waitFor();
      await page.getByTestId('vendors').getByTestId('row').first().waitFor();
      await quiet(page);
      await take(page, 'operator');
    }));

  test('live calls', () =>
    withPage({ ...DESKTOP, path: '?page=live' }, async (page) => {
      await enter(page);
      await page.locator('[data-test="live-page"][data-loading="false"]').waitFor();
      await take(page, 'live');
    }));

  for (const colorScheme of ['light', 'dark']) {
    test(`a phone, ${colorScheme}`, () =>
      withPage({ ...PHONE, deviceScaleFactor: 1, colorScheme }, async (page) => {
        await enterAndSee(page);
        await take(page, `phone-${colorScheme}`);
      }));
  }

  test('an answer without calls, and one that failed', async () => {
    await withPage({ ...DESKTOP, path: `?range=own&from=${day(400)}&to=${day(399)}` }, async (page) => {
      await enter(page);
      await page.getByTestId('empty-after').waitFor();
      await take(page, 'empty', { clip: { x: 0, y: 0, width: 1280, height: 320 } });
    });
    await withPage({ ...DESKTOP }, async (page) => {
      await page.route('**/origination-breakdown?*', (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '30' }, contentType: 'application/json', body: '{"error":"the database cannot be reached, try again"}' }));
      await enter(page);
      await page.getByTestId('error').waitFor();
      await take(page, 'error', { clip: { x: 0, y: 0, width: 1280, height: 320 } });
    });
  });

  test('signing in', () =>
    withPage({ ...DESKTOP }, async (page) => {
      await page.getByTestId('sign-in').waitFor();
      await take(page, 'sign-in');
    }));
} else {
  test('pictures are taken with PICTURES=1', () => {});
}
