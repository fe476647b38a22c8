// What is shown where there are no figures: empty answers that say why, refusals, and a database that is away.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { DESKTOP, PHONE, enter, enterAndSee, eventually, shown, useBrowser, withPage } from './page.mjs';

const { SERVICE_PID } = process.env;

useBrowser();

const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);

for (const [name, device] of [['desktop', { ...DESKTOP, colorScheme: 'light' }], ['phone', { ...PHONE, colorScheme: 'dark' }]]) {
  test(`a window without calls leads to the nearest that there are: ${name}`, () =>
    withPage({ ...device, path: `?range=own&from=${day(400)}&to=${day(399)}` }, async (page) => {
      await enter(page);
      const empty = page.getByTestId('empty');
      await page.getByTestId('empty-after').waitFor();
      await empty.filter({ hasText: 'No calls in this window' }).waitFor();
      await page.getByTestId('empty-after').click();
      await shown(page);
      assert.ok(Number(await page.getByTestId('tile-total_calls').getAttribute('data-value')) > 0);
    }));

  test(`filters that leave nothing are told, and come off: ${name}`, () =>
    withPage({ ...device, path: '?range=7d&dst-country-id=83&destination-prefix-eq=1' }, async (page) => {
      await enter(page);
      await page.getByTestId('empty-clear').waitFor();
      await page.getByTestId('empty').filter({ hasText: 'The filters leave no calls' }).waitFor();
      await page.getByTestId('empty-clear').click();
      await shown(page);
      assert.equal(await page.locator('[data-test^="chip-"]').count(), 0);
    }));

  for (const [status, headers, body, words] of [
    [429, { 'Retry-After': '3' }, { error: 'too many requests' }, /Too many requests/],
    [503, { 'Retry-After': '2' }, { error: 'the database cannot be reached, try again (request r-1)' }, /away/],
    [504, {}, { error: 'the query took longer than limits.query_seconds (request r-2)' }, /took too long/],
    [502, {}, { error: 'the database failed to answer (request r-3)' }, /failed to answer/],
    [403, {}, { error: 'the token has no right to read calls one by one (export)' }, /not open to you/],
  ]) {
    test(`${status} is told in words, and tried again where that helps: ${name}`, () =>
      withPage(device, async (page) => {
        let refused = 0;
        const refuse = (route) => {
          refused += 1;
          return route.fulfill({ status, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) });
        };
        await page.route('**/origination-breakdown?*', refuse);
        await enter(page);
        const error = page.getByTestId('error');
        await error.waitFor();
        assert.equal(await error.getAttribute('data-status'), String(status));
        assert.match(await error.innerText(), words);
        if (headers['Retry-After']) {
          // It counts down, and asks again by itself.
          const count = page.getByTestId('retry-count').first();
          const seconds = async () => Number((await count.innerText().catch(() => '0')).replace(/\D/g, ''));
          assert.ok((await seconds()) <= Number(headers['Retry-After']));
          const before = refused;
          await eventually('another try', () => refused > before);
        }
        await page.unroute('**/origination-breakdown?*');
        if (!headers['Retry-After']) await page.getByTestId('retry').first().click();
        // The table's own, where it was refused after the chart was asked again; it may go while it is clicked.
        const table = page.getByTestId('table-error').getByTestId('retry');
        await eventually('figures again', async () => {
          if (!headers['Retry-After'] && (await table.isVisible())) await table.click({ timeout: 1000 }).catch(() => {});
          return (await page.getByRole('alert').count()) === 0;
        });
        await shown(page);
        await error.waitFor({ state: 'detached' });
      }));
  }
}

for (const [who, path] of [['customer', '?range=7d'], ['operator', '?page=overview&range=28d']]) {
  test(`a service that is busy for a moment is waited for, and no error is shown: the ${who}'s ${path}`, () =>
    withPage({ path }, async (page) => {
      let [refused, asked] = [0, 0];
      await page.route('**/*breakdown?*', async (route) => {
        asked += 1;
        // Whoever asks first, and now and then one of the rest.
        if (refused >= 8 || asked % 2 === 0) return route.continue();
        refused += 1;
        return route.fulfill({ status: 503, headers: { 'Retry-After': '1' }, json: { error: 'too many queries at once, try again (request r-1)' } });
      });
      await page.evaluate(() => {
        globalThis.alerts = [];
        new MutationObserver(() => globalThis.alerts.push(...[...document.querySelectorAll('[role="alert"]')].map((one) => one.textContent))).observe(document.body, { childList: true, subtree: true });
      });
      await enter(page, who);
      await page.waitForFunction(() => document.querySelector('[data-loading="false"]') !== null && document.querySelector('.skeleton, [data-loading="true"]') === null);
      assert.ok(refused >= 2, `${refused} of ${asked}`);
      assert.deepEqual(await page.evaluate(() => globalThis.alerts), []);
    }));
}

/** The service's child that runs ClickHouse; undefined where there is none. */
function engine() {
  const read = (pid, file) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8');
    } catch {
      return ''; // It has ended.
    }
  };
  const isOurs = (pid) => new RegExp(`^PPid:\\s+${SERVICE_PID}$`, 'm').test(read(pid, 'status')) && read(pid, 'cmdline').includes('engine-child');
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).find(isOurs);
}

test('ClickHouse is killed: what was there stays, the fault is told, and the figures come back by themselves', () =>
  withPage({ path: `?range=7d` }, async (page) => {
    await enterAndSee(page);
    const killed = engine();
    process.kill(killed, 'SIGKILL');
    // A window that nobody has asked for, so that nothing cached answers.
    await page.getByTestId('range-28d').click();
    const error = page.getByTestId('error');
    await error.or(page.getByTestId('table-error')).first().waitFor();
    assert.match(await page.getByTestId('error').or(page.getByTestId('table-error')).first().innerText(), /Try again/);
    assert.ok(await page.getByTestId('bar').isVisible(), 'the session is still there');
    await eventually('the engine again', () => ![undefined, killed].includes(engine()), 60);
    await eventually('the figures again', async () => (await page.locator('[data-test="error"],[data-test="table-error"]').count()) === 0, 90);
    await shown(page);
    assert.equal(await page.getByTestId('sign-in').count(), 0);
  }));
