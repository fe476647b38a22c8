// The page as a whole: session, catalog, view and time come together here.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { ApiError, forget, get } from './api';
import type { Scene } from './ask';
import { Bar } from './bar';
import type { Account, Catalog, Definitions } from './catalog';
import { allowed, priced } from './catalog';
import { SharedContext } from './context';
import { ExportsPage } from './exports';
import { Help } from './help';
import { LivePage } from './live';
import { Mark } from './mark';
import { signsOf } from './numbers';
import { Overview } from './overview';
import { base, readSession, roleOf, signOut, type Session } from './session';
import { SignIn } from './signin';
import { Failure } from './states';
import { Clock } from './times';
import { Traffic } from './traffic';
import { useBeat, useMedia, useTheme } from './use';
import { parse, write, type Role, type View } from './view';
import { samplingsFor, stepped, usualComparison, usualSampling, windowOf } from './window';

const depth = () => (typeof history.state === 'number' ? history.state : 0);
const seconds = () => Math.floor(Date.now() / 1000);
const locale = navigator.languages[0];
const browserZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

export function App() {
    const [session, setSession] = useState<Session | null>(null);
    const [failed, setFailed] = useState<ApiError | null>(null);
    const [ended, setEnded] = useState(false);
    const [view, setView] = useState<View>(() => parse(location.search));
    const [catalog, setCatalog] = useState<Catalog | null>(null);
    const [turn, setTurn] = useState(0);

    const look = useCallback(async () => {
        try {
            const read = await readSession();
            setSession(read);
            setFailed(null);
            return read;
        } catch (error) {
            setFailed(error instanceof ApiError ? error : new ApiError(0, '', null, null));
            return null;
        }
    }, []);
    useEffect(() => void look(), [look, turn]);
    useEffect(() => {
        const back = () => setView(parse(location.search));
        addEventListener('popstate', back);
        return () => removeEventListener('popstate', back);
    }, []);

    // One that has ended is signed in to again, even where the browser has the other one.
    const role = session === null || ended ? null : roleOf(session, view.as);
    const end = useCallback((of: Role) => {
        forget();
        setEnded(true);
        setCatalog(null);
        setSession((before) => (before === null ? null : { ...before, [of]: false }));
    }, []);
    useEffect(() => {
        if (role === null || catalog?.role === role) return undefined;
        let isOver = false;
        setCatalog(null);
        readCatalog(role).then(
            (read) => {
                if (!isOver) {
                    setCatalog(read);
                    setFailed(null);
                }
            },
            (error: unknown) => {
                if (isOver || !(error instanceof ApiError)) return;
                if (error.status === 401) end(role);
                else setFailed(error);
            },
        );
        return () => {
            isOver = true;
        };
    }, [role, turn]);

    if (failed !== null && (session === null || catalog === null)) {
        return (
            <Shell>
                <Again failed={failed} onAgain={() => setTurn(turn + 1)} />
            </Shell>
        );
    }
    if (session === null) return <Shell />;
    if (role === null || ended) {
        const other = roleOf(session, null);
        const show = (next: View) => {
            history.replaceState(history.state, '', `?${write(next)}`);
            setView(next);
        };
        const done = async () => {
            const read = await look();
            setEnded(false);
            // Whoever signs in as somebody else than the link was made for sees the same as far as it is theirs.
            if (read !== null && view.as !== null && !read[view.as]) show({ ...view, as: null });
        };
        return (
            <SignIn
                session={session}
                ended={ended}
                wanted={view.as}
                onDone={done}
                onOther={other === null || ended ? null : () => show({ ...view, as: null })}
            />
        );
    }
    if (catalog === null || catalog.role !== role) return <Shell />;
    return (
        <Signed
            key={role}
            session={session}
            catalog={catalog}
            view={view}
            onView={setView}
            onEnded={() => end(role)}
            onSignOut={() =>
                void signOut()
                    .catch(() => undefined)
                    .then(() => {
                        setSession({ ...session, customer: false, operator: session.operator === null ? null : false });
                        setEnded(false);
                        setCatalog(null);
                        setTurn(turn + 1);
                    })
            }
        />
    );
}

async function readCatalog(role: Role): Promise<Catalog> {
    const [definitions, accounts] = await Promise.all([
        get<Definitions>(`${base(role)}definitions`),
        get<{ accounts: Account[] }>(`${base(role)}accounts`),
    ]);
    return { role, definitions: definitions.value, accounts: accounts.value.accounts };
}

/** The frame before anything is known: what index.html paints too. */
function Shell({ children }: { children?: preact.ComponentChildren }) {
    return (
        <>
            <header class="bar">
                <div class="bar-row">
                    <span class="brand">
                        <Mark />
                        cdrscope
                    </span>
                </div>
            </header>
            <main class="main" aria-busy={children === undefined}>
                {children}
            </main>
        </>
    );
}

/** The service cannot be reached at all: counted down, then looked again. */
function Again({ failed, onAgain }: { failed: ApiError; onAgain: () => void }) {
    const [wait, setWait] = useState(failed.wait ?? 5);
    useEffect(() => setWait(failed.wait ?? 5), [failed]);
    useEffect(() => {
        const timer = setTimeout(() => (wait <= 1 ? onAgain() : setWait(wait - 1)), 1000);
        return () => clearTimeout(timer);
    }, [wait, failed]);
    return <Failure asked={{ error: failed, wait, again: onAgain }} test="error" />;
}

interface SignedProps {
    readonly session: Session;
    readonly catalog: Catalog;
    readonly view: View;
    readonly onView: (view: View) => void;
    readonly onEnded: () => void;
    readonly onSignOut: () => void;
}

function Signed({ session, catalog, view: wanted, onView, onEnded, onSignOut }: SignedProps) {
    const [theme, setTheme] = useTheme();
    const [isHelp, setHelp] = useState(false);
    const [without, setWithout] = useState<ReadonlySet<string>>(new Set());
    const [isCalm, setCalm] = useState(false);
    const isPhone = useMedia('(max-width: 700px)');
    const isOperator = catalog.role === 'operator';
    const [told, setTold] = useState<{ of: View; words: string } | null>(null);
    const view = useMemo(() => allowed(catalog, wanted), [catalog, wanted]);
    const beat = useBeat(view.live);
    // Windows that move go on with the beat, not with each drawing: the same address can then be asked for by its ETag.
    const now = useMemo(seconds, [wanted, beat]);

    const zone = view.zone ?? browserZone;
    const signs = useMemo(() => signsOf(locale), []);
    const clock = useMemo(() => new Clock(zone), [zone]);
    const window = windowOf(view, zone, now);
    const scene: Scene = useMemo(() => {
        const sampling = view.sampling !== null && samplingsFor(window).includes(view.sampling) ? view.sampling : usualSampling(window);
        return {
            view,
            catalog: priced(catalog, view),
            zone,
            window,
            compare: view.compare ?? usualComparison(window, view),
            sampling,
            without,
        };
    }, [view, catalog, zone, window.from, window.to, without]);

    // What the address has of a view: an operator's says so, and times by the wall clock say by whose.
    const addressOf = (one: View) =>
        write({
            ...one,
            as: one.as ?? (isOperator ? 'operator' : null),
            zone: one.zone ?? (one.range === 'own' ? browserZone : null),
        });
    const go = useCallback(
        (change: Partial<View>, replace = false, words = '') => {
            const next = { ...view, ...change };
            const search = addressOf(next);
            setTold({ of: next, words });
            if (`?${search}` !== location.search && search !== location.search.slice(1)) {
                const address = search === '' ? location.pathname : `?${search}`;
                // The state counts the steps that were made here: Escape goes back no further than to the first.
                if (replace) history.replaceState(history.state, '', address);
                else history.pushState(depth() + 1, '', address);
            }
            onView(next);
        },
        [view, onView],
    );

    useEffect(() => {
        if (isOperator && wanted.as === null) history.replaceState(history.state, '', `?${addressOf(wanted)}`);
    }, []);

    // Which accounts prices can be added up over, only the service knows.
    useEffect(
        () => setWithout((before) => (before.size === 0 ? before : new Set())),
        [view.accounts.join(), view.side, view.filters['currency']],
    );
    const onError = useCallback(
        (error: ApiError) => {
            if (error.status === 401) onEnded();
            if (error.status === 400 && /needs accounts of one currency/.test(error.message))
                setWithout(new Set(['total_price', 'price_per_minute']));
        },
        [onEnded],
    );

    useEffect(() => {
        document.title = `${{ traffic: 'Traffic', live: 'Live calls', overview: 'Overview', exports: 'Exports' }[view.page]} · cdrscope`;
    }, [view.page]);
    useEffect(() => {
        const key = (event: KeyboardEvent) => {
            const target = event.target as Element | null;
            if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
            if (target?.closest('input,select,textarea,dialog') && event.key !== '?') return;
            if (target?.closest('input,textarea')) return;
            const range = ({ 1: '24h', 2: '7d', 3: '28d', 4: 'month' } as const)[event.key];
            const step = ({ '[': -1, ']': 1 } as const)[event.key];
            if (event.key === '?') setHelp(true);
            else if (event.key === 'Escape' && depth() > 0) history.back();
            else if (range !== undefined && view.page !== 'exports') go({ range, from: '', to: '', sampling: null, compare: null });
            else if (step !== undefined && !(step === 1 && window.moves)) {
                const next = stepped(view, zone, now, step);
                if (next !== null) go(next);
            } else return;
            event.preventDefault();
        };
        addEventListener('keydown', key);
        return () => removeEventListener('keydown', key);
    }, [view, zone, now, go]);

    const shared = useMemo(
        () => ({ scene, session, signs, clock, now, beat, go, onError, isPhone, isCalm, setCalm }),
        [scene, session, signs, clock, now, beat, go, onError, isPhone, isCalm],
    );
    const words =
        wanted.page === view.page
            ? told?.of === wanted
                ? told.words
                : ''
            : isOperator
              ? 'Live calls are a page of customers. This is Traffic.'
              : 'The overview is a page of operators. This is Traffic.';
    return (
        <SharedContext.Provider value={shared}>
            <Bar theme={theme} onTheme={setTheme} onHelp={() => setHelp(true)} onSignOut={onSignOut} />
            {words !== '' && (
                <p class="note told" role="status" data-test="told">
                    {words}
                </p>
            )}
            {view.page === 'traffic' && <Traffic />}
            {view.page === 'live' && <LivePage />}
            {view.page === 'overview' && <Overview />}
            {view.page === 'exports' && <ExportsPage />}
            {isHelp && <Help onClose={() => setHelp(false)} />}
        </SharedContext.Provider>
    );
}
