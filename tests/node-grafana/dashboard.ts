// What a dashboard file may hold: Grafana's own types, and for each kind of panel that is used, the types of its options.
// Nothing runs this: a JSON schema is made of it (see schema.mjs).

import type {
  AnnotationQuery,
  Dashboard,
  DataSourceRef,
  FieldConfig,
  GraphFieldConfig,
  Panel,
  TableFieldOptions,
  VariableModel,
} from '@grafana/schema';
import type { Options as StatOptions } from '@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type { Options as TableOptions } from '@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
import type { Options as TimeSeriesOptions } from '@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';

/** What Grafana saves where a user has chosen a data source: never only one of the two. */
type Source = Required<DataSourceRef>;

/** A target of simPod's plugin, 0.6, in its builder. Values of the payload are texts, or lists of them. */
export interface Target {
  refId: string;
  datasource: Source;
  editorMode: 'builder';
  target: string;
  payload: Record<string, string | string[]>;
}

// All three go by the name of Options in files of their own: without names of ours the generator takes one for another.
interface OfStat extends StatOptions {}
interface OfTable extends Partial<TableOptions> {}
interface OfTimeSeries extends TimeSeriesOptions {}

interface Shown<Type extends string, Options, Custom> extends Omit<
  Panel,
  'type' | 'options' | 'fieldConfig' | 'targets' | 'datasource'
> {
  id: number;
  type: Type;
  title: string;
  description: string;
  datasource: Source;
  targets: Target[];
  options: Options;
  fieldConfig: {
    defaults: Omit<FieldConfig, 'custom' | 'unit'> & { unit: string; custom?: Custom };
    overrides: NonNullable<Panel['fieldConfig']>['overrides'];
  };
}

export type Stat = Shown<'stat', OfStat, Record<string, never>>;
export type TimeSeries = Shown<'timeseries', OfTimeSeries, GraphFieldConfig>;
export type Table = Shown<'table', OfTable, Partial<TableFieldOptions>>;

interface Annotation extends Omit<AnnotationQuery, 'target' | 'datasource'> {
  datasource: Source;
  target?: Target;
}

/** Panels are looked at each by its own kind, so that a fault is named once and not for every kind. */
export interface Board extends Omit<Dashboard, 'panels' | 'annotations'> {
  uid: string;
  title: string;
  description: string;
  schemaVersion: 42;
  panels: unknown[];
  templating: { list: Array<VariableModel> };
  annotations: { list: Annotation[] };
}
