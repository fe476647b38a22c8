// Hooks: asking the service, and what the browser tells.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, get } from './api';

export interface Asked<T> {
    /** The last good answer, maybe of the request before: then `isOther` is set. */
    readonly value: T | null;
    readonly isOther: boolean;
    /** Of this very request: what was refused before is no concern of the present view. */
    readonly error: ApiError | null;
    readonly loading: boolean;
    /** Seconds until the request is made again by itself. */
    readonly wait: number | null;
    readonly again: () => void;
}

/** How a value is drawn: as it is, pale where nothing newer is to be had, or as one that is about to go. */
export function stateOf({ error, isOther }: Pick<Asked<unknown>, 'error' | 'isOther'>): '' | 'pale' | 'loading' {
    return error !== null ? 'pale' : isOther ? 'loading' : '';
}

const FIRST_WAIT = 5;
const LONGEST_WAIT = 60;

/**
 * Asks for an address, and again when it or the beat changes. A request that is under way is aborted by the next one.
 * `onError` hears of each refusal once. `key` names the view, where its window moves with the clock: it is the same view with
 * each minute's address. Without an address what was asked before stays, until there is one.
 */
export function useAsk<T>(
    address: string | null | undefined,
    beat = 0,
    onError?: (error: ApiError) => void,
    key: string | null | undefined = address,
): Asked<T> {
    const [value, setValue] = useState<T | null>(null);
    const [error, setError] = useState<ApiError | null>(null);
    const [busy, setBusy] = useState(address !== null);
    // What was last answered, and what the kept value is of: another one is loading from the very drawing that asks for it.
    const [answered, setAnswered] = useState<readonly [string, string] | null>(null);
    const [kept, setKept] = useState<readonly [string, string] | null>(null);
    const [wait, setWait] = useState<number | null>(null);
    const [turn, setTurn] = useState(0);
    const failures = useRef(0);
    const heard = useRef(onError);
    heard.current = onError;
    const again = useCallback(() => setTurn((before) => before + 1), []);

    useEffect(() => {
        if (address === undefined) return undefined;
        setWait(null);
        if (address === null) {
            setValue(null);
            setError(null);
            setBusy(false);
            return undefined;
        }
        const abort = new AbortController();
        setBusy(true);
        get<T>(address, abort.signal).then(
            (got) => {
                if (abort.signal.aborted) return;
                failures.current = 0;
                setValue(() => got.value);
                setKept([address, key ?? address]);
                setError(null);
                setBusy(false);
                setAnswered([address, key ?? address]);
            },
            (reason: unknown) => {
                if (abort.signal.aborted) return;
                const failed = reason instanceof ApiError ? reason : new ApiError(0, 'The service does not answer.', null, null);
                setError(failed);
                setBusy(false);
                setAnswered([address, key ?? address]);
                if (failed.isPassing) {
                    setWait(failed.wait ?? Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures.current));
                    failures.current += 1;
                }
                heard.current?.(failed);
            },
        );
        return () => abort.abort();
    }, [address, beat, turn]);

    useEffect(() => {
        if (wait === null) return undefined;
        const timer = setTimeout(() => (wait <= 1 ? again() : setWait(wait - 1)), 1000);
        return () => clearTimeout(timer);
    }, [wait, again]);

    const isOurs = (of: readonly [string, string] | null) => of !== null && (of[0] === address || of[1] === key);
    return {
        value,
        isOther: !isOurs(kept),
        error: isOurs(answered) ? error : null,
        loading: address !== null && (busy || answered?.[0] !== address),
        wait,
        again,
    };
}

/** A number that goes up every so many seconds while the page is looked at; at once when it is looked at again. */
export function useBeat(seconds: number): number {
    const [beat, setBeat] = useState(0);
    useEffect(() => {
        if (seconds === 0) return undefined;
        let timer: ReturnType<typeof setInterval> | undefined;
        const next = () => setBeat((before) => before + 1);
        const set = () => {
            clearInterval(timer);
            timer = document.hidden ? undefined : setInterval(next, seconds * 1000);
        };
        const shown = () => {
            set();
            if (!document.hidden) next();
        };
        set();
        document.addEventListener('visibilitychange', shown);
        return () => {
            clearInterval(timer);
            document.removeEventListener('visibilitychange', shown);
        };
    }, [seconds]);
    return beat;
}

/** Whether a media query holds. */
export function useMedia(query: string): boolean {
    const [holds, setHolds] = useState(() => matchMedia(query).matches);
    useEffect(() => {
        const media = matchMedia(query);
        const changed = () => setHolds(media.matches);
        changed();
        media.addEventListener('change', changed);
        return () => media.removeEventListener('change', changed);
    }, [query]);
    return holds;
}

export type Theme = 'auto' | 'light' | 'dark';
const THEME = 'cdrscope-theme';

/** The theme chosen on this browser. A browser that keeps nothing has the system's. */
export function useTheme(): [Theme, (theme: Theme) => void] {
    const [theme, setTheme] = useState<Theme>(() => {
        try {
            const kept = localStorage.getItem(THEME);
            return kept === 'light' || kept === 'dark' ? kept : 'auto';
        } catch {
            return 'auto';
        }
    });
    useEffect(() => {
        if (theme === 'auto') delete document.documentElement.dataset['theme'];
        else document.documentElement.dataset['theme'] = theme;
        try {
            if (theme === 'auto') localStorage.removeItem(THEME);
            else localStorage.setItem(THEME, theme);
        } catch {
            // Private windows may refuse; the choice then lasts as long as the page.
        }
    }, [theme]);
    return [theme, setTheme];
}
