// A real browser over a running daemon, and what every page of it must hold to.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Longest that one thing may take on a machine that does much else. */
export const PATIENCE = 120_000;

export async function launch() {
  const executablePath = process.env.CAUSEWAY_CHROMIUM || '/usr/bin/chromium';
  // Tests run as root in containers, where the sandbox of the browser cannot be set up; it visits the daemon alone.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** A person with a browser window. What their pages do wrong is kept in `faults`. */
export async function person(browser, url, options = {}) {
  const context = await browser.newContext({ baseURL: url, locale: 'en-US', viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const faults = [];
  await context.addInitScript(() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (!entry.hadRecentInput) window.shifts.push([entry.value, entry.sources.map((s) => s.node && s.node.outerHTML)]);
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const page = await context.newPage();
  page.on('console', (said) => {
    // A page that a test asks for and that is not there is reported by the browser as well.
    if (['error', 'warning'].includes(said.type())) faults.push(`console: ${said.text()} at ${page.url()}`);
  });
  page.on('pageerror', (error) => faults.push(`script: ${error.message} at ${page.url()}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) faults.push(`asked elsewhere: ${request.url()}`);
  });
  return { context, page, faults };
}

/** Nothing moved under the reader's eyes since the page was opened. */
export async function isStill(page) {
  const shifts = await page.evaluate(() => window.shifts);
  const sum = shifts.reduce((all, [value]) => all + value, 0);
  assert.ok(sum < 0.01, `the layout shifted by ${sum} at ${page.url()}: ${JSON.stringify(shifts).slice(0, 800)}`);
}

/** Nothing sticks out to the right. */
export async function fits(page) {
  const { wide, screen, what } = await page.evaluate(() => {
    const screen = document.documentElement.clientWidth;
    const out = Array.from(document.querySelectorAll('main *')).find((node) => node.getBoundingClientRect().right > screen + 1);
    return { wide: document.documentElement.scrollWidth, screen, what: out && out.outerHTML.slice(0, 200) };
  });
  assert.ok(wide <= screen, `${page.url()} is ${wide} wide on ${screen}: ${what}`);
}

/** The accessibility checker finds nothing serious. */
export async function isAccessible(page, how) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const serious = found.violations.filter((one) => ['serious', 'critical'].includes(one.impact));
  const told = serious.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).slice(0, 3).join(' | ')}`);
  assert.deepEqual(told, [], `${page.url()} (${how})`);
}

/** Milliseconds from the request to the first byte of the page that is open. */
export async function serverTime(page) {
  return page.evaluate(() => {
    const [entry] = performance.getEntriesByType('navigation');
    return entry.responseStart - entry.requestStart;
  });
}
