import assert from 'node:assert/strict';
import test from 'node:test';
import { ApiError } from './api';
import { roleOf, whyNot, type Session } from './session';

const session = (customer: boolean, operator: boolean | null): Session => ({ login: true, demo: null, customer, operator, version: '0' });

test('a view without a role has the first that the browser is signed in to', () => {
    assert.equal(roleOf(session(true, true), null), 'customer');
    assert.equal(roleOf(session(false, true), null), 'operator');
    assert.equal(roleOf(session(false, false), null), null);
});

test('a view of a role is shown to nobody else', () => {
    assert.equal(roleOf(session(true, true), 'operator'), 'operator');
    assert.equal(roleOf(session(true, false), 'operator'), null);
});

test('where there is no operator, a link of the operator\u2019s shows one\u2019s own', () => {
    assert.equal(roleOf(session(true, null), 'operator'), 'customer');
});

test('why signing in failed is told without what was typed', () => {
    assert.match(whyNot(new ApiError(401, '', null, null), false), /login or password/);
    assert.match(whyNot(new ApiError(401, '', null, null), true), /token/);
    assert.match(whyNot(new ApiError(429, '', 17, null), false), /17 s/);
    assert.match(whyNot(new Error('secret'), true), /^Signing in failed\.$/);
});
