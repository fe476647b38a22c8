// The operator's view; and that a customer sees nothing of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESKTOP, OPERATOR_API, PHONE, ask, enter, enterAndSee, eventually, quiet, shown, useBrowser, valueOf, withPage } from './page.mjs';

const { OPERATOR_TOKEN } = process.env;

useBrowser();

for (const [name, device] of [['desktop, light', DESKTOP], ['phone, dark', { ...PHONE, colorScheme: 'dark' }]]) {
  test(`customers and vendors side by side, what lost money, health and exports: ${name}`, () =>
    withPage({ ...device, path: '?page=overview&range=7d' }, async (page) => {
      await enter(page, 'operator');
      for (const table of ['customers', 'vendors', 'watch-lost', 'below-cost', 'false-answers']) {
        await page.getByTestId(table).locator('[data-test="row"], .note').first().waitFor();
      }
      await page.getByTestId('health-ready').waitFor();
      await page.getByTestId('health-data').waitFor();
      await page.getByTestId('overview-exports').waitFor();
      assert.equal(await page.getByTestId('account').count(), 0, 'its figures are of all accounts');
      // What is left out of the rows is in "other", and how many they are of is said.
      const cell = async (row) => Number(await page.getByTestId('customers').getByTestId(row).locator('[data-column="total_calls"]').getAttribute('data-value'));
      const own = await page.getByTestId('customers').getByTestId('row').locator('[data-column="total_calls"]').evaluateAll((cells) => cells.reduce((sum, one) => sum + Number(one.dataset.value), 0));
      assert.equal(own + (await cell('other')), await cell('total'));
      assert.match(await page.getByTestId('customers-of').innerText(), /^15 of 20$/);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false);
      const customer = page.getByTestId('customers').getByTestId('row-button').first();
      await customer.click();
      await eventually('the customer alone', () => new URL(page.url()).searchParams.has('customer-id'));
      await shown(page);
      assert.ok(await page.getByTestId('chip-customer-id').isVisible());
    }));
}

test('a destination leads to the vendors that carry it, and the order stays', () =>
  withPage({ path: '?range=7d&by=destination-prefix&sort=-lost_answers' }, async (page) => {
    await enterAndSee(page, 'operator');
    const params = () => Object.fromEntries(new URL(page.url()).searchParams);
    const first = page.locator('[data-test="groups"] [data-test="row-button"]').first();
    for (const by of ['vendor', 'q850-cause']) {
      await first.click();
      await eventually(by, () => params().by === by);
      await shown(page);
      assert.deepEqual([params().sort, params().digits], ['-lost_answers', undefined]);
      assert.ok(await page.getByTestId('sort-lost_answers').isVisible());
    }
  }));

test('the other side keeps what it has, and what it has not is told', () =>
  withPage({ path: '?range=7d&by=q850-cause&dst-country-id=83&sort=-asr' }, async (page) => {
    const params = () => Object.fromEntries(new URL(page.url()).searchParams);
    await enterAndSee(page, 'operator');
    assert.equal(params().as, 'operator', 'the address says whose view it is');
    await page.getByTestId('account').click();
    const account = page.locator('[data-test^="account-"][type="checkbox"]').nth(1);
    const uuid = (await account.getAttribute('data-test')).replace('account-', '');
    await account.check();
    await page.getByTestId('chip-account').waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('side').selectOption('termination');
    await eventually('the other side', () => params().side === 'termination');
    await shown(page);
    assert.deepEqual([params().by, params().sort, params()['dst-country-id']], ['q850-cause', '-asr', '83']);
    const { accounts } = await ask(`${OPERATOR_API}/accounts`, OPERATOR_TOKEN);
    const one = accounts.find((account) => account.uuid === uuid);
    assert.equal(params().account, one.side === 'both' ? uuid : undefined);
    if (one.side !== 'both') assert.match(await page.getByTestId('told').innerText(), /left out: account /);
    await page.getByTestId('tab-dst-country').click();
    await shown(page);
    assert.equal(await page.getByTestId('told').count(), 0);
  }));

test('a page that the operator has not leads to another one, and it is said why', () =>
  withPage({ path: '?page=live' }, async (page) => {
    await enterAndSee(page, 'operator');
    assert.match(await page.getByTestId('told').innerText(), /Live calls are a page of customers/);
    await page.getByTestId('range-7d').click();
    await shown(page);
    assert.equal(await page.getByTestId('told').count(), 0);
  }));

test('nothing that is known to be refused is asked for, and exports that are off are not offered', () =>
  withPage({}, async (page) => {
    const refused = [];
    page.on('response', (response) => response.status() >= 400 && response.status() < 500 && refused.push(`${response.status()} ${response.url()}`));
    // As a service without a folder for exports tells it.
    await page.route('**/operator/v1/definitions', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), exports: false } });
    });
    await page.route('**/operator/v1/exports*', (route) => route.fulfill({ status: 404, json: { error: 'not found' } }));
    await enterAndSee(page, 'operator');
    await page.getByTestId('download').click();
    await page.getByTestId('download-calls-csv').waitFor();
    assert.equal(await page.getByTestId('export-order').count(), 0);
    await page.keyboard.press('Escape');
    assert.equal(await page.getByTestId('page-exports').count(), 0);
    await page.getByTestId('page-overview').click();
    await page.getByTestId('customers').locator('[data-test="row"]').first().waitFor();
    await page.getByTestId('health-data').waitFor();
    assert.equal(await page.getByTestId('overview-exports').count(), 0);
    await quiet(page);
    assert.deepEqual(refused, []);
  }));

test('both sides, margin and loss, and their figures are the API\'s', () =>
  withPage({ path: '?range=28d' }, async (page) => {
    await enterAndSee(page, 'operator');
    const tiles = await page.locator('[data-test="tiles"] > button').evaluateAll((all) => all.map((one) => one.dataset.test));
    assert.ok(tiles.includes('tile-revenue') && tiles.includes('tile-margin'), `${tiles}`);
    assert.equal(await page.getByTestId('caveat').count(), 0);
    assert.match(await page.getByTestId('tab-vendor').getAttribute('title'), /by its last attempt/);
    await page.getByTestId('tab-vendor').click();
    await shown(page);
    assert.match(await page.getByTestId('caveat').innerText(), /Each call by its last attempt/);
    await page.getByTestId('sort-margin').click();
    await shown(page);
    await page.getByTestId('side').selectOption('termination');
    await eventually('the other side', () => new URL(page.url()).searchParams.get('side') === 'termination');
    await shown(page);
    assert.equal(await page.getByTestId('caveat').count(), 0);
    const address = new URL(await page.getByTestId('api-url-chart').textContent());
    assert.equal(address.searchParams.get('side'), 'termination');
    const answer = await ask(address.pathname + address.search, OPERATOR_TOKEN);
    const asr = await valueOf(page.getByTestId('tile-asr'));
    // Calls go on meanwhile, in the last place of the ratio at most.
    assert.ok(Math.abs(Number(asr) - Number(answer.totals.asr)) < 0.1, `${asr} ${answer.totals.asr}`);
  }));

test('a customer sees no figure of the operator\'s, whatever the address says', async () => {
  const words = /margin|vendor|cost|revenue|loss_calls|operator\/v1/i;
  for (const path of [
    '?range=7d', '?as=operator&range=7d', '?page=overview', '?measure=margin&measures=margin,cost,loss&sort=-margin', '?by=vendor', '?by=customer,vendor&side=termination',
    '?vendor-id=9001&customer-id=2', '?page=exports', '?page=live',
  ]) {
    await withPage({ path }, async (page) => {
      const asked = [];
      page.on('response', async (response) => {
        const url = response.url();
        if (url.includes('/api/')) asked.push([response.status(), url, await response.text().catch(() => '')]);
      });
      await enter(page);
      await page.locator('[data-test="traffic"][data-loading="false"], [data-test="exports-page"], [data-test="live-page"]').first().waitFor();
      if ((await page.getByTestId('traffic').count()) > 0) await shown(page);
      await eventually('answers', () => asked.length > 2);
      for (const [status, url, body] of asked) {
        assert.ok(!words.test(new URL(url).pathname + new URL(url).search.replace(/term-gw|vendor_/g, '')), `${path} asked for ${url}`);
        assert.ok(status < 400, `${status} ${url}`);
        if (!url.includes('/definitions')) assert.ok(!/"(margin|cost|revenue|loss|vendor)[a-z_]*"/.test(body), `${url}: ${body.slice(0, 300)}`);
      }
      const text = await page.evaluate(() => document.body.innerText);
      assert.ok(!/margin|revenue|\bcost\b/i.test(text), `${path}: ${text}`);
    });
  }
});
