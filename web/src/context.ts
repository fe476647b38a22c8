// What all parts of a view share.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ApiError } from './api';
import type { Scene } from './ask';
import type { Signs } from './numbers';
import type { Session } from './session';
import type { Clock } from './times';
import type { View } from './view';

export interface Shared {
    readonly scene: Scene;
    readonly session: Session;
    readonly signs: Signs;
    readonly clock: Clock;
    readonly now: number;
    /** Goes up with each look of a live view. */
    readonly beat: number;
    /** Shows another view, and what is to be told of it; it is a step of the browser's history unless it replaces this one. */
    readonly go: (change: Partial<View>, replace?: boolean, told?: string) => void;
    /** Hears of refusals: a session that has ended, prices of several currencies. */
    readonly onError: (error: ApiError) => void;
    readonly isPhone: boolean;
    /** True where the window's totals have no earlier ones beside them: files then have none either. */
    readonly isCalm: boolean;
    readonly setCalm: (isCalm: boolean) => void;
    /** Status of the page's own failure, which is told once for all that fails alike. */
    readonly down?: number | null;
}

export const SharedContext = createContext<Shared | null>(null);

export function useShared(): Shared {
    const shared = useContext(SharedContext);
    if (shared === null) throw new Error('outside of the view');
    return shared;
}
