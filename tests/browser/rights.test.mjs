// Operator's tokens of fewer rights: nothing that they may not see is shown or asked for, and nothing that they ask is refused.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { OPERATOR_API, PHONE, ask, quiet, useBrowser, withPage } from './page.mjs';

const { CDRSCOPE_OPERATOR_SECRET: SECRET, OPERATOR_TOKEN } = process.env;
const ALL = ['cost', 'vendors', 'numbers', 'export'];
const VENDOR = 9001;

useBrowser();

/** A token that says itself what it may see. */
function tokenOf(cfg) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const text = `${part({ typ: 'JWT', alg: 'HS256' })}.${part({ aud: 'operator-v1', sub: 'D', exp, jti: randomUUID(), cfg: { customers: [], vendors: [], may: [], allowed_ips: [], ...cfg } })}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

const window = () => `from-time=${Math.floor(Date.now() / 1000) - 6 * 86_400}`;
/** Values of a column of a breakdown that everything may be seen of. */
async function namesOf(dimension, column) {
  const { data } = await ask(`${OPERATOR_API}/breakdown?${window()}&group-by=${dimension}&measures=total_calls&limit=1000`, OPERATOR_TOKEN);
  return data[column].filter((name) => name !== null);
}

/** What a token may not see: by its words in requests, in columns of answers, and in the page's texts. */
const HIDDEN = {
  cost: [/\b(?:cost|margin|margin_percent|loss|loss_calls)\b|vendor-price/, /"(?:cost|margin|margin_percent|loss|loss_calls|vendor_price)[a-z_]*"/, /\b(?:cost|margin|loss)\b/i],
  vendors: [/\b(?:vendor(?!-price)|vendor-id|term-gw|term-gw-id|side=termination)\b/, /"(?:vendor_id|vendor|term_gw[a-z_]*)"/, /\bVendors?\b(?!['\u2019])|Gateway/],
  export: [/\/cdrs\b|POST .*exports/, /"dst_prefix_out"/, /one by one/],
};

/** Links of somebody with all rights, whom the one with fewer got them from. */
const LINKS = [
  '?range=7d',
  '?range=28d&page=overview',
  '?range=7d&by=vendor&measure=margin&measures=total_calls,cost,margin,loss&sort=-margin',
  '?range=7d&side=termination&by=term-gw,vendor&measures=attempts,billed_duration&measure=attempts',
  '?range=7d&by=dst-prefix&digits=12&vendor-id=9001&term-gw-id=1&vendor-price-gt=0&customer-id=2',
  '?range=7d&calls=1&dst-country-id=83',
  '?page=exports',
];

async function signIn(page, token) {
  await page.getByTestId('by-token').click();
  await page.getByTestId('token').fill(token);
  await page.getByTestId('sign-in-submit').click();
  await page.getByTestId('bar').waitFor();
}

/** Waits until a page has what it can have, and asks for nothing any more. */
async function settled(page) {
  // What was just done is drawn in the next frame.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await page.waitForFunction(() => {
    const has = (selector) => document.querySelector(selector) !== null;
    if (has('.skeleton, [data-loading="true"], [aria-busy="true"]')) return false;
    const hasGroups = has('[data-test="groups-panel"]') && !has('[data-test="tab-calls"][aria-pressed="true"]') && !has('[data-test="empty"]');
    return !hasGroups || has('[data-test="groups"] [data-test="total"]');
  });
  await quiet(page);
}

/** The page's text with all that is behind its menus. */
async function textOf(page) {
  let text = await page.evaluate(() => document.body.innerText);
  for (const menu of ['account', 'filter', 'download', 'tabs-more', 'combine', 'columns', 'help']) {
    if (!(await page.getByTestId(menu).isVisible())) continue;
    await page.getByTestId(menu).click();
    const box = page.locator('.menu-box, dialog[open]').first();
    await box.waitFor();
    // Options of lists, and what a menu loads.
    await quiet(page);
    text += await page.evaluate(() => document.body.innerText + [...document.querySelectorAll('option')].map((one) => one.text).join('\n'));
    await page.keyboard.press('Escape');
    await box.waitFor({ state: 'detached' });
  }
  return text;
}

/** Visits all links with a token, follows rows, and gives what was asked, answered, refused and shown. */
async function visited(cfg, options, look) {
  for (const path of LINKS) {
    await withPage({ ...options, path }, async (page) => {
      const [answers, refused] = [[], []];
      page.on('response', async (response) => {
        const address = new URL(response.url());
        if (!/\/(?:api|session|health)/.test(address.pathname)) return;
        const asked = `${response.request().method()} ${address.pathname}${address.search}`;
        // A busy service says 503, and the page asks again: that is no refusal.
        if (response.status() >= 400 && response.status() !== 503) refused.push(`${response.status()} ${asked}`);
        answers.push([asked, response.status() === 200 ? await response.text().catch(() => '') : '']);
      });
      await signIn(page, tokenOf(cfg));
      await settled(page);
      let text = await textOf(page);
      for (let steps = 0; steps < 2; steps += 1) {
        const row = page.locator('[data-test="groups"] [data-test="row-button"]').first();
        if ((await row.count()) === 0) break;
        await row.click();
        await settled(page);
        text += await page.evaluate(() => document.body.innerText);
      }
      assert.deepEqual(refused, [], path);
      assert.equal(await page.locator('[data-test$="error"]').count(), 0, `${path}: ${await page.evaluate(() => document.body.innerText)}`);
      assert.ok(answers.length > 3, path);
      await look(page, path, answers, text);
    });
  }
}

/** Nothing of these words in what was asked, answered and shown; `definitions` describe themselves by them. */
function hides(words, path, answers, text) {
  const [inRequest, inAnswer, inText] = words;
  for (const [asked, body] of answers) {
    assert.doesNotMatch(asked, inRequest, path);
    assert.doesNotMatch(body, inAnswer, `${path}: ${asked}`);
  }
  const found = inText.exec(text);
  assert.equal(found, null, `${path} shows ${found && text.slice(Math.max(0, found.index - 80), found.index + 80)}`);
}

for (const [name, may, options] of [
  ['no right at all', [], {}],
  ['no right at all, on a phone', [], { ...PHONE, colorScheme: 'dark' }],
  ['no right to cost', ALL.filter((right) => right !== 'cost'), {}],
  ['no right to vendors', ALL.filter((right) => right !== 'vendors'), {}],
  ['no right to calls one by one', ALL.filter((right) => right !== 'export'), {}],
]) {
  test(`${name}: nothing of it is shown, asked for or refused`, async () => {
    const vendors = await namesOf('vendor', 'vendor');
    assert.ok(vendors.length > 2, `${vendors}`);
    await visited({ may }, options, (_, path, answers, text) => {
      for (const [right, words] of Object.entries(HIDDEN)) if (!may.includes(right)) hides(words, path, answers, text);
      if (!may.includes('vendors')) for (const vendor of vendors) assert.ok(!text.includes(vendor), `${path} names ${vendor}`);
    });
  });
}

test('no right to whole numbers: none is shown or answered', async () => {
  const { data } = await ask(`${OPERATOR_API}/cdrs?${window()}&dst-country-id=83&limit=100`, OPERATOR_TOKEN);
  const numbers = [...data.dst_prefix_routing, ...data.src_prefix_in].filter((number) => number?.length > 8);
  assert.ok(numbers.length > 50, `${Object.keys(data)}`);
  await visited({ may: ALL.filter((right) => right !== 'numbers') }, {}, (_, path, answers, text) => {
    for (const number of numbers) {
      assert.ok(!text.includes(number), `${path} shows ${number}`);
      for (const [asked, body] of answers) assert.ok(!body.includes(number), `${path}: ${asked} has ${number}`);
    }
  });
});

for (const [name, cfg, column, most] of [
  ['customers', { customers: [1] }, 'customer_id', 1],
  ['vendors', { vendors: [VENDOR] }, 'vendor_id', VENDOR],
  ['customers and vendors, and few rights', { customers: [1], vendors: [VENDOR], may: ['vendors'] }, 'customer_id', 1],
]) {
  test(`a list of ${name}: groups, accounts and names are theirs alone`, async () => {
    const others = (await namesOf(column.replace('_id', ''), column.replace('_id', ''))).slice(0, 20);
    const { data } = await ask(`${OPERATOR_API}/breakdown?${window()}&group-by=${column.replace('_id', '')}&measures=total_calls`, OPERATOR_TOKEN);
    const own = data[column.replace('_id', '')][data[column].indexOf(most)];
    await visited({ may: ALL, ...cfg }, {}, (_, path, answers, text) => {
      for (const [asked, body] of answers) {
        const { data: groups } = body.startsWith('{') ? JSON.parse(body) : {};
        for (const id of groups?.[column] ?? []) assert.ok(id === null || id === most, `${path}: ${asked} has ${id}`);
      }
      for (const other of others.filter((one) => one !== own)) assert.ok(!text.includes(other), `${path} names ${other}`);
    });
  });
}
