// Figures of the page are the API's, to the digit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, enterAndSee, shown, useBrowser, withPage } from './page.mjs';

const { TOKEN, OPERATOR_TOKEN } = process.env;

useBrowser();

/** Whole days in the past, whose figures stay as they are. */
const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
const WINDOW = `range=own&from=${day(9)}&to=${day(2)}`;

/** What a view has asked the API for, asked by the test itself. */
async function asked(page, test, token) {
  const address = new URL(await page.getByTestId(`api-url-${test}`).textContent());
  return ask(address.pathname + address.search, token);
}

const text = (value) => (value === null || value === undefined ? '' : String(value));

async function assertSame(page, token) {
  const [chart, table] = [await asked(page, 'chart', token), await asked(page, 'table', token)];
  const tiles = await page.locator('[data-test="tiles"] > button').evaluateAll((all) =>
    all.map((tile) => [tile.dataset.test.replace('tile-', ''), tile.dataset.value, tile.querySelector('[data-test$="-change"]').dataset.value]));
  assert.ok(tiles.length >= 8, `${tiles}`);
  for (const [name, value, change] of tiles) {
    assert.equal(value, text(chart.totals[name]), `tile ${name}`);
    assert.equal(change, text(chart.totals[`${name}_change`]), `change of ${name}`);
  }
  const cells = (row) => row.evaluateAll((all) => all.map((one) => [...one.querySelectorAll('td[data-column]')].map((cell) => [cell.dataset.column, cell.dataset.value])));
  const groups = page.getByTestId('groups');
  const rows = await cells(groups.getByTestId('row'));
  assert.equal(rows.length, table.rows);
  rows.forEach((row, index) => row.forEach(([name, value]) => assert.equal(value, text(table.data[name]?.[index]), `row ${index}, ${name}`)));
  for (const [test, values] of [['other', table.other], ['total', table.totals]]) {
    if (values === null) continue;
    const [row] = await cells(groups.getByTestId(test));
    assert.ok(row.length >= 8);
    row.forEach(([name, value]) => assert.equal(value, text(values[name]), `${test}, ${name}`));
  }
  return { chart, table };
}

for (const [who, token] of [['customer', TOKEN], ['operator', OPERATOR_TOKEN]]) {
  test(`tiles and table of the ${who} have the API's figures`, () =>
    withPage({ path: `?${WINDOW}&by=dst-country` }, async (page) => {
      await enterAndSee(page, who);
      await assertSame(page, token);
      for (const change of ['by=dst-country,q850-cause&limit=100', 'by=hour-of-day&compare=previous', 'by=t,dst-country&sampling=day&dst-country-id=83', 'by=dst-prefix&digits=5&sort=-asr&compare=none', 'by=auth-orig-ip&zone=Asia/Tokyo&min-calls=10']) {
        await page.goto(`${page.url().split('?')[0]}?${WINDOW}&${change}`);
        await shown(page);
        await assertSame(page, token);
      }
    }));
}

test('what is read is what the API says, written as people write it', () =>
  withPage({ path: `?${WINDOW}`, locale: 'de-DE' }, async (page) => {
    await enterAndSee(page);
    const { totals } = await asked(page, 'chart', TOKEN);
    const german = (value) => {
      const [whole, places] = String(value).split('.');
      const grouped = whole.replace(/\B(?=(\d{3})+$)/g, '.');
      return places === undefined ? grouped : `${grouped},${places}`;
    };
    for (const name of ['total_calls', 'total_duration', 'total_price']) {
      const shownText = await page.getByTestId(`tile-${name}`).locator('.tile-value').innerText();
      const digits = shownText.replace(/[^\d.,]/g, '').replace(/,?0*$/, '');
      assert.ok(german(totals[name]).startsWith(digits) || shownText.startsWith(german(totals[name])), `${name}: ${shownText} of ${totals[name]}`);
    }
  }));

test('the chart, read bucket by bucket, has the figures of its table and of the API', () =>
  withPage({ path: `?${WINDOW}&sampling=day&figures=1&compare=none` }, async (page) => {
    await enterAndSee(page);
    const { data } = await asked(page, 'chart', TOKEN);
    await page.getByTestId('chart').focus();
    for (let index = 0; index < data.t.length; index += 1) {
      await page.keyboard.press('ArrowRight');
      const reading = page.getByTestId('reading');
      await page.waitForFunction((at) => document.querySelector('[data-test="reading"]').dataset.at === String(at), data.t[index]);
      const calls = Number((await reading.locator('.of-main b').innerText()).replace(/[^\d]/g, ''));
      assert.equal(calls, data.total_calls[index]);
    }
    const figures = await page.getByTestId('figures').locator('tbody tr').count();
    assert.ok(figures >= data.t.length, `${figures}`);
  }));

test('the curl line gives what is shown', () =>
  withPage({ path: `?${WINDOW}` }, async (page) => {
    await enterAndSee(page);
    const line = await page.getByTestId('api-curl-table').textContent();
    assert.ok(line.includes((await page.getByTestId('api-url-table').textContent()).trim().split('?')[0]), line);
    assert.ok(/Authorization/.test(line) && !line.includes('eyJ'), line);
  }));
