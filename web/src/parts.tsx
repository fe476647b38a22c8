// A short table of groups for pages that have several.
import type { ComponentChildren } from 'preact';
import { tableOf, type Table } from './api';
import { fileUrl, tableRequest, url } from './ask';
import { dimensionLabel, measuresOf, pick } from './catalog';
import { useShared } from './context';
import { prefixesOf, useCountries } from './countries';
import { remember } from './names';
import { position, written } from './numbers';
import { bare, change, groupFilter, groupName, tone, unit } from './show';
import { Failure } from './states';
import { stateOf, useAsk } from './use';
import type { View } from './view';

export function Footnote({ children }: { children: ComponentChildren }) {
    return <p class="foot">{children}</p>;
}

export interface ShortProps {
    readonly title: string;
    readonly note: string;
    /** What is asked for: groups, measures and their order. */
    readonly asks: Pick<View, 'by' | 'measures'> & Partial<View>;
    /** Columns, with `_change` where the change is wanted. */
    readonly columns: readonly string[];
    readonly test: string;
    /** Groups that are not worth a row. */
    readonly isWorth?: (at: (column: string) => number | null) => boolean;
    readonly view: Partial<View>;
    readonly hasTotal?: boolean;
}

/** Rows of a table where nothing else is said. */
const ROWS = 15;

/** A table that leads to the main view: a row is its filter. */
export function Short({ title, note, asks, columns, test, isWorth, view, hasTotal = false }: ShortProps) {
    const { scene, signs, clock, go, beat, onError } = useShared();
    const request = tableRequest({ ...scene, view: { ...scene.view, limit: ROWS, sort: '', ...asks } });
    const asked = useAsk<Table>(url(scene, request), beat, onError);
    const { catalog } = scene;
    const dimensions = asks.by.flatMap((name) => catalog.definitions.dimensions.find((one) => one.name === name) ?? []);
    const offered = measuresOf(catalog, scene.view.side);
    const shown = columns.flatMap((name) => {
        const measure = pick(offered, [name.replace(/_change$/, '')])[0];
        return measure === undefined || (name !== measure.name && scene.compare === 'none')
            ? []
            : [{ name, measure, isChange: name !== measure.name }];
    });
    const state = stateOf(asked);
    const table = asked.value === null ? null : tableOf(asked.value);
    if (table !== null) remember(dimensions, table);
    useCountries(table === null ? [] : prefixesOf(dimensions, table));
    const rows =
        table === null
            ? []
            : Array.from({ length: table.rows }, (_, row) => row).filter(
                  (row) => isWorth?.((column) => position(table.data[column]?.[row])) ?? true,
              );
    return (
        <section class="panel" aria-label={title} data-test={test} data-loading={asked.loading}>
            <div class="panel-head">
                <h2>
                    {title}{' '}
                    {table !== null && rows.length > 0 && rows.length < table.groups && (
                        <small data-test={`${test}-of`}>
                            {rows.length} of {written(String(table.groups), signs)}
                        </small>
                    )}
                </h2>
                <span class="space" />
                <a class="button small" href={fileUrl(scene, request, 'csv')} download="" data-test={`${test}-csv`}>
                    CSV
                </a>
                <a class="button small" href={fileUrl(scene, request, 'xlsx')} download="" data-test={`${test}-xlsx`}>
                    Excel
                </a>
            </div>
            <Failure asked={asked} test={`${test}-error`} />
            {table === null && asked.error === null && <div class="skeleton" aria-hidden="true" />}
            {table !== null && rows.length === 0 && state === '' && (
                <p class="note" data-test={`${test}-none`}>
                    Nothing to show for this window.
                </p>
            )}
            {table !== null && rows.length > 0 && (
                <div class={`table-box ${state}`} tabIndex={0} role="region" aria-label={`Table of ${title}`}>
                    <table>
                        <thead>
                            <tr>
                                {dimensions.map((dimension) => (
                                    <th key={dimension.name} scope="col">
                                        {dimensionLabel(dimension.name)}
                                    </th>
                                ))}
                                {shown.map(({ name, measure, isChange }) => (
                                    <th key={name} scope="col" class="number" title={measure.definition}>
                                        {isChange ? '±' : measure.label}
                                        <small>
                                            {' '}
                                            {isChange
                                                ? measure.change === 'percent'
                                                    ? '%'
                                                    : measure.unit === 'percent'
                                                      ? 'pp'
                                                      : ''
                                                : unit(measure)}
                                        </small>
                                    </th>
                                ))}
                            </tr>
                        </thead>
                        <tbody>
                            {rows.map((row) => {
                                const at = (column: string) => table.data[column]?.[row];
                                const filters = Object.assign(
                                    {},
                                    ...dimensions.map((dimension) => groupFilter(dimension, at) ?? {}),
                                ) as Record<string, string>;
                                const { account, ...rest } = filters;
                                const look = () =>
                                    go({
                                        page: 'traffic',
                                        filters: rest,
                                        accounts: account === undefined ? [] : [account],
                                        sort: '',
                                        calls: false,
                                        ...view,
                                    });
                                return (
                                    <tr key={row} data-test="row">
                                        {dimensions.map((dimension, index) => {
                                            const { name, aside } = groupName(dimension, at, clock);
                                            const inside = (
                                                <span class="name">
                                                    {name}
                                                    {aside !== '' && dimension.columns.length !== 2 && <small> {aside}</small>}
                                                </span>
                                            );
                                            if (index > 0) return <td key={dimension.name}>{inside}</td>;
                                            return (
                                                <th key={dimension.name} scope="row">
                                                    {Object.keys(filters).length > 0 ? (
                                                        <button
                                                            type="button"
                                                            class="link"
                                                            data-test="row-button"
                                                            title="Look into it"
                                                            onClick={look}
                                                        >
                                                            {inside}
                                                        </button>
                                                    ) : (
                                                        inside
                                                    )}
                                                </th>
                                            );
                                        })}
                                        {shown.map(({ name, measure, isChange }) => {
                                            const cell = at(name);
                                            const isLoss = !isChange && measure.name.startsWith('margin') && (position(cell) ?? 0) < 0;
                                            return (
                                                <td
                                                    key={name}
                                                    class={`number ${isChange ? `change ${tone(measure, at, table.groups)}` : isLoss ? 'bad' : ''}`}
                                                    data-column={name}
                                                    data-value={String(cell ?? '')}
                                                >
                                                    {isChange
                                                        ? change(measure, at, signs).replace(/\u202f.*$/, '')
                                                        : bare(measure, cell, signs, clock)}
                                                </td>
                                            );
                                        })}
                                    </tr>
                                );
                            })}
                        </tbody>
                        {hasTotal && (
                            <tfoot>
                                {[['other', table.other] as const, ['total', table.totals] as const].map(
                                    ([row, cells]) =>
                                        cells !== null && (
                                            <tr key={row} data-test={row}>
                                                <th scope="row" colSpan={dimensions.length}>
                                                    {row}
                                                </th>
                                                {shown.map(({ name, measure, isChange }) => (
                                                    <td
                                                        key={name}
                                                        class={`number ${isChange ? 'change' : ''}`}
                                                        data-column={name}
                                                        data-value={String(cells[name] ?? '')}
                                                    >
                                                        {isChange
                                                            ? change(measure, (column) => cells[column], signs).replace(/\u202f.*$/, '')
                                                            : bare(measure, cells[name], signs, clock)}
                                                    </td>
                                                ))}
                                            </tr>
                                        ),
                                )}
                            </tfoot>
                        )}
                    </table>
                </div>
            )}
            <Footnote>{note}</Footnote>
        </section>
    );
}
