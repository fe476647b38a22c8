// Everything by the keyboard alone: nothing here touches a mouse.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, shown, useBrowser, valueOf, withPage } from './page.mjs';

useBrowser();

const params = (page) => Object.fromEntries(new URL(page.url()).searchParams);
const focused = (page) => page.evaluate(() => document.activeElement?.closest('[data-test]')?.dataset.test ?? document.activeElement?.tagName);

/** Presses Tab until an element has the focus, which has to be seen. */
async function tabTo(page, test, most = 120) {
  for (let presses = 0; presses < most; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await focused(page)) === test) {
      const seen = await page.evaluate(() => {
        const style = getComputedStyle(document.activeElement);
        const box = document.activeElement.getBoundingClientRect();
        return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) && box.width > 0 && box.height > 0;
      });
      assert.ok(seen, `the focus on ${test} is not seen`);
      return;
    }
  }
  assert.fail(`Tab does not reach ${test}`);
}

for (const colorScheme of ['light', 'dark']) {
  test(`sign in, look, filter, zoom and sign out, ${colorScheme}`, () =>
    withPage({ colorScheme }, async (page) => {
      const press = (key) => page.keyboard.press(key);
      await page.getByTestId('sign-in').waitFor();
      await tabTo(page, 'demo-customer');
      await press('Enter');
      await shown(page);
      // Ranges and steps.
      for (const [key, range] of [['2', '7d'], ['3', '28d'], ['1', null]]) {
        await press(key);
        await eventually(`range ${range}`, () => (params(page).range ?? null) === range);
        await shown(page);
      }
      await press('[');
      await eventually('a step back', () => params(page).range === 'own');
      await shown(page);
      await press(']');
      await shown(page);
      await press('2');
      await shown(page);
      // Help, and out of it.
      await press('?');
      await page.getByTestId('help-dialog').waitFor();
      await press('Escape');
      await page.getByTestId('help-dialog').waitFor({ state: 'detached' });
      assert.equal(params(page).range, '7d', 'Escape closed the dialog and nothing else');
      // A tile, a menu, the chart.
      await tabTo(page, 'tile-asr');
      await press('Enter');
      await eventually('the measure', () => params(page).measure === 'asr');
      await shown(page);
      await tabTo(page, 'chart');
      const reading = page.getByTestId('reading');
      const at = () => reading.getAttribute('data-at');
      assert.equal(await reading.getAttribute('aria-live'), 'polite');
      await press('ArrowRight');
      await eventually('a reading', async () => (await at()) !== '');
      const first = await at();
      await press('ArrowRight');
      await eventually('the next bucket', async () => Number(await at()) > Number(first));
      await press('ArrowLeft');
      await eventually('the bucket before', async () => (await at()) === first);
      await press('End');
      await press('Home');
      await eventually('the first bucket', async () => (await at()) === first);
      for (let presses = 0; presses < 20; presses += 1) await press('ArrowRight');
      for (let presses = 0; presses < 5; presses += 1) await press('Shift+ArrowRight');
      const before = Number(await valueOf(page.getByTestId('tile-total_calls')));
      await press('Enter');
      await eventually('the zoom', () => params(page).range === 'own');
      await shown(page);
      assert.ok(Number(await valueOf(page.getByTestId('tile-total_calls'))) < before);
      await press('Escape');
      await press('Escape');
      await eventually('back from the zoom', () => params(page).range === '7d');
      await shown(page);
      // Tabs, order, a row.
      await tabTo(page, 'tab-q850-cause');
      await press('Enter');
      await eventually('the tab', () => params(page).by === 'q850-cause');
      await shown(page);
      await tabTo(page, 'sort-asr');
      await press('Space');
      await eventually('the order', () => params(page).sort === '-asr');
      await shown(page);
      await tabTo(page, 'row-button');
      await press('Enter');
      await page.locator('[data-test^="chip-"]').first().waitFor();
      await shown(page);
      await tabTo(page, 'chip-q850-cause');
      await press('Enter');
      await eventually('no chip', async () => (await page.locator('[data-test^="chip-"]').count()) === 0);
      await shown(page);
      // A menu opens, is left by Escape, and gives the focus back.
      await tabTo(page, 'download');
      await press('Enter');
      await page.getByTestId('download-table-csv').waitFor();
      await press('Escape');
      await page.getByTestId('download-table-csv').waitFor({ state: 'hidden' });
      assert.equal(await focused(page), 'download');
      await tabTo(page, 'sign-out');
      await press('Enter');
      await page.getByTestId('sign-in').waitFor();
    }));
}
