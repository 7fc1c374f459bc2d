// What scenarios wait for in a page, told by the oracle's observers there, and what they expect of numbers.

import assert from 'node:assert/strict';

/** The load event is over and the oracle has reported the first byte, if it ever will. */
export const loaded = (tab) =>
  tab.untilPage('the page has loaded', () => performance.getEntriesByType('navigation')[0].loadEventEnd > 0 && new Promise((done) => setTimeout(() => setTimeout(() => done(true)))));

/** The oracle has seen the first paint and a first candidate of the largest. */
export const painted = (tab) =>
  tab.untilPage('content is painted', () => window.oracle.reports.some(({ name }) => name === 'FCP') && window.oracle.known.size > 0);

/** The browser has named a candidate larger than the title. */
export const largest = (tab) => tab.untilPage('the large candidate', () => window.oracle.known.size > 50_000);

/** What is in the document now has been painted. */
export const frames = (tab) => tab.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(true), 100))))');

export const atLeast = (least) => (value) => assert.ok(value >= least, `${value} is less than ${least}`);
