// The sticky bar: who, which window, compared with what, and what is done with it. On a phone most of it is in a sheet.
import { useState } from 'preact/hooks';
import { hasExports } from './catalog';
import { useShared } from './context';
import { Downloads } from './downloads';
import { Filters } from './filters';
import { Mark } from './mark';
import { AccountPicker, ComparePicker, LivePicker, SidePicker, ZonePicker } from './pickers';
import { RangeButtons, RangeSelect, Steps, WindowText } from './range';
import { Dialog, Icon, Select } from './ui';
import type { Theme } from './use';
import { START, type View } from './view';

const PAGE_LABELS: Readonly<Record<View['page'], string>> = {
    traffic: 'Traffic',
    live: 'Live calls',
    overview: 'Overview',
    exports: 'Exports',
};

interface BarProps {
    readonly theme: Theme;
    readonly onTheme: (theme: Theme) => void;
    readonly onHelp: () => void;
    readonly onSignOut: () => void;
}

export function Bar(props: BarProps) {
    const { isPhone, scene, clock } = useShared();
    const { page } = scene.view;
    const [isSheet, setSheet] = useState(false);
    if (isPhone) {
        return (
            <header class="bar" data-test="bar">
                <div class="bar-row">
                    {page === 'traffic' || page === 'live' ? <AccountPicker /> : <span class="brand">cdrscope</span>}
                    <span class="space" />
                    {(page === 'traffic' || page === 'overview') && <RangeSelect />}
                    <button type="button" class="button" aria-label="More controls" data-test="sheet-open" onClick={() => setSheet(true)}>
                        <Icon name="menu" />
                    </button>
                </div>
                {(page === 'traffic' || page === 'overview') && (
                    <div class="bar-row is-second">
                        <WindowText /> <small>{clock.distance(scene.window.start)}</small>
                    </div>
                )}
                {isSheet && (
                    <Dialog title="Controls" test="sheet" className="sheet" onClose={() => setSheet(false)}>
                        <Pages onGo={() => setSheet(false)} />
                        {(page === 'traffic' || page === 'overview') && (
                            <div class="sheet-row">
                                <Steps />
                                <WindowText />
                            </div>
                        )}
                        {page === 'traffic' && (
                            <div class="sheet-row">
                                <SidePicker />
                                <ComparePicker />
                            </div>
                        )}
                        {page === 'overview' && (
                            <div class="sheet-row">
                                <ComparePicker />
                            </div>
                        )}
                        <div class="sheet-row">
                            <ZonePicker />
                            {page !== 'exports' && <LivePicker />}
                        </div>
                        {page === 'traffic' && (
                            <div class="sheet-row">
                                <Filters />
                                <Downloads />
                            </div>
                        )}
                        <div class="sheet-row">
                            <RolePicker />
                            <ThemeButton {...props} />
                            <HelpButton
                                {...props}
                                onHelp={() => {
                                    setSheet(false);
                                    props.onHelp();
                                }}
                            />
                            <OutButton {...props} />
                        </div>
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
                {page === 'traffic' && (
                    <>
                        <Filters />
                        <Downloads />
                    </>
                )}
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
                    {page !== 'live' && (
                        <>
                            <RangeButtons />
                            <Steps />
                            <WindowText />
                            <ComparePicker />
                        </>
                    )}
                    <ZonePicker />
                </div>
            )}
        </header>
    );
}

/** The way back to the usual view. */
function Home() {
    const { scene, go } = useShared();
    return (
        <button
            type="button"
            class="brand"
            title="The usual view"
            data-test="home"
            onClick={() => go({ ...START, as: scene.view.as, zone: scene.view.zone })}
        >
            <Mark />
            cdrscope
        </button>
    );
}

function Pages({ onGo }: { onGo?: () => void }) {
    const { scene, go } = useShared();
    const pages: View['page'][] = ['traffic', scene.catalog.role === 'operator' ? 'overview' : 'live'];
    if (hasExports(scene.catalog)) pages.push('exports');
    return (
        <nav class="pages" aria-label="Pages">
            {pages.map((page) => (
                <button
                    key={page}
                    type="button"
                    class="page"
                    aria-current={scene.view.page === page ? 'page' : undefined}
                    data-test={`page-${page}`}
                    onClick={() => {
                        onGo?.();
                        go({ page });
                    }}
                >
                    {PAGE_LABELS[page]}
                </button>
            ))}
        </nav>
    );
}

function RolePicker() {
    const { scene, session, go } = useShared();
    // In the demo anybody may look at both.
    if (session.operator === null || (session.demo?.operator !== true && !(session.customer && session.operator))) return null;
    return (
        <Select
            name="Signed in as"
            test="role"
            value={scene.catalog.role}
            options={[
                ['customer', 'As customer'],
                ['operator', 'As operator'],
            ]}
            onChange={(as) =>
                go({
                    as,
                    accounts: [],
                    filters: {},
                    measures: [],
                    sort: '',
                    page: 'traffic',
                    measure: 'total_calls',
                    by: ['dst-country'],
                    side: 'origination',
                })
            }
        />
    );
}

function ThemeButton({ theme, onTheme }: BarProps) {
    const next: Record<Theme, Theme> = { auto: 'dark', dark: 'light', light: 'auto' };
    const text: Record<Theme, string> = { auto: 'as the system', dark: 'dark', light: 'light' };
    return (
        <button
            type="button"
            class="button plain"
            data-test="theme"
            data-theme-now={theme}
            aria-label={`Colours: ${text[theme]}. Change to ${text[next[theme]]}`}
            title={`Colours: ${text[theme]}`}
            onClick={() => onTheme(next[theme])}
        >
            <Icon name={theme === 'auto' ? 'auto' : theme === 'dark' ? 'moon' : 'sun'} />
        </button>
    );
}

function HelpButton({ onHelp }: BarProps) {
    return (
        <button type="button" class="button plain" data-test="help" aria-label="Help and keys" title="Help and keys (?)" onClick={onHelp}>
            <Icon name="help" />
        </button>
    );
}

function OutButton({ onSignOut }: BarProps) {
    return (
        <button type="button" class="button plain" data-test="sign-out" aria-label="Sign out" title="Sign out" onClick={onSignOut}>
            <Icon name="out" />
        </button>
    );
}
