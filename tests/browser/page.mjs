// A browser, and the page in it. Every page of a test counts what it did against its policy, what it asked of other hosts, and
// the errors of its scripts; none may be left when the test ends.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { chromium, selectors } from 'playwright-core';

const { URL: url, CHROMIUM: executablePath } = process.env;

/** Where the page is. */
export const PAGE = `${url}/`;
export const CUSTOMER_API = '/api/rest/customer/v1';
export const OPERATOR_API = '/api/rest/operator/v1';

export const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

selectors.setTestIdAttribute('data-test');

let browser;

/** Requests of each page that have no answer yet, and how many it has made. */
const asking = new WeakMap();

/** Starts the browser for the tests of a file. */
export function useBrowser() {
  before(async () => {
    browser = await chromium.launch({
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });
  after(() => browser?.close());
  return () => browser;
}

/** Opens the page for a test, which `use` is, and checks afterwards that it kept to its policy. */
export async function withPage(options, use) {
  const { errors: expected = [], path = '', ...context } = options;
  const visitor = await browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', ...DESKTOP, ...context });
  visitor.setDefaultTimeout(45_000);
  const faults = [];
  await visitor.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => {
      globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  const page = await visitor.newPage();
  page.on('pageerror', (error) => faults.push(`script: ${error.stack ?? error}`));
  page.on('console', (message) => {
    const text = message.text();
    // The browser tells of each refusal by itself.
    const isRefusal = /^Failed to load resource/.test(text);
    if (message.type() === 'error' && !isRefusal) faults.push(`console: ${text}`);
  });
  const own = { pending: new Set(), made: 0 };
  asking.set(page, own);
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => own.pending.delete(request));
  page.on('request', (request) => {
    own.pending.add(request);
    own.made += 1;
    const target = new URL(request.url());
    if (target.origin !== url && target.protocol !== 'data:' && target.protocol !== 'blob:') faults.push(`another host: ${request.url()}`);
  });
  try {
    await page.goto(`${PAGE}${path}`);
    await use(page, visitor);
    const violations = await page.evaluate(() => globalThis.violations).catch(() => []);
    const left = [...faults, ...violations].filter((fault) => !expected.some((pattern) => pattern.test(fault)));
    assert.deepEqual(left, []);
  } catch (error) {
    if (process.env.FAILED) {
      const name = String(error.message).replaceAll(/\W+/g, '-').slice(0, 60);
      await page.screenshot({ path: `${process.env.FAILED}/${Date.now()}-${name}.png`, fullPage: true }).catch(() => {});
    }
    if (faults.length > 0) error.message += `\n${faults.join('\n')}`;
    throw error;
  } finally {
    await visitor.close();
  }
}

/** Signs in to the demo by its button, as a customer or as the operator. */
export async function enter(page, who = 'customer') {
  await page.getByTestId(`demo-${who}`).click();
  await page.getByTestId('bar').waitFor();
}

/** Waits until the view of traffic has its figures, all of them of the present window and filters. */
export async function shown(page) {
  // What was just done is drawn in the next frame.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await page.locator('[data-test="traffic"][data-loading="false"]').waitFor();
  await page.locator('[data-test="groups"] [data-test="total"]').waitFor();
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null);
}

/**
 * Waits until all that the page has asked for is answered, nothing of it loads, and nothing more is asked for: the load state
 * `networkidle` is of a navigation, and comes once.
 */
export async function quiet(page) {
  const own = asking.get(page);
  const isStill = async () =>
    own.pending.size === 0 && page.evaluate(() => document.querySelector('.skeleton, [data-loading="true"], [aria-busy="true"], [data-state="looking"]') === null);
  await eventually('a page that asks for nothing more', async () => {
    const before = own.made;
    if (!(await isStill())) return false;
    await setTimeout(400);
    return own.made === before && isStill();
  }, 90);
}

/** Waits until a probe gives something, up to so many seconds. */
export async function eventually(what, probe, seconds = 45) {
  for (const end = Date.now() + seconds * 1000; ; await setTimeout(100)) {
    const found = await probe();
    if (found) return found;
    assert.ok(Date.now() < end, `never came: ${what}`);
  }
}

/** Signs in to the demo and waits for its figures. */
export async function enterAndSee(page, who = 'customer') {
  await enter(page, who);
  await shown(page);
}

/** The API's own text of a tile or cell. */
export const valueOf = (locator) => locator.getAttribute('data-value');

/** The faults that axe-core finds, in a line each. */
export async function axe(page) {
  // By the protocol, which the page's policy does not bind.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary.split('\n').slice(1, 2)}`).join('; ')}`);
}

/** An answer of the API, by the tokens that the service printed. */
export async function ask(path, token = process.env.TOKEN) {
  const response = await fetch(`${url}${path}`, { headers: { Authorization: token } });
  assert.equal(response.status, 200, `${path}: ${response.status}`);
  return response.json();
}
