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
