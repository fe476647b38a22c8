// Groups of calls: the table that filters and drills.
import type { Table } from './api';
import { columnNames, orderOf } from './ask';
import { Calls } from './calls';
import { dimensionLabel, drilled, measuresOf, pick, type Measure } from './catalog';
import { useShared } from './context';
import { remember } from './names';
import { position, written, type Cell } from './numbers';
import { bare, change, groupFilter, groupName, tone, unit } from './show';
import { Failure } from './states';
import { Tabs } from './tabs';
import { Select } from './ui';
import type { Asked } from './use';
import { LIMITS } from './view';

export function Groups({ asked }: { asked: Asked<Table> }) {
    const { scene } = useShared();
    return (
        <section class="panel" aria-label="Groups of calls" data-test="groups-panel">
            <Tabs />
            {scene.view.calls ? (
                <Calls />
            ) : (
                <>
                    <Failure asked={asked} test="table-error" />
                    {asked.value !== null && 'data' in asked.value && <GroupTable table={asked.value} loading={asked.loading} />}
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

/** Columns of the table: each measure, and behind those that say most by their change, that. */
function columnsOf(measures: readonly Measure[], isCompared: boolean): Column[] {
    const changes = new Set(['total_calls', 'asr', 'attempts', 'total_duration', 'total_price']);
    return measures.flatMap((measure) => {
        const own: Column = { measure, name: measure.name, isChange: false };
        return isCompared && measure.change !== null && changes.has(measure.name)
            ? [own, { measure, name: `${measure.name}_change`, isChange: true }]
            : [own];
    });
}

function GroupTable({ table, loading }: { table: Table; loading: boolean }) {
    const { scene, signs, clock, go } = useShared();
    const { view, catalog } = scene;
    const dimensions = view.by.flatMap((name) => catalog.definitions.dimensions.find((one) => one.name === name) ?? []);
    const measures = pick(measuresOf(catalog, view.side), columnNames(scene)).filter((one) => one.name in table.data);
    const columns = columnsOf(measures, table.compare !== null);
    const order = orderOf(
        scene,
        measures.map((one) => one.name),
    );
    const bar = measures[0];
    const longest = Math.max(1, ...(bar === undefined ? [] : (table.data[bar.name] ?? []).map((cell) => Math.abs(position(cell) ?? 0))));
    const isAnswer = dimensions.length === view.by.length && dimensions.every((dimension) => (dimension.columns[0] ?? '') in table.data);
    if (!isAnswer) return <div class="skeleton tall" aria-hidden="true" />;
    const rows = Array.from({ length: table.rows }, (_, row) => row);
    remember(dimensions, table);
    const choose = (row: number) => {
        const at = (column: string) => table.data[column]?.[row];
        const filters = Object.assign({}, ...dimensions.map((dimension) => groupFilter(dimension, at) ?? {})) as Record<string, string>;
        if (Object.keys(filters).length > 0) go(drilled(catalog, view, filters));
    };
    return (
        <>
            <div
                class={`table-box ${loading ? 'loading' : ''}`}
                tabIndex={0}
                role="region"
                aria-label="Table of groups"
                aria-busy={loading}
            >
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
                                    title={isChange ? `Change of ${measure.label}` : measure.definition}
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
                                            <>
                                                {name}
                                                {aside !== '' && <small> {aside}</small>}
                                            </>
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
        const className = isChange || measure.name === 'lost_answers' ? tone(measure, at) : '';
        const text = isChange ? change(measure, cell, signs).replace(/\u202f.*$/, '') : bare(measure, cell, signs, clock);
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
                        {'\u00a0'}
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
