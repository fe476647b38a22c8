// Everything that can be done with a view, by the mouse, on a desktop and on a phone, light and dark.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE, enterAndSee, eventually, shown, useBrowser, valueOf, withPage } from './page.mjs';

useBrowser();

const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
const params = (page) => Object.fromEntries(new URL(page.url()).searchParams);
const pressed = (page, test) => page.getByTestId(test).getAttribute('aria-pressed');
const THEMES = [['light', 'light'], ['dark', 'dark']];

/** Waits until the address has these parameters, and the figures are there. */
async function until(page, wanted) {
  await page.waitForFunction((pairs) => {
    const search = new URLSearchParams(location.search);
    return Object.entries(pairs).every(([name, value]) => (value === null ? !search.has(name) : search.get(name) === value));
  }, wanted);
  await shown(page);
}

for (const [theme, colorScheme] of THEMES) {
  test(`a tile sets the chart's measure, and the chart its buckets, ${theme}`, () =>
    withPage({ colorScheme }, async (page) => {
      await enterAndSee(page);
      for (const name of ['asr', 'acd', 'ner', 'pdd_p95', 'short_share', 'total_duration', 'total_price', 'total_calls']) {
        await page.getByTestId(`tile-${name}`).click();
        await shown(page);
        assert.equal(await pressed(page, `tile-${name}`), 'true');
        assert.equal(await page.getByTestId('chart-measure').inputValue(), name);
      }
      await page.getByTestId('chart-measure').selectOption('asr');
      await until(page, { measure: 'asr' });
      await page.getByTestId('chart-sampling').selectOption('hour');
      await until(page, { sampling: 'hour' });
      assert.equal(await page.getByTestId('chart-state').getAttribute('data-sampling'), 'hour');
      await page.getByTestId('chart-sampling').selectOption('auto');
      await until(page, { sampling: null });
      await page.getByTestId('chart-measure').selectOption('total_calls');
      await page.getByTestId('chart-asr').uncheck();
      await until(page, { asr: '0' });
      await page.getByTestId('chart-figures').click();
      await page.getByTestId('figures').waitFor();
      await page.getByTestId('chart-figures').click();
      await page.getByTestId('figures').waitFor({ state: 'detached' });
    }));

  test(`ranges, steps, comparison, zone and own times, ${theme}`, () =>
    withPage({ colorScheme }, async (page) => {
      await enterAndSee(page);
      for (const range of ['7d', '28d', 'month', '24h']) {
        await page.getByTestId(`range-${range}`).click();
        await until(page, { range: range === '24h' ? null : range });
        assert.equal(await pressed(page, `range-${range}`), 'true');
      }
      assert.ok(await page.getByTestId('step-on').isDisabled(), 'nothing is after now');
      await page.getByTestId('step-back').click();
      await until(page, { range: 'own' });
      const before = await page.getByTestId('window').innerText();
      await page.getByTestId('step-back').click();
      await page.waitForFunction((text) => document.querySelector('[data-test="window"]').textContent !== text, before);
      await page.getByTestId('step-on').click();
      await page.waitForFunction((text) => document.querySelector('[data-test="window"]').textContent === text, before);
      await shown(page);
      await page.getByTestId('compare').selectOption('day');
      await until(page, { compare: 'day' });
      await page.getByTestId('compare').selectOption('none');
      await until(page, { compare: 'none' });
      assert.equal(await valueOf(page.getByTestId('tile-asr-change')), '');
      await page.getByTestId('range-own').click();
      await page.getByTestId('own-from-date').fill(day(6));
      await page.getByTestId('own-from-time').fill('08:00');
      await page.getByTestId('own-to-date').fill(day(6));
      await page.getByTestId('own-to-time').fill('11:59');
      await page.getByTestId('own-apply').click();
      await until(page, { from: `${day(6)}T08:00`, to: `${day(6)}T11:59:59` });
      const calls = await valueOf(page.getByTestId('tile-total_calls'));
      await page.getByTestId('zone').click();
      await page.getByTestId('zone-name').fill('Asia/Tokyo');
      await page.getByTestId('zone-apply').click();
      await until(page, { zone: 'Asia/Tokyo' });
      assert.deepEqual([params(page).from, params(page).to], [`${day(6)}T17:00`, `${day(6)}T20:59:59`], 'other clock times');
      assert.equal(await valueOf(page.getByTestId('tile-total_calls')), calls, 'of the same moments');
      // Days are those of the zone, so they stay days, and others calls are in them.
      await page.getByTestId('range-own').click();
      for (const [end, at] of [['from', '00:00'], ['to', '23:59']]) {
        await page.getByTestId(`own-${end}-date`).fill(day(5));
        await page.getByTestId(`own-${end}-time`).fill(at);
      }
      await page.getByTestId('own-apply').click();
      await until(page, { from: day(5), to: day(5) });
      const ofTokyo = await valueOf(page.getByTestId('tile-total_calls'));
      await page.getByTestId('zone').click();
      assert.match(await page.getByTestId('zone-kept').innerText(), /keeps its days/);
      await page.getByTestId('zone-name').fill('Kolkata');
      await page.getByTestId('zone-found').filter({ hasText: 'Asia/Kolkata' }).waitFor();
      await page.getByTestId('zone-apply').click();
      await until(page, { zone: 'Asia/Kolkata', from: day(5), to: day(5) });
      assert.notEqual(await valueOf(page.getByTestId('tile-total_calls')), ofTokyo);
    }));

  test(`a row filters and leads on, from the country to the calls, and back, ${theme}`, () =>
    withPage({ colorScheme, path: '?range=7d' }, async (page) => {
      await enterAndSee(page);
      const first = page.locator('[data-test="groups"] [data-test="row"]').first();
      const calls = () => page.getByTestId('tile-total_calls').getAttribute('data-value').then(Number);
      let last = await calls();
      await first.click({ position: { x: 200, y: 10 } });
      await until(page, { by: 'destination-prefix' });
      assert.ok(await page.getByTestId('chip-dst-country-id').isVisible());
      assert.ok((await calls()) < last);
      last = await calls();
      await first.getByTestId('row-button').click();
      await page.waitForFunction(() => new URLSearchParams(location.search).has('destination-prefix-eq'));
      await shown(page);
      assert.ok((await calls()) <= last);
      assert.equal(params(page).by, 'dst-prefix');
      // By digits, longer and longer, until the calls themselves say more.
      for (let steps = 0; steps < 8 && params(page).calls !== '1'; steps += 1) {
        const search = page.url();
        await first.getByTestId('row-button').click();
        await page.waitForFunction((from) => location.href !== from, search);
        if (params(page).calls !== '1') await shown(page);
      }
      assert.equal(params(page).calls, '1');
      const listed = page.getByTestId('calls');
      await listed.waitFor();
      assert.ok(Number(await listed.getAttribute('data-rows')) > 0);
      for (let chips = await page.locator('[data-test^="chip-"]').count(); chips > 1; chips -= 1) {
        await page.locator('[data-test^="chip-"]').last().click();
        await page.waitForFunction((count) => document.querySelectorAll('[data-test^="chip-"]').length === count, chips - 1);
      }
      await page.goBack();
      await eventually('what was there before the last step', async () => (await page.locator('[data-test^="chip-"]').count()) > 1);
    }));

  test(`columns, order, groups, rows, fewest calls, ${theme}`, () =>
    withPage({ colorScheme, path: '?range=7d' }, async (page) => {
      await enterAndSee(page);
      const column = (name) => page.locator(`[data-test="groups"] [data-test="row"] [data-column="${name}"]`).evaluateAll((cells) => cells.map((cell) => Number(cell.dataset.value || NaN)));
      const headings = await page.locator('[data-test="groups"] thead [data-test^="sort-"]').evaluateAll((all) => all.map((one) => one.dataset.test.slice(5)));
      assert.ok(headings.includes('lost_answers') && headings.includes('asr_change'), `${headings}`);
      for (const name of headings) {
        for (const direction of ['first', 'second']) {
          const before = page.url();
          await page.getByTestId(`sort-${name}`).click();
          await page.waitForFunction((from) => location.href !== from, before);
          await shown(page);
          const { sort } = params(page);
          assert.equal(sort?.replace('-', ''), name, `${name}, ${direction}`);
          const values = (await column(name)).filter((value) => !Number.isNaN(value));
          const sorted = [...values].sort((a, b) => (sort.startsWith('-') ? b - a : a - b));
          assert.deepEqual(values, sorted, `${sort}`);
        }
      }
      await page.getByTestId('columns').click();
      await page.getByTestId('column-seer').check();
      await page.waitForFunction(() => document.querySelector('[data-test="groups"] [data-column="seer"]') !== null);
      await page.getByTestId('min-calls').selectOption('1000');
      await until(page, { 'min-calls': '1000' });
      assert.ok(Number(await page.getByTestId('groups').getAttribute('data-rows')) < 25);
      await page.getByTestId('columns-usual').click();
      await until(page, { 'min-calls': null, measures: null });
      await page.keyboard.press('Escape');
      await page.getByTestId('limit').selectOption('100');
      await until(page, { limit: '100' });
      const tabs = await page.locator('[data-test="tabs"] > button[data-test^="tab-"]:not([data-test="tab-calls"])').evaluateAll((all) => all.map((one) => one.dataset.test));
      assert.ok(tabs.length >= 8, `${tabs}`);
      for (const tab of tabs) {
        await page.getByTestId(tab).click();
        await shown(page);
        assert.equal(await pressed(page, tab), 'true');
        assert.ok(Number(await page.getByTestId('groups').getAttribute('data-rows')) > 0, tab);
      }
      await page.getByTestId('combine').click();
      await page.getByTestId('combine-0').selectOption('dst-country');
      await page.getByTestId('combine-1').selectOption('q850-cause');
      await page.getByTestId('combine-2').selectOption('hour-of-day');
      await until(page, { by: 'dst-country,q850-cause,hour-of-day' });
      assert.ok(Number(await page.getByTestId('groups').getAttribute('data-groups')) > 100);
    }));
}

test('dragging over the chart zooms in, and Escape goes back', () =>
  withPage({ path: '?range=7d' }, async (page) => {
    await enterAndSee(page);
    const before = await valueOf(page.getByTestId('tile-total_calls'));
    const box = await page.getByTestId('chart').boundingBox();
    await page.mouse.move(box.x + box.width * 0.4, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 110, { steps: 5 });
    await page.mouse.move(box.x + box.width * 0.6, box.y + 110, { steps: 5 });
    await page.mouse.up();
    await until(page, { range: 'own' });
    assert.ok(Number(await valueOf(page.getByTestId('tile-total_calls'))) < Number(before));
    await page.keyboard.press('Escape');
    await until(page, { range: '7d' });
  }));

test('what comes while the mouse drags leaves the selection', () =>
  withPage({ path: '?range=7d' }, async (page) => {
    // The marks of incidents come after the chart, and are drawn into it.
    let late;
    const held = new Promise((come) => (late = come));
    await page.route(/group-by=t(,|%2C)/, async (route) => {
      await held;
      await route.continue();
    });
    await enterAndSee(page);
    await page.getByTestId('marks-looking').waitFor();
    const box = await page.getByTestId('chart').boundingBox();
    await page.mouse.move(box.x + box.width * 0.4, box.y + 100);
    await page.mouse.down();
    late();
    await page.locator('[data-test^="marks"][data-state="done"]').waitFor();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 110, { steps: 5 });
    await page.mouse.up();
    await until(page, { range: 'own' });
  }));

test('the crosshair tells the figures under it', () =>
  withPage({}, async (page) => {
    await enterAndSee(page);
    const box = await page.getByTestId('chart').boundingBox();
    const reading = page.getByTestId('reading');
    assert.equal(await reading.getAttribute('data-at'), '');
    await eventually('a reading', async () => {
      await page.mouse.move(box.x + box.width * (0.4 + Math.random() / 5), box.y + 100);
      return (await reading.getAttribute('data-at')) !== '';
    });
    assert.match(await reading.innerText(), /Calls \d/);
    await page.mouse.move(box.x + box.width / 2, box.y - 200);
    await eventually('the whole window', async () => (await reading.getAttribute('data-at')) === '');
  }));

test('filters are added by a list and by hand, and taken off', () =>
  withPage({ path: '?range=7d' }, async (page) => {
    await enterAndSee(page);
    await page.getByTestId('filter').click();
    await page.getByTestId('filter-kind').selectOption('dst-country');
    const choice = page.getByTestId('filter-choice');
    await choice.waitFor();
    await choice.selectOption({ index: 1 });
    await page.getByTestId('filter-add').click();
    await page.getByTestId('chip-dst-country-id').waitFor();
    await shown(page);
    await page.getByTestId('filter').click();
    await page.getByTestId('filter-kind').selectOption('duration-gteq');
    await page.getByTestId('filter-value').fill('60');
    await page.getByTestId('filter-add').click();
    await until(page, { 'duration-gteq': '60' });
    assert.equal(await valueOf(page.getByTestId('tile-asr')), '100.0', 'such calls were answered');
    await page.getByTestId('chips-clear').click();
    await until(page, { 'duration-gteq': null, 'dst-country-id': null });
    await page.getByTestId('account').click();
    await page.locator('[data-test^="account-"][type="checkbox"]').nth(1).check();
    await page.getByTestId('chip-account').waitFor();
    await shown(page);
  }));

test('a link gives the view again, with its times, to somebody else', () =>
  withPage({ path: '?by=q850-cause&dst-country-id=83&measure=asr' }, async (page) => {
    await enterAndSee(page);
    const link = await page.getByTestId('view-link').textContent();
    assert.ok(!/eyJ|token/.test(link), link);
    const tiles = () => page.locator('[data-test="tiles"] > button').evaluateAll((all) => all.map((one) => one.dataset.test));
    const before = await tiles();
    await page.goto(link);
    await shown(page);
    assert.deepEqual(await tiles(), before);
    assert.equal(params(page).range, 'own');
    assert.equal(await page.getByTestId('chart-measure').inputValue(), 'asr');
    assert.ok(await page.getByTestId('chip-dst-country-id').isVisible());
  }));

test('an address that does not read is a view all the same', () =>
  withPage({ path: '?range=nonsense&by=%3Cscript%3E&measure=__proto__&sort=-x&limit=9999999&zone=Mars/Base&account=1&from=x&digits=99&constructor=1&dst-country-id=%00' }, async (page) => {
    await page.getByTestId('demo-customer').click();
    await page.getByTestId('bar').waitFor();
    await page.locator('[data-test="traffic"][data-loading="false"]').waitFor();
    assert.ok((await page.getByTestId('error').count()) + (await page.getByTestId('tiles').count()) > 0);
  }));

test('another tab keeps the order while its column is there, and drops digits with the prefixes', () =>
  withPage({ path: '?range=7d&by=dst-prefix&digits=7' }, async (page) => {
    await enterAndSee(page);
    await page.getByTestId('sort-lost_answers').click();
    await until(page, { sort: '-lost_answers', digits: '7' });
    await page.getByTestId('tab-destination-prefix').click();
    await until(page, { by: 'destination-prefix', sort: '-lost_answers', digits: null });
    const first = page.locator('[data-test="groups"] [data-test="row"] th').first();
    await eventually('the country of a prefix', async () => /^\d+ \D/.test(await first.innerText()));
    await page.getByTestId('sort-destination_prefix').click();
    await until(page, { sort: 'destination_prefix' });
    await page.getByTestId('tab-q850-cause').click();
    await until(page, { by: 'q850-cause', sort: null });
  }));

test('lost answers, currencies and colours are explained where they are shown', () =>
  withPage({ path: '?range=7d' }, async (page) => {
    await enterAndSee(page);
    assert.match(await page.getByTestId('sort-lost_answers').getAttribute('title'), /would have been answered/);
    assert.match(await page.getByTestId('tile-total_price').innerText(), /currency no\.\s\d/);
    await page.getByTestId('help').click();
    const help = await page.getByTestId('help-dialog').innerText();
    assert.match(help, /would have been answered/);
    assert.match(help, /the more groups a table has/);
  }));

for (const [theme, colorScheme] of THEMES) {
  test(`a phone has the controls in a sheet, and no sideways scroll, ${theme}`, () =>
    withPage({ ...PHONE, colorScheme }, async (page) => {
      await enterAndSee(page);
      const isWide = () => page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
      assert.equal(await isWide(), false);
      await page.getByTestId('range').selectOption('7d');
      await until(page, { range: '7d' });
      assert.match(await page.getByTestId('window').innerText(), /^[A-Z][a-z]{2} \d+ [A-Z][a-z]{2} – now$/, 'the days are seen at once');
      await page.getByTestId('sheet-open').click();
      await page.getByTestId('sheet').waitFor();
      await page.getByTestId('compare').selectOption('previous');
      await page.getByTestId('step-back').click();
      await page.getByTestId('sheet-close').click();
      await until(page, { range: 'own', compare: 'previous' });
      await page.getByTestId('tile-asr').tap();
      await until(page, { measure: 'asr' });
      await page.getByTestId('tab-destination-prefix').or(page.getByTestId('tabs-more')).first().tap();
      await page.goto(page.url().replace(/by=[^&]*&?/, ''));
      await shown(page);
      // The first column stays where it is while the others are moved.
      const moved = await page.getByTestId('groups').evaluate((table) => {
        const box = table.parentElement;
        const first = table.querySelector('tbody th').getBoundingClientRect().left;
        box.scrollLeft = 200;
        return [box.scrollLeft, table.querySelector('tbody th').getBoundingClientRect().left - first];
      });
      assert.ok(moved[0] > 0 && Math.abs(moved[1]) < 2, `${moved}`);
      assert.equal(await isWide(), false);
      await page.locator('[data-test="groups"] [data-test="row-button"]').first().tap();
      await page.locator('[data-test^="chip-"]').first().waitFor();
      await shown(page);
      assert.equal(await isWide(), false);
      // The chart is right under two rows of tiles, and the column that sorts right beside the groups.
      const [top, chart] = await page.evaluate(() => ['tiles', 'chart-panel'].map((test) => document.querySelector(`[data-test="${test}"]`).getBoundingClientRect()));
      assert.ok(chart.top - top.bottom < 20 && (await page.locator('[data-test="tiles"] > button').count()) === 4, `${top.bottom} ${chart.top}`);
      await page.getByTestId('sort-pdd_p95').click();
      await until(page, { sort: '-pdd_p95' });
      assert.equal(await page.locator('[data-test="groups"] thead th').nth(1).locator('[data-test^="sort-"]').getAttribute('data-test'), 'sort-pdd_p95');
      const tiles = await page.locator('[data-test="tiles"] > button').evaluateAll((all) => all.slice(0, 4).map((tile) => Math.round(tile.getBoundingClientRect().top)));
      assert.ok(tiles[0] === tiles[1] && tiles[2] === tiles[3] && tiles[0] !== tiles[2], `two tiles side by side: ${tiles}`);
    }));
}
