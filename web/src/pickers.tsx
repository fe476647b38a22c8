// Controls of the bar that choose what is asked about: accounts, side, comparison, zone, and how often.
import { useState } from 'preact/hooks';
import { accountsOf, dimensionLabel, sided, sidesOf } from './catalog';
import { useShared } from './context';
import { filterLabel } from './filters';
import { zoneNamed } from './times';
import { Choice, Field, Icon, Menu, Select } from './ui';
import { COMPARISONS, INTERVALS, LIVE_BEAT, type Comparison, type Side } from './view';
import { isOfDays, rezoned, usualComparison } from './window';
import { beforeLabel } from './words';

export function AccountPicker() {
    const { scene, go } = useShared();
    const { view, catalog } = scene;
    const offered = accountsOf(catalog, view.side);
    const isOne = view.page === 'live';
    const nameOf = (uuid: string) => offered.find((one) => one.uuid === uuid)?.name ?? uuid.slice(0, 8);
    const label =
        view.accounts.length === 0
            ? isOne
                ? (offered[0]?.name ?? 'No account')
                : offered.length === 1
                  ? (offered[0]?.name ?? 'Account')
                  : 'All accounts'
            : view.accounts.length === 1 || isOne
              ? nameOf(view.accounts[0] ?? '')
              : `${view.accounts.length} accounts`;
    return (
        <Menu
            label={
                <>
                    <span class="cut">{label}</span>
                    <Icon name="down" />
                </>
            }
            name="Accounts"
            test="account"
            className="account"
        >
            {(close) => <AccountList isOne={isOne} onDone={close} onChoose={(accounts) => go({ accounts })} />}
        </Menu>
    );
}

/** Accounts that a list shows at once; the search finds the others. */
const MOST_LISTED = 200;

function AccountList({ isOne, onChoose, onDone }: { isOne: boolean; onChoose: (accounts: string[]) => void; onDone: () => void }) {
    const { scene } = useShared();
    const { view, catalog } = scene;
    const offered = accountsOf(catalog, view.side);
    const [text, setText] = useState('');
    const wanted = text.trim().toLowerCase();
    const found = offered.filter((one) => `${one.name ?? ''} ${one.customer ?? ''} ${one.uuid}`.toLowerCase().includes(wanted));
    const toggle = (uuid: string) => {
        if (isOne) {
            onChoose([uuid]);
            return onDone();
        }
        const most = catalog.definitions.limits.max_list_values;
        return onChoose(
            view.accounts.includes(uuid)
                ? view.accounts.filter((one) => one !== uuid)
                : [...view.accounts, uuid].slice(-Math.min(40, most)),
        );
    };
    return (
        <>
            {offered.length > 8 && (
                <input
                    type="search"
                    class="input"
                    placeholder="Name or uuid"
                    aria-label="Search accounts"
                    data-test="account-search"
                    value={text}
                    onInput={(event) => setText(event.currentTarget.value)}
                />
            )}
            <div class="menu-list">
                {!isOne && wanted === '' && (
                    <label class="check">
                        <input type="checkbox" checked={view.accounts.length === 0} data-test="account-all" onChange={() => onChoose([])} />
                        All accounts
                    </label>
                )}
                {found.slice(0, MOST_LISTED).map((one) => (
                    <label key={one.uuid} class="check" title={one.uuid}>
                        <input
                            type={isOne ? 'radio' : 'checkbox'}
                            name="account"
                            checked={isOne ? (view.accounts[0] ?? offered[0]?.uuid) === one.uuid : view.accounts.includes(one.uuid)}
                            data-test={`account-${one.uuid}`}
                            onChange={() => toggle(one.uuid)}
                        />
                        {one.name ?? one.uuid}
                    </label>
                ))}
                {found.length === 0 && <p class="soft">No account of this side{wanted === '' ? '' : ' has this name'}.</p>}
                {found.length > MOST_LISTED && <p class="soft">{found.length - MOST_LISTED} more: search.</p>}
            </div>
        </>
    );
}

export function SidePicker() {
    const { scene, go } = useShared();
    const sides = sidesOf(scene.catalog);
    if (sides.length < 2) return null;
    const { view, catalog } = scene;
    const labels: Record<Side, string> = { origination: 'Calls made', termination: 'Sent to vendors' };
    const choose = (side: Side) => {
        const next = sided(catalog, view, side);
        const lost = [
            ...view.accounts
                .filter((uuid) => !next.accounts.includes(uuid))
                .map((uuid) => `account ${catalog.accounts.find((one) => one.uuid === uuid)?.name ?? uuid}`),
            ...Object.keys(view.filters)
                .filter((name) => !(name in next.filters))
                .map((name) => `filter ${filterLabel(name, catalog.definitions.dimensions)}`),
            ...view.by.filter((name) => !next.by.includes(name)).map((name) => `groups by ${dimensionLabel(name)}`),
        ];
        go(next, false, lost.length === 0 ? '' : `“${labels[side]}” does not have these, so they are left out: ${lost.join(', ')}.`);
    };
    return (
        <Select name="Side" test="side" value={view.side} options={sides.map((side) => [side, labels[side]] as const)} onChange={choose} />
    );
}

const COMPARE_LABELS: Readonly<Record<Comparison, string>> = {
    none: 'not compared',
    previous: 'vs span before',
    day: 'vs a day earlier',
    week: 'vs a week earlier',
    month: 'vs a month earlier',
    year: 'vs a year earlier',
    'year-weekday': 'vs 52 weeks earlier',
};

export function ComparePicker() {
    const { scene, go } = useShared();
    const usual = usualComparison(scene.window, scene.view);
    return (
        <Select
            name={`Comparison: ${beforeLabel(scene.compare)}`}
            test="compare"
            value={scene.compare}
            options={COMPARISONS.map((one) => [one, COMPARE_LABELS[one]] as const)}
            onChange={(compare) => go({ compare: compare === usual ? null : compare })}
        />
    );
}

export function ZonePicker() {
    const { scene, clock, go } = useShared();
    const browsers = new Intl.DateTimeFormat().resolvedOptions().timeZone;
    const [text, setText] = useState(scene.zone);
    const zones = ['UTC', ...(typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : [])];
    const found = zoneNamed(text, zones);
    return (
        <Menu
            label={
                <>
                    {scene.zone} {scene.zone !== 'UTC' && <small>{clock.distance(scene.window.start)}</small>}
                </>
            }
            name="Time zone"
            test="zone"
        >
            {(close) => {
                const use = (name: string | null) => {
                    close();
                    go({ zone: name, ...rezoned(scene.view, scene.zone, name ?? browsers) });
                };
                return (
                    <form
                        class="form"
                        onSubmit={(event) => {
                            event.preventDefault();
                            if (found !== null) use(found === browsers ? null : found);
                        }}
                    >
                        <Field
                            label="Time zone"
                            test="zone-name"
                            value={text}
                            onValue={setText}
                            of={{ list: 'zones', 'aria-invalid': found === null }}
                        />
                        <datalist id="zones">
                            {zones.map((zone) => (
                                <option key={zone} value={zone} />
                            ))}
                        </datalist>
                        {found === null && <p class="bad">No zone has this name. An example is Europe/Kyiv.</p>}
                        {found !== null && found !== text && <p data-test="zone-found">It is {found}.</p>}
                        <p class="soft" data-test="zone-kept">
                            {isOfDays(scene.view)
                                ? 'The window keeps its days, by the clocks of the zone.'
                                : 'The window keeps its moments, by other clocks.'}
                        </p>
                        <div class="actions">
                            <button type="submit" class="button primary" data-test="zone-apply" disabled={found === null}>
                                Use it
                            </button>
                            <Choice label="UTC" test="zone-utc" onClick={() => use('UTC')} />
                            <Choice label="This browser’s" test="zone-own" onClick={() => use(null)} />
                        </div>
                    </form>
                );
            }}
        </Menu>
    );
}

export function LivePicker() {
    const { scene, go } = useShared();
    const { live, page } = scene.view;
    // Live calls go on by themselves, so there is no off.
    const isAlways = page === 'live';
    const seconds = live || (isAlways ? LIVE_BEAT : 0);
    const options = [
        ...(isAlways ? [] : [['0', 'Live: off']]),
        ...INTERVALS.map((seconds) => [String(seconds), `Live: ${seconds} s`] as const),
    ] as readonly (readonly [string, string])[];
    return (
        <span class={`live ${seconds > 0 ? 'on' : ''}`}>
            <Select
                name="Live: look again every so often"
                test="live"
                value={String(seconds)}
                options={options}
                onChange={(seconds) => go({ live: Number(seconds) }, true)}
            />
        </span>
    );
}
