// Requests to the service: answers are asked for again by their ETag, a request that another one supersedes is aborted, and
// an error is a value with what the reader can do about it.
import type { Cell } from './numbers';

/** A refusal of the API, or none of its answers at all (status 0). */
export class ApiError extends Error {
    constructor(
        readonly status: number,
        message: string,
        readonly wait: number | null,
        readonly id: string | null,
    ) {
        super(message);
    }

    /** Whether too many ask at once; a database that is away is another matter. */
    get isBusy(): boolean {
        return this.status === 503 && this.message.startsWith('too many');
    }

    /** Whether the same request may work a little later. */
    get isPassing(): boolean {
        return this.status === 0 || this.status === 429 || this.status === 503;
    }
}

interface Kept {
    readonly etag: string;
    readonly value: unknown;
}

/** Answers with their ETags; the oldest goes first. */
const kept = new Map<string, Kept>();
const MOST_KEPT = 40;

export interface Got<T> {
    readonly value: T;
    /** False where the service said that nothing has changed. */
    readonly isNew: boolean;
}

/** Forgets all answers: they are of the session that is over. */
export function forget(): void {
    kept.clear();
}

/** Requests of one page at a time: the service has a bounded number of queries for all who look. */
const MOST_AT_ONCE = 4;
/** Seconds that a busy service may name, and tries, before its refusal is told. */
const LONGEST_PATIENCE = 5;
const MOST_TRIES = 8;
const waiting: (() => void)[] = [];
let running = 0;
/** At present: one where the service is busy, so that all pages get on; one more with each answer. */
let most = MOST_AT_ONCE;

/** Asks for JSON, in turn. A service that is busy for a moment is asked again when it says: its queue goes on here. */
export async function get<T>(url: string, signal?: AbortSignal): Promise<Got<T>> {
    for (let tries = 1; ; tries += 1) {
        while (running >= most) await new Promise<void>((next) => waiting.push(next));
        running += 1;
        let wait: number;
        try {
            const got = await ask<T>(url, signal);
            most = Math.min(MOST_AT_ONCE, most + 1);
            return got;
        } catch (error) {
            wait = error instanceof ApiError && error.isBusy ? (error.wait ?? Infinity) : Infinity;
            if (wait > LONGEST_PATIENCE || tries === MOST_TRIES) throw error;
            most = 1;
        } finally {
            running -= 1;
            for (let free = most - running; free > 0; free -= 1) waiting.shift()?.();
        }
        // Pages that were refused together come back one by one.
        await pause(wait * 1000 * (1 + Math.random()), signal);
    }
}

/** Waits so many milliseconds, or until nobody wants the answer any more. */
function pause(length: number, signal?: AbortSignal): Promise<void> {
    return new Promise((over) => {
        setTimeout(over, length);
        signal?.addEventListener('abort', () => over());
    });
}

async function ask<T>(url: string, signal?: AbortSignal): Promise<Got<T>> {
    const known = kept.get(url);
    const response = await reach(url, {
        headers: { Accept: 'application/json', ...(known ? { 'If-None-Match': known.etag } : {}) },
        cache: 'no-store',
        ...(signal ? { signal } : {}),
    });
    if (response.status === 304 && known !== undefined) return { value: known.value as T, isNew: false };
    const etag = response.headers.get('etag');
    let value: T;
    try {
        value = (await response.json()) as T;
    } catch (error) {
        if (signal?.aborted) throw error;
        throw new ApiError(0, 'The answer broke off.', null, response.headers.get('x-request-id'));
    }
    if (etag !== null) {
        kept.delete(url);
        kept.set(url, { etag, value });
        const oldest = kept.keys().next();
        if (kept.size > MOST_KEPT && !oldest.done) kept.delete(oldest.value);
    }
    return { value, isNew: true };
}

/** Sends JSON, or nothing. */
export async function send(method: 'POST' | 'DELETE', url: string, body?: unknown): Promise<Response> {
    return reach(url, {
        method,
        cache: 'no-store',
        headers: { Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
}

async function reach(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
        response = await fetch(url, { ...init, credentials: 'same-origin', redirect: 'error' });
    } catch (error) {
        if (init.signal?.aborted) throw error;
        throw new ApiError(0, 'The service does not answer.', null, null);
    }
    if (response.ok || response.status === 304) return response;
    throw await refusal(response);
}

async function refusal(response: Response): Promise<ApiError> {
    const wait = response.headers.get('retry-after');
    const seconds = wait !== null && /^[0-9]{1,5}$/.test(wait) ? Number(wait) : null;
    let text = '';
    try {
        const body = (await response.json()) as { error?: unknown; errors?: { detail?: unknown }[] };
        const found = body.error ?? body.errors?.[0]?.detail;
        if (typeof found === 'string') text = found.slice(0, 500);
    } catch {
        // A 401 has no body, and a proxy's page is none of the API's.
    }
    return new ApiError(response.status, text, seconds, response.headers.get('x-request-id'));
}

/** The answer of a breakdown. */
export interface Table {
    readonly data: Readonly<Record<string, readonly Cell[]>>;
    readonly rows: number;
    readonly groups: number;
    readonly other: Readonly<Record<string, Cell>> | null;
    readonly totals: Readonly<Record<string, Cell>>;
    readonly compare: { readonly from: number; readonly to: number } | null;
}

/** Makes a table of what a breakdown answers: a window in the future is an empty list. */
export function tableOf(answer: Table | readonly never[]): Table {
    if (!('data' in answer)) return { data: {}, rows: 0, groups: 0, other: null, totals: {}, compare: null };
    return 'compare' in answer ? answer : { ...(answer as Table), compare: null };
}
