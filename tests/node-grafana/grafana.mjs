// Grafana's own code where there is some, and what its browser side does besides: time ranges, steps, variables.

import { createRequire } from 'node:module';

// The library asks the browser for its language; Node.js before 21 has no such thing.
globalThis.navigator ??= { language: 'en', languages: ['en'] };

/** npm @grafana/data, whose ES modules Node.js cannot load. */
export const data = createRequire(import.meta.url)('@grafana/data');

/** How variables are written into a payload: the value of `${name:format}`. */
export const FORMATS = {
  csv: (values) => values.join(','),
  json: (values) => JSON.stringify(values.length === 1 ? values[0] : values),
  glob: (values) => (values.length === 1 ? values[0] : `{${values.join(',')}}`),
  pipe: (values) => values.join('|'),
  regex: (values) => (values.length === 1 ? escape(values[0]) : `(${values.map(escape).join('|')})`),
  singlequote: (values) => values.map((value) => `'${value}'`).join(','),
  doublequote: (values) => values.map((value) => `"${value}"`).join(','),
  array: (values) => values,
};

const escape = (value) => value.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&');

/**
 * A text with `$name`, `${name}` and `${name:format}` replaced. `variables` maps a name to the list of what is chosen, or
 * to a text: the variable's own value for "All", which Grafana writes as it is.
 */
export function replace(text, variables, format) {
  return text.replace(/\$(\w+)|\$\{(\w+)(?::(\w+))?\}/g, (whole, plain, braced, own) => {
    const value = variables[plain ?? braced];
    if (value === undefined) return whole;
    return typeof value === 'string' ? value : FORMATS[own ?? format](value);
  });
}

/** The range of a dashboard or a panel, moved as the panel's own time options say. */
export function range({ from, to }, { timeFrom, timeShift } = {}) {
  const { dateMath } = data;
  const ends = timeFrom ? [`now-${timeFrom}`, 'now'] : [from, to];
  const [first, last] = ends.map((end, i) => dateMath.toDateTime(end, { roundUp: i === 1 }));
  const shift = (end) => (timeShift ? dateMath.parseDateMath(`-${timeShift}`, end) : end);
  return { from: shift(first), to: shift(last), raw: { from: ends[0], to: ends[1] } };
}

/** What every request of a panel says about time: a panel of `width` columns has about so many pixels for points. */
export function timing(span, width = 12) {
  const maxDataPoints = width * 75;
  const { interval, intervalMs } = data.rangeUtil.calculateInterval(span, maxDataPoints);
  return {
    range: { from: span.from.toISOString(), to: span.to.toISOString(), raw: span.raw },
    interval,
    intervalMs,
    maxDataPoints,
  };
}

const YEAR_2000 = 946_684_800_000;
const YEAR_2100 = 4_102_444_800_000;

/**
 * What is wrong with frames as Grafana reads them, a line for each fault: refIds, types, lengths, times, names. `series`:
 * whether each frame has to be a series over time.
 */
export function faults(answer, { refIds, series = true }) {
  if (!Array.isArray(answer)) return ['the answer is no array'];
  const found = [];
  const frames = answer.map((one, i) => {
    if (!refIds.includes(one.refId)) found.push(`answer ${i}: refId ${one.refId} was not asked for`);
    for (const field of one.fields ?? []) if (!field.type) found.push(`answer ${i}: field ${field.name} has no type`);
    return data.toDataFrame(structuredClone(one));
  });
  frames.forEach((frame, i) => {
    const about = `answer ${i} (${frame.name ?? frame.refId})`;
    if (frame.fields.length === 0) found.push(`${about}: no fields`);
    if (series) found.push(...faultsOfSeries(frame).map((fault) => `${about}: ${fault}`));
    for (const field of frame.fields) found.push(...faultsOfField(field, frame).map((fault) => `${about}: ${fault}`));
  });
  const names = displayNames(frames);
  for (const name of new Set(names))
    if (names.indexOf(name) !== names.lastIndexOf(name)) found.push(`two are called ${name}`);
  return found;
}

/** What legends call the columns of frames that are no times. */
export function displayNames(frames) {
  const shown = frames.flatMap((frame) =>
    frame.fields.filter(({ type }) => type !== 'time').map((field) => [field, frame]),
  );
  return shown.map(([field, frame]) => data.getFieldDisplayName(field, frame, frames));
}

function faultsOfSeries(frame) {
  const [first, ...others] = frame.fields;
  if (first?.type !== 'time') return ['the first field is no time'];
  const found = [];
  if (others.length === 0 || others.some(({ type }) => type !== 'number'))
    found.push('a field beside the time is no number');
  if (first.values.some((time, i) => i > 0 && time <= first.values[i - 1])) found.push('times do not ascend');
  return found;
}

function faultsOfField({ name, type, values }, frame) {
  const found = [];
  if (values.length !== frame.length) found.push(`${name} has ${values.length} values, the frame ${frame.length}`);
  const isTime = (value) => Number.isInteger(value) && value > YEAR_2000 && value < YEAR_2100;
  const fits = { time: isTime, number: Number.isFinite, string: (value) => typeof value === 'string' }[type];
  const wrong = fits && values.find((value) => value !== null && !fits(value));
  if (wrong !== undefined) found.push(`${name} holds ${JSON.stringify(wrong)}, which is no ${type}`);
  return found;
}

/** The numbers in an answer's frames, of the older plugins' forms too. */
export function numbers(answer) {
  const fields = answer.flatMap((one) => data.toDataFrame(structuredClone(one)).fields);
  return fields
    .filter(({ type }) => type === 'number')
    .flatMap(({ values }) => values)
    .filter(Number.isFinite);
}
