// What a member, an operator and a regulator do on the page, in a real browser, over a daemon that ran the demonstration.
//
//   node page/journeys.mjs '{"url": "http://127.0.0.1:8700", "dir": "/a/directory/for/downloads"}'
//
// Prints one JSON object with what was counted and measured. With "pictures" it also takes a picture of each page.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PATIENCE, fits, isAccessible, isStill, launch, person, serverTime } from './browser.mjs';

const orders = JSON.parse(process.argv[2]);
const url = orders.url.replace(/\/$/, '');
const measured = { pages: 0, checked: 0 };

async function faultless(someone, name) {
  assert.deepEqual(someone.faults, [], name);
  await someone.context.close();
}

/** Begins a swap with the form and answers the address of its page. */
async function begin(page, counterparty) {
  await page.goto('/transfers');
  await page.getByRole('link', { name: 'New transfer' }).click();
  await page.locator('[name=give]').fill('2.5');
  await page.locator('[name=to_account]').fill('alice');
  await page.locator('[name=from_account]').selectOption('alice');
  await page.locator('[name=counterparty]').fill(counterparty);
  await page.locator('[name=want]').fill('2.5');
  await page.getByRole('button', { name: 'Begin' }).click();
  await page.waitForURL(/\/transfers\/[0-9a-f]{32}$/);
  return page.url();
}

async function member(browser) {
  const someone = await person(browser, url);
  const { page } = someone;
  await page.goto('/');
  measured.first_page_ms = await serverTime(page);

  // What was wrong is said, what was typed is kept.
  await page.goto('/transfers/new');
  await page.locator('[name=give]').fill('much');
  await page.getByRole('button', { name: 'Begin' }).click();
  await page.getByRole('alert').waitFor();
  assert.equal(await page.locator('[name=give]').inputValue(), 'much');
  assert.match(await page.getByRole('alert').textContent(), /whole points/);
  // The browser reports the refused form; nothing else may be wrong.
  assert.equal(someone.faults.splice(0).length, 1);

  // A swap completes while its page is open: nobody reads it anew, nothing moves.
  const swap = await begin(page, 'bob');
  await page.locator('.badge.good', { hasText: 'completed' }).first().waitFor();
  assert.equal(page.url(), swap);
  await isStill(page);
  // The steps that came meanwhile are announced, not pushed in.
  await page.locator('#more:visible').click();
  await page.locator('.timeline li').nth(2).waitFor();

  // Nobody answers: the money is asked back.
  await begin(page, 'carol');
  await page.getByRole('button', { name: 'Take it back' }).click();
  await page.getByText('The money is asked back').waitFor();
  await faultless(someone, 'member');
  return swap.split('/').pop();
}

async function operator(browser) {
  const someone = await person(browser, url);
  const { page } = someone;
  await page.goto('/chains');
  const heights = () => page.locator('[data-h]').allTextContents();
  const before = await heights();
  assert.equal(before.length, 2);
  await page.waitForFunction(
    (before) => Array.from(document.querySelectorAll('[data-h]'), (node) => node.textContent).every((now, i) => Number(now) > Number(before[i])),
    before,
  );
  await isStill(page);
  await page.getByText('none is missing').first().waitFor();

  await page.getByRole('searchbox').fill('1');
  await page.keyboard.press('Enter');
  await page.locator('main li a', { hasText: 'public 1' }).click();
  assert.match(await page.locator('h1').textContent(), /Block 1/);

  await page.goto('/health');
  assert.equal(await page.locator('#findings ~ table .badge.bad').count(), 0);
  await page.getByText('light client of').first().waitFor();
  await page.goto('/members');
  await page.getByText('5 / 7').waitFor();
  await page.locator('#consortium ~ table td', { hasText: 'member1' }).first().waitFor();
  assert.equal(await page.locator('#contest ~ table tbody tr').count(), 7);

  // The device of the demonstration has fallen silent: its page says so, and an alarm that somebody notices.
  await page.goto('/devices');
  await page.locator('tbody tr .badge.warn').first().waitFor();
  await page.locator('tbody a[href^="/devices/"]').first().click();
  measured.device = new URL(page.url()).pathname;
  await page.locator('[data-k=health] .badge').waitFor();
  await page.locator('svg polyline').first().waitFor({ state: 'attached' });
  await page.locator('main a[href^="/feeds/"]').first().click();
  await page.locator('svg rect.band').first().waitFor({ state: 'attached' });
  await page.goto('/');
  await page.getByText('Nobody has noticed the alarm').first().click();
  await page.waitForURL('**/alarms');
  const silent = page.locator('tbody tr', { hasText: 'has not spoken' }).first();
  await silent.locator('[name=note]').fill('its battery is changed');
  await silent.getByRole('button', { name: 'Acknowledge' }).click();
  const noticed = page.locator('tbody tr', { hasText: 'its battery is changed' });
  await noticed.waitFor();
  assert.equal(await noticed.locator('form').count(), 0);
  await faultless(someone, 'operator');
}

async function regulator(browser, transfer) {
  const someone = await person(browser, url, { acceptDownloads: true });
  const { page } = someone;
  await page.goto('/supply');
  await page.locator('.badge.good', { hasText: 'backed' }).first().waitFor();
  await page.getByRole('link', { name: 'All statements' }).click();
  await page.locator('svg polyline').first().waitFor({ state: 'attached' });

  await page.goto(`/transfers/${transfer}`);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export evidence' }).click()]);
  const file = join(orders.dir, 'page.evidence');
  await download.saveAs(file);
  await page.goto('/evidence');
  await page.locator('[type=file]').setInputFiles(file);
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.locator('#report ~ .stand .badge.good').waitFor();
  await page.getByText('HashTimeLock.Claimed').first().waitFor();
  if (orders.pictures) await picture(page, 'evidence');

  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(file, bytes);
  await page.locator('[type=file]').setInputFiles(file);
  await page.getByRole('button', { name: 'Verify' }).click();
  await page.getByText('First broken link').waitFor();

  // An event of a transfer, down to the words of its contract.
  const proved = await (await page.request.get('/v1/transfers?kind=peg_in')).json();
  await page.goto(`/transfers/${proved.transfers[0].id}`);
  await page.locator('.timeline a[href*="/tx/"]').first().click();
  await page.locator('.event b').first().waitFor();

  // Nothing is hidden: the whole log, what is anchored of it, and every event down to its transaction.
  await page.goto('/log');
  await page.locator('[data-k=root] code').waitFor();
  assert.ok(Number(await page.locator('[data-k=size]').textContent()) > 25);
  const newest = await page.locator('tbody td').first().textContent();
  await page.getByRole('link', { name: 'older' }).click();
  await page.waitForURL(/before=/);
  assert.ok(Number(await page.locator('tbody td').first().textContent()) < Number(newest));
  await page.locator('form.search[action="/log"] [name=q]').fill('Claimed');
  await page.locator('form.search[action="/log"] button').click();
  await page.waitForURL(/q=Claimed/);
  await page.locator('tbody a[href*="/tx/"]').first().click();
  await page.locator('.event b', { hasText: 'Claimed' }).first().waitFor();
  await page.goto('/log?q=alarm_acknowledged');
  await page.locator('tbody a[href="/alarms"]').first().waitFor();

  await page.goto('/');
  await page.getByRole('link', { name: '中文' }).click();
  await page.getByRole('heading', { name: '概览' }).waitFor();
  await page.goto('/transfers');
  await page.getByRole('heading', { name: '转移' }).waitFor();
  await faultless(someone, 'regulator');
}

/** Without a mouse: into the content, through the navigation, to a transfer, with a focus that can be seen. */
async function keyboard(browser) {
  const someone = await person(browser, url);
  const { page } = someone;
  await page.goto('/');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.goto('/');
  for (let presses = 0; ; presses += 1) {
    assert.ok(presses < 40, 'the navigation cannot be reached');
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return { to: document.activeElement.getAttribute('href'), outline: style.outlineStyle, width: parseFloat(style.outlineWidth) };
    });
    assert.ok(focused.outline !== 'none' && focused.width >= 2, `focus cannot be seen on ${focused.to}`);
    if (focused.to === '/transfers') break;
  }
  await page.keyboard.press('Enter');
  await page.waitForURL('**/transfers');
  await faultless(someone, 'keyboard');
}

async function withoutScript(browser) {
  const someone = await person(browser, url, { javaScriptEnabled: false });
  const { page } = someone;
  await page.goto('/');
  await page.getByRole('link', { name: 'Transfers', exact: true }).first().click();
  await page.locator('select[name=kind]').selectOption('settlement');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.locator('tbody tr').first().waitFor();
  await page.locator('tbody a').first().click();
  await page.locator('.timeline li').first().waitFor();
  await someone.context.close();
}

async function picture(page, name) {
  await page.screenshot({ path: join(orders.pictures, `${name}.png`), animations: 'disabled' });
}

/** Every page, in light and dark, both languages, on a desktop and a phone. */
async function everywhere(browser, transfer) {
  const messages = await (await fetch(`${url}/v1/messages`)).json();
  const chain = await (await fetch(`${url}/v1/evidence/chains`)).json();
  assert.equal(chain.length, 2);
  const steps = await (await fetch(`${url}/v1/transfers/${(await (await fetch(`${url}/v1/transfers?kind=peg_in`)).json()).transfers[0].id}`)).json();
  const step = steps[0].history.find((line) => line.tx);
  const pages = {
    overview: '/', transfers: '/transfers', transfer: `/transfers/${transfer}`, start: '/transfers/new', messages: '/messages',
    message: `/messages/${messages.messages[0].id}`, supply: '/supply', peg: '/supply/points', chains: '/chains', chain: '/chains/public',
    block: `/chains/${step.chain}/blocks/${step.height}`, transaction: `/chains/${step.chain}/tx/${step.tx}`, proofs: '/proofs', feeds: '/feeds', feed: '/feeds/cold-chain%2Ftemperature',
    devices: '/devices', device: measured.device, alarms: '/alarms', log: '/log',
    evidence: '/evidence', members: '/members', health: '/health', api: '/api',
  };
  const ways = [
    { colorScheme: 'light', lang: 'en', width: 1280 },
    { colorScheme: 'dark', lang: 'en', width: 1280 },
    { colorScheme: 'light', lang: 'zh', width: 360 },
    { colorScheme: 'dark', lang: 'zh', width: 360 },
  ];
  for (const { colorScheme, lang, width } of ways) {
    const someone = await person(browser, url, { colorScheme, viewport: { width, height: width > 500 ? 900 : 740 }, locale: lang === 'zh' ? 'zh-CN' : 'en-US' });
    const { page } = someone;
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(path);
      const how = `${colorScheme} ${lang} ${width}`;
      if (name !== 'api') assert.match(await page.locator('html').getAttribute('lang'), new RegExp(`^${lang}`), how);
      await fits(page);
      await isAccessible(page, how);
      if (name !== 'api') await isStill(page);
      measured.checked += 1;
      if (orders.pictures && name !== 'evidence') await picture(page, `${name}${width > 500 ? '' : '-phone'}${colorScheme === 'dark' ? '-dark' : ''}`);
    }
    await faultless(someone, 'everywhere');
  }
  measured.pages = Object.keys(pages).length;
}

const browser = await launch();
const late = setTimeout(() => {
  console.error(`not done after ${(PATIENCE * 10) / 1000} s`);
  process.exit(1);
}, PATIENCE * 10);
try {
  const transfer = await member(browser);
  await operator(browser);
  await regulator(browser, transfer);
  await keyboard(browser);
  await withoutScript(browser);
  await everywhere(browser, transfer);
} finally {
  clearTimeout(late);
  await browser.close();
}
console.log(JSON.stringify(measured));
