// What a finding says beyond one ratio: which comparison decided it, and that comparison's own numbers.

import * as format from '../format.js';

const COMPARED = {
  hours: 'hours with the baseline’s hours',
  share: 'how many page views shift at all, hour by hour',
  size: 'how far those shift that do, hour by hour',
  runs: 'single runs with earlier ones: there are too few for hours',
  releases: 'a release with the one before, in the hours in which both were live',
};

/** Rows for a list of facts; none for findings of earlier versions. */
export function detailFacts({ vital, detail }) {
  if (!detail) return [];
  const { lane, above_zero: above, leak, beside } = detail;
  return [
    ['Compared', COMPARED[lane]],
    ['Page views that shift', above && `${format.percent(above.share_before)} → ${format.percent(above.share_after)}, with a p75 of ${format.value(vital, above.p75_before)} → ${format.value(vital, above.p75_after)} there`],
    ['Growth of the heap', leak && `${megabytes(leak.increase_mb_per_hour)} MB an hour more`],
    [`After a visit of ${Math.round(leak?.visit_minutes || 0)} min`, leak && `${megabytes(leak.increase_mb_per_visit)} MB more`],
    ['Live at the same time', beside && `${beside.newer} beside ${beside.older}: ${format.change(beside.ratio.value)} (${format.change(beside.ratio.low)} to ${format.change(beside.ratio.high)}, holds at every look), ${format.compact(beside.newer_n)} against ${format.compact(beside.older_n)} page views`],
  ];
}

const megabytes = ({ value, low, high }) => `${value.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`;
