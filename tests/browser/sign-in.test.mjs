// Signing in and out, and coming back to the same view.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { DESKTOP, PAGE, PHONE, enter, eventually, shown, useBrowser, withPage } from './page.mjs';

const { TOKEN, OPERATOR_TOKEN, LOGIN, PASSWORD, PROGRAM } = process.env;
const VIEW = '?by=q850-cause&range=7d&measure=asr';

useBrowser();

/** Where no token may ever be: what scripts, the history or another tab could read. */
async function assertNoTokenIsLeft(page) {
  const kept = await page.evaluate(() => JSON.stringify([location.href, { ...localStorage }, { ...sessionStorage }, document.cookie, history.state, document.body.outerHTML]));
  assert.ok(!kept.includes('eyJ'), kept);
}

for (const [name, device] of [['desktop', DESKTOP], ['phone', PHONE]]) {
  test(`a click signs in to the demo, and the view asked for is there: ${name}`, () =>
    withPage({ ...device, path: VIEW }, async (page) => {
      await page.getByTestId('sign-in').waitFor();
      await enter(page);
      await shown(page);
      assert.equal(new URL(page.url()).search, VIEW);
      assert.equal(await page.getByTestId('chart-measure').inputValue(), 'asr');
      assert.ok(await page.locator('[data-test="groups"] [data-test="sort-q850_cause"]').isVisible());
      await assertNoTokenIsLeft(page);
      // The session is the browser's: another tab has it, and so has the page loaded again.
      await page.reload();
      await shown(page);
    }));
}

test('a pasted token signs in its owner, and is kept nowhere', async () => {
  for (const [token, own] of [[TOKEN, 'page-live'], [` Bearer ${OPERATOR_TOKEN}\n`, 'page-overview']]) {
    await withPage({}, async (page, visitor) => {
      await page.getByTestId('by-token').click();
      await page.getByTestId('token').fill(token);
      await page.getByTestId('sign-in-submit').click();
      await page.getByTestId(own).waitFor();
      await shown(page);
      await assertNoTokenIsLeft(page);
      const cookies = await visitor.cookies();
      assert.deepEqual(cookies.map(({ httpOnly, path }) => [httpOnly, path]), [[true, '/']]);
    });
  }
});

test('a link says which kind of sign-in it needs', async () => {
  for (const [as, words] of [['operator', /operator.s token/], ['customer', /customer.s login or token/]]) {
    await withPage({ path: `?as=${as}` }, async (page) => {
      assert.match(await page.getByTestId('other-role').innerText(), words);
      assert.equal(await page.getByTestId('token').count(), as === 'operator' ? 1 : 0);
      await enter(page, as);
      await shown(page);
    });
  }
});

test('a wrong token and a wrong password are told, and the right ones then do', () =>
  withPage({}, async (page) => {
    await page.getByTestId('by-token').click();
    await page.getByTestId('token').fill('eyJhbGciOiJIUzI1NiJ9.e30.wrong');
    await page.getByTestId('sign-in-submit').click();
    assert.match(await page.getByTestId('sign-in-problem').innerText(), /token is wrong/);
    await page.getByTestId('by-password').click();
    await page.getByTestId('login').fill(LOGIN);
    await page.getByTestId('password').fill('wrong');
    await page.getByTestId('password').press('Enter');
    assert.match(await page.getByTestId('sign-in-problem').innerText(), /Incorrect login or password/);
    await page.getByTestId('password').fill(PASSWORD);
    await page.getByTestId('password').press('Enter');
    await shown(page);
  }));

test('a session that ends leads back to the same view', () =>
  withPage({}, async (page) => {
    const token = execFileSync(PROGRAM, ['token', '--customer', '1', '--ttl', '25'], { encoding: 'utf8' }).trim();
    await page.getByTestId('by-token').click();
    await page.getByTestId('token').fill(token);
    await page.getByTestId('sign-in-submit').click();
    await shown(page);
    await page.getByTestId('tab-q850-cause').click();
    await page.getByTestId('range-7d').click();
    await page.getByTestId('tile-asr').click();
    await shown(page);
    // Its cookie goes with it.
    await eventually('the end of the session', () => page.evaluate(async () => (await (await fetch('session')).json()).customer === false));
    // One click alone: the page is gone once it has asked.
    await page.getByTestId('tab-hour-of-day').click();
    await page.getByTestId('session-ended').waitFor();
    const { searchParams } = new URL(page.url());
    assert.deepEqual([searchParams.get('by'), searchParams.get('range')], ['hour-of-day', '7d'], 'the click is not lost');
    await enter(page);
    await shown(page);
    assert.equal(await page.getByTestId('chart-measure').inputValue(), 'asr');
    assert.equal(await page.getByTestId('tab-hour-of-day').getAttribute('aria-pressed'), 'true');
  }));

test('signing out ends the session in this browser', () =>
  withPage({}, async (page, visitor) => {
    await enter(page);
    await shown(page);
    await page.getByTestId('sign-out').click();
    await page.getByTestId('sign-in').waitFor();
    assert.deepEqual(await visitor.cookies(), []);
    await page.goto(PAGE);
    await page.getByTestId('sign-in').waitFor();
  }));

test('both kinds of sessions in one browser are switched between', () =>
  withPage({}, async (page, visitor) => {
    await enter(page);
    await shown(page);
    const answer = await page.evaluate(async () => (await fetch('session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"demo":"operator"}' })).status);
    assert.equal(answer, 204);
    assert.equal((await visitor.cookies()).length, 2);
    await page.reload();
    await shown(page);
    await page.getByTestId('role').selectOption('operator');
    await page.getByTestId('page-overview').waitFor();
    await shown(page);
    await page.getByTestId('role').selectOption('customer');
    await page.getByTestId('page-live').waitFor();
    await shown(page);
  }));
