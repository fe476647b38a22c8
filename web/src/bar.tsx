// The sticky bar: who, which window, compared with what, and what is done with it. On a phone most of it is in a sheet.
import { useState } from 'preact/hooks';
import { accountsOf, sidesOf } from './catalog';
import { useShared } from './context';
import { Downloads } from './downloads';
import { Filters } from './filters';
import { beforeLabel } from './panel';
import { Dialog, Icon, Menu, Select } from './ui';
import type { Theme } from './use';
import { COMPARISONS, INTERVALS, START, type Comparison, type Range, type Side, type View } from './view';
import { stepped, usualComparison, windowOf } from './window';
import { isZone, parseWall, wallAt, wallText } from './times';

const RANGE_LABELS: Readonly<Record<Range, string>> = { '24h': '24 h', '7d': '7 d', '28d': '28 d', month: 'Month', own: 'Own' };
const PAGE_LABELS: Readonly<Record<View['page'], string>> = { traffic: 'Traffic', live: 'Live calls', overview: 'Overview', exports: 'Exports' };

interface BarProps {
    readonly theme: Theme;
    readonly onTheme: (theme: Theme) => void;
    readonly onHelp: () => void;
    readonly onSignOut: () => void;
}

export function Bar(props: BarProps) {
    const { isPhone, scene } = useShared();
    const { page } = scene.view;
    const [isSheet, setSheet] = useState(false);
    if (isPhone) {
        return (
            <header class="bar" data-test="bar">
                <div class="bar-row">
                    {page === 'exports' ? <span class="brand">cdrscope</span> : <AccountPicker />}
                    <span class="space" />
                    {(page === 'traffic' || page === 'overview') && <RangeSelect />}
                    <button type="button" class="button" aria-label="More controls" data-test="sheet-open" onClick={() => setSheet(true)}><Icon name="menu" /></button>
                </div>
                {isSheet && (
                    <Dialog title="Controls" test="sheet" className="sheet" onClose={() => setSheet(false)}>
                        <Pages onGo={() => setSheet(false)} />
                        {(page === 'traffic' || page === 'overview') && <div class="sheet-row"><Steps /><WindowText /></div>}
                        {page === 'traffic' && <div class="sheet-row"><SidePicker /><ComparePicker /></div>}
                        {page === 'overview' && <div class="sheet-row"><ComparePicker /></div>}
                        <div class="sheet-row"><ZonePicker /><LivePicker /></div>
                        {page === 'traffic' && <div class="sheet-row"><Filters /><Downloads /></div>}
                        <div class="sheet-row"><RolePicker /><ThemeButton {...props} /><HelpButton {...props} onHelp={() => { setSheet(false); props.onHelp(); }} /><OutButton {...props} /></div>
                    </Dialog>
                )}
            </header>
        );
    }
    return (
        <header class="bar" data-test="bar">
            <div class="bar-row">
                <Home />
                <Pages />
                <span class="space" />
                {page === 'traffic' && <><Filters /><Downloads /></>}
                {page !== 'exports' && <LivePicker />}
                <RolePicker />
                <ThemeButton {...props} />
                <HelpButton {...props} />
                <OutButton {...props} />
            </div>
            {page !== 'exports' && (
                <div class="bar-row is-second">
                    {page !== 'overview' && <AccountPicker />}
                    {page !== 'overview' && <SidePicker />}
                    {page !== 'live' && <><RangeButtons /><Steps /><WindowText /><ComparePicker /></>}
                    <ZonePicker />
                </div>
            )}
        </header>
    );
}

/** The way back to the usual view. */
function Home() {
    const { scene, go } = useShared();
    return <button type="button" class="brand" title="The usual view" data-test="home" onClick={() => go({ ...START, as: scene.view.as, zone: scene.view.zone })}><Mark />cdrscope</button>;
}

export function Mark() {
    return (
        <svg class="logo" viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path d="M5 21h4l3-9 5 13 4-17 3 13h3" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round" />
        </svg>
    );
}

function Pages({ onGo }: { onGo?: () => void }) {
    const { scene, go } = useShared();
    const pages: View['page'][] = scene.catalog.role === 'operator' ? ['traffic', 'overview', 'exports'] : ['traffic', 'live', 'exports'];
    return (
        <nav class="pages" aria-label="Pages">
            {pages.map((page) => (
                <button key={page} type="button" class="page" aria-current={scene.view.page === page ? 'page' : undefined} data-test={`page-${page}`}
                    onClick={() => { onGo?.(); go({ page }); }}>{PAGE_LABELS[page]}</button>
            ))}
        </nav>
    );
}

function AccountPicker() {
    const { scene, go } = useShared();
    const { view, catalog } = scene;
    const offered = accountsOf(catalog, view.side);
    const isOne = view.page === 'live';
    const nameOf = (uuid: string) => offered.find((one) => one.uuid === uuid)?.name ?? uuid.slice(0, 8);
    const label = view.accounts.length === 0 ? (isOne ? offered[0]?.name ?? 'No account' : offered.length === 1 ? offered[0]?.name ?? 'Account' : 'All accounts')
        : view.accounts.length === 1 || isOne ? nameOf(view.accounts[0] ?? '') : `${view.accounts.length} accounts`;
    return (
        <Menu label={<><span class="cut">{label}</span><Icon name="down" /></>} name="Accounts" test="account" className="account">
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
        return onChoose(view.accounts.includes(uuid) ? view.accounts.filter((one) => one !== uuid) : [...view.accounts, uuid].slice(-Math.min(40, most)));
    };
    return (
        <>
            {offered.length > 8 && <input type="search" class="input" placeholder="Name or uuid" aria-label="Search accounts" data-test="account-search" value={text} onInput={(event) => setText(event.currentTarget.value)} />}
            <div class="menu-list">
                {!isOne && wanted === '' && (
                    <label class="check"><input type="checkbox" checked={view.accounts.length === 0} data-test="account-all" onChange={() => onChoose([])} />All accounts</label>
                )}
                {found.slice(0, MOST_LISTED).map((one) => (
                    <label key={one.uuid} class="check" title={one.uuid}>
                        <input type={isOne ? 'radio' : 'checkbox'} name="account" checked={isOne ? (view.accounts[0] ?? offered[0]?.uuid) === one.uuid : view.accounts.includes(one.uuid)} data-test={`account-${one.uuid}`} onChange={() => toggle(one.uuid)} />
                        {one.name ?? one.uuid}
                    </label>
                ))}
                {found.length === 0 && <p class="soft">No account of this side{wanted === '' ? '' : ' has this name'}.</p>}
                {found.length > MOST_LISTED && <p class="soft">{found.length - MOST_LISTED} more: search.</p>}
            </div>
        </>
    );
}

function SidePicker() {
    const { scene, go } = useShared();
    const sides = sidesOf(scene.catalog);
    if (sides.length < 2) return null;
    const labels: Record<Side, string> = { origination: 'Calls made', termination: 'Sent to vendors' };
    return <Select name="Side" test="side" value={scene.view.side} options={sides.map((side) => [side, labels[side]] as const)}
        onChange={(side) => go({ side, accounts: [], filters: {}, sort: '', by: START.by })} />;
}

function setRange(view: View, zone: string, now: number, range: Range): Partial<View> {
    if (range !== 'own') return { range, from: '', to: '', sampling: null, compare: null };
    const window = windowOf(view, zone, now);
    return { range, from: window.from, to: window.to };
}

function RangeButtons() {
    const { scene, go, now } = useShared();
    const { view, zone } = scene;
    const ranges: Exclude<Range, 'own'>[] = ['24h', '7d', '28d', 'month'];
    return (
        <div class="group" role="group" aria-label="Range">
            {ranges.map((range) => (
                <button key={range} type="button" class="button" aria-pressed={view.range === range} data-test={`range-${range}`} title={TITLES[range]} onClick={() => go(setRange(view, zone, now, range))}>{RANGE_LABELS[range]}</button>
            ))}
            <Menu label={<span>{RANGE_LABELS.own}</span>} name="A range of your own" test="range-own" className={view.range === 'own' ? 'pressed' : ''}>
                {(close) => <OwnRange onDone={close} />}
            </Menu>
        </div>
    );
}
const TITLES: Readonly<Record<Exclude<Range, 'own'>, string>> = {
    '24h': 'The last 24 hours', '7d': 'Today and the six days before', '28d': 'Today and the 27 days before', month: 'This month',
};

function RangeSelect() {
    const { scene, go, now } = useShared();
    return <Select name="Range" test="range" value={scene.view.range} options={(['24h', '7d', '28d', 'month', 'own'] as const).map((range) => [range, RANGE_LABELS[range]] as const)}
        onChange={(range) => go(setRange(scene.view, scene.zone, now, range))} />;
}

/** First and last minute by the zone's wall clock. */
function OwnRange({ onDone }: { onDone: () => void }) {
    const { scene, go } = useShared();
    const { zone, window } = scene;
    const at = (instant: number) => wallText({ ...wallAt(instant, zone), second: 0 }).split('T') as [string, string];
    const [first, last] = [at(window.start), at(window.end - 1)];
    const [from, setFrom] = useState(first);
    const [to, setTo] = useState(last);
    const [problem, setProblem] = useState('');
    const apply = (event: Event) => {
        event.preventDefault();
        const ends = [from, to].map(([date, time]) => `${date}T${time.padStart(5, '0')}`) as [string, string];
        if (ends.some((end) => parseWall(end) === null)) return setProblem('Both ends have to be dates between 1970 and 2105, with times such as 08:30.');
        if (ends[1] < ends[0]) return setProblem('The end is before the beginning.');
        // Whole minutes: the last one is in, and midnight to 23:59 is a whole day.
        const isDays = ends[0].endsWith('T00:00') && ends[1].endsWith('T23:59');
        go({ range: 'own', from: isDays ? from[0] : ends[0], to: isDays ? to[0] : `${ends[1]}:59`, sampling: null, compare: null });
        return onDone();
    };
    const end = (label: string, test: string, [date, time]: [string, string], set: (value: [string, string]) => void) => (
        <div class="ends">
            <label class="field">{label}<input class="input" type="date" required value={date} data-test={`${test}-date`} onInput={(event) => set([event.currentTarget.value, time])} /></label>
            <label class="field">Time<input class="input" required inputMode="numeric" pattern="[0-2]?[0-9]:[0-5][0-9]" maxLength={5} value={time} data-test={`${test}-time`} onInput={(event) => set([date, event.currentTarget.value])} /></label>
        </div>
    );
    return (
        <form class="form" onSubmit={apply}>
            {end('From', 'own-from', from, setFrom)}
            {end('To, inclusive', 'own-to', to, setTo)}
            <p class="soft">By the clocks of {zone}.</p>
            {problem !== '' && <p class="bad" role="alert">{problem}</p>}
            <button type="submit" class="button primary" data-test="own-apply">Show</button>
        </form>
    );
}

function Steps() {
    const { scene, go, now, isPhone } = useShared();
    const { view, zone } = scene;
    const step = (by: -1 | 1) => {
        const next = stepped(view, zone, now, by);
        if (next !== null) go(next);
    };
    const canGo = !scene.window.moves && stepped(view, zone, now, 1) !== null;
    return (
        <div class="group" role="group" aria-label="Step">
            <button type="button" class="button" aria-label="Earlier" title="Earlier ([)" data-test="step-back" onClick={() => step(-1)}><Icon name="left" /></button>
            <button type="button" class="button" aria-label="Later" title="Later (])" data-test="step-on" disabled={!canGo} onClick={() => step(1)}><Icon name="right" /></button>
            {isPhone && view.range === 'own' && <Menu label="Own" name="A range of your own" test="range-own">{(close) => <OwnRange onDone={close} />}</Menu>}
        </div>
    );
}

function WindowText() {
    const { scene, clock } = useShared();
    const { start, end, moves } = scene.window;
    const last = moves ? end : end - 1;
    const isDays = clock.time(start) === '00:00' && (moves || clock.time(end) === '00:00');
    const text = moves ? `${isDays ? clock.date(start) : clock.full(start)} – now`
        : isDays ? (clock.date(start) === clock.date(last) ? clock.date(start) : `${clock.date(start)} – ${clock.date(last)}`)
        : clock.date(start) === clock.date(last) ? `${clock.date(start)}, ${clock.time(start)}–${clock.time(end)}` : `${clock.full(start)} – ${clock.full(end)}`;
    return <span class="window" data-test="window">{text}</span>;
}

const COMPARE_LABELS: Readonly<Record<Comparison, string>> = {
    none: 'not compared', previous: 'vs span before', day: 'vs a day earlier', week: 'vs a week earlier', month: 'vs a month earlier',
    year: 'vs a year earlier', 'year-weekday': 'vs 52 weeks earlier',
};

function ComparePicker() {
    const { scene, go } = useShared();
    const usual = usualComparison(scene.window, scene.view);
    return <Select name={`Comparison: ${beforeLabel(scene.compare)}`} test="compare" value={scene.compare} options={COMPARISONS.map((one) => [one, COMPARE_LABELS[one]] as const)}
        onChange={(compare) => go({ compare: compare === usual ? null : compare })} />;
}

function ZonePicker() {
    const { scene, clock, go } = useShared();
    const browsers = new Intl.DateTimeFormat().resolvedOptions().timeZone;
    const [text, setText] = useState(scene.zone);
    const zones = typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : [];
    return (
        <Menu label={<><span class="cut">{scene.zone}</span> {scene.zone !== 'UTC' && <small>{clock.distance(scene.window.start)}</small>}</>} name="Time zone" test="zone">
            {(close) => (
                <form class="form" onSubmit={(event) => { event.preventDefault(); if (isZone(text)) { close(); go({ zone: text === browsers ? null : text }); } }}>
                    <label class="field">Time zone<input class="input" list="zones" value={text} data-test="zone-name" onInput={(event) => setText(event.currentTarget.value)} aria-invalid={!isZone(text)} /></label>
                    <datalist id="zones">{['UTC', ...zones].map((zone) => <option key={zone} value={zone} />)}</datalist>
                    {!isZone(text) && <p class="bad">No zone has this name. An example is Europe/Kyiv.</p>}
                    <div class="actions">
                        <button type="submit" class="button primary" data-test="zone-apply" disabled={!isZone(text)}>Use it</button>
                        <button type="button" class="button" data-test="zone-utc" onClick={() => { close(); go({ zone: 'UTC' }); }}>UTC</button>
                        <button type="button" class="button" data-test="zone-own" onClick={() => { close(); go({ zone: null }); }}>This browser’s</button>
                    </div>
                </form>
            )}
        </Menu>
    );
}

function LivePicker() {
    const { scene, go } = useShared();
    const options = [['0', 'Live: off'], ...INTERVALS.map((seconds) => [String(seconds), `Live: ${seconds} s`] as const)] as readonly (readonly [string, string])[];
    return (
        <span class={`live ${scene.view.live > 0 ? 'on' : ''}`}>
            <Select name="Live: look again every so often" test="live" value={String(scene.view.live)} options={options} onChange={(seconds) => go({ live: Number(seconds) }, true)} />
        </span>
    );
}

function RolePicker() {
    const { scene, session, go } = useShared();
    // In the demo anybody may look at both.
    if (session.operator === null || (session.demo?.operator !== true && !(session.customer && session.operator))) return null;
    return <Select name="Signed in as" test="role" value={scene.catalog.role} options={[['customer', 'As customer'], ['operator', 'As operator']]}
        onChange={(as) => go({ as, accounts: [], filters: {}, measures: [], sort: '', page: 'traffic', measure: 'total_calls', by: ['dst-country'], side: 'origination' })} />;
}

function ThemeButton({ theme, onTheme }: BarProps) {
    const next: Record<Theme, Theme> = { auto: 'dark', dark: 'light', light: 'auto' };
    const text: Record<Theme, string> = { auto: 'as the system', dark: 'dark', light: 'light' };
    return (
        <button type="button" class="button plain" data-test="theme" data-theme-now={theme} aria-label={`Colours: ${text[theme]}. Change to ${text[next[theme]]}`} title={`Colours: ${text[theme]}`} onClick={() => onTheme(next[theme])}>
            <Icon name={theme === 'auto' ? 'auto' : theme === 'dark' ? 'moon' : 'sun'} />
        </button>
    );
}

function HelpButton({ onHelp }: BarProps) {
    return <button type="button" class="button plain" data-test="help" aria-label="Help and keys" title="Help and keys (?)" onClick={onHelp}><Icon name="help" /></button>;
}

function OutButton({ onSignOut }: BarProps) {
    return <button type="button" class="button plain" data-test="sign-out" aria-label="Sign out" title="Sign out" onClick={onSignOut}><Icon name="out" /></button>;
}
