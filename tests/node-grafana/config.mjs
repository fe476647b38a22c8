// What ships for Grafana, as the files of config/grafana say it.

import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

const folder = new URL('../../config/grafana/', import.meta.url);

function files(path, ...endings) {
  const names = readdirSync(new URL(path, folder)).filter((name) => endings.some((ending) => name.endsWith(ending)));
  return names.sort().map((name) => [name, readFileSync(new URL(`${path}/${name}`, folder), 'utf8')]);
}

/** Dashboards by the name of their file. */
export const boards = files('dashboards', '.json').map(([name, text]) => [name, JSON.parse(text)]);
/** Data sources, those of the samples too. */
export const sources = files('provisioning/datasources', '.yaml', '.sample').flatMap(
  ([, text]) => parse(text).datasources,
);
/** The operator's dashboards, by the name of their file. */
export const operatorBoards = files('operator/dashboards', '.json').map(([name, text]) => [name, JSON.parse(text)]);
/** Their data source. */
export const operatorSources = files('operator/provisioning/datasources', '.yaml').flatMap(
  ([, text]) => parse(text).datasources,
);
/** Where dashboards are looked for. */
export const providers = files('provisioning/dashboards', '.yaml').flatMap(([, text]) => parse(text).providers);
/** Alert rules, with what they ask for. */
export const rules = files('provisioning/alerting', '.yaml').flatMap(([, text]) =>
  parse(text).groups.flatMap(({ rules }) => rules),
);

/** The panels of a dashboard that show something, those in rows too. */
export function panels(board) {
  return board.panels.flatMap((panel) => (panel.type === 'row' ? panel.panels : [panel]));
}
