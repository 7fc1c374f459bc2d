// Scenarios 32 to 38 in Chromium: restored and prerendered pages, soft navigations, and every change in its order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchChromiumPlainly } from '../chromium.js';
import { assertEqual, assertStored } from '../comparison.js';
import { pause, stage, until } from '../harness.js';
import { loaded, painted } from '../scenarios/expectations.js';
import { RESTORED, WITHIN } from '../scenarios/lifecycle.js';
import { ORACLE_SETTLES_MS, newRun, openPage, scenarios } from '../scenarios/run.js';

const scene = stage({ launch: launchChromiumPlainly });

scenarios(scene, RESTORED);

/** Nobody watches the initiating page: a DevTools session there would forbid prerendering. The page goes on by itself. */
for (const [name, query, act] of [
  ['34 prerendered for two seconds, then activated, scripts loaded afterwards', '&late=1', (tab) => tab.evaluate('loadLate()')],
  ['35 prerendered for two seconds, then activated, scripts loaded while prerendering', '', () => {}],
]) {
  test(`${name}: TTFB 0, FCP and LCP since the activation, as the oracle says`, async () => {
    const run = newRun(name);
    const next = `/text.html?run=${run}${query}`;
    const window = await scene.browser.window();
    await window.openUnwatched(`${scene.pages.origin}/initiator.html?next=${encodeURIComponent(next)}`);
    const { targetId } = await until('the prerendered page is seen', async () => {
      const { targetInfos } = await scene.browser.send('Target.getTargets', { filter: [{ type: 'page' }] });
      const found = targetInfos.find(({ url, subtype }) => url.endsWith(next) && subtype !== 'prerender');
      return found;
    });
    const tab = await window.attach(targetId);
    await tab.untilPage('it is activated', () => !document.prerendering && performance.getEntriesByType('navigation')[0].activationStart > 0);
    await act(tab);
    await painted(tab);
    await pause(ORACLE_SETTLES_MS);
    await tab.leave();
    const { ours } = await assertEqual(scene, run);
    const { nav, vitals } = ours[0];
    assert.equal(nav, 'prerender');
    assert.equal(vitals.TTFB.value, 0);
    assert.ok(vitals.FCP.value > 0 && vitals.FCP.value < 1_000, `FCP ${vitals.FCP.value} since the activation`);
    await window.close();
  });
}

test('34 prerendered and never asked for: nothing is sent', async () => {
  const run = newRun('34');
  const next = `/text.html?run=${run}`;
  const window = await scene.browser.window();
  const initiator = await window.openUnwatched(`${scene.pages.origin}/initiator.html?stays=1&next=${encodeURIComponent(next)}`);
  await until('the page is prerendered', () => scene.pages.served.includes(next));
  await pause(3_000); // The early flush would have come by now.
  await window.closeTab(initiator);
  await pause(300);
  assert.deepEqual(scene.pages.sink.beaconsOf(run), []);
  await window.close();
});

scenarios(scene, WITHIN);

test('38 every change of LCP, CLS and INP in the same order as the oracle in its all-changes mode', async () => {
  const name = '38';
  const page = `text.html?all=1&options=${encodeURIComponent('{"memoryIntervalMs":60000}')}`;
  const { run, window, tab } = await openPage(scene, { name, page });
  await painted(tab);
  await loaded(tab);
  await tab.untilPage('the agent measures', `told.some(({ name }) => name === 'TTFB')`);
  await tab.evaluate('addHero()');
  await tab.untilPage('the image is a candidate', 'oracle.known.size > 50000');
  for (const height of [30, 60]) {
    await tab.evaluate((height) => new Promise((done) => {
      document.body.style.paddingTop = `${height}px`;
      requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50)));
    }), height);
  }
  await tab.evaluate(() => {
    let clicks = 0;
    title.addEventListener('click', () => { const end = performance.now() + 60 * ++clicks; while (performance.now() < end); });
  });
  for (let clicks = 0; clicks < 2; clicks++) {
    await tab.click('#title');
    await pause(ORACLE_SETTLES_MS);
  }
  const told = await tab.evaluate('told');
  await tab.leave();
  const { said } = await assertEqual(scene, run);
  for (const vital of ['LCP', 'CLS', 'INP']) {
    const ours = told.filter(({ name }) => name === vital).map(({ value }) => value);
    const { sequence } = said.views[0].vitals[vital];
    const without = (list) => list.filter((value, index) => value !== list[index - 1]);
    assert.deepEqual(without(ours), without(sequence), vital);
    assert.ok(ours.length >= 2, `${vital} changed`);
    const total = told.filter(({ name }) => name === vital).reduce((sum, { delta }) => sum + delta, 0);
    assert.ok(Math.abs(total - ours.at(-1)) < 1e-6, 'differences add up');
  }
  await window.close();
});

test('the collector took every beacon and holds what was compared', () => assertStored(scene));
