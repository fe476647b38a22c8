// Filters: chips of those that are set, and a form that adds one. A value is chosen from the window's groups, or typed.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { tableOf, type Table } from './api';
import { tableRequest, url } from './ask';
import { accountsOf, dimensionLabel, dimensionsOf, type Dimension } from './catalog';
import { useShared } from './context';
import { useCountries } from './countries';
import { countryOf, nameOf, remember } from './names';
import { written } from './numbers';
import { groupName } from './show';
import { Choice, Field, Icon, Menu, Select } from './ui';
import { useAsk } from './use';

/** Filters beyond "is one of the groups". */
const TEXTS: readonly (readonly [string, string])[] = [
    ['dst-prefix-routing-starts-with', 'B-number begins with'],
    ['dst-prefix-routing-contains', 'B-number contains'],
    ['src-prefix-routing-starts-with', 'A-number begins with'],
    ['src-prefix-routing-contains', 'A-number contains'],
    ['duration-gteq', 'Duration, seconds, at least'],
    ['duration-lteq', 'Duration, seconds, at most'],
    ['reverse-billing', 'Reverse-billed (true or false)'],
];

export function Filters() {
    const { scene } = useShared();
    const count = Object.keys(scene.view.filters).length;
    return (
        <Menu
            label={
                <>
                    <Icon name="filter" />
                    Filter{count > 0 ? <b class="badge">{count}</b> : null}
                </>
            }
            name="Add a filter"
            align="end"
            test="filter"
        >
            {(close) => <FilterForm onDone={close} />}
        </Menu>
    );
}

function FilterForm({ onDone }: { onDone: () => void }) {
    const { scene, go } = useShared();
    const dimensions = dimensionsOf(scene.catalog, scene.view.side).filter(
        (one) => one.filter !== null && one.name !== 'account' && one.name !== 'dst-prefix' && one.name !== 'src-prefix',
    );
    const [kind, setKind] = useState(dimensions[0]?.name ?? '');
    const [value, setValue] = useState('');
    const dimension = dimensions.find((one) => one.name === kind);
    const add = (event: Event) => {
        event.preventDefault();
        const name = dimension?.filter ?? kind;
        const text = value.trim();
        if (text === '') return;
        onDone();
        go({ filters: { ...scene.view.filters, [name]: text } });
    };
    return (
        <form class="form" onSubmit={add}>
            <label class="field">
                Filter by
                <Select
                    name="Filter by"
                    test="filter-kind"
                    value={kind}
                    onChange={(name) => {
                        setKind(name);
                        setValue('');
                    }}
                    options={[...dimensions.map((one) => [one.name, dimensionLabel(one.name)] as const), ...TEXTS]}
                />
            </label>
            {dimension === undefined ? (
                <Field label="Value" test="filter-value" value={value} onValue={setValue} />
            ) : (
                <Values dimension={dimension} value={value} onValue={setValue} />
            )}
            <button type="submit" class="button primary" data-test="filter-add" disabled={value.trim() === ''}>
                Add
            </button>
        </form>
    );
}

/** The groups of the window as a list, the largest first; one that is not in it can be typed. */
function Values({ dimension, value, onValue }: { dimension: Dimension; value: string; onValue: (value: string) => void }) {
    const { scene, clock, signs } = useShared();
    const view = { ...scene.view, by: [dimension.name], measures: ['total_calls'], sort: '-total_calls', limit: 200, minCalls: 0 };
    const asked = useAsk<Table>(url(scene, tableRequest({ ...scene, view, compare: 'none' })));
    const [isTyped, setTyped] = useState(false);
    if (asked.value === null) return <p class="soft">{asked.error === null ? 'Loading…' : 'The list cannot be had now.'}</p>;
    const table = tableOf(asked.value);
    const column = dimension.columns[0] ?? '';
    if (!(column in table.data) && table.rows > 0) return <p class="soft">Loading…</p>;
    remember([dimension], table);
    const options = Array.from({ length: table.rows }, (_, row) => row).flatMap((row) => {
        const key = table.data[column]?.[row];
        if (key === null || key === undefined || key === '') return [];
        const { name, aside } = groupName(dimension, (at) => table.data[at]?.[row], clock);
        return [
            [
                String(key),
                `${name}${aside === '' || aside === String(key) ? '' : ` (${aside})`} · ${written(String(table.data['total_calls']?.[row] ?? ''), signs)}`,
            ] as const,
        ];
    });
    if (isTyped) return <Field label="Value, or several with commas" test="filter-value" value={value} onValue={onValue} />;
    return (
        <label class="field">
            Is
            <Select
                name="Value"
                test="filter-choice"
                value={value}
                onChange={(chosen) => (chosen === '\u0000' ? setTyped(true) : onValue(chosen))}
                options={[['', 'choose…'], ...options, ['\u0000', 'type another…']]}
            />
        </label>
    );
}

/** What is filtered by, each to be taken off. */
export function Chips() {
    const { scene, go } = useShared();
    const { view, catalog } = scene;
    const accounts = accountsOf(catalog, view.side);
    const chips = Object.entries(view.filters);
    if (chips.length === 0 && view.accounts.length === 0) return null;
    const remove = (name: string) => {
        const { [name]: _, ...rest } = view.filters;
        go({ filters: rest });
    };
    const chip = (test: string, label: string, value: ComponentChildren, onClick: () => void) => (
        <Choice
            test={`chip-${test}`}
            className="chip"
            title="Take it off"
            label={
                <>
                    <span>
                        {label} <b>{value}</b>
                    </span>
                    <Icon name="close" />
                </>
            }
            onClick={onClick}
        />
    );
    return (
        <div class="chips" role="group" aria-label="Filters" data-test="chips">
            {view.accounts.map((uuid) =>
                chip('account', 'Account', accounts.find((one) => one.uuid === uuid)?.name ?? uuid.slice(0, 8), () =>
                    go({ accounts: view.accounts.filter((one) => one !== uuid) }),
                ),
            )}
            {chips.map(([name, value]) =>
                chip(name, filterLabel(name, catalog.definitions.dimensions), <FilterValue name={name} value={value} />, () =>
                    remove(name),
                ),
            )}
            {chips.length + view.accounts.length > 1 && (
                <Choice
                    label="Clear all"
                    test="chips-clear"
                    className="button small plain"
                    onClick={() => go({ filters: {}, accounts: [] })}
                />
            )}
        </div>
    );
}

export function filterLabel(name: string, dimensions: readonly Dimension[]): string {
    const text = TEXTS.find(([one]) => one === name);
    if (text !== undefined) return text[1];
    const found = dimensions.find((one) => one.filter === name);
    if (found !== undefined) return dimensionLabel(found.name);
    return name.replaceAll('-', ' ');
}

/** The name of a value that is an id; asked for where no table has shown it yet. */
function FilterValue({ name, value }: { name: string; value: string }) {
    const { scene } = useShared();
    const dimension = scene.catalog.definitions.dimensions.find((one) => one.filter === name && one.columns.length > 1);
    const known = nameOf(name, value);
    const isAsked = dimension !== undefined && known === null && /^[0-9]+$/.test(value);
    const view = {
        ...scene.view,
        by: [dimension?.name ?? 'dst-country'],
        filters: { [name]: value },
        accounts: scene.view.accounts,
        measures: ['total_calls'],
        sort: '',
        limit: 1,
        minCalls: 0,
    };
    const asked = useAsk<Table>(isAsked ? url(scene, tableRequest({ ...scene, view, compare: 'none' })) : null);
    if (dimension !== undefined && asked.value !== null) remember([dimension], tableOf(asked.value));
    const isPrefix = name.includes('-prefix') && /^[0-9]+$/.test(value);
    useCountries(isPrefix ? [value] : []);
    return (
        <>
            {nameOf(name, value) ?? value}
            {isPrefix && ` ${countryOf(value)}`}
        </>
    );
}
