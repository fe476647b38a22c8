// Groups of calls: the table that filters and drills.
import { useRef } from 'preact/hooks';
import { tableOf, type Table } from './api';
import { columnNames, orderOf, type Scene } from './ask';
import { Calls } from './calls';
import { caveat, dimensionLabel, drilled, measuresOf, pick, type Measure } from './catalog';
import { useShared } from './context';
import { prefixesOf, useCountries } from './countries';
import { remember } from './names';
import { position, written, type Cell } from './numbers';
import { bare, change, groupFilter, groupName, tone, unit } from './show';
import { Failure } from './states';
import { Tabs } from './tabs';
import { Select } from './ui';
import { stateOf, type Asked } from './use';
import { LIMITS } from './view';

/** `isEarly`: whether the table's changes may be shown is not known yet. */
export function Groups({ asked, isEarly }: { asked: Asked<Table>; isEarly: boolean }) {
    const { scene } = useShared();
    // Rows stay, pale, under the headings that they were asked with.
    const of = useRef(scene);
    if (!asked.loading && asked.error === null) of.current = scene;
    return (
        <section class="panel" aria-label="Groups of calls" data-test="groups-panel">
            <Tabs />
            {scene.view.calls ? (
                <Calls />
            ) : (
                <>
                    <Failure asked={asked} test="table-error" />
                    {asked.value !== null && (
                        <GroupTable table={tableOf(asked.value)} of={of.current} state={stateOf(asked) || (isEarly ? 'loading' : '')} />
                    )}
                    {asked.value === null && asked.error === null && <div class="skeleton tall" aria-hidden="true" />}
                </>
            )}
        </section>
    );
}

interface Column {
    readonly measure: Measure;
    /** The name in the answer. */
    readonly name: string;
    readonly isChange: boolean;
}

/**
 * Columns of the table: each measure, and behind those that say most by their change, that. On a phone the one that sorts is
 * the first, since the others are out of sight.
 */
export function columnsOf(measures: readonly Measure[], isCompared: boolean, first = ''): Column[] {
    const changes = new Set(['total_calls', 'asr', 'attempts', 'total_duration', 'total_price']);
    const all = measures.flatMap((measure) => {
        const own: Column = { measure, name: measure.name, isChange: false };
        return isCompared && measure.change !== null && changes.has(measure.name)
            ? [own, { measure, name: `${measure.name}_change`, isChange: true }]
            : [own];
    });
    const isFirst = ({ measure }: Column) => first.replace(/_(?:before|change)$/, '') === measure.name;
    return [...all.filter(isFirst), ...all.filter((column) => !isFirst(column))];
}

interface GroupTableProps {
    readonly table: Table;
    /** The view that the table was asked for, which may be the one before. */
    readonly of: Scene;
    readonly state: '' | 'pale' | 'loading';
}

function GroupTable({ table, of: scene, state }: GroupTableProps) {
    const { scene: present, signs, clock, go, isPhone } = useShared();
    const { view, catalog } = scene;
    const dimensions = view.by.flatMap((name) => catalog.definitions.dimensions.find((one) => one.name === name) ?? []);
    const measures = pick(measuresOf(catalog, view.side), columnNames(scene)).filter((one) => one.name in table.data);
    const order = orderOf(
        scene,
        measures.map((one) => one.name),
    );
    const columns = columnsOf(measures, table.compare !== null, isPhone ? order.replace(/^-/, '') : '');
    const bar = measures[0];
    const longest = Math.max(1, ...(bar === undefined ? [] : (table.data[bar.name] ?? []).map((cell) => Math.abs(position(cell) ?? 0))));
    const rows = Array.from({ length: table.rows }, (_, row) => row);
    remember(dimensions, table);
    useCountries(prefixesOf(dimensions, table));
    const choose = (row: number) => {
        const at = (column: string) => table.data[column]?.[row];
        const filters = Object.assign({}, ...dimensions.map((dimension) => groupFilter(dimension, at) ?? {})) as Record<string, string>;
        if (Object.keys(filters).length > 0) go(drilled(catalog, { ...present.view, by: view.by }, filters));
    };
    return (
        <>
            <div class={`table-box ${state}`} tabIndex={0} role="region" aria-label="Table of groups" aria-busy={state === 'loading'}>
                <table data-test="groups" data-rows={table.rows} data-groups={table.groups}>
                    <thead>
                        <tr>
                            {dimensions.map((dimension) => (
                                <Head
                                    key={dimension.name}
                                    column={dimension.columns[1] ?? dimension.columns[0] ?? ''}
                                    label={dimensionLabel(dimension.name)}
                                    title={dimension.definition}
                                    order={order}
                                    isText
                                />
                            ))}
                            {columns.map(({ measure, name, isChange }) => (
                                <Head
                                    key={name}
                                    column={name}
                                    order={order}
                                    title={isChange ? `Change of ${measure.label}.` : measure.definition}
                                    label={isChange ? '±' : measure.label}
                                    unit={
                                        isChange
                                            ? measure.change === 'percent'
                                                ? '%'
                                                : measure.unit === 'percent'
                                                  ? 'pp'
                                                  : unit(measure)
                                            : unit(measure)
                                    }
                                />
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {rows.map((row) => {
                            const at = (column: string) => table.data[column]?.[row];
                            const canChoose = dimensions.some((dimension) => groupFilter(dimension, at) !== null);
                            return (
                                <tr
                                    key={dimensions.map((dimension) => String(at(dimension.columns[0] ?? ''))).join('\u0000')}
                                    class={canChoose ? 'choose' : ''}
                                    data-test="row"
                                    onClick={(event) => {
                                        if (
                                            canChoose &&
                                            !(event.target as Element).closest('button') &&
                                            (getSelection()?.toString() ?? '') === ''
                                        )
                                            choose(row);
                                    }}
                                >
                                    {dimensions.map((dimension, index) => {
                                        const { name, aside } = groupName(dimension, at, clock);
                                        const inside = (
                                            <span class="name">
                                                {name}
                                                {aside !== '' && <small> {aside}</small>}
                                            </span>
                                        );
                                        return index === 0 ? (
                                            <th key={dimension.name} scope="row">
                                                {canChoose ? (
                                                    <button
                                                        type="button"
                                                        class="link"
                                                        data-test="row-button"
                                                        title="Filter by it and look into it"
                                                        onClick={() => choose(row)}
                                                    >
                                                        {inside}
                                                    </button>
                                                ) : (
                                                    inside
                                                )}
                                            </th>
                                        ) : (
                                            <td key={dimension.name}>{inside}</td>
                                        );
                                    })}
                                    {columns.map((column) => (
                                        <Value
                                            key={column.name}
                                            column={column}
                                            at={at}
                                            share={column.name === bar?.name ? Math.abs(position(at(column.name)) ?? 0) / longest : null}
                                        />
                                    ))}
                                </tr>
                            );
                        })}
                    </tbody>
                    <tfoot>
                        {table.other !== null && (
                            <tr data-test="other">
                                <th scope="row" colSpan={dimensions.length}>
                                    other <small>{written(String(table.groups - table.rows), signs)} groups</small>
                                </th>
                                {columns.map((column) => (
                                    <Value key={column.name} column={column} at={(name) => table.other?.[name]} share={null} />
                                ))}
                            </tr>
                        )}
                        <tr data-test="total">
                            <th scope="row" colSpan={dimensions.length}>
                                total{' '}
                                <small>
                                    {written(String(table.groups), signs)} group{table.groups === 1 ? '' : 's'}
                                </small>
                            </th>
                            {columns.map((column) => (
                                <Value key={column.name} column={column} at={(name) => table.totals[name]} share={null} />
                            ))}
                        </tr>
                    </tfoot>
                </table>
            </div>
            {caveat(view.by, view.side) !== '' && (
                <p class="foot" data-test="caveat">
                    {caveat(view.by, view.side)}
                </p>
            )}
            {(table.other !== null || view.limit > 25) && (
                <p class="foot row">
                    Rows
                    <Select
                        name="Rows of the table"
                        test="limit"
                        value={String(view.limit)}
                        onChange={(limit) => go({ limit: Number(limit) }, true)}
                        options={[...new Set([...LIMITS, view.limit])]
                            .sort((a, b) => a - b)
                            .map((limit) => [String(limit), String(limit)] as const)}
                    />
                    of {written(String(table.groups), signs)}; all others are in “other”.
                </p>
            )}
        </>
    );

    function Value({ column, at, share }: { column: Column; at: (column: string) => Cell | undefined; share: number | null }) {
        const { measure, isChange, name } = column;
        const cell = at(name);
        const className = isChange || measure.name === 'lost_answers' ? tone(measure, at, table.groups) : '';
        const text = isChange ? change(measure, at, signs).replace(/\u202f.*$/, '') : bare(measure, cell, signs, clock);
        return (
            <td
                class={`number ${isChange ? 'change' : ''} ${className} ${share === null ? '' : 'has-bar'}`}
                data-column={name}
                data-value={String(cell ?? '')}
            >
                {share !== null && <span class="bar-of" style={{ width: `${(share * 100).toFixed(1)}%` }} aria-hidden="true" />}
                {text}
            </td>
        );
    }
}

interface HeadProps {
    readonly column: string;
    readonly label: string;
    readonly unit?: string;
    readonly title: string;
    readonly order: string;
    readonly isText?: boolean;
}

/** A heading that sorts: at first the largest on top, texts from A on. */
function Head({ column, label, unit: of = '', title, order, isText = false }: HeadProps) {
    const { go } = useShared();
    const isChosen = order.replace(/^-/, '') === column;
    const isDown = order.startsWith('-');
    const next = isChosen ? (isDown ? column : `-${column}`) : isText ? column : `-${column}`;
    return (
        <th scope="col" class={isText ? '' : 'number'} aria-sort={isChosen ? (isDown ? 'descending' : 'ascending') : 'none'}>
            <button
                type="button"
                class="sort"
                title={`${title} Sort by it.`}
                data-test={`sort-${column}`}
                onClick={() => go({ sort: next })}
            >
                {label}
                {of !== '' && (
                    <>
                        {of.length > 4 ? ' ' : '\u00a0'}
                        <small>{of}</small>
                    </>
                )}
                <span class="arrow" aria-hidden="true">
                    {isChosen ? (isDown ? '↓' : '↑') : ''}
                </span>
            </button>
        </th>
    );
}
