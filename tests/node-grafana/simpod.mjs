// What simPod's plugin, 0.6.7, sends for what a dashboard holds.

import { replace, timing } from './grafana.mjs';

/**
 * A target with its variables replaced: in the builder each text of the payload is, by itself and in the form `(a|b)`,
 * unless it names another.
 */
export function target(saved, variables) {
  const value = (text) => replace(text, variables, 'regex');
  const entries = Object.entries(saved.payload).map(([name, one]) => [
    name,
    Array.isArray(one) ? one.map(value) : value(one),
  ]);
  return { ...saved, target: value(saved.target), payload: Object.fromEntries(entries) };
}

/** The body of /query. `span` is the time range, `width` the panel's columns. */
export function query(targets, span, { width, filters = [], variables = {} } = {}) {
  const { interval, intervalMs, maxDataPoints, range } = timing(span, width);
  return {
    app: 'dashboard',
    requestId: 'SQR101',
    timezone: 'utc',
    panelId: 1,
    panelPluginId: 'timeseries',
    dashboardUID: 'any',
    range,
    interval,
    intervalMs,
    maxDataPoints,
    filters,
    targets: targets.map((saved) => target(saved, variables)),
    scopedVars: { __sceneObject: {}, __interval: { text: interval, value: interval } },
    startTime: Date.now(),
    rangeRaw: range.raw,
  };
}

/** The body of /variable for a variable of a dashboard. */
export function variable({ query: saved }, span) {
  const payload = saved.format === 'json' ? JSON.parse(saved.query) : { target: saved.query };
  return { payload, range: timing(span).range };
}
