// Signing in and out. The token is exchanged for a cookie that no script reads; the page keeps nothing of it.
import { ApiError, forget, get, send } from './api';
import type { Role } from './view';

export interface Session {
    /** Whether passwords can be used here. */
    readonly login: boolean;
    readonly demo: { readonly customers: readonly { readonly name: string }[]; readonly operator: boolean } | null;
    /** Whether the browser holds a cookie that is good now; null where there is no such API at this address. */
    readonly customer: boolean | null;
    readonly operator: boolean | null;
    readonly version: string;
}

export const CUSTOMER = 'api/rest/customer/v1/';
export const OPERATOR = 'api/rest/operator/v1/';

export function base(role: Role): string {
    return role === 'operator' ? OPERATOR : CUSTOMER;
}

export async function readSession(): Promise<Session> {
    return (await get<Session>('session')).value;
}

/** The role that a view wants, if the session has it; of one that says nothing, the first that there is. */
export function roleOf(session: Session, wanted: Role | null): Role | null {
    if (wanted !== null && session[wanted] !== null) return session[wanted] ? wanted : null;
    if (session.customer) return 'customer';
    return session.operator ? 'operator' : null;
}

export async function signInByPassword(login: string, password: string): Promise<void> {
    forget();
    await send('POST', `${CUSTOMER}auth`, { auth: { login, password, cookie_auth: true } });
}

/** The last word, as the header Authorization takes it: people paste the whole header. */
export async function signInByToken(text: string): Promise<void> {
    const token = text.trim().split(/\s+/).at(-1) ?? '';
    forget();
    await send('POST', 'session', { token });
}

export async function signInToDemo(role: Role): Promise<void> {
    forget();
    await send('POST', 'session', { demo: role });
}

export async function signOut(): Promise<void> {
    forget();
    await send('DELETE', 'session');
}

/** Why signing in failed, in words. */
export function whyNot(error: unknown, isToken: boolean): string {
    if (!(error instanceof ApiError)) return 'Signing in failed.';
    const wait = error.wait === null ? '' : ` Try again in ${error.wait} s.`;
    switch (error.status) {
        case 401:
            return isToken ? 'The token is wrong, has expired, or may not be used from this address.' : 'Incorrect login or password.';
        case 403:
            return 'The service refuses requests of another page\u2019s origin. Behind a proxy, its settings must name it (http.trusted_proxies).';
        case 429:
            return `Too many failures.${wait || ' Try again in a minute.'}`;
        case 0:
            return 'The service does not answer. Try again.';
        default:
            return `${error.message || `Signing in failed (${error.status}).`}${wait}`;
    }
}
