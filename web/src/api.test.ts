import assert from 'node:assert/strict';
import test from 'node:test';
import { ApiError, forget, get, tableOf } from './api';

/** Answers requests in place of the service, and counts those that are under way. */
function serve(answer: (url: string, headers: Headers) => Response | Promise<Response>): { most: number; asked: string[] } {
    const seen = { most: 0, asked: [] as string[] };
    let running = 0;
    globalThis.fetch = (async (url: string, init: RequestInit) => {
        running += 1;
        seen.most = Math.max(seen.most, running);
        seen.asked.push(url);
        try {
            return await answer(url, new Headers(init.headers));
        } finally {
            running -= 1;
        }
    }) as typeof fetch;
    forget();
    return seen;
}

test('an unchanged answer is asked for by its ETag, and is the same value', async () => {
    serve((_, headers) =>
        headers.get('if-none-match') === 'W/"a"' ? new Response(null, { status: 304 }) : new Response('{"rows":1}', { headers: { etag: 'W/"a"' } }),
    );
    const [first, second] = [await get('x'), await get('x')];
    assert.equal(first.isNew, true);
    assert.equal(second.isNew, false);
    assert.equal(second.value, first.value);
});

test('what an ended session was answered is forgotten', async () => {
    serve((_, headers) => new Response(JSON.stringify(headers.get('if-none-match')), { headers: { etag: '"a"' } }));
    await get('x');
    forget();
    assert.equal((await get('x')).value, null);
});

test('a page has four requests under way at most, and each has its turn', async () => {
    const seen = serve(async () => {
        await new Promise((done) => setTimeout(done, 5));
        return new Response('1');
    });
    await Promise.all(Array.from({ length: 11 }, (_, index) => get(String(index))));
    assert.equal(seen.most, 4);
    assert.equal(seen.asked.length, 11);
});

/** Refuses as a busy service does. */
const busy = (wait: string) => new Response('{"error":"too many queries at once, try again (request r)"}', { status: 503, headers: { 'retry-after': wait } });

test('while the service is busy, requests wait and come one at a time, until all are answered', async () => {
    let refusals = 6;
    let running = 0;
    const late: number[] = [];
    const seen = serve(async () => {
        running += 1;
        await new Promise((done) => setTimeout(done, 2));
        running -= 1;
        if (refusals > 0) {
            refusals -= 1;
            return busy('0');
        }
        late.push(running);
        return new Response('1');
    });
    const got = await Promise.all(Array.from({ length: 6 }, (_, index) => get<number>(String(index))));
    assert.deepEqual(got.map(({ value }) => value), [1, 1, 1, 1, 1, 1]);
    assert.equal(seen.asked.length, 12);
    assert.equal(late[0], 0, 'the first answer came to a request that was alone');
});

test('a service that stays busy is told of, and so is one that is busy for long', async () => {
    const seen = serve(() => busy('0'));
    await assert.rejects(get('x'), (error: unknown) => error instanceof ApiError && error.status === 503);
    assert.equal(seen.asked.length, 8);
    const long = serve(() => busy('60'));
    await assert.rejects(get('y'));
    assert.equal(long.asked.length, 1);
});

test('a database that is away is told of at once', async () => {
    const seen = serve(() => new Response('{"error":"the database cannot be reached, try again"}', { status: 503, headers: { 'retry-after': '1' } }));
    await assert.rejects(get('x'));
    assert.equal(seen.asked.length, 1);
});

test('a request that nobody wants any more is not made again', async () => {
    const abort = new AbortController();
    const seen = serve(() => {
        if (abort.signal.aborted) throw new DOMException('aborted', 'AbortError');
        setTimeout(() => abort.abort(), 5);
        return busy('5');
    });
    await assert.rejects(get('x', abort.signal));
    assert.ok(seen.asked.length <= 2);
});

test('a refusal has status, text, id and the time to wait', async () => {
    serve(() => new Response('{"error":"too many requests"}', { status: 429, headers: { 'retry-after': '7', 'x-request-id': 'abc' } }));
    await assert.rejects(get('x'), (error: unknown) => {
        assert.ok(error instanceof ApiError);
        assert.deepEqual([error.status, error.message, error.wait, error.id, error.isPassing], [429, 'too many requests', 7, 'abc', true]);
        return true;
    });
});

test('a request that fails gives its turn on', async () => {
    serve(() => Promise.reject(new TypeError('no network')));
    const all = await Promise.allSettled(Array.from({ length: 9 }, (_, index) => get(String(index))));
    assert.ok(all.every((one) => one.status === 'rejected' && one.reason instanceof ApiError && one.reason.status === 0));
});

test('a window in the future is a table without rows', () => {
    assert.equal(tableOf([]).rows, 0);
});
