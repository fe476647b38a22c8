// Live calls, and figures that are looked at again by themselves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CUSTOMER_API, DESKTOP, PHONE, ask, enter, enterAndSee, eventually, quiet, shown, useBrowser, withPage } from './page.mjs';

useBrowser();

for (const [name, device] of [['desktop, light', DESKTOP], ['phone, dark', { ...PHONE, colorScheme: 'dark' }]]) {
  test(`the calls that are up, by minute and one by one: ${name}`, () =>
    withPage({ ...device, path: '?page=live' }, async (page) => {
      await enter(page);
      await page.locator('[data-test="live-page"][data-loading="false"]').waitFor();
      // What the list says is what the page does.
      if (name.startsWith('phone')) await page.getByTestId('sheet-open').click();
      assert.deepEqual(
        [await page.getByTestId('live').inputValue(), await page.getByTestId('live').locator('option').allInnerTexts()],
        ['10', ['Live: 5 s', 'Live: 10 s', 'Live: 30 s']],
      );
      await page.getByTestId('live').selectOption('5');
      await page.getByTestId('live-panel').filter({ hasText: 'Looked again every 5 s' }).waitFor();
      if (name.startsWith('phone')) await page.getByTestId('sheet-close').click();
      const up = () => page.getByTestId('live-up').getAttribute('data-value').then(Number);
      // A snapshot comes with each minute, so both are asked for until they are of the same one.
      const account = new URL(await page.getByTestId('download-live-csv').getAttribute('href'), page.url()).searchParams.get('account-id');
      await eventually('the same number of calls', async () => {
        const { rows } = await ask(`${CUSTOMER_API}/outgoing-active-calls?account-id=${account}`);
        return rows === (await up());
      }, 40);
      const listed = page.getByTestId('live-calls').or(page.getByTestId('live-quiet'));
      await listed.first().waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth), false);
      await page.getByTestId('live-span').selectOption({ index: 0 });
      await page.locator('[data-test="live-page"][data-loading="false"]').waitFor();
      await page.getByTestId('live-chart').focus();
      await page.keyboard.press('ArrowLeft');
      assert.match(await page.getByTestId('live-reading').innerText(), /Calls up/);
      await page.getByTestId('live-search').fill('no such number');
      await eventually('no call of that number', async () => (await page.getByTestId('live-calls').count()) === 0 || (await page.getByTestId('live-calls').getAttribute('data-rows')) === '0');
    }));
}

test('live figures are asked for by their ETag, and not in a tab that nobody sees', () =>
  withPage({ path: `?range=own&from=${new Date(Date.now() - 5 * 86_400_000).toISOString().slice(0, 10)}&live=5` }, async (page) => {
    const asked = [];
    page.on('response', async (response) => {
      if (response.url().includes('origination-breakdown')) asked.push([response.status(), (await response.request().allHeaders())['if-none-match']]);
    });
    await enterAndSee(page);
    const first = asked.length;
    await eventually('a look by ETag', () => asked.slice(first).some(([, etag]) => etag?.startsWith('W/"')), 20);
    // The browser answers its own question by what it holds where the service says 304, so both are good.
    assert.ok(asked.slice(first).every(([status]) => status === 304 || status === 200), JSON.stringify(asked));
    await shown(page);
    // As another tab in front does it.
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => globalThis.isHidden ?? false });
      globalThis.isHidden = true;
      document.dispatchEvent(new Event('visibilitychange'));
    });
    // What was asked for before may still be answered.
    await quiet(page);
    const hidden = asked.length;
    await page.waitForTimeout(6500); // Longer than a beat: that nothing comes cannot be waited for otherwise.
    assert.equal(asked.length, hidden, 'a hidden tab asks for nothing');
    await page.evaluate(() => {
      globalThis.isHidden = false;
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await eventually('a look at once', () => asked.length > hidden, 4);
  }));

test('the theme follows the system until it is chosen, and the choice is kept', () =>
  withPage({ colorScheme: 'dark' }, async (page) => {
    await enterAndSee(page);
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const brightness = async () => (await background()).match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3;
    assert.ok((await brightness()) < 80);
    for (const wanted of ['light', 'dark', 'light']) {
      for (let clicks = 0; clicks < 3 && (await page.getByTestId('theme').getAttribute('data-theme-now')) !== wanted; clicks += 1) await page.getByTestId('theme').click();
      assert.equal(await page.getByTestId('theme').getAttribute('data-theme-now'), wanted);
      await eventually('the colours', async () => ((await brightness()) > 150) === (wanted === 'light'));
    }
    await page.reload();
    await shown(page);
    assert.ok((await brightness()) > 150);
  }));

test('nothing moves where the system asks for no motion', () =>
  withPage({ reducedMotion: 'reduce' }, async (page) => {
    await enterAndSee(page);
    const moving = await page.evaluate(() => document.getAnimations().length
      + [...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration.split(',').some((time) => parseFloat(time) > 0.01)).length);
    assert.equal(moving, 0);
  }));
