// What the table groups by and which columns it has: tabs, up to three dimensions at once, measures.
import { columnNames } from './ask';
import { callColumnsOf, caveat, dimensionLabel, dimensionsOf, measuresOf, regrouped, type Dimension } from './catalog';
import { useShared } from './context';
import { Icon, Menu, Select } from './ui';
import { START } from './view';

/** Tabs before the list of further ones. */
const TABS = 9;
const PHONE_TABS = 4;

export function Tabs() {
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
    const by = (name: string) => go(regrouped(catalog, view, [name]));
    const title = ({ name, definition }: Dimension) => `${definition} ${caveat([name], view.side)}`.trim();
    return (
        <div class="tabs" role="group" aria-label="Grouped by" data-test="tabs">
            {shown.map((dimension) => (
                <button
                    key={dimension.name}
                    type="button"
                    class="tab"
                    aria-pressed={dimension.name === chosen}
                    title={title(dimension)}
                    data-test={`tab-${dimension.name}`}
                    onClick={() => by(dimension.name)}
                >
                    {dimensionLabel(dimension.name)}
                </button>
            ))}
            {rest.length > 0 && (
                <Menu
                    label={
                        <>
                            More
                            <Icon name="down" />
                        </>
                    }
                    name="More dimensions"
                    test="tabs-more"
                >
                    {(close) =>
                        rest.map((dimension) => (
                            <button
                                key={dimension.name}
                                type="button"
                                class="item"
                                title={title(dimension)}
                                data-test={`tab-${dimension.name}`}
                                onClick={() => {
                                    close();
                                    by(dimension.name);
                                }}
                            >
                                {dimensionLabel(dimension.name)}
                            </button>
                        ))
                    }
                </Menu>
            )}
            {canCall && (
                <button
                    type="button"
                    class="tab"
                    aria-pressed={view.calls}
                    title="The calls themselves, one by one"
                    data-test="tab-calls"
                    onClick={() => go({ calls: true })}
                >
                    Calls
                </button>
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
    const choices: (readonly [string, string])[] = [
        ['', '–'],
        ['t', `Time (${scene.sampling})`],
        ...all.map((one) => [one.name, dimensionLabel(one.name)] as const),
    ];
    const set = (place: number, name: string) => {
        const by = [0, 1, 2]
            .map((index) => (index === place ? name : (view.by[index] ?? '')))
            .filter((one, index, list) => one !== '' && list.indexOf(one) === index);
        go(regrouped(scene.catalog, view, by.length === 0 ? START.by : by));
    };
    const hasPrefix = view.by.some((name) => name === 'dst-prefix' || name === 'src-prefix');
    return (
        <>
            {hasPrefix && (
                <Select
                    name="Digits of the prefix"
                    test="digits"
                    value={String(view.digits)}
                    onChange={(digits) => go({ digits: Number(digits) })}
                    options={Array.from(
                        { length: 15 },
                        (_, index) => [String(index + 1), `${index + 1} digit${index === 0 ? '' : 's'}`] as const,
                    )}
                />
            )}
            <Menu
                label={
                    <>
                        {view.by.length > 1 ? view.by.map(dimensionLabel).join(' × ') : 'Combine'}
                        <Icon name="down" />
                    </>
                }
                name="Combine dimensions"
                align="end"
                test="combine"
            >
                {() =>
                    [0, 1, 2].map((place) => (
                        <label class="field" key={place}>
                            {['Group by', 'then by', 'then by'][place]}
                            <Select
                                name={`Dimension ${place + 1}`}
                                test={`combine-${place}`}
                                value={view.by[place] ?? ''}
                                options={choices}
                                onChange={(name) => set(place, name)}
                            />
                        </label>
                    ))
                }
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
        const next = chosen.includes(name)
            ? chosen.filter((one) => one !== name)
            : offered.map((one) => one.name).filter((one) => one === name || chosen.includes(one));
        if (next.length > 0) go({ measures: next }, true);
    };
    return (
        <Menu
            label={
                <>
                    Columns
                    <Icon name="down" />
                </>
            }
            name="Columns of the table"
            align="end"
            test="columns"
        >
            {() => (
                <>
                    <div class="menu-list">
                        {offered.map((measure) => (
                            <label key={measure.name} class="check" title={measure.definition}>
                                <input
                                    type="checkbox"
                                    checked={chosen.includes(measure.name)}
                                    disabled={scene.without.has(measure.name)}
                                    data-test={`column-${measure.name}`}
                                    onChange={() => toggle(measure.name)}
                                />
                                {measure.label}
                                {measure.standard !== null && <small> {measure.standard}</small>}
                            </label>
                        ))}
                    </div>
                    <label class="field">
                        Leave out groups of fewer calls than
                        <Select
                            name="Fewest calls of a group"
                            test="min-calls"
                            value={String(scene.view.minCalls)}
                            onChange={(calls) => go({ minCalls: Number(calls) }, true)}
                            options={[0, 10, 50, 100, 500, 1000].map(
                                (calls) => [String(calls), calls === 0 ? 'none' : String(calls)] as const,
                            )}
                        />
                    </label>
                    <button type="button" class="item" data-test="columns-usual" onClick={() => go({ measures: [], minCalls: 0 }, true)}>
                        The usual columns
                    </button>
                </>
            )}
        </Menu>
    );
}
