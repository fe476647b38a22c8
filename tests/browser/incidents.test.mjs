// The made-up incidents are found from the usual view in a few clicks, by whoever may see them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CUSTOMER_API, OPERATOR_API, PHONE, ask, enterAndSee, eventually, shown, useBrowser, valueOf, withPage } from './page.mjs';

const { OPERATOR_TOKEN } = process.env;

useBrowser();

const MOST_CLICKS = 4;

/** Waits for the verdict on incidents: the text above the marks, and the marks. */
async function verdict(page) {
  const told = page.locator('.marks[data-state="done"]');
  await told.waitFor({ timeout: 120_000 });
  return { text: await told.innerText(), marks: page.getByTestId('mark') };
}

/** Looks into the first incident that the page marks, at 28 days if there is none before; how many clicks it takes. */
async function found(page, who) {
  await enterAndSee(page, who);
  let clicks = 1;
  let { marks } = await verdict(page);
  if ((await marks.count()) === 0) {
    await page.getByTestId('marks-longer').click();
    clicks += 1;
    await shown(page);
    ({ marks } = await verdict(page));
    if ((await marks.count()) === 0) return null;
  }
  const told = (await marks.first().innerText()).replaceAll('\n', ' ');
  await marks.first().click();
  clicks += 1;
  await eventually('the incident alone', () => new URL(page.url()).searchParams.get('range') === 'own');
  await shown(page);
  const [top, bar] = await page.evaluate(() => ['chips', 'bar'].map((test) => document.querySelector(`[data-test="${test}"]`).getBoundingClientRect()));
  assert.ok(top.top >= bar.bottom && top.bottom < bar.bottom + 120, `what is looked into begins under the bar: ${top.top} of ${bar.bottom}`);
  return { clicks, told };
}

test('the operator finds an incident from the usual view', () =>
  withPage({}, async (page) => {
    const { clicks, told } = await found(page, 'operator');
    assert.ok(clicks <= MOST_CLICKS, `${clicks} clicks`);
    // Where it lies in two hours, neither may have lost enough answers for its ASR to stand out by itself.
    assert.match(told, /Destination 919, India: (ASR|NER)/, 'with its country');
    const { searchParams } = new URL(page.url());
    assert.deepEqual([searchParams.get('destination-prefix-eq'), searchParams.get('by')], ['919', 'q850-cause']);
    const [, kind] = /India: (ASR|NER)/.exec(told);
    assert.ok(Number(await valueOf(page.getByTestId(`tile-${kind.toLowerCase()}-change`))) < -3, `${kind} is what fell`);
    console.log(`operator: ${clicks} clicks: ${told}`);
  }));

/** Whether a customer has enough calls to the first incident's destination for it to stand out: the page's own rule. */
async function isDue() {
  const { accounts } = await ask(`${CUSTOMER_API}/accounts`);
  const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
  const about = `account-id=${accounts.filter(({ side }) => side !== 'termination').map(({ uuid }) => uuid).join(',')}&destination-prefix-eq=447&time-zone=UTC`;
  const hours = await ask(`${CUSTOMER_API}/origination-breakdown?${about}&from-time=${day(27)}&group-by=t&sampling=hour&compare=week&measures=total_calls,ner&limit=1000`);
  const usual = Number((await ask(`${CUSTOMER_API}/origination-breakdown?${about}&from-time=${day(34)}&group-by=destination-prefix&measures=ner`)).totals.ner) / 100;
  const { total_calls: calls, total_calls_before: before, ner, ner_before: nerBefore } = hours.data;
  return calls.some((count, row) => {
    const share = Number(ner[row]) / 100;
    if (count < 5 || before[row] < 5 || share >= usual || Number(nerBefore[row]) / 100 < (share + usual) / 2) return false;
    const deviance = (share === 0 ? 0 : share * Math.log(share / usual)) + (1 - share) * Math.log((1 - share) / (1 - usual));
    return Math.sqrt(2 * count * deviance) > 5 && (usual - share) * count > 4.5;
  });
}

for (const [name, device] of [['desktop', {}], ['phone', PHONE]]) {
  test(`a customer finds the incident that its own calls show: ${name}`, () =>
    withPage(device, async (page) => {
      const one = await found(page, 'customer');
      if (one === null) return assert.equal(await isDue(), false, 'the incident stands out, and is not marked');
      assert.ok(one.clicks <= MOST_CLICKS, `${one.clicks} clicks`);
      console.log(`customer: ${one.clicks} clicks: ${one.told}`);
      return undefined;
    }));
}

test('all incidents of 28 days are marked: both destinations, and the account that fell silent', () =>
  withPage({ path: '?range=28d' }, async (page) => {
    await enterAndSee(page, 'operator');
    const { text, marks } = await verdict(page);
    assert.match(text, /destinations by hour/);
    const all = (await marks.allInnerTexts()).join('\n');
    assert.match(all, /447, United Kingdom/);
    assert.match(all, /Account .*no calls/);
    // The latest is of two hours, whichever it is: of so many calls in all, one hour has to have 30 for its NER to be judged.
    const two = Math.floor(Date.now() / 1000) - 2 * 86_400;
    const { data } = await ask(`${OPERATOR_API}/breakdown?from-time=${two}&group-by=t&sampling=hour&destination-prefix-eq=919&compare=week&measures=total_calls,ner`, OPERATOR_TOKEN);
    const isJudged = data.t.some((_, row) => Math.max(data.total_calls[row], data.total_calls_before[row]) >= 30 && Number(data.ner[row]) < 60);
    if (isJudged) assert.match(all, /919, India/);
  }));

test('a silence has the same times in each window that it touches, also in one within it', () =>
  withPage({ path: '?range=28d' }, async (page) => {
    await enterAndSee(page, 'operator');
    const { marks } = await verdict(page);
    const told = (await marks.filter({ hasText: 'no calls' }).first().innerText()).replaceAll('\n', ' ');
    assert.match(told, /09:00–09:40/);
    await marks.filter({ hasText: 'no calls' }).first().click();
    await eventually('the silence alone', () => new URL(page.url()).searchParams.get('range') === 'own');
    await shown(page);
    await verdict(page);
    const again = async () => (await marks.filter({ hasText: 'no calls' }).first().innerText()).replaceAll('\n', ' ');
    assert.equal(await again(), told);
    const address = new URL(page.url());
    const date = address.searchParams.get('from').slice(0, 10);
    address.searchParams.set('from', `${date}T09:10`);
    address.searchParams.set('to', `${date}T09:24:59`);
    await page.goto(address.href);
    await shown(page);
    await verdict(page);
    assert.equal(await again(), told);
  }));

test('a destination\'s incident is marked as it was where a part of an hour is zoomed into', () =>
  withPage({ path: '?range=28d' }, async (page) => {
    await enterAndSee(page, 'operator');
    const { marks } = await verdict(page);
    const mark = marks.filter({ hasText: 'Destination 447' }).first();
    const told = (await mark.innerText()).replaceAll('\n', ' ');
    await mark.click();
    await eventually('the incident alone', () => new URL(page.url()).searchParams.get('range') === 'own');
    const address = new URL(page.url());
    const [, hour] = /(\d\d):00–/.exec(told);
    const date = address.searchParams.get('from').slice(0, 10);
    address.searchParams.set('from', `${date}T${hour}:20`);
    address.searchParams.set('to', `${date}T${hour}:44:59`);
    await page.goto(address.href);
    await shown(page);
    await verdict(page);
    const time = (text) => /^.*?\d\d:\d\d–\d\d:\d\d/.exec(text)[0];
    assert.equal(time((await marks.first().innerText()).replaceAll('\n', ' ')), time(told));
  }));

test('what was looked at for incidents is told, and where they are not looked for', () =>
  withPage({}, async (page) => {
    await enterAndSee(page);
    assert.match((await verdict(page)).text, /destinations by hour, accounts by 5 min.*against a week earlier/s);
    await page.getByTestId('compare').selectOption('none');
    await shown(page);
    await eventually('why there are none', async () => /that are compared/.test(await page.getByTestId('marks-none').innerText()));
  }));
