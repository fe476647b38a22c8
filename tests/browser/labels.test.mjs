// Texts that can be read as a whole: no label, heading, tile, tab, list or chip is cut, at any width, with sums of any length.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESKTOP, enter, enterAndSee, shown, useBrowser, withPage } from './page.mjs';

useBrowser();

const WIDTHS = [1440, 1280, 1024, 390];
const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);

/** The texts that are cut or stick out of their box, each with its place. Boxes that scroll show theirs. */
function cutTexts() {
  const cut = [];
  const name = (element) => element.closest('[data-test]')?.dataset.test ?? element.className;
  const tell = (element, why, text) => cut.push(`${name(element)}, ${element.tagName} ${why}: ${text.trim().slice(0, 60)}`);
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && element.closest('.unseen, svg, option') === null;
  for (const element of document.querySelectorAll('body *')) {
    if (!isSeen(element)) continue;
    if (element.matches('select')) {
      // As wide as the chosen words alone.
      const alone = element.cloneNode();
      alone.append(new Option(element.selectedOptions[0]?.text));
      alone.style.cssText = 'position: absolute; width: max-content; max-width: none; min-width: 0';
      element.parentElement.append(alone);
      if (alone.offsetWidth > element.offsetWidth + 1) tell(element, 'cuts', alone.textContent);
      alone.remove();
    } else if (element.matches('input:not([type=checkbox], [type=radio]), textarea')) {
      const style = getComputedStyle(element);
      const pen = document.createElement('canvas').getContext('2d');
      pen.font = style.font;
      const room = element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      if (element.matches('input') && pen.measureText(element.placeholder).width > room + 1) tell(element, 'cuts', element.placeholder);
      if (element.scrollWidth > element.clientWidth + 1 && !element.matches(':focus')) tell(element, 'cuts', element.value);
    }
    const texts = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== '');
    for (const text of texts) {
      const range = document.createRange();
      range.selectNodeContents(text);
      if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) {
        for (const { 0: word, index } of text.data.matchAll(/[\p{L}\p{N}.,]{2,16}/gu)) {
          range.setStart(text, index);
          range.setEnd(text, index + word.length);
          if (range.getClientRects().length > 1) tell(element, 'splits', word);
        }
        range.selectNodeContents(text);
      }
      for (const { left, right, top, bottom, width } of range.getClientRects()) {
        if (width === 0) continue;
        for (let box = element; box !== document.body; box = box.parentElement) {
          const style = getComputedStyle(box);
          if (style.display.startsWith('inline') && !/-/.test(style.display)) continue;
          const scrolls = (axis) => /auto|scroll/.test(style[`overflow${axis}`]);
          const area = box.getBoundingClientRect();
          if (scrolls('X') || scrolls('Y')) break;
          if (left < area.left - 1 || right > area.right + 1 || (style.overflowY !== 'visible' && (top < area.top - 2 || bottom > area.bottom + 2))) {
            tell(element, `leaves ${box.className || box.tagName}`, text.data);
            break;
          }
          // A box that is opened over the page is not bound to where it stands.
          if (/absolute|fixed/.test(style.position)) break;
        }
      }
    }
    if (texts.length > 0 && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1 && !/auto|scroll/.test(getComputedStyle(element).overflowX)) {
      tell(element, `is ${element.clientWidth} wide for ${element.scrollWidth}`, element.textContent);
    }
  }
  return [...new Set(cut)];
}

/** Looks at what is there at all widths, light and dark. */
async function whole(page, what, widths = WIDTHS) {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await page.evaluate(cutTexts), [], `${what}, ${width} px, ${colorScheme}`);
    }
  }
}

/** Makes sums of answers longer by so many digits, as a bigger operator has them. */
async function withLongSums(page) {
  await page.route('**/*breakdown?*', async (route) => {
    const response = await route.fetch();
    const body = await response.json().catch(() => null);
    if (body === null) return route.fulfill({ response });
    const longer = (name, cell) => {
      if (cell === null || !/price|revenue|cost|margin|loss|calls|duration|attempts/.test(name) || /percent|change|_id|first_|last_|max_|share/.test(name)) return cell;
      return typeof cell === 'number' ? cell * 1000 : cell.replace(/^-?\d+/, (whole) => `${whole}000`);
    };
    for (const row of [body.totals, body.other]) for (const key of Object.keys(row ?? {})) row[key] = longer(key, row[key]);
    for (const key of Object.keys(body.data ?? {})) body.data[key] = body.data[key].map((cell) => longer(key, cell));
    return route.fulfill({ response, json: body });
  });
}

const VIEWS = [
  ['customer', '?range=7d&by=destination-prefix'],
  ['customer', '?range=28d&by=dst-country,q850-cause&dst-country-id=83&measure=total_price&figures=1'],
  ['customer', '?range=24h&by=customer-auth&asr=0'],
  ['customer', '?range=7d&calls=1'],
  ['operator', '?range=7d&by=destination-prefix,vendor'],
  ['operator', '?range=28d&by=vendor&side=termination&measure=margin'],
  ['operator', `?range=own&from=${day(6)}T08:00&to=${day(2)}T11:59:59&zone=America/Argentina/ComodRivadavia&by=customer`],
];
for (const [at, [who, path]] of VIEWS.entries()) {
  // Units stand elsewhere beside short sums.
  for (const isLong of at % 4 === 0 ? [false, true] : [true]) {
    test(`nothing is cut of the ${who}'s ${path}${isLong ? ', with long sums' : ''}`, () =>
      withPage({ ...DESKTOP, path }, async (page) => {
        if (isLong) await withLongSums(page);
        await enter(page, who);
        if (path.includes('calls=1')) await page.getByTestId('calls').waitFor();
        else await shown(page);
        await page.locator('[data-test^="marks"][data-state="done"]').waitFor();
        await whole(page, path);
      }));
  }
}

test('nothing is cut while signing in', () =>
  withPage({}, async (page) => {
    await page.getByTestId('sign-in').waitFor();
    await whole(page, 'sign-in');
  }));

for (const [who, path, ready] of [
  ['operator', '?page=overview&range=7d', async (page) => {
    await page.locator('[data-test="overview"][data-loading="false"]').waitFor();
    await page.waitForFunction(() => document.querySelector('[data-test="overview"] .skeleton') === null);
    await page.getByTestId('health-data').waitFor();
  }],
  ['customer', '?page=live', (page) => page.locator('[data-test="live-page"][data-loading="false"]').waitFor()],
  ['customer', '?page=exports', (page) => page.getByTestId('exports').waitFor()],
  ['customer', `?range=own&from=${day(400)}&to=${day(399)}`, (page) => page.getByTestId('empty-after').waitFor()],
]) {
  test(`nothing is cut of the ${who}'s ${path}`, () =>
    withPage({ path }, async (page) => {
      if (path.includes('overview')) await withLongSums(page);
      await enter(page, who);
      await ready(page);
      await whole(page, path);
      for (const width of path.includes('overview') ? WIDTHS.slice(0, 3) : []) {
        await page.setViewportSize({ width, height: 900 });
        const cut = await page.locator('.table-box').evaluateAll((boxes) => boxes.filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.ariaLabel));
        assert.deepEqual(cut, [], `tables that need a scroll at ${width} px`);
      }
    }));
}

for (const who of ['customer', 'operator']) {
  test(`nothing is cut in the ${who}'s menus, on a desktop and in a phone's sheet`, () =>
    withPage({ path: '?range=7d&by=destination-prefix,dst-country&account=' }, async (page) => {
      await enterAndSee(page, who);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        const isPhone = width === 390;
        const menus = ['account', 'zone', 'filter', 'download', 'tabs-more', 'combine', 'columns', ...(isPhone ? [] : ['range-own'])];
        for (const menu of menus) {
          const isInSheet = isPhone && ['zone', 'filter', 'download'].includes(menu);
          if (isInSheet) await page.getByTestId('sheet-open').click();
          await page.getByTestId(menu).click();
          if (menu === 'filter') await page.getByTestId('filter-choice').waitFor();
          await whole(page, menu, [width]);
          await page.keyboard.press('Escape');
          if (isInSheet) await page.getByTestId('sheet-close').click();
        }
        if (isPhone) await page.getByTestId('sheet-open').click();
        if (isPhone) await whole(page, 'sheet', [width]);
        await page.getByTestId('help').click();
        await page.getByTestId('help-dialog').waitFor();
        await whole(page, 'help', [width]);
        await page.getByTestId('help-dialog-close').click();
      }
    }));
}
