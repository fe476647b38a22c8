// Files that a browser downloads by the page's links hold what the API says.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { CUSTOMER_API, OPERATOR_API, ask, enterAndSee, eventually, shown, useBrowser, withPage } from './page.mjs';

const { TOKEN, OPERATOR_TOKEN } = process.env;
const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
const WINDOW = `range=own&from=${day(9)}&to=${day(2)}`;

useBrowser();

/** Clicks a link of the menu and reads what came. */
async function download(page, test) {
  if (!(await page.getByTestId(test).isVisible().catch(() => false))) await page.getByTestId('download').click();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId(test).click()]);
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()), url: file.url() };
}

/** Rows of a CSV without quotes in it. */
const csv = (text) => text.trimEnd().split('\r\n').map((line) => line.split(','));

/** The files of a ZIP archive by name. */
function unzipped(bytes) {
  const files = new Map();
  const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [method, packed, name, extra, comment, local] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20), bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30), bytes.readUInt16LE(at + 32), bytes.readUInt32LE(at + 42)];
    const begin = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const body = bytes.subarray(begin, begin + packed);
    files.set(bytes.toString('utf8', at + 46, at + 46 + name), (method === 0 ? body : inflateRawSync(body)).toString('utf8'));
    at += 46 + name + extra + comment;
  }
  return files;
}

/** Rows of a workbook's first sheet, as texts. */
function sheet(bytes) {
  const files = unzipped(bytes);
  const plain = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
  const texts = [...(files.get('xl/sharedStrings.xml') ?? '').matchAll(/<si>.*?<t[^>]*>(.*?)<\/t>.*?<\/si>/gs)].map(([, text]) => plain(text));
  const rows = [...files.get('xl/worksheets/sheet1.xml').matchAll(/<row [^>]*>(.*?)<\/row>/gs)];
  return rows.map(([, row]) => {
    const cells = [];
    for (const [, attributes, inside = ''] of row.matchAll(/<c ([^>]*?)(?:\/>|>(.*?)<\/c>)/gs)) {
      const value = /<(?:v|t)[^>]*>(.*?)<\/(?:v|t)>/s.exec(inside)?.[1] ?? '';
      // An empty cell may be left out, so its column is that of its reference.
      const letters = /r="([A-Z]+)/.exec(attributes)[1];
      const column = [...letters].reduce((number, letter) => number * 26 + letter.charCodeAt(0) - 64, 0) - 1;
      cells[column] = /t="s"/.test(attributes) ? texts[Number(value)] : plain(value);
    }
    return Array.from(cells, (cell) => cell ?? '');
  });
}

const text = (value) => (value === null || value === undefined ? '' : String(value));

for (const [who, token] of [['customer', TOKEN], ['operator', OPERATOR_TOKEN]]) {
  test(`CSV and Excel of the ${who}'s table are the API's answer`, () =>
    withPage({ path: `?${WINDOW}&by=q850-cause` }, async (page) => {
      await enterAndSee(page, who);
      const asCsv = await download(page, 'download-table-csv');
      assert.match(asCsv.name, /\.csv$/);
      const address = new URL(asCsv.url);
      address.searchParams.delete('format');
      const answer = await ask(address.pathname + address.search, token);
      const [head, ...rows] = csv(asCsv.bytes.toString('utf8'));
      assert.equal(rows.filter(([kind]) => kind === 'group').length, answer.rows);
      const expected = (kind, at) => head.slice(1).map((name) => text(kind === 'group' ? answer.data[name][at] : kind === 'other' ? answer.other[name] : answer.totals[name]));
      rows.forEach(([kind, ...cells], at) => assert.deepEqual(cells, expected(kind, at), `${kind} ${at}`));
      const asWorkbook = await download(page, 'download-table-xlsx');
      assert.match(asWorkbook.name, /\.xlsx$/);
      const read = sheet(asWorkbook.bytes);
      const begin = read.findIndex((row) => row.includes('total_calls'));
      assert.ok(begin >= 0, `${read.slice(0, 5)}`);
      const names = read[begin];
      const calls = names.indexOf('total_calls');
      const own = read.slice(begin + 1, begin + 1 + answer.rows).map((row) => Number(row[calls]));
      assert.deepEqual(own, answer.data.total_calls);
      const price = names.indexOf('total_price') >= 0 ? 'total_price' : 'revenue';
      const prices = read.slice(begin + 1, begin + 1 + answer.rows).map((row) => Number(row[names.indexOf(price)]));
      assert.deepEqual(prices, answer.data[price].map(Number));
    }));

  test(`the ${who}'s chart and calls come as files by the cookie alone`, () =>
    withPage({ path: `?${WINDOW}&by=q850-cause&dst-country-id=83` }, async (page) => {
      await enterAndSee(page, who);
      const chart = await download(page, 'download-chart-csv');
      assert.ok(csv(chart.bytes.toString('utf8')).length > 5);
      const calls = await download(page, 'download-calls-csv');
      const rows = calls.bytes.toString('utf8').trimEnd().split('\r\n').length - 1;
      const api = who === 'customer' ? CUSTOMER_API : OPERATOR_API;
      const total = Number(await page.getByTestId('tile-total_calls').getAttribute('data-value'));
      assert.ok(calls.url.includes(api) && rows === total, `${rows} of ${total} calls`);
      const workbook = await download(page, 'download-calls-xlsx');
      assert.ok(sheet(workbook.bytes).length > total);
    }));
}

/** Columns of the page's table, and its cells by row as the API wrote them. */
const shownTable = (page) =>
  page.getByTestId('groups').evaluate((table) => {
    const columns = [...table.querySelectorAll('thead [data-test^="sort-"]')].map((one) => one.dataset.test.slice(5));
    const rows = [...table.querySelectorAll('tbody tr')].map((row) => Object.fromEntries([...row.querySelectorAll('td[data-column]')].map((cell) => [cell.dataset.column, cell.dataset.value])));
    return { columns, rows };
  });

for (const [why, view] of [
  ['compared', WINDOW],
  ['not compared by choice', `${WINDOW}&compare=none`],
  ['that overlaps the one before', 'range=28d&compare=week'],
  ['whose earlier period lacks calls', 'range=28d'],
]) {
  for (const who of ['customer', 'operator']) {
    test(`files of a view ${why} have the columns and cells that the page shows: ${who}`, () =>
      withPage({ path: `?${view}&by=q850-cause&figures=1` }, async (page) => {
        await enterAndSee(page, who);
        const { columns, rows } = await shownTable(page);
        const isCompared = why === 'compared';
        assert.equal(columns.some((name) => name.endsWith('_change')), isCompared);
        const asCsv = csv((await download(page, 'download-table-csv')).bytes.toString('utf8'));
        const asSheet = sheet((await download(page, 'download-table-xlsx')).bytes);
        const begin = asSheet.findIndex((row) => row.includes('total_calls'));
        for (const [head, ...lines] of [asCsv, asSheet.slice(begin)]) {
          assert.equal(head.some((name) => /_(before|change)$/.test(name)), isCompared, `${head}`);
          for (const name of columns) assert.ok(head.includes(name), `${name} of ${head}`);
          for (const [at, row] of rows.entries()) {
            for (const [name, value] of Object.entries(row)) {
              const cell = lines[at][head.indexOf(name)] ?? '';
              // Calls go on meanwhile, in windows that end now.
              const near = view === 'range=28d' || view.includes('week') ? 0.02 * Math.abs(Number(value)) + 0.5 : 0;
              assert.ok(cell === value || Math.abs(Number(cell) - Number(value)) <= near, `${name} of row ${at}: ${cell}, shown ${value}`);
            }
          }
        }
        const json = new URL(await page.getByTestId('download-json').getAttribute('href'), page.url());
        assert.equal(json.searchParams.has('compare'), isCompared);
        // Buckets have their own earlier ones beside them; the window has none, and no total then.
        const chart = csv((await download(page, 'download-chart-csv')).bytes.toString('utf8'));
        const shownBuckets = await page.getByTestId('figures').locator('thead th').allInnerTexts();
        assert.equal(chart[0].includes('total_calls_before'), shownBuckets.includes('Change'), `${chart[0]} ${shownBuckets}`);
        assert.equal(chart.some(([kind]) => kind === 'total'), isCompared || why === 'not compared by choice');
      }));
  }
}

test('an export is asked for, made, fetched and removed', () =>
  withPage({ path: `?${WINDOW}&dst-country-id=83` }, async (page) => {
    await enterAndSee(page);
    const total = Number(await page.getByTestId('tile-total_calls').getAttribute('data-value'));
    await page.getByTestId('download').click();
    await page.getByTestId('export-order').click();
    const done = page.locator('[data-test="export"][data-state="done"]').first();
    await done.waitFor({ timeout: 60_000 });
    const [file] = await Promise.all([page.waitForEvent('download'), done.getByTestId('export-file').click()]);
    const { gunzipSync } = await import('node:zlib');
    const lines = gunzipSync(await readFile(await file.path())).toString('utf8').trimEnd().split('\r\n');
    assert.equal(lines.length - 1, total);
    const before = await page.getByTestId('export').count();
    await done.getByTestId('export-remove').click();
    await eventually('one export less', async () => (await page.getByTestId('export').count()) < before || (await page.locator('[data-test="export"][data-state="cancelled"]').count()) > 0);
  }));

test('a link that is opened without a session is an error, and no file', () =>
  withPage({ path: `?${WINDOW}` }, async (page, visitor) => {
    await enterAndSee(page);
    await page.getByTestId('download').click();
    const href = await page.getByTestId('download-table-csv').getAttribute('href');
    await visitor.clearCookies();
    const answer = await visitor.request.get(new URL(href, page.url()).href);
    assert.equal(answer.status(), 401);
    assert.equal(await answer.text(), '');
    await shown(page);
  }));
