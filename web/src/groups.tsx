// Groups of calls: tabs by dimension, and the table that filters and drills.
import type { Table } from './api';
import { columnNames, orderOf } from './ask';
import { callColumnsOf, dimensionLabel, dimensionsOf, drilled, measuresOf, pick, type Dimension, type Measure } from './catalog';
import { Calls } from './calls';
import { useShared } from './context';
import { remember } from './names';
import { position, written, type Cell } from './numbers';
import { bare, change, groupFilter, groupName, tone, unit } from './show';
import { Icon, Menu, Select } from './ui';
import type { Asked } from './use';
import { Failure } from './states';
import { LIMITS } from './view';

/** Tabs before the list of further ones. */
const TABS = 9;
const PHONE_TABS = 4;

export function Groups({ asked }: { asked: Asked<Table> }) {
    const { scene } = useShared();
    return (
        <section class="panel" aria-label="Groups of calls" data-test="groups-panel">
            <Tabs />
            {scene.view.calls ? <Calls /> : <>
                <Failure asked={asked} test="table-error" />
                {asked.value !== null && 'data' in asked.value && <GroupTable table={asked.value} loading={asked.loading} />}
                {asked.value === null && asked.error === null && <div class="skeleton tall" aria-hidden="true" />}
            </>}
        </section>
    );
}

function Tabs() {
    const { scene, go, isPhone } = useShared();
    const { view, catalog } = scene;
    const all = dimensionsOf(catalog, view.side);
    const most = isPhone ? PHONE_TABS : TABS;
    const chosen = view.by.length === 1 && !view.calls ? view.by[0] : undefined;
    const shown = all.slice(0, most);
    const found = all.find((dimension) => dimension.name === chosen);
    if (found !== undefined && !shown.includes(found)) shown.push(found);
    const rest = all.filter((dimension) => !shown.includes(dimension));
    const canCall = callColumnsOf(catalog, view.side).length > 0;
    const by = (name: string) => go({ by: [name], calls: false, sort: '', limit: 25 });
    return (
        <div class="tabs" role="group" aria-label="Grouped by" data-test="tabs">
            {shown.map((dimension) => (
                <button key={dimension.name} type="button" class="tab" aria-pressed={dimension.name === chosen} title={dimension.definition}
                    data-test={`tab-${dimension.name}`} onClick={() => by(dimension.name)}>{dimensionLabel(dimension.name)}</button>
            ))}
            {rest.length > 0 && (
                <Menu label={<>More<Icon name="down" /></>} name="More dimensions" test="tabs-more">
                    {(close) => rest.map((dimension) => (
                        <button key={dimension.name} type="button" class="item" title={dimension.definition} data-test={`tab-${dimension.name}`}
                            onClick={() => { close(); by(dimension.name); }}>{dimensionLabel(dimension.name)}</button>
                    ))}
                </Menu>
            )}
            {canCall && (
                <button type="button" class="tab" aria-pressed={view.calls} title="The calls themselves, one by one" data-test="tab-calls" onClick={() => go({ calls: true })}>Calls</button>
            )}
            <span class="space" />
            {!view.calls && <Several all={all} />}
            {!view.calls && <Columns />}
        </div>
    );
}

/** Up to three dimensions at once, and the digits of prefixes. */
function Several({ all }: { all: readonly Dimension[] }) {
    const { scene, go } = useShared();
    const { view } = scene;
    const choices: (readonly [string, string])[] = [['', '–'], ['t', `Time (${scene.sampling})`], ...all.map((one) => [one.name, dimensionLabel(one.name)] as const)];
    const set = (place: number, name: string) => {
        const by = [0, 1, 2].map((index) => (index === place ? name : view.by[index] ?? '')).filter((one, index, list) => one !== '' && list.indexOf(one) === index);
        go({ by: by.length === 0 ? ['dst-country'] : by, sort: '' });
    };
    const hasPrefix = view.by.some((name) => name === 'dst-prefix' || name === 'src-prefix');
    return (
        <>
            {hasPrefix && <Select name="Digits of the prefix" test="digits" value={String(view.digits)} onChange={(digits) => go({ digits: Number(digits) })}
                options={Array.from({ length: 15 }, (_, index) => [String(index + 1), `${index + 1} digit${index === 0 ? '' : 's'}`] as const)} />}
            <Menu label={<>{view.by.length > 1 ? view.by.map(dimensionLabel).join(' × ') : 'Combine'}<Icon name="down" /></>} name="Combine dimensions" align="end" test="combine">
                {() => [0, 1, 2].map((place) => (
                    <label class="field" key={place}>{['Group by', 'then by', 'then by'][place]}
                        <Select name={`Dimension ${place + 1}`} test={`combine-${place}`} value={view.by[place] ?? ''} options={choices} onChange={(name) => set(place, name)} />
                    </label>
                ))}
            </Menu>
        </>
    );
}

/** Which measures the table has. */
function Columns() {
    const { scene, go } = useShared();
    const offered = measuresOf(scene.catalog, scene.view.side).filter((one) => one.name !== 'lost_answers' || scene.compare !== 'none');
    const chosen = columnNames(scene);
    const toggle = (name: string) => {
        const next = chosen.includes(name) ? chosen.filter((one) => one !== name) : offered.map((one) => one.name).filter((one) => one === name || chosen.includes(one));
        if (next.length > 0) go({ measures: next }, true);
    };
    return (
        <Menu label={<>Columns<Icon name="down" /></>} name="Columns of the table" align="end" test="columns">
            {() => <>
                <div class="menu-list">
                    {offered.map((measure) => (
                        <label key={measure.name} class="check" title={measure.definition}>
                            <input type="checkbox" checked={chosen.includes(measure.name)} disabled={scene.without.has(measure.name)} data-test={`column-${measure.name}`} onChange={() => toggle(measure.name)} />
                            {measure.label}{measure.standard !== null && <small> {measure.standard}</small>}
                        </label>
                    ))}
                </div>
                <label class="field">Leave out groups of fewer calls than
                    <Select name="Fewest calls of a group" test="min-calls" value={String(scene.view.minCalls)} onChange={(calls) => go({ minCalls: Number(calls) }, true)}
                        options={[0, 10, 50, 100, 500, 1000].map((calls) => [String(calls), calls === 0 ? 'none' : String(calls)] as const)} />
                </label>
                <button type="button" class="item" data-test="columns-usual" onClick={() => go({ measures: [], minCalls: 0 }, true)}>The usual columns</button>
            </>}
        </Menu>
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
        return isCompared && measure.change !== null && changes.has(measure.name) ? [own, { measure, name: `${measure.name}_change`, isChange: true }] : [own];
    });
}

function GroupTable({ table, loading }: { table: Table; loading: boolean }) {
    const { scene, signs, clock, go } = useShared();
    const { view, catalog } = scene;
    const dimensions = view.by.flatMap((name) => catalog.definitions.dimensions.find((one) => one.name === name) ?? []);
    const measures = pick(measuresOf(catalog, view.side), columnNames(scene)).filter((one) => one.name in table.data);
    const columns = columnsOf(measures, table.compare !== null);
    const order = orderOf(scene, measures.map((one) => one.name));
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
            <div class={`table-box ${loading ? 'loading' : ''}`} tabIndex={0} role="region" aria-label="Table of groups" aria-busy={loading}>
                <table data-test="groups" data-rows={table.rows} data-groups={table.groups}>
                    <thead><tr>
                        {dimensions.map((dimension) => <Head key={dimension.name} column={dimension.columns[1] ?? dimension.columns[0] ?? ''} label={dimensionLabel(dimension.name)} title={dimension.definition} order={order} isText />)}
                        {columns.map(({ measure, name, isChange }) => (
                            <Head key={name} column={name} order={order} title={isChange ? `Change of ${measure.label}` : measure.definition}
                                label={isChange ? '±' : measure.label} unit={isChange ? (measure.change === 'percent' ? '%' : measure.unit === 'percent' ? 'pp' : unit(measure)) : unit(measure)} />
                        ))}
                    </tr></thead>
                    <tbody>
                        {rows.map((row) => {
                            const at = (column: string) => table.data[column]?.[row];
                            const canChoose = dimensions.some((dimension) => groupFilter(dimension, at) !== null);
                            return (
                                <tr key={dimensions.map((dimension) => String(at(dimension.columns[0] ?? ''))).join('\u0000')} class={canChoose ? 'choose' : ''} data-test="row"
                                    onClick={(event) => { if (canChoose && !(event.target as Element).closest('button') && (getSelection()?.toString() ?? '') === '') choose(row); }}>
                                    {dimensions.map((dimension, index) => {
                                        const { name, aside } = groupName(dimension, at, clock);
                                        const inside = <>{name}{aside !== '' && <small> {aside}</small>}</>;
                                        return index === 0
                                            ? <th key={dimension.name} scope="row">{canChoose ? <button type="button" class="link" data-test="row-button" title="Filter by it and look into it" onClick={() => choose(row)}>{inside}</button> : inside}</th>
                                            : <td key={dimension.name}>{inside}</td>;
                                    })}
                                    {columns.map((column) => <Value key={column.name} column={column} at={at} share={column.name === bar?.name ? Math.abs(position(at(column.name)) ?? 0) / longest : null} />)}
                                </tr>
                            );
                        })}
                    </tbody>
                    <tfoot>
                        {table.other !== null && (
                            <tr data-test="other"><th scope="row" colSpan={dimensions.length}>other <small>{written(String(table.groups - table.rows), signs)} groups</small></th>
                                {columns.map((column) => <Value key={column.name} column={column} at={(name) => table.other?.[name]} share={null} />)}</tr>
                        )}
                        <tr data-test="total"><th scope="row" colSpan={dimensions.length}>total <small>{written(String(table.groups), signs)} group{table.groups === 1 ? '' : 's'}</small></th>
                            {columns.map((column) => <Value key={column.name} column={column} at={(name) => table.totals[name]} share={null} />)}</tr>
                    </tfoot>
                </table>
            </div>
            {(table.other !== null || view.limit > 25) && (
                <p class="foot row">Rows
                    <Select name="Rows of the table" test="limit" value={String(view.limit)} onChange={(limit) => go({ limit: Number(limit) }, true)}
                        options={[...new Set([...LIMITS, view.limit])].sort((a, b) => a - b).map((limit) => [String(limit), String(limit)] as const)} />
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
            <td class={`number ${isChange ? 'change' : ''} ${className} ${share === null ? '' : 'has-bar'}`} data-column={name} data-value={String(cell ?? '')}>
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
            <button type="button" class="sort" title={`${title} Sort by it.`} data-test={`sort-${column}`} onClick={() => go({ sort: next })}>
                {label}{of !== '' && <>{'\u00a0'}<small>{of}</small></>}<span class="arrow" aria-hidden="true">{isChosen ? (isDown ? '↓' : '↑') : ''}</span>
            </button>
        </th>
    );
}

